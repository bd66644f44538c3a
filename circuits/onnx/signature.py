"""One way to write each operator: its newest signature. Everything after import reads only this form.

What newer opsets turned from an attribute into an input is an input here, a constant: Clip's bounds, Pad's pads and
value, Slice's starts, ends and axes, TopK's k, Split's sizes, the axes of Squeeze, Unsqueeze and the reductions.
Upsample and the first Resize are Resize, Scatter is ScatterElements, inference's Dropout is Identity; a Softmax or
Hardmax that flattens has Reshapes around it. Every attribute that has a default is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import defs

from circuits.onnx.graph import FloatGraph, FloatNode

# The opset that made inputs of these attributes; in the order of the inputs, from position 1.
REDUCTIONS = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare")
INPUTS_SINCE: dict[str, tuple[int, tuple[str, ...]]] = {
    **{f"Reduce{name}": (18, ("axes",)) for name in REDUCTIONS},
    **dict.fromkeys(("ReduceSum", "Squeeze", "Unsqueeze"), (13, ("axes",))),
    "Clip": (11, ("min", "max")),
    "Pad": (11, ("pads", "value")),
    "Slice": (10, ("starts", "ends", "axes")),
    "Split": (13, ("split",)),
    "TopK": (10, ("k",)),
    "Upsample": (9, ("scales",)),
}
SCALARS = {"min", "max", "value"}


def newest(graph: FloatGraph, node: FloatNode, opset: int) -> list[FloatNode]:
    """`node`, of a model of `opset`, as nodes of the newest signature; constants it needs are added to `graph`."""
    node = _with_inputs(graph, node, opset)
    rewrite = REWRITES.get(node.op)
    nodes = rewrite(graph, node, opset) if rewrite else [node]
    return [replace(n, attributes=_defaults(n.op) | dict(n.attributes)) for n in nodes]


@cache
def _defaults(op: str) -> dict[str, Any]:
    domain, _, name = op.rpartition("::")
    try:
        attributes = defs.get_schema(name, domain=domain).attributes
    except defs.SchemaError:
        return {}
    values = {name: attribute.default_value for name, attribute in attributes.items()}
    return {name: plain(onnx.helper.get_attribute_value(v)) for name, v in values.items() if v.name}


def plain(value: Any) -> Any:
    """An attribute as Python's own types: bytes are text, repeated fields lists; tensors stay what they are."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def _constant(graph: FloatGraph, name: str, values: npt.NDArray[Any]) -> str:
    graph.constants[name] = values
    graph.shapes[name] = tuple(values.shape)
    graph.types[name] = onnx.helper.np_dtype_to_tensor_dtype(values.dtype)
    return name


def _value(graph: FloatGraph, name: str, shape: tuple[int, ...], like: str) -> str:
    graph.shapes[name], graph.types[name] = shape, graph.types[like]
    return name


def _with_inputs(graph: FloatGraph, node: FloatNode, opset: int) -> FloatNode:
    """Attributes that newer opsets have as inputs."""
    since, names = INPUTS_SINCE.get(node.op, (0, ()))
    if opset >= since:
        return node
    inputs = [node.input(0)]
    for name in names:
        given = node.attributes.get(name)
        if given is None:
            inputs.append("")
            continue
        real = name in SCALARS or name == "scales"
        values = np.array(given, np.float64 if real else np.int64)
        inputs.append(_constant(graph, f"{node.output}.{name}", values if name in SCALARS else values.reshape(-1)))
    attributes = {key: value for key, value in node.attributes.items() if key not in names}
    return replace(node, inputs=tuple(inputs), attributes=attributes)


def _split(graph: FloatGraph, node: FloatNode, opset: int) -> list[FloatNode]:
    """Before opset 18 the outputs are counted."""
    counted = {} if node.input(1) else {"num_outputs": len(node.outputs)}
    return [replace(node, attributes=counted | dict(node.attributes))]


def _upsample(graph: FloatGraph, node: FloatNode, opset: int) -> list[FloatNode]:
    """What opset 11 calls asymmetric; onnxruntime rounds indices up where it shrinks, down where it does not."""
    if node.op == "Resize" and opset >= 11:
        return [node]
    scales = graph.constants.get(node.input(1))
    shrinks = scales is not None and bool((scales < 1).any())
    mode = "ceil" if shrinks else "floor"
    if scales is not None and shrinks and (scales > 1).any():
        mode = "ceil where it shrinks and floor where it does not"
    added = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": mode}
    inputs = (node.input(0), "", node.input(1))
    return [replace(node, op="Resize", inputs=inputs, attributes=dict(node.attributes) | added)]


def _softmax(graph: FloatGraph, node: FloatNode, opset: int) -> list[FloatNode]:
    """Before opset 13 all axes from `axis` on were one."""
    if opset >= 13 or node.input(0) not in graph.shapes:
        return [node]
    shape = graph.shapes[node.input(0)]
    axis = node.attributes.get("axis", 1)
    axis += len(shape) if axis < 0 else 0
    if axis == len(shape) - 1:
        return [replace(node, attributes={"axis": -1})]
    rows = int(np.prod(shape[:axis], dtype=np.int64))
    columns = int(np.prod(shape[axis:], dtype=np.int64))
    flat = _value(graph, f"{node.output}.flat", (rows, columns), node.output)
    made = _value(graph, f"{node.output}.rows", (rows, columns), node.output)
    sizes = _constant(graph, f"{node.output}.sizes", np.array([rows, columns], np.int64))
    back = _constant(graph, f"{node.output}.shape", np.array(shape, np.int64))
    return [
        replace(node, op="Reshape", inputs=(node.input(0), sizes), outputs=(flat,), attributes={}),
        replace(node, inputs=(flat,), outputs=(made,), attributes={"axis": -1}),
        replace(node, op="Reshape", inputs=(made, back), attributes={}),
    ]


def _scatter(graph: FloatGraph, node: FloatNode, opset: int) -> list[FloatNode]:
    return [replace(node, op="ScatterElements")]


def _dropout(graph: FloatGraph, node: FloatNode, opset: int) -> list[FloatNode]:
    """Nothing is dropped unless the model trains: the mask is true everywhere.

    Before opset 12 onnxruntime makes it false: there the node stays as its maker, refused if anybody reads it.
    """
    trains = graph.constants.get(node.input(2), np.array(node.input(2) != ""))
    if trains.any() or node.input(0) not in graph.shapes:
        return [node]
    shape = graph.shapes[node.input(0)]
    nodes = [replace(node, op="Identity", inputs=node.inputs[:1], outputs=node.outputs[:1], attributes={})]
    for mask in (output for output in node.outputs[1:] if output):
        if opset < 12:
            graph.shapes[mask], graph.types[mask] = shape, onnx.TensorProto.BOOL
            nodes.append(replace(node, outputs=("", mask)))
        else:
            _constant(graph, mask, np.ones(shape, np.bool_))
    return nodes


Rewrite = Callable[[FloatGraph, FloatNode, int], list[FloatNode]]
REWRITES: dict[str, Rewrite] = {
    "Dropout": _dropout,
    "Hardmax": _softmax,
    "LogSoftmax": _softmax,
    "Resize": _upsample,
    "Scatter": _scatter,
    "Softmax": _softmax,
    "Split": _split,
    "Upsample": _upsample,
}
