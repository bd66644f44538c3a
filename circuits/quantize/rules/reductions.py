"""Sums, means and extremes over axes."""

from __future__ import annotations

from circuits.onnx.graph import FloatNode
from circuits.quantize.arithmetic import negated
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.rules import Rule
from circuits.quantize.scales import Reach
from circuits.quantize.sums import max_over, mean_over, sum_over


def axes_of(b: Builder, node: FloatNode, x: Tensor) -> list[int]:
    """The reduced axes: all of them where none are named, unless the node says that none means none."""
    if node.op.startswith("Global"):
        return list(range(2, len(x.dims)))
    axes = b.graph.integers(node.input(1)) if node.input(1) else list(node.attributes.get("axes", []))
    if not axes and not node.attributes.get("noop_with_empty_axes", 0):
        return list(range(len(x.dims)))
    return axes


def _keepdims(b: Builder, node: FloatNode, x: Tensor) -> bool:
    return len(b.graph.shapes[node.output]) == len(x.dims)


def reduce_mean(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    b.values[node.output] = mean_over(b, x, axes_of(b, node, x), Reach(b.options.bits), _keepdims(b, node, x))


def reduce_sum(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    b.values[node.output] = sum_over(b, x, axes_of(b, node, x), b.want(node.output), _keepdims(b, node, x))


def reduce_max(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    b.values[node.output] = max_over(b, x, axes_of(b, node, x), _keepdims(b, node, x))


def reduce_min(b: Builder, node: FloatNode) -> None:
    """min x = −max −x."""
    x = b.tensor(node.input(0))
    b.values[node.output] = negated(b, max_over(b, negated(b, x), axes_of(b, node, x), _keepdims(b, node, x)))


RULES: dict[str, Rule] = {
    "GlobalAveragePool": reduce_mean,
    "GlobalMaxPool": reduce_max,
    "ReduceMean": reduce_mean,
    "ReduceSum": reduce_sum,
    "ReduceMax": reduce_max,
    "ReduceMin": reduce_min,
}
