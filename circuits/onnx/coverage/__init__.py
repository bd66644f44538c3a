"""Which ONNX nodes a program can hold. All that it cannot are named at once, before anything is built.

One module for each family of operators, as in `circuits.quantize.rules`; operators of another domain are keyed
"domain::Operator".
"""

from __future__ import annotations

import math

from circuits.errors import InputError
from circuits.onnx.coverage import (
    elementwise,
    layers,
    normalize,
    recurrent,
    reductions,
    selection,
    shapes,
    tables,
    tabular,
    windows,
)
from circuits.onnx.coverage.checks import Check, constant
from circuits.onnx.coverage.tables import TABLE_FUNCTIONS
from circuits.onnx.graph import MAX_ELEMENTS, FloatGraph, FloatNode

__all__ = ["FAMILIES", "SUPPORTED", "TABLE_FUNCTIONS", "Check", "check_coverage"]

FAMILIES = {
    "elementwise": elementwise.CHECKS,
    "tables": tables.CHECKS,
    "layers": layers.CHECKS,
    "windows": windows.CHECKS,
    "shapes": shapes.CHECKS,
    "reductions": reductions.CHECKS,
    "selection": selection.CHECKS,
    "normalize": normalize.CHECKS,
    "recurrent": recurrent.CHECKS,
    "tabular": tabular.CHECKS,
}
SUPPORTED: dict[str, Check] = {op: check for checks in FAMILIES.values() for op, check in checks.items()}

# Never in a program: computed on import, or refused for what keeps them from it.
FOLDED: dict[str, Check] = {"ConstantOfShape": constant(0), "Range": constant(0, 1, 2)}


def check_coverage(graph: FloatGraph) -> None:
    """Raises InputError `onnx_unsupported_ops` with every node that no program can hold, and why."""
    if all(graph.is_constant(name) for name in graph.outputs):
        names = ", ".join(graph.outputs)
        raise InputError("onnx_constant_output", f"{names}: constant, whatever the input is; there is nothing to prove")
    found = []
    for node in graph.nodes:
        if reason := _reason(node, graph):
            found.append({"node": node.name, "op": node.op, "position": node.position, "reason": reason})
    if found:
        listed = "; ".join(f"{f['op']} ({f['node']}, node {f['position']}): {f['reason']}" for f in found)
        raise InputError("onnx_unsupported_ops", f"{len(found)} node(s) cannot be compiled: {listed}", nodes=found)


def _reason(node: FloatNode, graph: FloatGraph) -> str | None:
    if node.op not in SUPPORTED:
        folds = FOLDED.get(node.op)
        return (folds(node, graph) if folds else None) or "the operator is not supported"
    if not all(name in graph.shapes for name in node.inputs if name):
        return None  # another node's fault
    if any(output and output not in graph.shapes for output in node.outputs):
        opened = constant(*range(1, len(node.inputs)))(node, graph)
        return "its output's shape is not known" + (f": {opened}" if opened else "")
    kernel = node.attributes.get("kernel_shape") or []
    if math.prod(kernel) > MAX_ELEMENTS:  # mostly padding, but onnxruntime walks over all of it
        return f"kernel_shape={kernel} has over {MAX_ELEMENTS} elements"
    return SUPPORTED[node.op](node, graph)
