"""Models of tables: the ai.onnx.ml operators, keyed with their domain. One is supported if it can be rewritten."""

from __future__ import annotations

from circuits.onnx.coverage.checks import Check
from circuits.onnx.graph import FloatGraph, FloatNode
from circuits.onnx.tabular import REWRITES, refusal


def _rewritten(node: FloatNode, graph: FloatGraph) -> str | None:
    """its attributes agree with each other and with its input, a table; no PROBIT"""
    return refusal(node, graph)


CHECKS: dict[str, Check] = dict.fromkeys(REWRITES, _rewritten)
