"""Nodes that change no value, taken out of the way: a layer and what follows it are neighbours then."""

from __future__ import annotations

from dataclasses import replace

from circuits.onnx.graph import FloatGraph, FloatNode


def direct(graph: FloatGraph) -> FloatGraph:
    """The same graph without Identity and casts between types of real numbers, but where an output needs one."""
    names: dict[str, str] = {}
    kept = []
    for node in graph.nodes:
        inputs = tuple(names.get(name, name) for name in node.inputs)
        if _changes_nothing(node, graph) and node.output not in graph.outputs:
            names[node.output] = inputs[0]
        else:
            kept.append(replace(node, inputs=inputs))
    return replace(graph, nodes=kept)


def _changes_nothing(node: FloatNode, graph: FloatGraph) -> bool:
    if node.op == "Cast":
        return graph.is_real(node.input(0)) and graph.is_real(node.output)
    return node.op == "Identity"
