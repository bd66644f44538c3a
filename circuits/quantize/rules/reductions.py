"""Many elements to one: sums, norms, products, extremes, and what is made of them along axes."""

from __future__ import annotations

import math

import numpy as np

from circuits.onnx.graph import FloatNode, Floats
from circuits.program.limits import MAX_BITS
from circuits.program.ops import Contract
from circuits.program.refs import AffineMap
from circuits.quantize.arithmetic import (
    absolute,
    at_least,
    negated,
    product,
    quotient,
    signed_sum,
    square_root,
    times_number,
)
from circuits.quantize.builder import Builder, Reading, Tensor
from circuits.quantize.choices import argmax_over
from circuits.quantize.functions import apply, logarithm
from circuits.quantize.moves import part, sliced, transposed
from circuits.quantize.rules import Rule
from circuits.quantize.rules.windows import pool_reading
from circuits.quantize.scales import Exact, Reach, Want
from circuits.quantize.size import require_at_most
from circuits.quantize.sums import max_over, mean_over, over_axes, sum_over, total

Dims = tuple[int, ...]
# What a square root or a logarithm is taken of keeps small values: its result bends most there.
FINE_BITS = 30
# exp(x) is below 2^-24 from here on down.
EXP_FLAT_BEYOND = 17.0
# A cumulative sum adds every element to all after it: so often in all, and over all samples.
MAX_ADDED, MAX_SAMPLED = 2**28, 2**34


def axes_of(b: Builder, node: FloatNode, x: Tensor) -> list[int]:
    """The reduced axes: all of them where none are named, unless the node says that none means none."""
    if node.op.startswith("Global"):
        return list(range(2, len(x.dims)))
    axes = b.graph.integers(node.input(1)) if node.input(1) else []
    if not axes and not node.attributes.get("noop_with_empty_axes", 0):
        return list(range(len(x.dims)))
    return axes


def _over(b: Builder, node: FloatNode, x: Tensor) -> tuple[Reading, Dims, Dims]:
    keepdims = len(b.graph.shapes[node.output]) == len(x.dims)
    return over_axes(x, axes_of(b, node, x), keepdims)


def _keepdims(b: Builder, node: FloatNode, x: Tensor) -> bool:
    return len(b.graph.shapes[node.output]) == len(x.dims)


# Sums.


def reduce_mean(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    b.values[node.output] = mean_over(b, x, axes_of(b, node, x), Reach(b.options.bits), _keepdims(b, node, x))


def reduce_sum(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    b.values[node.output] = sum_over(b, x, axes_of(b, node, x), b.want(node.output), _keepdims(b, node, x))


def reduce_l1(b: Builder, node: FloatNode) -> None:
    """Σ |x|."""
    x = absolute(b, b.tensor(node.input(0)))
    b.values[node.output] = total(b, x, *_over(b, node, x), b.want(node.output))


def reduce_sum_square(b: Builder, node: FloatNode) -> None:
    """Σ x²."""
    x = b.tensor(node.input(0))
    b.values[node.output] = squares(b, x, *_over(b, node, x), b.want(node.output))


def squares(b: Builder, x: Tensor, reading: Reading, dims: Dims, inner: Dims, want: Want) -> Tensor:
    """Σ x² over the inner points: one op, rounded once."""
    return b.accumulate(Contract, [reading, reading], dims, 2 * x.scale, want, inner=inner)


def reduce_l2(b: Builder, node: FloatNode) -> None:
    """sqrt(Σ x²)."""
    x = b.tensor(node.input(0))
    summed = squares(b, x, *_over(b, node, x), Reach(FINE_BITS))
    b.values[node.output] = square_root(b, summed, Reach(b.options.bits))


def cumulative_sum(b: Builder, node: FloatNode) -> None:
    """y[j] = Σ x[j − k] over k ≥ 0; before the first element there is nothing, which counts as 0."""
    x = b.tensor(node.input(0))
    rank = len(x.dims)
    axis = b.graph.integers(node.input(1))[0] % rank
    added = math.prod(x.dims) * x.dims[axis]
    require_at_most(added, MAX_ADDED, "additions")
    require_at_most(added * b.samples, MAX_SAMPLED, f"additions over {b.samples} samples")
    step = 1 if node.attributes.get("reverse", 0) else -1
    offsets = [0] * rank
    offsets[axis] = step if node.attributes.get("exclusive", 0) else 0
    rows = [(*(int(d == a) for d in range(rank)), step * (a == axis)) for a in range(rank)]
    reading = (x.ref, AffineMap(x.dims, tuple(offsets), tuple(rows)))
    b.values[node.output] = total(b, x, reading, x.dims, (x.dims[axis],), b.want(node.output))


def variadic_sum(b: Builder, node: FloatNode) -> None:
    b.values[node.output] = _sum_of(b, node, b.want(node.output))


def variadic_mean(b: Builder, node: FloatNode) -> None:
    summed = _sum_of(b, node, Reach(MAX_BITS - 8))
    b.values[node.output] = times_number(b, summed, 1 / len(node.inputs), Reach(b.options.bits))


def _sum_of(b: Builder, node: FloatNode, want: Want) -> Tensor:
    """Σ of tensors and constants that broadcast over the output."""
    tensors = [(1, b.tensor(name)) for name in node.inputs if not b.graph.is_constant(name)]
    known = [b.graph.constant(name) for name in node.inputs if b.graph.is_constant(name)]
    constant: Floats | None = sum(known[1:], known[0]) if known else None
    return signed_sum(b, tensors, b.graph.shapes[node.output], want, constant)


# Products.


def reduce_product(b: Builder, node: FloatNode) -> None:
    x, shape = b.tensor(node.input(0)), b.graph.shapes[node.output]
    axes = sorted({axis % len(x.dims) for axis in axes_of(b, node, x)})
    kept = [axis for axis in range(len(x.dims)) if axis not in axes]
    if kept + axes != list(range(len(x.dims))):
        x = transposed(b, x, kept + axes)
    x = x.viewed((*x.dims[: len(kept)], math.prod(x.dims[len(kept) :])))
    if x.dims[-1] == 0:
        b.values[node.output] = b.real_constant(node.output, np.ones(shape))
    else:
        b.values[node.output] = _product_of_last(b, x, b.want(node.output)).viewed(shape)


def _product_of_last(b: Builder, x: Tensor, want: Want) -> Tensor:
    """[..., n] to [..., 1]: halves of a power of two are multiplied, and every product gets a scale of its own."""
    count = x.dims[-1]
    if count == 1:
        return x
    block = 1 << (count.bit_length() - 1)
    if block == count:
        left, right = (part(b, x, -1, start, count // 2) for start in (0, count // 2))
        return _product_of_last(b, product(b, left, right, left.dims, want), want)
    left, right = part(b, x, -1, 0, block), part(b, x, -1, block, count - block)
    left, right = (_product_of_last(b, half, want) for half in (left, right))
    return product(b, left, right, left.dims, want)


# Logarithms of sums.


def reduce_log_sum(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    summed = total(b, x, *_over(b, node, x), Reach(FINE_BITS))
    b.values[node.output] = logarithm(b, node.output, summed, Reach(b.options.bits))


def reduce_log_sum_exp(b: Builder, node: FloatNode) -> None:
    """log Σ exp x = m + log Σ exp(x − m) for the largest x, m: no exponential is over 1, and their sum at least 1."""
    x = b.tensor(node.input(0))
    axes = axes_of(b, node, x)
    largest = max_over(b, x, axes)
    below = signed_sum(b, [(1, x), (-1, largest)], x.dims, Reach(b.options.bits))
    below = at_least(b, below, np.array(-EXP_FLAT_BEYOND))
    powers = apply(b, f"{node.output}.exp", below, np.exp, Reach(b.options.bits), flat_beyond=EXP_FLAT_BEYOND)
    summed = sum_over(b, powers, axes, Reach(b.options.bits))
    added = logarithm(b, f"{node.output}.log", summed, Reach(b.options.bits))
    made = signed_sum(b, [(1, largest), (1, added)], added.dims, b.want(node.output))
    b.values[node.output] = made.viewed(b.graph.shapes[node.output])


# Extremes.


def reduce_max(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    b.values[node.output] = max_over(b, x, axes_of(b, node, x), _keepdims(b, node, x))


def reduce_min(b: Builder, node: FloatNode) -> None:
    """min x = −max −x."""
    x = b.tensor(node.input(0))
    b.values[node.output] = negated(b, max_over(b, negated(b, x), axes_of(b, node, x), _keepdims(b, node, x)))


def argmax(b: Builder, node: FloatNode) -> None:
    b.values[node.output] = _index_of_largest(b, node, b.tensor(node.input(0)))


def argmin(b: Builder, node: FloatNode) -> None:
    b.values[node.output] = _index_of_largest(b, node, negated(b, b.tensor(node.input(0))))


def _index_of_largest(b: Builder, node: FloatNode, x: Tensor) -> Tensor:
    """The first of several, or the last: then n − 1 − the first from the end."""
    axis, keepdims = node.attributes.get("axis", 0) % len(x.dims), bool(node.attributes.get("keepdims", 1))
    if not node.attributes.get("select_last_index", 0):
        return argmax_over(b, x, axis, keepdims)
    last = x.dims[axis] - 1
    found = argmax_over(b, sliced(b, x, x.dims, {axis: last}, {axis: -1}), axis, keepdims)
    return signed_sum(b, [(-1, found)], found.dims, Exact(), np.array(float(last)))


# Norms.


def global_lp_pool(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    b.values[node.output] = lp_norm(b, node, x, *_over(b, node, x))


def lp_pool(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    reading, kernel = pool_reading(b, node, x)
    b.values[node.output] = lp_norm(b, node, x, reading, b.graph.shapes[node.output], kernel)


def lp_norm(b: Builder, node: FloatNode, x: Tensor, reading: Reading, dims: Dims, inner: Dims) -> Tensor:
    """(Σ |x|^p)^(1/p) over the inner points."""
    p, want = node.attributes.get("p", 2), Reach(b.options.bits)
    if p == 2:
        return square_root(b, squares(b, x, reading, dims, inner, Reach(FINE_BITS)), want)
    positive = absolute(b, x)
    if p == 1:
        return total(b, positive, (positive.ref, reading[1]), dims, inner, want)
    powers = apply(b, f"{node.output}.powers", positive, lambda t: np.power(np.maximum(t, 0), p), Reach(FINE_BITS))
    summed = total(b, powers, (powers.ref, reading[1]), dims, inner, Reach(FINE_BITS))
    exponent = times_number(b, logarithm(b, f"{node.output}.log", summed, Reach(FINE_BITS), of_zero=True), 1 / p, want)
    return apply(b, f"{node.output}.root", exponent, np.exp, want)


def lp_normalization(b: Builder, node: FloatNode) -> None:
    """x divided by its norm along an axis; where that is 0, so is x."""
    x, axes = b.tensor(node.input(0)), [node.attributes.get("axis", -1)]
    if node.attributes.get("p", 2) == 1:
        norm = sum_over(b, absolute(b, x), axes, Reach(FINE_BITS))
    else:
        norm = square_root(b, squares(b, x, *over_axes(x, axes), Reach(FINE_BITS)), Reach(24))
    norm = at_least(b, norm, np.array(2.0**-norm.scale))
    b.values[node.output] = quotient(b, x, norm, x.dims, Reach(b.options.bits))


RULES: dict[str, Rule] = {
    "ArgMax": argmax,
    "ArgMin": argmin,
    "CumSum": cumulative_sum,
    "GlobalAveragePool": reduce_mean,
    "GlobalLpPool": global_lp_pool,
    "GlobalMaxPool": reduce_max,
    "LpNormalization": lp_normalization,
    "LpPool": lp_pool,
    "Mean": variadic_mean,
    "ReduceL1": reduce_l1,
    "ReduceL2": reduce_l2,
    "ReduceLogSum": reduce_log_sum,
    "ReduceLogSumExp": reduce_log_sum_exp,
    "ReduceMax": reduce_max,
    "ReduceMean": reduce_mean,
    "ReduceMin": reduce_min,
    "ReduceProd": reduce_product,
    "ReduceSum": reduce_sum,
    "ReduceSumSquare": reduce_sum_square,
    "Sum": variadic_sum,
}
