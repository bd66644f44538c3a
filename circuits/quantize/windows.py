"""Pools and reductions: sums and maxima over windows and whole axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from circuits.errors import InputError
from circuits.onnx.graph import FloatNode
from circuits.program.indexing import always_in_bounds
from circuits.program.limits import MAX_BITS, MAX_SHIFT
from circuits.program.ops import Mul, ReduceSum
from circuits.program.refs import AffineMap
from circuits.quantize.builder import Builder, Reading, Tensor, bits_of
from circuits.quantize.scales import Target, quantize_weights

MEAN_BITS = 16


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


def _pool_reading(b: Builder, node: FloatNode, x: Tensor) -> tuple[Reading, tuple[int, ...]]:
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
    reading, kernel = _pool_reading(b, node, x)
    b.values[node.output] = b.max_over([reading], b.graph.shapes[node.output], kernel, x.scale)


def average_pool(b: Builder, node: FloatNode) -> None:
    x, dims = b.tensor(node.input(0)), b.graph.shapes[node.output]
    reading, kernel = _pool_reading(b, node, x)
    everywhere = always_in_bounds(reading[1], dims + kernel)
    if everywhere or node.attributes.get("count_include_pad", 0):
        b.values[node.output] = mean(b, node, x, reading, dims, kernel)
        return
    # The divisor depends on how many points of the window are in bounds: sum, then multiply by its reciprocal.
    total = total_of(b, x, reading, dims, kernel)
    counts = _in_bounds_counts(reading[1], dims, kernel)
    want = b.target(node.output)
    weights = quantize_weights(1.0 / counts, b.options.weight_bits, want.scale + MAX_SHIFT - x.scale)
    factors = b.constant(f"{node.output}.reciprocals", weights.values, weights.scale)
    readings = [total.identity(), factors.broadcast(dims)]
    b.values[node.output] = b.accumulate(Mul, readings, dims, x.scale + weights.scale, want)


def _in_bounds_counts(how: AffineMap, dims: tuple[int, ...], kernel: tuple[int, ...]) -> np.ndarray:
    """How many points of each output's window are inside, over the spatial axes: a product over axes."""
    counts = np.ones(dims[2:], np.float64)
    for s, size in enumerate(kernel):
        row, offset = how.strides[2 + s], how.offsets[2 + s]
        index = offset + row[2 + s] * np.arange(dims[2 + s])[:, None] + row[len(dims) + s] * np.arange(size)
        inside = ((index >= 0) & (index < how.view[2 + s])).sum(axis=1)
        counts *= inside.reshape(-1, *(1,) * (len(kernel) - 1 - s))
    return counts


def mean(
    b: Builder, node: FloatNode, x: Tensor, reading: Reading, dims: tuple[int, ...], inner: tuple[int, ...]
) -> Tensor:
    """Division by the number n of points is multiplication by round(2^k / n), which is exact for a power of two."""
    count, want = math.prod(inner), b.target(node.output)
    exact = count.bit_length() - 1
    k = exact if count == 1 << exact else min(MEAN_BITS + exact, MAX_SHIFT - x.scale + want.scale)
    if k < exact:
        raise InputError("program_range_overflow", f"{node.name}: the mean's range is too wide for its operand's scale")
    multiplier = ((1 << (k + 1)) + count) // (2 * count)
    return b.accumulate(ReduceSum, [reading], dims, x.scale + k, want, inner=inner, multiplier=multiplier)


def total_of(b: Builder, x: Tensor, reading: Reading, dims: tuple[int, ...], inner: tuple[int, ...]) -> Tensor:
    """The exact sum, at x's scale, in as many bits as it can take."""
    interval = b.interval(x).scaled(math.prod(inner))
    want = Target(x.scale, min(MAX_BITS, bits_of(interval)))
    return b.accumulate(ReduceSum, [reading], dims, x.scale, want, inner=inner, multiplier=1)


def _reduction(b: Builder, node: FloatNode, x: Tensor) -> tuple[Reading, tuple[int, ...]]:
    """x over (output, reduced axes); and the reduced sizes. `keepdims` leaves axes of size 1, which walk nothing."""
    rank, dims = len(x.dims), b.graph.shapes[node.output]
    if node.op.startswith("Global"):
        axes = list(range(2, rank))
    elif node.input(1):
        axes = b.graph.integers(node.input(1))
    else:
        axes = list(node.attributes.get("axes", []))
    if not axes and not node.attributes.get("noop_with_empty_axes", 0):
        axes = list(range(rank))
    reduced = sorted({axis % rank for axis in axes})
    inner = tuple(x.dims[axis] for axis in reduced)
    kept = [axis for axis in range(rank) if axis not in reduced]
    place = {axis: axis if len(dims) == rank else kept.index(axis) for axis in kept}
    place |= {axis: len(dims) + i for i, axis in enumerate(reduced)}
    total = len(dims) + len(inner)
    rows = tuple(tuple(int(d == place[axis]) for d in range(total)) for axis in range(rank))
    return (x.ref, AffineMap(x.dims, (0,) * rank, rows)), inner


def reduce_mean(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    reading, inner = _reduction(b, node, x)
    b.values[node.output] = mean(b, node, x, reading, b.graph.shapes[node.output], inner)


def reduce_sum(b: Builder, node: FloatNode) -> None:
    x, dims = b.tensor(node.input(0)), b.graph.shapes[node.output]
    reading, inner = _reduction(b, node, x)
    want = b.target(node.output)
    b.values[node.output] = b.accumulate(ReduceSum, [reading], dims, x.scale, want, inner=inner, multiplier=1)


def reduce_max(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    reading, inner = _reduction(b, node, x)
    b.values[node.output] = b.max_over([reading], b.graph.shapes[node.output], inner, x.scale)


def reduce_min(b: Builder, node: FloatNode) -> None:
    """min x = −max −x."""
    x = b.negated(b.tensor(node.input(0)))
    reading, inner = _reduction(b, node, x)
    b.values[node.output] = b.negated(b.max_over([reading], b.graph.shapes[node.output], inner, x.scale))
