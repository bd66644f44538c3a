"""Recurrent layers with the batch first, written with the steps first, which is all that onnxruntime runs."""

from __future__ import annotations

import onnx
from onnx import helper

RECURRENT = {"LSTM", "GRU", "RNN"}
# The places of x and of the initial states among the inputs; how each output comes from that with the steps first.
INPUTS, SWAPPED = (0, 5, 6), [1, 0, 2]
OUTPUTS = ([2, 0, 1, 3], SWAPPED, SWAPPED)


def steps_first(model: onnx.ModelProto) -> None:
    """Changes `model`: a layer of layout 1 becomes one of layout 0 between Transposes, its outputs named as before."""
    nodes = list(model.graph.node)
    del model.graph.node[:]
    for node in nodes:
        layouts = [a for a in node.attribute if a.name == "layout"] if node.op_type in RECURRENT else []
        if any(a.i for a in layouts):
            model.graph.node.extend(_between_transposes(node, layouts))
        else:
            model.graph.node.append(node)


def _between_transposes(node: onnx.NodeProto, layouts: list[onnx.AttributeProto]) -> list[onnx.NodeProto]:
    """`layouts` is the node's attribute of that name."""
    first = next(name for name in node.output if name)
    before, after = [], []
    for place in INPUTS:
        if place < len(node.input) and node.input[place]:
            made = f"{first}.steps_first.{place}"
            before.append(helper.make_node("Transpose", [node.input[place]], [made], perm=SWAPPED))
            node.input[place] = made
    for place, name in enumerate(node.output):
        if name:
            node.output[place] = f"{name}.steps_first"
            after.append(helper.make_node("Transpose", [node.output[place]], [name], perm=OUTPUTS[place]))
    for attribute in layouts:
        node.attribute.remove(attribute)
    return [*before, node, *after]
