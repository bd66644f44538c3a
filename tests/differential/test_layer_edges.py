"""Where layers are easily wrong: halves, saturation, weights of unequal channels; and what they refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from circuits.errors import InferproofError
from circuits.program.ops import Contract
from circuits.quantize import CompileOptions, compile_model
from tests.differential.cases_recurrent import layer
from tests.differential.op_cases import Case, Whole, node, one, save, weights


@pytest.mark.parametrize(("kind", "zero"), [(np.int8, 0), (np.int8, -7), (np.uint8, 3), (np.int16, 0)])
def test_halves_are_rounded_to_even_and_the_rest_to_the_nearest(kind: type, zero: int, tmp_path: Path) -> None:
    quarters = np.arange(-600, 600).reshape(10, 120) / 4
    case = one("QuantizeLinear", (120,), {"s": np.array(1.0, np.float32), "z": np.array(zero, kind)})
    _, report = compile_model(save(tmp_path / "case.onnx", case), {"x": quarters})
    assert [output.mismatches for output in report.outputs] == [0, 0]


def test_a_divisor_that_is_no_power_of_two_rounds_exactly(tmp_path: Path) -> None:
    multiples = np.arange(-1200, 1200).reshape(20, 120) * 0.125
    case = one("QuantizeLinear", (120,), {"s": np.array(0.75, np.float32), "z": np.array(1, np.uint8)})
    _, report = compile_model(save(tmp_path / "case.onnx", case), {"x": multiples})
    assert [output.mismatches for output in report.outputs] == [0, 0]


def test_rejects_a_scale_finer_than_the_input_and_takes_it_with_more_bits(tmp_path: Path) -> None:
    case = one("QuantizeLinear", (4,), {"s": np.array(2.0, np.float32), "z": np.array(0, np.uint16)})
    path, data = save(tmp_path / "case.onnx", case, opset=21), {"x": np.full((5, 4), 1e5)}
    with pytest.raises(InferproofError, match="has steps of 8; use more bits") as caught:
        compile_model(path, data)
    assert caught.value.code == "quantization_too_coarse"
    _, report = compile_model(path, data, CompileOptions(bits=24))
    assert [output.mismatches for output in report.outputs] == [0, 0]


def unequal_channels(op: str) -> Case:
    """Output channels of weights that differ by a factor of 2,000."""
    factors = np.array([1.0, 0.02, 0.0005], np.float32)
    if op == "ConvTranspose":
        return one(op, (1, 2, 4, 4), {"w": weights(2, 3, 2, 2) * factors[:, None, None]}, strides=[2, 2])
    if op == "Conv":
        return one(op, (1, 2, 4, 4), {"w": weights(3, 2, 2, 2) * factors[:, None, None, None]})
    if op == "Einsum":
        return [node("Einsum", "x", "w", equation="ij,jk->ik")], {"w": weights(5, 3) * factors}, {"x": (2, 5)}
    return one(op, (2, 5), {"w": weights(5, 3) * factors})


@pytest.mark.parametrize("op", ["Conv", "ConvTranspose", "Einsum", "MatMul"])
def test_small_channels_keep_their_weights(op: str, tmp_path: Path) -> None:
    """At 8 bits one scale for all would leave nothing of the smallest channel."""
    path = save(tmp_path / "case.onnx", unequal_channels(op))
    kept, lost = (
        compile_model(path, options=CompileOptions(weight_bits=8, per_channel=per_channel))[0]
        for per_channel in (True, False)
    )
    (stored,), (flat,) = ([c.values for c in p.constants if c.name.endswith("weights")] for p in (kept, lost))
    axis = next(axis for axis, size in enumerate(stored.shape) if size == 3)
    peaks = [np.abs(np.moveaxis(values, axis, 0).reshape(3, -1)).max(1) for values in (stored, flat)]
    assert peaks[0][2] >= 8
    assert peaks[1][2] == 0


@pytest.mark.parametrize("op", ["ConvTranspose", "Einsum"])
def test_weights_are_stored_with_the_contracted_axes_innermost(op: str, tmp_path: Path) -> None:
    program, _ = compile_model(save(tmp_path / "case.onnx", unequal_channels(op)))
    (contract,) = (made for made in program.ops if isinstance(made, Contract))
    rows = contract.maps[1].strides
    inner = [any(row[len(contract.dims) :]) for row in rows]
    assert inner == sorted(inner)
    assert any(inner)


WRONG: dict[str, tuple[Case, str]] = {
    "average pool of whole numbers": (one("AveragePool", Whole((1, 1, 4), 0, 9), kernel_shape=[2]), "no real number"),
    "a window behind all elements": (
        one("MaxPool", (1, 1, 8), kernel_shape=[2], strides=[3], dilations=[2], pads=[1, 1], ceil_mode=1),
        "its last window starts at 9 of 9 elements",
    ),
    "indices of a pool": (
        ([node("MaxPool", "x", outputs=("y", "i"), kernel_shape=[2])], {}, {"x": (1, 1, 4)}),
        "its second output is used",
    ),
    "storage order": (one("MaxPool", (1, 1, 4, 4), kernel_shape=[2, 2], storage_order=1), "storage_order=1"),
    "transposed weights that are no constant": (
        ([node("ConvTranspose", "x", "w")], {}, {"x": (1, 1, 4), "w": (1, 1, 2)}),
        "'w'\\) is not a constant",
    ),
    "a bias that is no constant": (
        ([node("Conv", "x", "w", "b")], {"w": weights(2, 1, 2)}, {"x": (1, 1, 4), "b": (2,)}),
        "'b'\\) is not a constant",
    ),
    "a scale that is no constant": (
        ([node("QuantizeLinear", "x", "s")], {}, {"x": (4,), "s": ()}),
        "'s'\\) is not a constant",
    ),
    "a scale of zero": (one("QuantizeLinear", (4,), {"s": np.array(0.0, np.float32)}), "its scale 0 is not positive"),
    "a scale for every block": (
        one("QuantizeLinear", (4, 4), {"s": np.ones((4, 2), np.float32)}, axis=1, block_size=2),
        "a scale for every block",
    ),
    "four bits": (
        one("QuantizeLinear", (4,), {"s": np.array(1.0, np.float32)}, output_dtype=TensorProto.INT4),
        "its output is int4",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_rejects_by_name_what_a_layer_cannot_be_asked(name: str, tmp_path: Path) -> None:
    case, reason = WRONG[name]
    with pytest.raises(InferproofError, match=reason) as caught:
        compile_model(save(tmp_path / "case.onnx", case, opset=21))
    assert caught.value.code == "onnx_unsupported_ops"


@pytest.mark.parametrize(
    ("equation", "reason"),
    [("ij,jk->iz", "missing from the inputs"), ("ij,jk->ii", "does not follow"), ("ij->i", "Number of input tensors")],
)
def test_rejects_an_equation_that_is_none(equation: str, reason: str, tmp_path: Path) -> None:
    case: Case = ([node("Einsum", "x", "z", equation=equation)], {}, {"x": (2, 3), "z": (3, 4)})
    with pytest.raises(InferproofError, match=reason) as caught:
        compile_model(save(tmp_path / "case.onnx", case))
    assert caught.value.code in {"onnx_unsupported_ops", "onnx_unreadable"}


@pytest.mark.parametrize("equation", ["....->...", "ij->ji->ij", "1->1", "a" * 100_000 + "!"])
def test_rejects_an_equation_that_onnx_itself_may_not_return_from(equation: str, tmp_path: Path) -> None:
    path = save(tmp_path / "case.onnx", ([node("Einsum", "x", equation="ij->ji")], {}, {"x": (2, 3)}))
    model = onnx.load(path)
    model.graph.node[0].attribute[0].s = equation.encode()
    onnx.save(model, path)
    with pytest.raises(InferproofError, match="as its equation") as caught:
        compile_model(path)
    assert caught.value.code == "onnx_unreadable"


UNFIT: dict[str, Case] = {
    "channels": one("Conv", (1, 3, 5), {"w": weights(4, 2, 3)}),
    "groups": one("Conv", (1, 4, 5), {"w": weights(3, 2, 3)}, group=2),
    "no group": one("Conv", (1, 4, 5), {"w": weights(3, 2, 3)}, group=0),
    "a bias": one("ConvTranspose", (1, 3, 5), {"w": weights(3, 2, 3), "b": weights(5)}),
    "padding over all": one("ConvTranspose", (1, 3, 5), {"w": weights(3, 2, 3)}, pads=[9, 9]),
    "a shape of too few axes": one("ConvTranspose", (1, 3, 5, 5), {"w": weights(3, 2, 3, 3)}, output_shape=[7]),
    "a kernel over all": one("MaxPool", (1, 3, 5), kernel_shape=[9]),
    "scales": one("QuantizeLinear", (2, 3), {"s": np.ones(2, np.float32)}, axis=1),
    "an axis": one("QuantizeLinear", (2, 3), {"s": np.ones(2, np.float32)}, axis=5),
    "an initial state": layer("GRU", more={"h": weights(1, 2, 9)}),
    "lengths": layer("LSTM", more={"lengths": np.array([1, 2, 3], np.int32)}),
    "activations": layer("LSTM", activations=["Relu"]),
}


@pytest.mark.parametrize("name", UNFIT)
def test_rejects_parameters_that_do_not_fit_each_other(name: str, tmp_path: Path) -> None:
    with pytest.raises(InferproofError) as caught:
        compile_model(save(tmp_path / "case.onnx", UNFIT[name]))
    assert caught.value.code in {"onnxruntime_cannot_run", "onnx_unreadable"}


def test_rejects_a_product_of_integers_that_could_exceed_what_is_exact(tmp_path: Path) -> None:
    case: Case = ([node("MatMul", "x", "z")], {}, {"x": Whole((2, 3), 0, 9), "z": Whole((3, 2), 0, 9)})
    with pytest.raises(InferproofError, match="2\\^53") as caught:
        compile_model(save(tmp_path / "case.onnx", case))
    assert caught.value.code == "program_range_overflow"
