"""Pools: sums and maxima over windows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from circuits.onnx.graph import FloatNode, Floats
from circuits.program.refs import AffineMap
from circuits.quantize.builder import Builder, Reading, Tensor
from circuits.quantize.rules import Rule
from circuits.quantize.scales import Reach
from circuits.quantize.sums import exact_total, maximum, mean
from circuits.quantize.weights import times_constant


@dataclass(frozen=True)
class Window:
    """How a kernel walks over the spatial axes; `begins` is the padding before each, `ends` that after it."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    begins: tuple[int, ...]
    ends: tuple[int, ...]


def window_of(node: FloatNode, inputs: Sequence[int], outputs: Sequence[int], kernel: Sequence[int]) -> Window:
    """The node's window over axes of `inputs` elements that makes `outputs`."""
    get, count = node.attributes.get, len(kernel)
    strides, dilations = (tuple(get(name, [1] * count)) for name in ("strides", "dilations"))
    auto = get("auto_pad", "NOTSET")
    if auto.startswith("SAME"):
        spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
        totals = [max(0, (o - 1) * s + span - i) for o, s, span, i in zip(outputs, strides, spans, inputs, strict=True)]
        smaller, larger = tuple(t // 2 for t in totals), tuple(t - t // 2 for t in totals)
        begins, ends = (smaller, larger) if auto == "SAME_UPPER" else (larger, smaller)
    else:
        pads = tuple(get("pads", [0] * 2 * count)) if auto == "NOTSET" else (0,) * 2 * count
        begins, ends = pads[:count], pads[count:]
    return Window(tuple(kernel), strides, dilations, begins, ends)


def pool_reading(b: Builder, node: FloatNode, x: Tensor) -> tuple[Reading, tuple[int, ...]]:
    """x under the node's window, over (batch, channel, pixels, kernel); and the kernel."""
    window = _pool_window(b, node, x)
    return _reading(x, window, b.graph.shapes[node.output]), window.kernel


def _pool_window(b: Builder, node: FloatNode, x: Tensor) -> Window:
    return window_of(node, x.dims[2:], b.graph.shapes[node.output][2:], node.attributes["kernel_shape"])


def _reading(x: Tensor, window: Window, out: tuple[int, ...]) -> Reading:
    space, rank = len(window.kernel), len(out) + len(window.kernel)
    rows = [tuple(int(d == axis) for d in range(rank)) for axis in range(2)]
    rows += [
        tuple(window.strides[s] * (d == 2 + s) + window.dilations[s] * (d == len(out) + s) for d in range(rank))
        for s in range(space)
    ]
    offsets = (0, 0, *(-begin for begin in window.begins))
    return x.ref, AffineMap(x.dims, offsets, tuple(rows))


def max_pool(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    reading, kernel = pool_reading(b, node, x)
    b.values[node.output] = maximum(b, x, reading, b.graph.shapes[node.output], kernel)


def average_pool(b: Builder, node: FloatNode) -> None:
    x, dims = b.tensor(node.input(0)), b.graph.shapes[node.output]
    window = _pool_window(b, node, x)
    reading = _reading(x, window, dims)
    counts = _counts(window, x.dims[2:], dims[2:], bool(node.attributes.get("count_include_pad", 0)))
    if (counts == math.prod(window.kernel)).all():
        b.values[node.output] = mean(b, x, reading, dims, window.kernel, Reach(b.options.bits))
        return
    # The divisor depends on how many points of the window count: sum, then multiply by its reciprocal.
    summed = exact_total(b, x, reading, dims, window.kernel)
    b.values[node.output] = times_constant(b, node.output, summed, 1.0 / counts, dims, Reach(b.options.bits))


def _counts(window: Window, inputs: Sequence[int], outputs: Sequence[int], padding: bool) -> Floats:
    """How many points of each output's window count, over the spatial axes: a product over axes.

    Those inside do, and with `padding` those in the padding; never those beyond, where rounding up leads.
    """
    counts = np.ones(tuple(outputs), np.float64)
    for s, size in enumerate(window.kernel):
        index = window.strides[s] * np.arange(outputs[s])[:, None] + window.dilations[s] * np.arange(size)
        before, after = (window.begins[s], window.ends[s]) if padding else (0, 0)
        place = index - window.begins[s]
        counted = ((place >= -before) & (place < inputs[s] + after)).sum(axis=1)
        counts *= counted.reshape(-1, *(1,) * (len(window.kernel) - 1 - s))
    return counts


RULES: dict[str, Rule] = {"MaxPool": max_pool, "AveragePool": average_pool}
