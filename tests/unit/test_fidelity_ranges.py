"""Too wide for exact integers: the refusal names node, range and a change, and that change is the least that works."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from circuits.errors import InferproofError
from circuits.quantize import CompileOptions, compile_model
from circuits.quantize.scales import quantize_weights

SIZE = 4096


def wide(path: Path) -> Path:
    """One sum of 4096 products."""
    weights = np.random.default_rng(0).normal(size=(SIZE, 4)).astype(np.float32)
    return save(path, [helper.make_node("MatMul", ["x", "w"], ["y"], name="big")], SIZE, {"w": weights})


def save(
    path: Path, nodes: list[onnx.NodeProto], size: int, constants: dict[str, np.ndarray], kind: int = TensorProto.FLOAT
) -> Path:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", kind, (1, size))],
        [helper.make_tensor_value_info("y", kind, ("a", "b"))],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


DATA = {"x": np.random.default_rng(1).normal(size=(10, 1, SIZE))}


def refusal(path: Path, data: dict[str, np.ndarray], **options: object) -> InferproofError:
    with pytest.raises(InferproofError) as caught:
        compile_model(path, data, CompileOptions(**options))  # type: ignore[arg-type]
    assert caught.value.code == "program_range_overflow"
    return caught.value


def test_names_the_node_its_range_and_what_fits(tmp_path: Path) -> None:
    error = refusal(wide(tmp_path / "m.onnx"), DATA, bits=24, weight_bits=24)
    assert error.details["node"] == "big"
    assert error.details["magnitude"] >= 2**53
    assert 2**53 > error.details["magnitude"] >> error.details["excess_bits"] >= 2**52
    assert "MatMul (big)" in error.message
    assert str(error.details["magnitude"]) in error.message
    for name, bits in error.details["fix"].items():
        assert f"--{name.replace('_', '-')} {bits} or fewer" in error.message


def test_what_is_advised_works_and_one_bit_more_does_not(tmp_path: Path) -> None:
    path, asked = wide(tmp_path / "m.onnx"), {"bits": 24, "weight_bits": 24}
    advised = refusal(path, DATA, **asked).details["fix"]
    assert set(advised) == {"bits", "weight_bits"}
    for name, bits in advised.items():
        compile_model(path, DATA, CompileOptions(**{**asked, name: bits}))
        refusal(path, DATA, **{**asked, name: bits + 1})


def test_an_integer_inputs_own_bits_may_be_what_is_too_many(tmp_path: Path) -> None:
    square = helper.make_node("Mul", ["x", "x"], ["y"], name="square")
    path = save(tmp_path / "m.onnx", [square], 4, {}, TensorProto.INT64)
    data = {"x": np.arange(40).reshape(10, 1, 4)}
    error = refusal(path, data)
    advised = error.details["fix"]
    assert set(advised) == {"input_bits.x"}
    assert f"--input-bits x={advised['input_bits.x']} or fewer" in error.message
    compile_model(path, data, CompileOptions(input_bits={"x": advised["input_bits.x"]}))


def test_says_so_where_no_bits_are_few_enough(tmp_path: Path) -> None:
    names = ["x", "x2", "x4", "x8", "y"]
    squares = [helper.make_node("Mul", [a, a], [b]) for a, b in itertools.pairwise(names)]
    path = save(tmp_path / "m.onnx", squares, 4, {}, TensorProto.INT64)
    error = refusal(path, {"x": np.zeros((10, 1, 4), np.int64)})
    assert error.details["fix"] == {}
    assert "no bits of at least 8" in error.message


@pytest.mark.parametrize("bits", [16, 20, 24])
def test_small_channels_keep_their_precision_at_any_weight_bits(bits: int) -> None:
    values = np.random.default_rng(0).uniform(0.5, 1.0, (3, 50)) * np.array([[1.0], [2.0**-5], [2.0**-8]])
    weights = quantize_weights(values, bits, 40, (0,))
    relative = np.abs(weights.values * 2.0**-weights.scale - values) / values
    assert (relative.max(axis=1) < 2.0 ** (2 - bits)).all()
    assert np.abs(weights.values).max() < 2**31
    assert (weights.values.astype(np.float32) == weights.values).all()  # as the halo2 route stores them


def test_a_channel_is_as_fine_as_the_accumulator_has_room_for(tmp_path: Path) -> None:
    values = np.ones((2, 1024)) * np.array([[1.0], [2.0**-8]])
    reach = 2.0**20
    tight = quantize_weights(values, 20, 40, (0,), reach)
    assert np.abs(tight.values).sum(axis=1).max() * reach < 2**53
    assert tight.scale < quantize_weights(values, 20, 40, (0,)).scale
    assert quantize_weights(values, 20, 40, (0,), reach, offset=2.0**40).scale < tight.scale


def test_wide_weights_of_uneven_channels_compile_where_even_ones_do(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).uniform(-1, 1, (256, 4)) * np.array([1.0, 2.0**-3, 2.0**-6, 2.0**-8])
    node = helper.make_node("MatMul", ["x", "w"], ["y"], name="uneven")
    path = save(tmp_path / "m.onnx", [node], 256, {"w": weights.astype(np.float32)})
    data = {"x": np.random.default_rng(1).uniform(-1, 1, (20, 1, 256))}
    fine, _ = compile_model(path, data, CompileOptions(bits=20, weight_bits=24))
    coarse, _ = compile_model(path, data, CompileOptions(bits=20, weight_bits=24, per_channel=False))
    assert fine.constants[0].scale > coarse.constants[0].scale
