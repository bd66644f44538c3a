"""Softmax and the normalizations: divisions and square roots of sums."""

from __future__ import annotations

from circuits.onnx.coverage.checks import Check, every, one_output, real
from circuits.onnx.coverage.reductions import not_empty
from circuits.onnx.graph import FloatGraph, FloatNode


def _groups(node: FloatNode, graph: FloatGraph) -> str | None:
    channels, groups = graph.shapes[node.input(0)][1], int(node.attributes["num_groups"])
    return None if groups > 0 and channels % groups == 0 else f"its {channels} channels are not {groups} equal groups"


CHECKS: dict[str, Check] = {
    **dict.fromkeys(("Softmax", "LogSoftmax", "Hardmax"), every(real(0), not_empty)),
    "MeanVarianceNormalization": real(0),
    **dict.fromkeys(("LayerNormalization", "RMSNormalization"), every(real(0), one_output)),
    "InstanceNormalization": real(0),
    "GroupNormalization": every(real(0), _groups),
}
