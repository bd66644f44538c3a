"""Nodes that ONNX itself defines by simpler ones (Swish, a loss, LayerNormalization with its mean), replaced by those.

Only where nothing else makes a model out of supported nodes; else the refusal names what the file says.
"""

from __future__ import annotations

import onnx
import onnx.inliner

from circuits.errors import InputError
from circuits.onnx.coverage import check_coverage
from circuits.onnx.fold import float_graph
from circuits.onnx.graph import FloatGraph

# A definition may use operators that have one too.
MAX_ROUNDS = 4
# Constant or refused, never better as the loop that defines them.
KEPT = {"Range", "SequenceMap"}


Covered = tuple[onnx.ModelProto, FloatGraph]


def covered(model: onnx.ModelProto) -> Covered:
    """The model, of supported nodes only, and its graph. Raises InputError as `float_graph` and `check_coverage` do."""
    try:
        return _checked(model)
    except InputError as refused:
        found = _by_definitions(model, refused)
        if found is None:
            raise
        return found


def _checked(model: onnx.ModelProto) -> Covered:
    graph = float_graph(model)
    check_coverage(graph)
    return model, graph


def _by_definitions(model: onnx.ModelProto, refused: InputError) -> Covered | None:
    """Expands what is refused until nothing is; None if that leads nowhere."""
    for _ in range(MAX_ROUNDS):
        expanded = _expanded(model, {node["op"] for node in refused.details.get("nodes", [])})
        if expanded is None:
            return None
        model = expanded
        try:
            return _checked(model)
        except InputError as error:
            refused = error
    return None


def _expanded(model: onnx.ModelProto, operators: set[str]) -> onnx.ModelProto | None:
    """`model` with the definitions of these operators in their place; None if none of them has one."""
    chosen = [("", operator) for operator in sorted(operators - KEPT)]
    _complete(model, operators)
    try:
        inlined = onnx.inliner.inline_selected_functions(model, chosen, False, True)
    except (RuntimeError, ValueError):  # a type that it needs is not known
        return None
    if [node.op_type for node in inlined.graph.node] == [node.op_type for node in model.graph.node]:
        return None
    return inlined


def _complete(model: onnx.ModelProto, operators: set[str]) -> None:
    """Writes the defaults of attributes that are left out: the inliner does not know them."""
    version = next((opset.version for opset in model.opset_import if opset.domain in ("", "ai.onnx")), 0)
    for node in model.graph.node:
        if node.op_type not in operators or not onnx.defs.has(node.op_type, version, node.domain):
            continue
        given = {attribute.name for attribute in node.attribute}
        for name, attribute in onnx.defs.get_schema(node.op_type, version, node.domain).attributes.items():
            if name not in given and attribute.default_value.name:
                node.attribute.append(attribute.default_value)
