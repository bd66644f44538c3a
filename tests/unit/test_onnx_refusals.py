"""What cannot be compiled ends in one clear error with a stable code, and nothing half-written."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from circuits.errors import InferproofError, InputError
from circuits.onnx import import_onnx
from circuits.quantize import CompileOptions, compile_model


def save(
    path: Path,
    nodes: list[onnx.NodeProto],
    constants: dict[str, np.ndarray] | None = None,
    shape: tuple[int | str | None, ...] = (1, 4),
    out: tuple[int, ...] | None = None,
    kind: int = TensorProto.FLOAT,
    extra: list[onnx.ValueInfoProto] | None = None,
) -> Path:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", kind, shape), *(extra or [])],
        [helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, out or ["a", "b"])],
        [numpy_helper.from_array(v, n) for n, v in (constants or {}).items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


def node(op: str, *inputs: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, list(inputs), ["y"], name=f"the_{op}", **attributes)


def refusal(path: Path, *arguments: Any, **options: Any) -> InferproofError:
    with pytest.raises(InferproofError) as caught:
        compile_model(path, *arguments, **options)
    json.dumps(caught.value.as_dict())
    assert "\n" not in caught.value.message
    return caught.value


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


CALIBRATION = np.zeros((8, 1, 4), np.float32)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"z": CALIBRATION}, "calibration_wrong_names"),
        ({"x": np.zeros((8, 5), np.float32)}, "calibration_wrong_shape"),
        ({"x": np.zeros((0, 4), np.float32)}, "calibration_wrong_shape"),
        ({"x": np.float32(1)}, "calibration_wrong_shape"),
        ({"x": np.full((8, 4), np.nan)}, "input_not_finite"),
        ({"x": np.array([["a"] * 4] * 8)}, "input_not_finite"),
    ],
)
def test_rejects_calibration_data(data: dict[str, np.ndarray], code: str, tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [node("Relu", "x")])
    compile_model(path, {"x": CALIBRATION, "labels": np.zeros(8)})
    assert refusal(path, data).code == code


@pytest.mark.parametrize(
    "options",
    [
        {"bits": 7},
        {"bits": 25},
        {"weight_bits": 0},
        {"table_bits": 17},
        {"headroom": 0.5},
        {"held_out": 1.0},
        {"input_scales": {"nobody": 3}},
        {"input_scales": {"x": 200}},
        {"input_bits": {"nobody": 16}},
        {"input_bits": {"x": 33}},
        {"per_feature": ("nobody",)},
        {"input_ranges": {"nobody": (0.0, 1.0)}},
    ],
)
def test_rejects_options(options: dict[str, Any], tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [node("Relu", "x")])
    with pytest.raises(InferproofError) as caught:
        compile_model(path, options=CompileOptions(**options))
    assert caught.value.code == "bad_option"


def test_warns_loudly_without_calibration_data(tmp_path: Path) -> None:
    _, report = compile_model(save(tmp_path / "m.onnx", [node("Relu", "x")]))
    assert "no calibration data" in report.warnings[0]
    json.dumps(report.as_dict())


def test_declared_range_replaces_calibration(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [node("Relu", "x")])
    program, _ = compile_model(path, options=CompileOptions(input_ranges={"x": (-100.0, 50.0)}))
    # 100 with a headroom of 2 needs 8 bits before the point: 16 - 1 - 8.
    assert program.inputs[0].scales == (7,)


def test_an_input_may_have_bits_of_its_own(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [node("MatMul", "x", "w")], {"w": np.full((4, 4), 0.9, np.float32)})
    program, wide = compile_model(path, options=CompileOptions(bits=20, input_bits={"x": 24}))
    _, narrow = compile_model(path, options=CompileOptions(bits=20, input_bits={"x": 8}))
    assert (program.inputs[0].bits, program.ops[0].bits) == (24, 20)
    assert wide.outputs[0].max_abs_error < 1e-4 < narrow.outputs[0].max_abs_error


def test_saturation_is_counted_and_told(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [node("MatMul", "x", "w")], {"w": np.full((4, 4), 0.9, np.float32)})
    data = {"x": np.concatenate([np.full((40, 1, 4), 0.01), np.full((10, 1, 4), 1.0)])}
    options = CompileOptions(input_scales={"x": 14})
    _, report = compile_model(path, data, options)  # the last fifth is held out, and a hundred times larger
    assert report.saturated == {0: 40}
    assert any("40 elements saturated" in warning for warning in report.warnings)


def test_tabular_features_of_wild_magnitudes_need_a_scale_each(tmp_path: Path) -> None:
    spread = np.array([1e-4, 1.0, 1e4, 1.0])
    weights = (1 / spread).reshape(4, 1).astype(np.float32)
    path = save(tmp_path / "m.onnx", [node("MatMul", "x", "w")], {"w": weights})
    data = {"x": np.random.default_rng(0).uniform(-1, 1, (50, 4)) * spread}
    _, one_scale = compile_model(path, data)
    program, per_feature = compile_model(path, data, CompileOptions(per_feature=("x",)))
    assert len(set(program.inputs[0].scales)) > 1
    assert per_feature.outputs[1].max_abs_error < 1e-3
    assert one_scale.outputs[1].max_abs_error > 10 * per_feature.outputs[1].max_abs_error


@pytest.mark.parametrize("op", ["Relu", "Neg", "Abs", "Flatten"])
def test_a_scale_each_through_any_first_op(op: str, tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [node(op, "x")])
    data = {"x": np.random.default_rng(0).uniform(-1, 1, (50, 4)) * np.array([0.5, 1.0, 2.0, 4.0])}
    program, report = compile_model(path, data, CompileOptions(per_feature=("x",)))
    assert len(program.inputs[0].scales) == 4
    assert report.outputs[0].max_abs_error < 1e-3


def test_an_output_that_is_constant_has_nothing_to_prove(tmp_path: Path) -> None:
    nodes = [helper.make_node("Constant", [], ["y"], value_floats=[1.0, 2.0])]
    assert refusal(save(tmp_path / "m.onnx", nodes)).code == "onnx_constant_output"


def test_rejects_a_model_that_is_not_finite_on_its_calibration_data(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [node("Log", "x")])
    assert refusal(path, {"x": np.full((5, 4), -1.0)}).code == "calibration_not_finite"


def older(path: Path, opset: int, nodes: list[onnx.NodeProto], shape: tuple[int, ...], listed: bool = False) -> Path:
    """A model of an older opset; `listed`: its initializers are listed as inputs, as IR 3 wanted."""
    weights = numpy_helper.from_array(np.full((4, 4), 0.5, np.float32), "w")
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    if listed:
        inputs.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, (4, 4)))
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * 2)
    graph = helper.make_graph(nodes, "g", inputs, [output], [weights])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=3 if listed else 4), path
    )
    return path


def test_reads_operators_as_older_opsets_wrote_them(tmp_path: Path) -> None:
    def pair(op: str, source: str, made: str, **attributes: Any) -> onnx.NodeProto:
        return helper.make_node(op, [source], [made], **attributes)

    nodes = [
        pair("Clip", "x", "a", min=-0.5, max=0.5),
        pair("Unsqueeze", "a", "b", axes=[0]),
        pair("Slice", "b", "c", starts=[1], ends=[5], axes=[2]),
        pair("Pad", "c", "d", pads=[0, 0, 1, 0, 0, 1], value=0.25),
        pair("ReduceSum", "d", "e", axes=[0], keepdims=0),
        pair("Dropout", "e", "f", ratio=0.5),
        helper.make_node("Split", ["f"], ["g", "h"], axis=1, split=[4, 2]),
        pair("ReduceMean", "h", "i", axes=[1], keepdims=1),
        helper.make_node("MatMul", ["g", "w"], ["j"]),
        helper.make_node("Sub", ["j", "i"], ["k"]),
        pair("Unsqueeze", "k", "l", axes=[2]),
        pair("Squeeze", "l", "y", axes=[2]),
    ]
    for opset, listed in ((9, False), (8, True)):
        _, report = compile_model(older(tmp_path / "m.onnx", opset, nodes, (1, 6), listed))
        assert max(output.max_abs_error for output in report.outputs) < 1e-3


def test_folds_the_shape_arithmetic_that_exporters_write(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Unsqueeze", ["n", "axis"], ["u"]),
        helper.make_node("Concat", ["u", "minus"], ["t"], axis=0),
        node("Reshape", "x", "t"),
    ]
    constants = {"zero": np.array(0), "axis": np.array([0]), "minus": np.array([-1])}
    graph = import_onnx(save(tmp_path / "m.onnx", nodes, constants, ("batch", 2, 3))).graph
    assert [n.op for n in graph.nodes] == ["Reshape"]
    assert graph.shapes["y"] == (1, 6)


def test_fuses_what_is_one_layer(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Add", ["a", "b"], ["c"]),
        helper.make_node("BatchNormalization", ["c", "b", "b", "b", "v"], ["d"]),
        node("Sigmoid", "d"),
    ]
    rng = np.random.default_rng(0)
    constants = {"w": rng.standard_normal((4, 3)), "b": rng.standard_normal(3), "v": np.ones(3)}
    path = save(tmp_path / "m.onnx", nodes, {n: v.astype(np.float32) for n, v in constants.items()})
    program, report = compile_model(path, options=CompileOptions(table_bits=16))
    assert [op.opcode.name for op in program.ops] == ["CONTRACT", "LOOKUP"]
    assert max(output.max_abs_error for output in report.outputs) < 1e-3


def test_a_value_read_twice_is_not_fused_away(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Add", ["a", "b"], ["c"]),
        node("Mul", "a", "c"),
    ]
    constants = {"w": np.full((4, 3), 0.5, np.float32), "b": np.array([1, 2, 3], np.float32)}
    _, report = compile_model(save(tmp_path / "m.onnx", nodes, constants))
    assert max(output.max_abs_error for output in report.outputs) < 2e-3


def test_a_channel_of_zeros_does_not_coarsen_the_others(tmp_path: Path) -> None:
    weights = np.array([[1e-3, 0], [-1e-3, 0], [5e-4, 0], [1e-3, 0]], np.float32)
    program, report = compile_model(save(tmp_path / "m.onnx", [node("MatMul", "x", "w")], {"w": weights}))
    assert np.abs(program.constants[0].values).max() >= 2**14
    assert max(output.max_abs_error for output in report.outputs) < 1e-6


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
