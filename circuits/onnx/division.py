"""Divisions of whole numbers that have no result: the processor stops whoever tries one, onnxruntime with it.

By 0, and of the least number of a type by -1. Among constants they are refused; in the model that onnxruntime runs
every other is made one by 1, and told by an output of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from circuits.onnx.graph import INTEGERS

DIVISIONS = ("Div", "Mod")
OWN_DOMAIN = ("", "ai.onnx")


def undefined_quotient(op: str, operands: Sequence[npt.NDArray[Any]]) -> bool:
    """Whether the operator divides whole numbers, some of them without a result."""
    if op not in DIVISIONS or not all(np.issubdtype(values.dtype, np.integer) for values in operands):
        return False
    dividend, divisor = operands
    least = dividend.min(initial=0) == np.iinfo(dividend.dtype).min < 0
    return bool((divisor == 0).any() or (least and (divisor == -1).any()))


def total(model: onnx.ModelProto, types: Mapping[str, int]) -> list[str]:
    """Changes `model` so that every division of whole numbers has a result. Returns the names of new outputs, each true
    where a division had none."""
    nodes, told = list(model.graph.node), []
    del model.graph.node[:]
    for node in nodes:
        if node.op_type in DIVISIONS and node.domain in OWN_DOMAIN and types.get(node.input[0]) in INTEGERS:
            model.graph.node.extend(_guarded(node, types[node.input[0]], model.graph))
            told.append(_name(node, "undefined"))
        else:
            model.graph.node.append(node)
    model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in told)
    return told


def _name(node: onnx.NodeProto, what: str) -> str:
    return f"{node.output[0]}.{what}"


def _guarded(node: onnx.NodeProto, kind: int, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The division by divisor + wrong·(1 - divisor), in int64: the type that has all operators of it in opset 7."""
    numbers = {"zero": 0, "one": 1, "minus": -1, "least": int(np.iinfo(helper.tensor_dtype_to_np_dtype(kind)).min)}
    graph.initializer.extend(numpy_helper.from_array(np.array(v, np.int64), _name(node, n)) for n, v in numbers.items())

    def made(op: str, output: str, *inputs: str, **attributes: Any) -> onnx.NodeProto:
        return helper.make_node(op, [_name(node, i) for i in inputs], [_name(node, output)], **attributes)

    wide = [
        helper.make_node("Cast", [given], [_name(node, output)], to=TensorProto.INT64)
        for given, output in zip(node.input, ("dividend", "divisor"), strict=True)
    ]
    quotient, attributes = _name(node, "quotient"), {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return [
        *wide,
        made("Equal", "by_zero", "divisor", "zero"),
        made("Equal", "by_minus", "divisor", "minus"),
        made("Equal", "of_least", "dividend", "least"),
        made("And", "overflows", "by_minus", "of_least"),
        made("Or", "undefined", "by_zero", "overflows"),
        made("Cast", "wrong", "undefined", to=TensorProto.INT64),
        made("Sub", "missing", "one", "divisor"),
        made("Mul", "added", "wrong", "missing"),
        made("Add", "sound", "divisor", "added"),
        made(node.op_type, "quotient", "dividend", "sound", **attributes),
        helper.make_node("Cast", [quotient], [node.output[0]], to=kind),
    ]
