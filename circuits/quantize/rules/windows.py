"""Pools: sums and maxima over windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from circuits.onnx.graph import FloatNode, Floats
from circuits.program.indexing import always_in_bounds
from circuits.program.refs import AffineMap
from circuits.quantize.builder import Builder, Reading, Tensor
from circuits.quantize.rules import Rule
from circuits.quantize.scales import Reach
from circuits.quantize.sums import exact_total, maximum, mean
from circuits.quantize.weights import times_constant


@dataclass(frozen=True)
class Window:
    """How a kernel walks over the spatial axes; `begins` is the padding before each."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    begins: tuple[int, ...]


def window_of(node: FloatNode, inputs: Sequence[int], outputs: Sequence[int], kernel: Sequence[int]) -> Window:
    """The node's window. Padding after needs no number: what lies outside is out of bounds."""
    get, count = node.attributes.get, len(kernel)
    strides, dilations = (tuple(get(name, [1] * count)) for name in ("strides", "dilations"))
    auto = get("auto_pad", "NOTSET")
    if auto.startswith("SAME"):
        spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
        totals = [max(0, (o - 1) * s + span - i) for o, s, span, i in zip(outputs, strides, spans, inputs, strict=True)]
        begins = tuple(total // 2 if auto == "SAME_UPPER" else total - total // 2 for total in totals)
    else:
        begins = tuple(get("pads", [0] * 2 * count)[:count]) if auto == "NOTSET" else (0,) * count
    return Window(tuple(kernel), strides, dilations, begins)


def pool_reading(b: Builder, node: FloatNode, x: Tensor) -> tuple[Reading, tuple[int, ...]]:
    """x under the node's window, over (batch, channel, pixels, kernel); and the kernel."""
    out = b.graph.shapes[node.output]
    window = window_of(node, x.dims[2:], out[2:], node.attributes["kernel_shape"])
    space, rank = len(window.kernel), len(out) + len(window.kernel)
    rows = [tuple(int(d == axis) for d in range(rank)) for axis in range(2)]
    rows += [
        tuple(window.strides[s] * (d == 2 + s) + window.dilations[s] * (d == len(out) + s) for d in range(rank))
        for s in range(space)
    ]
    offsets = (0, 0, *(-begin for begin in window.begins))
    return (x.ref, AffineMap(x.dims, offsets, tuple(rows))), window.kernel


def max_pool(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    reading, kernel = pool_reading(b, node, x)
    b.values[node.output] = maximum(b, x, reading, b.graph.shapes[node.output], kernel)


def average_pool(b: Builder, node: FloatNode) -> None:
    x, dims = b.tensor(node.input(0)), b.graph.shapes[node.output]
    reading, kernel = pool_reading(b, node, x)
    everywhere = always_in_bounds(reading[1], dims + kernel)
    if everywhere or node.attributes.get("count_include_pad", 0):
        b.values[node.output] = mean(b, x, reading, dims, kernel, Reach(b.options.bits))
        return
    # The divisor depends on how many points of the window are in bounds: sum, then multiply by its reciprocal.
    summed = exact_total(b, x, reading, dims, kernel)
    counts = _in_bounds_counts(reading[1], dims, kernel)
    b.values[node.output] = times_constant(b, node.output, summed, 1.0 / counts, dims, Reach(b.options.bits))


def _in_bounds_counts(how: AffineMap, dims: tuple[int, ...], kernel: tuple[int, ...]) -> Floats:
    """How many points of each output's window are inside, over the spatial axes: a product over axes."""
    counts = np.ones(dims[2:], np.float64)
    for s, size in enumerate(kernel):
        row, offset = how.strides[2 + s], how.offsets[2 + s]
        index = offset + row[2 + s] * np.arange(dims[2 + s])[:, None] + row[len(dims) + s] * np.arange(size)
        inside = ((index >= 0) & (index < how.view[2 + s])).sum(axis=1)
        counts *= inside.reshape(-1, *(1,) * (len(kernel) - 1 - s))
    return counts


RULES: dict[str, Rule] = {"MaxPool": max_pool, "AveragePool": average_pool}
