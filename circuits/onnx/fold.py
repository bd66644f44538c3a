"""ONNX to float graph: shapes inferred and constants computed node by node, in execution order.

Each node is looked at alone, with what is known about its inputs: all of them constants, and it is evaluated (by
onnx's reference evaluator); `Shape` and `Size` of a known shape are constants too; otherwise onnx infers its output
shapes, and the node joins the graph in its newest signature.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from circuits.errors import InputError
from circuits.onnx.coverage import SUPPORTED
from circuits.onnx.division import undefined_quotient
from circuits.onnx.graph import MAX_ELEMENTS, FloatGraph, FloatNode
from circuits.onnx.signature import newest, plain
from circuits.onnx.tabular_shapes import made_by

# Shape inference looks at the values of shapes, axes and the like, never at weights.
SMALL = 1024
# Without inputs, but no constants: they stay nodes, and are refused as ops that no program has.
RANDOM = {"RandomNormal", "RandomUniform"}
# Operators whose output's shape onnx does not infer: it is that of input 0.
AS_INPUT = {"GroupNormalization", "MeanVarianceNormalization"}
EVALUATION_ERRORS = (
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
)


def float_graph(model: onnx.ModelProto) -> FloatGraph:
    """The float graph of a model that `load_onnx` returned. Raises InputError `onnx_unreadable` naming the node."""
    return _Folder(model).graph()


class _Folder:
    def __init__(self, model: onnx.ModelProto) -> None:
        self._model = model
        self._opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
        self._types: dict[str, int] = {}
        self._constants: dict[str, npt.NDArray[Any]] = {}
        self._computed = 0
        self._shapes: dict[str, tuple[int, ...]] = {}
        outputs = [value.name for value in model.graph.output]
        self._graph = FloatGraph({}, outputs, [], self._constants, self._shapes, self._types)

    def graph(self) -> FloatGraph:
        source = self._model.graph
        for value in source.input:
            self._types[value.name] = value.type.tensor_type.elem_type
            self._graph.inputs[value.name] = tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
        self._shapes.update(self._graph.inputs)
        for tensor in source.initializer:
            self._know(tensor.name, _array(tensor))
        for position, node in enumerate(source.node):
            self._visit(node, node.name or f"{node.op_type}_{position}", position)
        self._graph.drop_dead()
        return self._graph

    def _know(self, name: str, values: npt.NDArray[Any]) -> None:
        self._constants[name] = values
        self._shapes[name] = tuple(values.shape)
        self._types[name] = helper.np_dtype_to_tensor_dtype(values.dtype)

    def _visit(self, node: onnx.NodeProto, name: str, position: int) -> None:
        if node.op_type in ("Shape", "Size") and not node.domain and node.input[0] in self._shapes:
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            shape = self._shapes[node.input[0]][attributes.get("start", 0) : attributes.get("end")]
            self._know(node.output[0], np.array(math.prod(shape) if node.op_type == "Size" else shape, np.int64))
            return
        stays = _has_subgraph(node) or node.op_type in RANDOM
        # What an operator that is about to be refused makes has no type; nor has what is made of that.
        if not stays and all(i in self._types for i in node.input if i):
            if node.domain == "ai.onnx.ml":
                self._infer_tabular(node, name)
            else:
                self._infer(node, name)
        if not stays and all(i in self._constants for i in node.input if i):
            self._evaluate(node, name)
            return
        attributes = {a.name: _plain(helper.get_attribute_value(a)) for a in node.attribute}
        op = f"{node.domain}::{node.op_type}" if node.domain not in ("", "ai.onnx") else node.op_type
        made = FloatNode(op, name, tuple(node.input), tuple(node.output), attributes, position)
        self._graph.nodes.extend(newest(self._graph, made, self._opset))

    def _single(self, node: onnx.NodeProto) -> onnx.ModelProto:
        """A model of this one node, with what shape inference needs to know."""
        inputs, small = [], []
        for name in dict.fromkeys(i for i in node.input if i):
            if name not in self._types:
                continue
            if name in self._constants and self._constants[name].size <= SMALL:
                small.append(numpy_helper.from_array(np.asarray(self._constants[name]), name))
            else:
                inputs.append(helper.make_tensor_value_info(name, self._types[name], self._shapes.get(name)))
        outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
        graph = helper.make_graph([node], "one", inputs, outputs, small)
        return self._model_of(graph)

    def _model_of(self, graph: onnx.GraphProto) -> onnx.ModelProto:
        """A model of the original's opsets, in an IR (4 and later) whose initializers need not be inputs."""
        ir_version = max(self._model.ir_version, 4)
        return helper.make_model(graph, opset_imports=self._model.opset_import, ir_version=ir_version)

    def _infer(self, node: onnx.NodeProto, name: str) -> None:
        """Types and shapes of the node's outputs, where onnx knows them."""
        if node.op_type in AS_INPUT and not node.domain:
            self._types[node.output[0]] = self._types[node.input[0]]
            if node.input[0] in self._shapes:
                self._shape(node, name, node.output[0], self._shapes[node.input[0]])
            return
        try:
            # Shapes that do not fit are an error where they are about to be used; an operator that no program has
            # is refused by name instead.
            strict = node.domain in ("", "ai.onnx") and node.op_type in SUPPORTED
            inferred = onnx.shape_inference.infer_shapes(self._single(node), strict_mode=strict, data_prop=True)
        except (onnx.shape_inference.InferenceError, ValueError, RuntimeError) as error:
            raise _broken(name, node, error) from error
        for value in inferred.graph.output:
            tensor = value.type.tensor_type
            if tensor.elem_type:
                self._types[value.name] = tensor.elem_type
            dims = tensor.shape.dim
            if tensor.HasField("shape") and all(d.WhichOneof("value") == "dim_value" for d in dims):
                self._shape(node, name, value.name, tuple(d.dim_value for d in dims))

    def _infer_tabular(self, node: onnx.NodeProto, name: str) -> None:
        """The same for ai.onnx.ml, of whose shapes onnx knows little."""
        if not all(i in self._shapes for i in node.input if i):
            return
        get = {a.name: _plain(helper.get_attribute_value(a)) for a in node.attribute}
        shapes = [self._shapes[i] for i in node.input if i]
        types = [self._types[i] for i in node.input if i]
        for output, (shape, kind) in zip(node.output, made_by(node.op_type, get, shapes, types), strict=False):
            self._types[output] = kind
            self._shape(node, name, output, shape)

    def _shape(self, node: onnx.NodeProto, name: str, output: str, shape: tuple[int, ...]) -> None:
        if math.prod(shape) > MAX_ELEMENTS:
            raise _broken(name, node, f"its output would have over {MAX_ELEMENTS} elements")
        self._shapes[output] = shape

    def _evaluate(self, node: onnx.NodeProto, name: str) -> None:
        inputs = {i: self._constants[i] for i in node.input if i}
        self._computed += sum(math.prod(self._shapes[output]) for output in node.output if output in self._shapes)
        if self._computed > MAX_ELEMENTS:
            raise _broken(name, node, f"constants computed up to it would have over {MAX_ELEMENTS} elements")
        if undefined_quotient(node.op_type, [self._constants[i] for i in node.input if i]):
            raise _broken(name, node, "it divides a whole number by 0, or the least of its type by -1")
        values = [helper.make_tensor_value_info(i, self._types[i], a.shape) for i, a in inputs.items()]
        outputs = [helper.make_empty_tensor_value_info(o) for o in node.output if o]
        graph = helper.make_graph([node], "one", values, outputs)
        model = self._model_of(graph)
        try:
            with np.errstate(all="ignore"):
                results = ReferenceEvaluator(model).run(None, inputs)
        except EVALUATION_ERRORS as error:
            raise _broken(name, node, error) from error
        for output, result in zip((o for o in node.output if o), results, strict=True):
            self._know(output, np.asarray(result))


def _has_subgraph(node: onnx.NodeProto) -> bool:
    return any(a.HasField("g") or a.graphs for a in node.attribute)


def _array(tensor: onnx.TensorProto) -> npt.NDArray[Any]:
    try:
        return numpy_helper.to_array(tensor)
    except EVALUATION_ERRORS as error:
        raise InputError("onnx_unreadable", f"tensor {tensor.name!r}: {error}", tensor=tensor.name) from error


def _plain(value: Any) -> Any:
    """An attribute as Python's own types, tensors as arrays."""
    return _array(value) if isinstance(value, onnx.TensorProto) else plain(value)


def _broken(name: str, node: onnx.NodeProto, error: object) -> InputError:
    first = str(error).splitlines()[0] if str(error) else type(error).__name__
    return InputError("onnx_unreadable", f"node {name!r} ({node.op_type}): {first}", node=name, op=node.op_type)
