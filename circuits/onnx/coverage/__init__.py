"""Which ONNX nodes a program can hold. All that it cannot are named at once, before anything is built.

One module for each family of operators, as in `circuits.quantize.rules`; operators of another domain are keyed
"domain::Operator".
"""

from __future__ import annotations

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
from circuits.onnx.coverage.checks import Check
from circuits.onnx.coverage.tables import TABLE_FUNCTIONS
from circuits.onnx.graph import FloatGraph

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

# What people meet most often, and what to do about it.
ADVICE = {
    "Softmax": "leave it off: the largest logit is the largest probability",
    "LogSoftmax": "leave it off: the largest logit is the largest probability",
    "ArgMax": "leave it off and take the largest output",
    "LayerNormalization": "not yet part of the integer program",
}


def check_coverage(graph: FloatGraph) -> None:
    """Raises InputError `onnx_unsupported_ops` with every node that no program can hold, and why."""
    for name in graph.outputs:
        if graph.is_constant(name):
            raise InputError("onnx_constant_output", f"output {name!r} is a constant: there is nothing to prove")
    found = []
    for node in graph.nodes:
        if node.op not in SUPPORTED:
            reason = ADVICE.get(node.op, "the operator is not supported")
        elif node.output not in graph.shapes:
            known = all(name in graph.shapes for name in node.inputs if name)
            reason = "its output's shape is not known" if known else ""  # else it is another node's fault
        elif any(0 in graph.shapes.get(output, ()) for output in node.outputs):
            reason = "its output has no elements"
        else:
            reason = SUPPORTED[node.op](node, graph) or ""
        if reason:
            found.append({"node": node.name, "op": node.op, "position": node.position, "reason": reason})
    if found:
        listed = "; ".join(f"{f['op']} ({f['node']}, node {f['position']}): {f['reason']}" for f in found)
        raise InputError("onnx_unsupported_ops", f"{len(found)} node(s) cannot be compiled: {listed}", nodes=found)
