"""What models of tables are made of beside the operators of the main domain (`circuits.onnx.tabular`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from circuits.onnx.graph import FloatNode, Floats
from circuits.program.limits import MAX_BITS, MAX_TABLE
from circuits.program.ops import Compare, Contract, Mul, Relation
from circuits.program.refs import AffineMap
from circuits.quantize.arithmetic import (
    absolute,
    at_least,
    at_most,
    negated,
    product,
    quotient,
    reciprocal_sqrt,
    signed_sum,
    times_number,
)
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.choices import compared, selected
from circuits.quantize.functions import apply
from circuits.quantize.moves import axes_map, taken
from circuits.quantize.rules import Rule
from circuits.quantize.rules.tabular_inputs import fine_bits
from circuits.quantize.rules.tabular_questions import leaf_scale, threshold_at
from circuits.quantize.rules.tabular_trees import trees
from circuits.quantize.scales import Exact, Reach, Target, bits_of, integers_at
from circuits.quantize.sums import exact_total, max_over, over_axes
from circuits.quantize.weights import Weights, weighted

# Where onnxruntime ends the coupling of two probabilities.
COUPLING_ROUNDS = 100
COUPLING_END = 0.005 / 2
# What is added up over hundreds of support vectors, or divided by, keeps more bits than an activation.
WIDE_BITS = 30


def _platt(score: Floats, attributes: Mapping[str, Any]) -> Floats:
    """The first of two classes' probability as libsvm couples it: a fixed point found by iteration, not quite σ."""
    sigmoid = 1 / (1 + np.exp(np.clip(attributes["a"] * score + attributes["b"], -500, 500)))
    return _coupled(np.clip(sigmoid, 1e-7, 1 - 1e-7))


def _coupled(first: Floats) -> Floats:
    """T.-F. Wu, C.-J. Lin, R. C. Weng, "Probability estimates for multi-class classification by pairwise coupling",
    algorithm 2, for two classes, ended where onnxruntime ends it. [2, …] throughout: a value for each class."""
    pair = np.stack([first, 1 - first])
    own, cross = pair[::-1] ** 2, -pair[0] * pair[1]
    p = np.full_like(pair, 0.5)
    for _ in range(COUPLING_ROUNDS):
        qp = own * p + cross * p[::-1]
        pqp = (p * qp).sum(axis=0)
        going = np.abs(qp - pqp).max(axis=0) >= COUPLING_END
        if not going.any():
            break
        for i in range(2):
            step = np.where(going, (pqp - qp[i]) / own[i], 0.0)
            pqp = (pqp + step * (step * own[i] + 2 * qp[i])) / (1 + step) ** 2
            row = np.stack([own[0], cross] if i == 0 else [cross, own[1]])
            qp = (qp + step * row) / (1 + step)
            p[i] += step
            p = p / (1 + step)
    return np.asarray(p[0], np.float64)


CURVES: dict[str, Callable[[Floats, Mapping[str, Any]], Floats]] = {
    "logistic": lambda x, a: 1 / (1 + np.exp(-x)),
    "platt": _platt,
}
FLAT_CURVES = {"logistic": 11.5}


def curve(b: Builder, node: FloatNode) -> None:
    """A function of one score, in a table of its own size."""
    name = node.attributes["function"]
    b.values[node.output] = apply(
        b,
        node.output,
        b.tensor(node.input(0)),
        lambda x: CURVES[name](x, node.attributes),
        b.want(node.output),
        flat_beyond=FLAT_CURVES.get(name, np.inf),
    )


def normalize(b: Builder, node: FloatNode) -> None:
    """A row over its norm; a row of zeros stays what it is. MAX is the largest element, which may be negative."""
    x, norm = b.tensor(node.input(0)), node.attributes["norm"]
    want = Reach(fine_bits(b.options))
    unit = np.array(2.0**-x.scale)
    if norm == "L2":
        squares = _squares(b, x)
        inverse = reciprocal_sqrt(b, at_least(b, squares, np.array(2.0**-squares.scale)), Reach(WIDE_BITS))
        b.values[node.output] = product(b, x, inverse, x.dims, want)
        return
    if norm == "L1":
        size = absolute(b, x)
        reading, dims, inner = over_axes(size, [1])
        divisor = exact_total(b, size, reading, dims, inner)
        b.values[node.output] = quotient(b, x, at_least(b, divisor, unit), x.dims, want)
        return
    most = max_over(b, x, [1])
    if b.interval(most).lo >= 0:
        b.values[node.output] = quotient(b, x, at_least(b, most, unit), x.dims, want)
        return
    zero = b.fixed("zero", np.zeros(()), most.scale)
    made = quotient(b, x, at_least(b, absolute(b, most), unit), x.dims, want)
    below = compared(b, Relation.LESS, most, zero, most.dims)
    b.values[node.output] = selected(b, below, negated(b, made), made, x.dims)


def _squares(b: Builder, x: Tensor) -> Tensor:
    """[rows, 1]: the sum of each row's squares."""
    how = axes_map(x.dims, (0, 0), [(0, 1), (2, 1)], 3)
    readings = [(x.ref, how), (x.ref, how)]
    return b.accumulate(Contract, readings, (x.dims[0], 1), 2 * x.scale, Reach(WIDE_BITS), inner=x.dims[1:])


def kernel(b: Builder, node: FloatNode) -> None:
    """[rows, vectors]: γ x·v (+ start) and what is made of it, or exp(−γ |x − v|²)."""
    get, x = node.attributes, b.tensor(node.input(0))
    support, gamma, kind = get["support"], get["gamma"], get["kernel"]
    if kind == "RBF":
        b.values[node.output] = _radial(b, node.output, x, support, gamma)
        return
    if kind == "LINEAR":
        gamma, start = 1.0, np.zeros(len(support))
    else:
        start = np.full(len(support), get["start"])
    made = _dots(b, node.output, x, gamma * support, start, Reach(fine_bits(b.options)))
    if kind == "SIGMOID":
        made = apply(b, node.output, made, np.tanh, Reach(b.options.bits), flat_beyond=6.0)
    elif kind == "POLY":
        made = _power(b, made, get["degree"])
    b.values[node.output] = made


def _dots(b: Builder, name: str, x: Tensor, vectors: Floats, bias: Floats, want: Reach) -> Tensor:
    """[rows, vectors]: x · vector + bias."""
    read = x, axes_map(x.dims, (0, 0), [(0, 1), (2, 1)], 3)
    how = axes_map(vectors.shape, (0, 0), [(1, 1), (2, 1)], 3)
    weights = Weights(vectors, how, (0,), divisors=_divisors(x))
    added = bias, AffineMap(bias.shape, (0,), ((0, 1, 0),))
    dims = (x.dims[0], len(vectors))
    return weighted(b, name, Contract, read, weights, dims, want, inner=x.dims[1:], bias=added)


def _divisors(x: Tensor) -> Floats | None:
    """What the weights of an input's columns take over from their scales."""
    return 2.0 ** -np.array(x.scales, np.float64) if x.per_feature else None


def dense(b: Builder, node: FloatNode) -> None:
    """x · weights + bias, finer than a network's layer."""
    weights, bias = (b.graph.constant(node.input(position)) for position in (1, 2))
    want = Reach(fine_bits(b.options))
    b.values[node.output] = _dots(b, node.output, b.values[node.input(0)], weights, bias, want)


def scale(b: Builder, node: FloatNode) -> None:
    """x · factor + summand, by column."""
    x = b.values[node.input(0)]
    factors, summands = (b.graph.constant(node.input(position)) for position in (1, 2))
    column = AffineMap(factors.shape, (0,), ((0, 1),))
    weights = Weights(factors, column, divisors=_divisors(x))
    added = summands, AffineMap.broadcast(summands.shape, x.dims)
    read, want = (x, x.identity()[1]), Reach(fine_bits(b.options))
    b.values[node.output] = weighted(b, node.output, Mul, read, weights, x.dims, want, bias=added)


def _radial(b: Builder, name: str, x: Tensor, support: Floats, gamma: float) -> Tensor:
    """γ|x − v|² = γ|x|² + (γ|v|² − 2γ x·v): sums in many bits, which leave little when they cancel."""
    dots = _dots(b, name, x, -2 * gamma * support, gamma * (support**2).sum(axis=1), Reach(WIDE_BITS))
    squares = times_number(b, _squares(b, x), gamma, Reach(WIDE_BITS))
    distance = signed_sum(b, [(1, squares), (1, dots)], dots.dims, Reach(fine_bits(b.options)))
    near = at_least(b, distance, np.zeros(()))
    return apply(b, name, near, lambda u: np.exp(-u), Reach(b.options.bits))


def _power(b: Builder, x: Tensor, degree: int) -> Tensor:
    """x^degree by products."""
    if degree == 0:
        return b.fixed("one", np.ones(x.dims), 0)
    made = x
    for _ in range(degree - 1):
        made = product(b, made, x, x.dims, Reach(fine_bits(b.options)))
    return made


def columns(b: Builder, node: FloatNode) -> None:
    """Some columns, each at the scale that it has."""
    x, places = b.values[node.input(0)], node.attributes["places"]
    scales = [x.scales[place if x.per_feature else 0] for place in places]
    made = taken(b, replace(x, scales=(x.scale,)), 1, places)
    b.values[node.output] = replace(made, scales=tuple(scales) if len(set(scales)) > 1 else (scales[0],))


def over(b: Builder, node: FloatNode) -> None:
    """x > threshold, at the scale of each column."""
    x = b.values[node.input(0)]
    most = np.array([threshold_at(node.attributes["threshold"], scale) for scale in x.scales], np.int64)
    limit = b.constant(f"{node.output}.threshold", most, 0)
    maps = (limit.broadcast(x.dims)[1], x.identity()[1])
    b.values[node.output] = b.fitting(Compare((limit.ref, x.ref), maps, x.dims, (), MAX_BITS, 0, Relation.LESS))


def encode(b: Builder, node: FloatNode) -> None:
    """The value of the key that x is, or the default: an entry for each integer that x can be, where these are few."""
    x, get = b.tensor(node.input(0)), node.attributes
    known = b.interval(x)
    if x.scale == 0 and known.hi - known.lo < MAX_TABLE:
        value = dict(zip(get["keys"], get["values"], strict=True))
        real = np.array([value.get(i, get["default"]) for i in range(known.lo, known.hi + 1)], np.float64)
        entries = b.real_constant(f"{node.output}.entries", real)
        at = np.rint(b.shadow(x)).astype(np.int64).clip(known.lo, known.hi) - known.lo
        target = Target(entries.scale, bits_of(b.interval(entries)))
        b.values[node.output] = b.lookup(x, entries, known.lo, target, real[at] * 2.0**entries.scale)
    else:
        b.values[node.output] = _matched(b, node, x)


def _matched(b: Builder, node: FloatNode, x: Tensor) -> Tensor:
    """Which key x is, against how far each value is from the default; within the values' range."""
    get = node.attributes
    keys = b.constant(f"{node.output}.keys", integers_at(np.array(get["keys"]), x.scale, MAX_BITS), x.scale)
    rank = len(x.dims) + 1
    maps = (
        axes_map(x.dims, (0,) * (rank - 1), [(axis, 1) for axis in range(rank - 1)], rank),
        axes_map(keys.dims, (0,), [(rank - 1, 1)], rank),
    )
    dims = (*x.dims, *keys.dims)
    hit = b.fitting(Compare((x.ref, keys.ref), maps, dims, (), MAX_BITS, 0, Relation.EQUAL))
    real, default = np.array(get["values"], np.float64) - get["default"], np.array(get["default"])
    reach = float(np.abs(real).sum() + abs(get["default"]))
    scale = 0 if b.graph.is_integer(node.output) else leaf_scale(float(np.abs(real).max()), reach)
    (ref, how), out, inner = over_axes(hit, [rank - 1], keepdims=False)
    weights = b.constant(f"{node.output}.values", integers_at(real, scale, MAX_BITS), scale)
    added = b.bias(f"{node.output}.default", default, scale)
    readings = [
        (ref, how),
        (weights.ref, axes_map(weights.dims, (0,), [(rank - 1, 1)], rank)),
        (added.ref, AffineMap((), (), ())),
    ]
    made = b.accumulate(Contract, readings, out, scale, Exact(), inner=inner)
    values = [*get["values"], get["default"]]
    return at_most(b, at_least(b, made, np.array(min(values))), np.array(max(values)))


RULES: dict[str, Rule] = {
    "Trees": trees,
    "Dense": dense,
    "Scale": scale,
    "Kernel": kernel,
    "Curve": curve,
    "Normalize": normalize,
    "Columns": columns,
    "Over": over,
    "Encode": encode,
}
