"""What trees ask of an input, as integers, and what both forms of an ensemble have in common."""

from __future__ import annotations

import math
from dataclasses import dataclass

from circuits.onnx.tabular_trees import Ask, Inner, Tree
from circuits.program.limits import MAX_BITS
from circuits.quantize.arithmetic import negated, plus_constant
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.choices import gathered
from circuits.quantize.moves import axes_map
from circuits.quantize.scales import EXACT_WEIGHT_BITS, Exact, Floats, scale_for
from circuits.quantize.sums import max_over

# Finer than a program's other constants: a leaf's weight is picked, never multiplied by another number.
MAX_LEAF_SCALE = 40

# (feature, most): is the feature at most this integer?
Question = tuple[int, int]


@dataclass(frozen=True)
class Scales:
    """The scale of each feature of the input, or one for all."""

    given: tuple[int, ...]

    def questions(self, node: Inner) -> list[tuple[Question, int]]:
        """Questions with signs: the node's answer is yes where the answers, signed, add up to 1, and no where to 0.

        One for a threshold; for "one of some numbers" two for each, "at most q" and, taken off, "at most q − 1".
        """
        scale = self.given[node.feature if len(self.given) > 1 else 0]
        if node.ask is Ask.ONE_OF:
            hit = sorted({_place(v, scale) for v in node.values if _place(v, scale) == _not_below(v, scale)})
            return [((node.feature, _clamped(q - step)), 1 - 2 * step) for q in hit for step in (0, 1)]
        value = node.values[0]
        most = threshold_at(value, scale) if node.ask is Ask.AT_MOST else _clamped(_not_below(value, scale) - 1)
        return [((node.feature, most), 1)]

    def asked(self, tree: Tree) -> list[Question]:
        """The distinct questions of a tree."""
        inner = [node for node in tree.nodes if isinstance(node, Inner)]
        return sorted({question for node in inner for question, _ in self.questions(node)})


def threshold_at(value: float, scale: int) -> int:
    """The largest integer of an input that counts as at most a threshold."""
    return _clamped(_place(value, scale))


def _place(value: float, scale: int) -> int:
    """Where a threshold stands among an input's integers: rounded as the input is, so that equal numbers stay equal.
    An input at scale 0 is whole numbers, not rounded: those at most at `value` are at most at its floor."""
    scaled = _scaled(value, scale)
    return math.floor(scaled + 0.5) if scale > 0 else math.floor(scaled)


def _scaled(value: float, scale: int) -> float:
    """value · 2^scale, beyond 32 bits no further than 33: a threshold may be infinite."""
    limit = 2.0 ** (MAX_BITS + 1)
    return max(-limit, min(value * 2.0**scale, limit))


def _not_below(value: float, scale: int) -> int:
    """The first integer that counts as not below a threshold."""
    return _place(value, scale) if scale > 0 else math.ceil(_scaled(value, scale))


def _clamped(integer: int) -> int:
    """Within 32 bits, beyond which no input lies."""
    limit = 1 << (MAX_BITS - 1)
    return max(-limit, min(integer, limit - 1))


def leaf_scale(peak: float, reach: float) -> int:
    """The finest scale at which weights up to `peak` have their bits and sums up to `reach` theirs: none is rounded."""
    of_weight = scale_for(peak, EXACT_WEIGHT_BITS, MAX_LEAF_SCALE)
    of_sum = scale_for(reach, MAX_BITS - 1, MAX_LEAF_SCALE)
    return min(of_weight, of_sum)


def columns_at(b: Builder, x: Tensor, features: Tensor, dims: tuple[int, ...]) -> Tensor:
    """x [rows, columns] at the columns that `features` names, which broadcasts over dims [rows, …]."""
    rank = len(dims)
    how = axes_map(x.dims, (0, 0), [(0, 1), (rank, 1)], rank + 1)
    return gathered(b, x, how, features.broadcast(dims), dims, x.dims[1:])


def extreme(b: Builder, values: Tensor, aggregate: str, base: Floats) -> Tensor:
    """The least or largest over the trees of [rows, trees, targets], and the base values."""
    if aggregate == "MAX":
        found = max_over(b, values, [1], keepdims=False)
    else:
        found = negated(b, max_over(b, negated(b, values), [1], keepdims=False))
    return plus_constant(b, found, base, Exact()) if base.any() else found
