"""Operators that ONNX itself defines by simpler ones (Swish, RotaryEmbedding, a loss), replaced by their definition.

Only where that makes a model out of supported operators; else the refusal names what the file says.
"""

from __future__ import annotations

import onnx
import onnx.inliner

from circuits.errors import InputError
from circuits.onnx.coverage import SUPPORTED, check_coverage
from circuits.onnx.fold import float_graph
from circuits.onnx.graph import FloatGraph

# A definition may use operators that have one too.
MAX_ROUNDS = 4
# Constant or refused, never better as the loop that defines them.
KEPT = {"Range", "SequenceMap"}


def covered(model: onnx.ModelProto) -> tuple[onnx.ModelProto, FloatGraph]:
    """The model, of supported operators only, and its graph. Raises InputError as `float_graph`, `check_coverage`."""
    graph = float_graph(model)
    try:
        check_coverage(graph)
    except InputError as refused:
        expanded = _expanded(model) if refused.code == "onnx_unsupported_ops" else model
        if expanded is model:
            raise
        try:
            graph = float_graph(expanded)
            check_coverage(graph)
        except InputError:
            raise refused from None
        return expanded, graph
    return model, graph


def _expanded(model: onnx.ModelProto) -> onnx.ModelProto:
    """`model` without the unsupported operators that have a definition; itself if there is none."""
    for _ in range(MAX_ROUNDS):
        used = {node.op_type for node in model.graph.node if node.domain in ("", "ai.onnx")}
        unsupported = sorted(used - set(SUPPORTED) - KEPT)
        try:
            inlined = onnx.inliner.inline_selected_functions(model, [("", op) for op in unsupported], False, True)
        except (RuntimeError, ValueError):  # a type that it needs is not known
            return model
        if [node.op_type for node in inlined.graph.node] == [node.op_type for node in model.graph.node]:
            return model
        model = inlined
    return model
