"""What cannot be compiled ends in one clear error with a stable code, and nothing half-written."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx_models import node, refusal, save

from circuits.errors import InferproofError, InputError
from circuits.onnx import import_onnx
from circuits.quantize import CompileOptions, compile_model


def test_rejects_files_that_are_no_model(tmp_path: Path) -> None:
    assert refusal(tmp_path / "absent.onnx").code == "onnx_unreadable"
    assert refusal(tmp_path).code == "onnx_unreadable"
    for number, content in enumerate((b"", b"not a model", b"\x08" * 100, b"{}", bytes(range(256)))):
        path = tmp_path / f"{number}.onnx"
        path.write_bytes(content)
        assert refusal(path).code == "onnx_unreadable"


def test_rejects_every_truncation(tmp_path: Path) -> None:
    weights = np.ones((4, 4), np.float32)
    whole = save(tmp_path / "m.onnx", [node("MatMul", "x", "w")], {"w": weights}).read_bytes()
    for length in range(0, len(whole) - 1, 7):
        (tmp_path / "cut.onnx").write_bytes(whole[:length])
        assert refusal(tmp_path / "cut.onnx").code in ("onnx_unreadable", "onnx_unsupported_input")


def test_names_every_unsupported_node_at_once(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("RandomNormalLike", ["x"], ["a"], name="first"),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Bernoulli", ["b"], ["c"], name="second"),
        helper.make_node("NonZero", ["c"], ["y"], name="third"),
    ]
    error = refusal(save(tmp_path / "m.onnx", nodes, shape=(1, 1)))
    assert error.code == "onnx_unsupported_ops"
    assert [(n["node"], n["op"]) for n in error.details["nodes"]] == [
        ("first", "RandomNormalLike"),
        ("second", "Bernoulli"),
        ("third", "NonZero"),
    ]
    assert all(name in error.message for name in ("first", "second", "third"))


@pytest.mark.parametrize(
    ("op", "constants", "attributes"),
    [
        ("Cast", {}, {"to": TensorProto.STRING}),
        ("Dropout", {"ratio": np.array(0.5, np.float32), "training": np.array(True)}, {}),
        ("Det", {}, {}),
        ("MaxPool", {}, {"kernel_shape": [2, 2**33], "auto_pad": "SAME_UPPER"}),
        ("RandomNormalLike", {}, {}),
    ],
)
def test_rejects_what_an_operator_cannot_be_asked(
    op: str, constants: dict[str, np.ndarray], attributes: dict[str, Any], tmp_path: Path
) -> None:
    path = save(tmp_path / "m.onnx", [node(op, "x", *constants, **attributes)], constants, (1, 2, 4, 4))
    error = refusal(path)
    assert error.code == "onnx_unsupported_ops"
    assert error.details["nodes"][0]["op"] == op


@pytest.mark.parametrize(
    ("mode", "scale", "accepted"),
    [
        ("align_corners", 1.3, False),
        ("align_corners", 0.6, False),
        ("align_corners", 1.5, True),
        ("pytorch_half_pixel", 0.4, False),
        ("pytorch_half_pixel", 0.25, True),
        ("pytorch_half_pixel", 1.3, True),
        ("half_pixel", 1.3, True),
    ],
)
def test_rejects_a_resize_about_which_onnx_and_onnxruntime_differ(
    mode: str, scale: float, accepted: bool, tmp_path: Path
) -> None:
    resize = node("Resize", "x", "", "s", mode="linear", coordinate_transformation_mode=mode)
    path = save(tmp_path / "m.onnx", [resize], {"s": np.array([1, 1, 1, scale], np.float32)}, (1, 1, 2, 4), ("a",) * 4)
    if accepted:
        _, report = compile_model(path)
        assert max(output.max_abs_error for output in report.outputs) < 1e-3
        return
    error = refusal(path)
    assert (error.code, error.details["nodes"][0]["op"]) == ("onnx_unsupported_ops", "Resize")
    assert mode in error.message


def test_rejects_a_random_node_without_inputs(tmp_path: Path) -> None:
    nodes = [helper.make_node("RandomNormal", [], ["r"], shape=[1, 4]), node("Add", "x", "r")]
    assert refusal(save(tmp_path / "m.onnx", nodes)).code == "onnx_unsupported_ops"


def test_open_batch_becomes_one_and_other_open_sizes_are_asked_for(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [node("Relu", "x")], shape=("batch", "length"))
    error = refusal(path)
    assert error.code == "onnx_dynamic_shape"
    assert "--freeze length=" in error.message
    assert import_onnx(path, freeze={"length": 3}).graph.inputs == {"x": (1, 3)}
    assert import_onnx(path, freeze={"length": 3}, batch=2).graph.inputs == {"x": (2, 3)}
    with pytest.raises(InputError, match="batch"):
        import_onnx(path, freeze={"length": 3}, batch=None)


def test_frozen_input_becomes_a_constant(tmp_path: Path) -> None:
    extra = [helper.make_tensor_value_info("k", TensorProto.FLOAT, (1,))]
    path = save(tmp_path / "m.onnx", [node("Mul", "x", "k")], extra=extra)
    program, _ = compile_model(path, options=CompileOptions(freeze={"k": 3}))
    assert [port.name for port in program.inputs] == ["x"]
    assert refusal(path, options=CompileOptions(freeze={"k": [[1, 2], [3, 4]]})).code == "onnx_bad_freeze"
    assert refusal(path, options=CompileOptions(freeze={"nobody": 1})).code == "onnx_unknown_name"


@pytest.mark.parametrize("kind", [TensorProto.STRING, TensorProto.UINT64, TensorProto.COMPLEX64])
def test_rejects_inputs_that_no_program_has_and_models_without_any(kind: int, tmp_path: Path) -> None:
    error = refusal(save(tmp_path / "m.onnx", [node("Identity", "x")], kind=kind))
    assert (error.code, error.details["type"]) == ("onnx_unsupported_input", TensorProto.DataType.Name(kind).lower())
    assert refusal(save(tmp_path / "c.onnx", [node("Relu", "x")]), options=CompileOptions(freeze={"x": 1})).code == (
        "onnx_unsupported_input"
    )


def test_rejects_weights_that_are_no_numbers(tmp_path: Path) -> None:
    weights = np.array([[1, np.nan], [1, 1]], np.float32)
    path = save(tmp_path / "m.onnx", [node("MatMul", "x", "w")], {"w": weights}, (1, 2))
    assert refusal(path).code in ("onnx_bad_constant", "calibration_not_finite")
    path = save(tmp_path / "d.onnx", [node("Div", "x", "w")], {"w": np.zeros(2, np.float32)}, (1, 2))
    assert refusal(path).code == "onnx_unsupported_ops"


def test_rejects_shapes_that_do_not_fit(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [node("MatMul", "x", "w")], {"w": np.ones((5, 4), np.float32)})
    assert refusal(path).code == "onnx_unreadable"


def test_rejects_a_constant_that_would_fill_the_memory(tmp_path: Path) -> None:
    nodes = [helper.make_node("ConstantOfShape", ["s"], ["big"]), node("Add", "x", "big")]
    path = save(tmp_path / "m.onnx", nodes, {"s": np.array([2**20, 2**20])})
    assert refusal(path).code == "onnx_unreadable"


def test_rejects_a_program_whose_sums_would_not_be_exact(tmp_path: Path) -> None:
    weights = np.ones((4096, 1), np.float32)
    path = save(tmp_path / "m.onnx", [node("MatMul", "x", "w")], {"w": weights}, (1, 4096))
    error = refusal(path, options=CompileOptions(bits=24, weight_bits=24))
    assert error.code == "program_range_overflow"
    assert error.details["node"] == "the_MatMul"
    assert error.details["magnitude"] >= 2**53
    compile_model(path, options=CompileOptions(bits=20, weight_bits=20))


@pytest.mark.parametrize("name", ["m.onnx", "m.json", "m.textproto", "m.onnxtxt"])
def test_an_extension_does_not_choose_another_parser(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("{}")
    assert refusal(tmp_path / name).code == "onnx_unreadable"


@pytest.mark.parametrize("location", ["/etc/passwd", "../../secret.bin", "absent.bin"])
def test_rejects_weights_kept_outside_of_the_models_folder(location: str, tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [node("MatMul", "x", "w")], {"w": np.ones((4, 4), np.float32)})
    model = onnx.load(path)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    path.write_bytes(model.SerializeToString())
    assert refusal(path).code == "onnx_unreadable"


def test_rejects_a_tensor_that_claims_more_than_it_holds(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [node("MatMul", "x", "w")], {"w": np.ones((4, 4), np.float32)})
    for dims in ([4, 2**40], [4, -4], [2**62, 2**62]):
        model = onnx.load(path)
        model.graph.initializer[0].ClearField("dims")
        model.graph.initializer[0].dims.extend(dims)
        (tmp_path / "claims.onnx").write_bytes(model.SerializeToString())
        assert refusal(tmp_path / "claims.onnx").code == "onnx_unreadable"


def test_never_crashes_on_a_flipped_byte(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a"]), node("Relu", "a")]
    whole = save(tmp_path / "m.onnx", nodes, {"w": np.ones((4, 2), np.float32)}).read_bytes()
    for position in range(len(whole)):
        for flip in (0x01, 0x20, 0x80):
            bent = whole[:position] + bytes([whole[position] ^ flip]) + whole[position + 1 :]
            (tmp_path / "bent.onnx").write_bytes(bent)
            with contextlib.suppress(InferproofError):  # anything else would fail the test
                compile_model(tmp_path / "bent.onnx")
