"""Whole models against onnxruntime: the reference models, the examples, and random small networks."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from bench.models import build, calibration
from circuits.execute import Executor
from circuits.onnx import import_onnx
from circuits.program.file import load_program, save_program
from circuits.program.interpreter import trace
from circuits.program.ops import Accumulating
from circuits.program.refs import Visibility
from circuits.program.values import quantize_clamped, quantize_input, real_values
from circuits.quantize import CompileOptions, compile_model

EXAMPLES = Path(__file__).parents[2] / "examples"


def arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


@pytest.mark.parametrize("name", ["mlp91k", "lenet", "wide1024"])
def test_reference_model_keeps_its_argmax_and_its_values(name: str, tmp_path: Path) -> None:
    onnx.save(build(name), tmp_path / "model.onnx")
    program, report = compile_model(tmp_path / "model.onnx", calibration(name, 60))
    for output in report.outputs:
        assert output.argmax_agreement == 1.0
        assert output.max_abs_error < 5e-3 * output.max_abs_value
    assert not report.warnings
    inputs = [quantize_input(program.inputs[0], calibration(name, 1)["input"][0])]
    for op, defined, fast in zip(program.ops, trace(program, inputs), Executor(program).trace(inputs), strict=True):
        np.testing.assert_array_equal(fast, defined, err_msg=op.opcode.name)


def test_digits_argmax_agrees_on_data_never_seen(tmp_path: Path) -> None:
    path, held_out = EXAMPLES / "digits" / "digits.onnx", arrays(EXAMPLES / "digits" / "holdout.npz")
    program, _ = compile_model(path, arrays(EXAMPLES / "digits" / "calibration.npz"))
    executor, model = Executor(program), import_onnx(path)
    name, port = program.inputs[0].name, program.inputs[0]
    agree = right = 0
    for pixels, label in zip(held_out[name], held_out["labels"], strict=True):
        made = executor.run([quantize_clamped(port, pixels)])[0]
        expected = model.reference.run({name: pixels.reshape(port.dims)})[model.graph.outputs[0]]
        agree += int(made.argmax() == expected.argmax())
        right += int(made.argmax() == label)
    assert agree >= 0.99 * len(held_out["labels"])
    assert right >= 0.9 * len(held_out["labels"])


def test_lending_is_within_half_a_percent_on_data_never_seen() -> None:
    path, held_out = EXAMPLES / "lending" / "lending.onnx", arrays(EXAMPLES / "lending" / "holdout.npz")["returns"]
    options = CompileOptions(input_scales={"returns": 15})
    program, report = compile_model(path, arrays(EXAMPLES / "lending" / "calibration.npz"), options)
    assert program.inputs[0].scales == (15,)
    assert not report.saturated
    executor, model = Executor(program), import_onnx(path)
    for returns in held_out:
        made = executor.run([quantize_input(program.inputs[0], returns)])[0]
        expected = model.reference.run({"returns": returns.reshape(1, -1)})[model.graph.outputs[0]]
        assert abs(real_values(program.outputs[0].port, made) - expected).max() < 0.005


def test_compilation_is_deterministic_and_survives_the_file(tmp_path: Path) -> None:
    onnx.save(build("mlp91k"), tmp_path / "model.onnx")
    first, _ = compile_model(tmp_path / "model.onnx", calibration("mlp91k", 10))
    second, _ = compile_model(tmp_path / "model.onnx", calibration("mlp91k", 10))
    save_program(first, tmp_path / "a.program")
    save_program(second, tmp_path / "b.program")
    assert (tmp_path / "a.program").read_bytes() == (tmp_path / "b.program").read_bytes()
    assert load_program(tmp_path / "a.program").model_id() == first.model_id()


def test_visibility_changes_the_model_id(tmp_path: Path) -> None:
    onnx.save(build("wide1024"), tmp_path / "model.onnx")
    public, _ = compile_model(tmp_path / "model.onnx", calibration("wide1024", 10))
    options = CompileOptions(input_visibility=Visibility.HASHED)
    hashed, _ = compile_model(tmp_path / "model.onnx", calibration("wide1024", 10), options)
    assert hashed.model_id() != public.model_id()


@st.composite
def networks(draw: st.DrawFn) -> tuple[onnx.ModelProto, tuple[int, ...]]:
    """A chain of layers over an image: convolutions, pools, activations, then dense layers."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    channels, height, width = draw(st.integers(1, 3)), draw(st.integers(4, 7)), draw(st.integers(4, 7))
    shape = (1, channels, height, width)
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []
    tip = "x"

    def constant(values: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(values.astype(np.float32), f"c{len(constants)}"))
        return constants[-1].name

    def push(op: str, *operands: str, **attributes: object) -> None:
        nonlocal tip
        nodes.append(helper.make_node(op, [tip, *operands], [f"v{len(nodes)}"], **attributes))
        tip = nodes[-1].output[0]

    def activate() -> None:
        push(draw(st.sampled_from(["Relu", "Tanh", "Sigmoid", "LeakyRelu", "Abs", "Identity"])))

    for _ in range(draw(st.integers(0, 2))):
        kernel, filters = draw(st.integers(1, 3)), draw(st.integers(1, 4))
        weights = rng.standard_normal((filters, channels, kernel, kernel)) / np.sqrt(channels * kernel**2)
        push("Conv", constant(weights), constant(rng.standard_normal(filters) * 0.2), pads=[1, 1, 1, 1])
        channels = filters
        activate()
    if draw(st.booleans()):
        pool = draw(st.sampled_from(["MaxPool", "AveragePool"]))
        push(pool, kernel_shape=[2, 2], strides=[draw(st.integers(1, 2))] * 2, pads=[1, 0, 0, 1])
    push("Flatten")
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(tip, TensorProto.FLOAT, None)], constants,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    size = onnx.shape_inference.infer_shapes(model).graph.output[0].type.tensor_type.shape.dim[1].dim_value
    for _ in range(draw(st.integers(0, 2))):
        outputs = draw(st.integers(1, 6))
        weights = rng.standard_normal((size, outputs)) / np.sqrt(size)
        push("MatMul", constant(weights))
        push("Add", constant(rng.standard_normal(outputs)))
        activate()
        size = outputs
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(tip, TensorProto.FLOAT, [1, size])], constants,
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), shape


@settings(max_examples=40)
@given(networks(), st.integers(0, 2**32 - 1))
def test_random_network_is_near_onnxruntime_and_exact_in_integers(
    network: tuple[onnx.ModelProto, tuple[int, ...]], seed: int
) -> None:
    model, shape = network
    rng = np.random.default_rng(seed)
    data = {"x": rng.uniform(-1, 1, (20, *shape))}
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(model, Path(folder) / "model.onnx")
        program, report = compile_model(Path(folder) / "model.onnx", data)
    for output in report.outputs:
        assert output.max_abs_error < 0.02 * max(1.0, output.max_abs_value)
    edges = Executor(program)
    for values in (rng.integers(-(2**15), 2**15, shape), np.full(shape, -(2**15)), np.full(shape, 2**15 - 1)):
        for op, defined, fast in zip(program.ops, trace(program, [values]), edges.trace([values]), strict=True):
            np.testing.assert_array_equal(fast, defined)
            if isinstance(op, Accumulating) and not op.saturates:
                assert np.abs(defined).max() < 2 ** (op.bits - 1) or defined.min() == -(2 ** (op.bits - 1))


def test_outputs_that_are_one_tensor_at_several_scales(tmp_path: Path) -> None:
    """Scaling by a power of two changes no integer: each output still has its own scale, and the right values."""
    floats = TensorProto.FLOAT
    factors = {"two": 2.0, "eighth": 0.125}
    nodes = [
        helper.make_node("Relu", ["x"], ["relu"]),
        helper.make_node("Mul", ["relu", "two"], ["double"]),
        helper.make_node("Mul", ["eighth", "relu"], ["small"]),
        helper.make_node("Reshape", ["double", "shape"], ["tall"]),
        helper.make_node("Identity", ["x"], ["same"]),
    ]
    names = ["double", "relu", "small", "tall", "same"]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", floats, (1, 4))],
        [helper.make_tensor_value_info(name, floats, (2, 2) if name == "tall" else (1, 4)) for name in names],
        [numpy_helper.from_array(np.array(v, np.float32), n) for n, v in factors.items()]
        + [numpy_helper.from_array(np.array([2, 2]), "shape")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "model.onnx")
    program, _ = compile_model(tmp_path / "model.onnx", {"x": np.linspace(-1, 1, 40).reshape(10, 4)})
    x = np.array([[0.5, -0.5, 0.25, 1.0]])
    made = Executor(program).run([quantize_input(program.inputs[0], x)])
    real = {o.port.name: real_values(o.port, q) for o, q in zip(program.outputs, made, strict=True)}
    relu = np.maximum(x, 0)
    expected = {"double": 2 * relu, "relu": relu, "small": relu / 8, "tall": 2 * relu.reshape(2, 2), "same": x}
    assert list(real) == names
    for name in names:
        np.testing.assert_array_equal(real[name], expected[name])
