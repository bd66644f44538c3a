"""Comparisons, truth values, choices and casts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from circuits.onnx.graph import FloatNode, Floats
from circuits.program.limits import MAX_BITS
from circuits.program.ops import Mul, Relation
from circuits.quantize.arithmetic import (
    aligned,
    at_least,
    common_scale,
    floor,
    furthest,
    negated,
    rescaled,
    signed_sum,
)
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.choices import both, compared, either, index_from_end, negation, selected, truth
from circuits.quantize.rules import Rule
from circuits.quantize.scales import Exact, Target

Dims = tuple[int, ...]
ZERO = np.zeros(())


def _comparison(relation: Relation, swapped: bool = False) -> Rule:
    def rule(b: Builder, node: FloatNode) -> None:
        x, y = _alike(b, node.inputs)
        operands = (y, x) if swapped else (x, y)
        b.values[node.output] = compared(b, relation, *operands, b.graph.shapes[node.output])

    return rule


def _alike(b: Builder, names: Sequence[str]) -> list[Tensor]:
    """Two operands of a comparison. A real constant is rounded as the tensor that it meets is: equal numbers stay so.
    Whole numbers are not rounded, and the constant keeps what it has between them."""
    scales = [b.tensor(name).scale for name in names if not b.graph.is_constant(name)]
    rounded = len(scales) == 1 and scales[0] > 0
    return [
        b.fixed(name, b.graph.constant(name), scales[0]) if rounded and b.graph.is_constant(name) else b.tensor(name)
        for name in names
    ]


def _logical(combine: Callable[[Builder, Tensor, Tensor, Dims], Tensor]) -> Rule:
    def rule(b: Builder, node: FloatNode) -> None:
        x, y = (truth(b, b.tensor(name)) for name in node.inputs)
        b.values[node.output] = combine(b, x, y, b.graph.shapes[node.output])

    return rule


def _differ(b: Builder, x: Tensor, y: Tensor, dims: Dims) -> Tensor:
    return negation(b, compared(b, Relation.EQUAL, x, y, dims))


def not_(b: Builder, node: FloatNode) -> None:
    b.values[node.output] = negation(b, truth(b, b.tensor(node.input(0))))


def where(b: Builder, node: FloatNode) -> None:
    """A constant that is infinite counts as the end of 32 bits at the other's scale: far beyond what it meets."""
    names, dims = node.inputs[1:], b.graph.shapes[node.output]
    chooser = truth(b, b.tensor(node.input(0)))
    constant = all(b.graph.is_constant(name) for name in names)
    given = [b.graph.constant(n) if b.graph.is_constant(n) and not constant else b.tensor(n) for n in names]
    x, y = common_scale(b, given, _chosen_reach(b, chooser, given, dims))
    b.values[node.output] = selected(b, chooser, x, y, dims)


def _chosen_reach(b: Builder, chooser: Tensor, given: Sequence[Tensor | Floats], dims: Dims) -> float:
    """How far what is chosen reaches: what is left aside may be much further away."""
    rows = [
        aligned(b.shadow(t) if isinstance(t, Tensor) else np.asarray(t)[None], len(dims)) for t in (chooser, *given)
    ]
    return furthest(np.where(rows[0] == 1, rows[1], rows[2])) * b.options.headroom


def one_hot(b: Builder, node: FloatNode) -> None:
    """`on` where the index is the place along the new axis; an index out of range is nowhere."""
    dims = b.graph.shapes[node.output]
    axis = node.attributes["axis"] % len(dims)
    # Indices may be real numbers, as long as they are whole.
    indices = rescaled(b, b.tensor(node.input(0)), Target(0, MAX_BITS))
    indices = index_from_end(b, indices, dims[axis])
    indices = indices.viewed((*dims[:axis], 1, *dims[axis + 1 :]))
    places = np.arange(dims[axis]).reshape(-1, *(1,) * (len(dims) - 1 - axis))
    here = compared(b, Relation.EQUAL, indices, b.constant("places", places, 0), dims)
    off, on = b.graph.constant(node.input(2))
    scale = b.real_constant("values", np.array([off, on])).scale
    x, y = (b.fixed("value", np.array(value), scale) for value in (on, off))
    b.values[node.output] = selected(b, here, x, y, dims)


def trilu(b: Builder, node: FloatNode) -> None:
    x = b.tensor(node.input(0))
    k = b.graph.integers(node.input(1))[0] if node.input(1) else 0
    keep = np.ones(x.dims[-2:], np.int64)
    mask = b.constant("triangle", np.triu(keep, k) if node.attributes["upper"] else np.tril(keep, k), 0)
    readings = [x.identity(), mask.broadcast(x.dims)]
    b.values[node.output] = b.accumulate(Mul, readings, x.dims, x.scale, Target(x.scale, x.bits))


def cast(b: Builder, node: FloatNode) -> None:
    """To a whole number toward zero, to a truth value by being 0 or not; everything else keeps its value."""
    x = b.values[node.input(0)]
    if b.graph.is_boolean(node.output):
        b.values[node.output] = truth(b, b.tensor(node.input(0)))
    elif b.graph.is_real(node.input(0)) and b.graph.is_integer(node.output):
        x = b.tensor(node.input(0))
        above = floor(b, at_least(b, x, ZERO))
        below = floor(b, at_least(b, negated(b, x), ZERO))
        b.values[node.output] = signed_sum(b, [(1, above), (-1, below)], x.dims, Exact())
    else:
        b.values[node.output] = x


RULES: dict[str, Rule] = {
    "Equal": _comparison(Relation.EQUAL),
    "Less": _comparison(Relation.LESS),
    "LessOrEqual": _comparison(Relation.LESS_OR_EQUAL),
    "Greater": _comparison(Relation.LESS, swapped=True),
    "GreaterOrEqual": _comparison(Relation.LESS_OR_EQUAL, swapped=True),
    "And": _logical(both),
    "Or": _logical(either),
    "Xor": _logical(_differ),
    "Not": not_,
    "Where": where,
    "OneHot": one_hot,
    "Trilu": trilu,
    "Cast": cast,
}
