"""What every integer would be without rounding: calibration samples, carried along while a program grows.

A tensor's shadow holds, for every sample, the real number that rounding and saturation turn into its integers. A
scale is chosen from how far the shadow reaches, for values that an ONNX file names and those inside its nodes alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import numpy.typing as npt

from circuits.execute.contraction import contraction
from circuits.program.indexing import strided_view
from circuits.program.ops import (
    Accumulating,
    Argmax,
    Compare,
    Contract,
    Divide,
    Gather,
    Index,
    Linear,
    Max,
    Mul,
    Op,
    ReduceSum,
    Relation,
    Rsqrt,
    Select,
)
from circuits.program.refs import AffineMap, Ref, Source

Floats = npt.NDArray[np.float64]
# How many reads a contraction lays out at a time.
CHUNK_READS = 2**24


@dataclass(frozen=True)
class Shadow:
    """Real values in units of the tensor's scale: [samples, *dims], or [*dims] for a constant."""

    values: Floats
    constant: bool = False

    def part(self, chosen: slice) -> Shadow:
        return self if self.constant else Shadow(self.values[chosen])

    def lifted(self, how: AffineMap, rank: int) -> AffineMap:
        """`how`, of an iteration space of `rank` axes, in the one that begins with the samples."""
        rows = tuple((0, *row) for row in how.strides)
        if self.constant:
            return AffineMap(how.view, how.offsets, rows)
        walk = (1,) + (0,) * rank
        return AffineMap((len(self.values), *how.view), (0, *how.offsets), (walk, *rows))


class Shadows:
    """The shadows of a program's tensors that somebody may still read."""

    def __init__(self, samples: int) -> None:
        self.samples = samples
        self._known: dict[Ref, Shadow] = {}

    def put(self, ref: Ref, shadow: Shadow) -> None:
        self._known[ref] = shadow

    def get(self, ref: Ref) -> Shadow:
        return self._known[ref]

    def forget(self, refs: Iterable[Ref]) -> None:
        """Constants stay: anybody may read them again."""
        for ref in refs:
            if ref.source != Source.CONST:
                self._known.pop(ref, None)

    def of(self, op: Op, operands: Sequence[Shadow] | None = None) -> Floats:
        """What `op` makes of its operands' shadows, [samples, *dims], without its rescale's rounding and saturation."""
        given = [self.get(ref) for ref in op.operands] if operands is None else operands
        made = EVALUATE[type(op)](op, given, self.samples)
        full = np.broadcast_to(made, (self.samples, *op.dims))
        return full / 2.0**op.shift if isinstance(op, Accumulating) else full


def _read(op: Op, operands: Sequence[Shadow], position: int, samples: int, fill: float = 0.0) -> Floats:
    """Operand `position` at every point: [samples, *dims, *inner]."""
    shadow = operands[position]
    lifted = shadow.lifted(op.maps[position], len(op.iteration))
    return cast(Floats, strided_view(shadow.values, lifted, (samples, *op.iteration), fill))


def _over_outputs(op: Op, operands: Sequence[Shadow], position: int, samples: int) -> Floats:
    """An operand that does not depend on the inner point: [samples, *dims]."""
    how = op.maps[position]
    cut = replace(how, strides=tuple(row[: len(op.dims)] for row in how.strides))
    lifted = operands[position].lifted(cut, len(op.dims))
    return cast(Floats, strided_view(operands[position].values, lifted, (samples, *op.dims)))


def _inner_axes(op: Op) -> tuple[int, ...]:
    return tuple(range(1 + len(op.dims), 1 + len(op.iteration)))


def _with_bias(op: Accumulating, acc: Floats, operands: Sequence[Shadow], samples: int) -> Floats:
    return acc + _over_outputs(op, operands, len(operands) - 1, samples) if op.has_bias else acc


def _contract(op: Contract, operands: Sequence[Shadow], samples: int) -> Floats:
    acc = np.empty((samples, *op.dims))
    step = max(1, CHUNK_READS // max(1, math.prod(op.iteration)))
    for start in range(0, samples, step):
        chosen = slice(start, min(start + step, samples))
        a, b = (operand.part(chosen) for operand in operands[:2])
        maps = tuple(s.lifted(how, len(op.iteration)) for s, how in zip((a, b), op.maps, strict=False))
        batched = replace(op, dims=(chosen.stop - start, *op.dims), operands=op.operands[:2], maps=maps)
        acc[chosen] = contraction(batched, a.values, b.values)
    return _with_bias(op, acc, operands, samples)


def _linear(op: Linear, operands: Sequence[Shadow], samples: int) -> Floats:
    acc = np.zeros((samples, *op.dims))
    for position, coefficient in enumerate(op.coefficients):
        acc += coefficient * _read(op, operands, position, samples)
    return _with_bias(op, acc, operands, samples)


def _mul(op: Mul, operands: Sequence[Shadow], samples: int) -> Floats:
    product = _read(op, operands, 0, samples) * _read(op, operands, 1, samples)
    return _with_bias(op, product, operands, samples)


def _reduce_sum(op: ReduceSum, operands: Sequence[Shadow], samples: int) -> Floats:
    total: Floats = op.multiplier * _read(op, operands, 0, samples).sum(_inner_axes(op))
    return total


def _max(op: Max, operands: Sequence[Shadow], samples: int) -> Floats:
    reads = [_read(op, operands, i, samples, -np.inf).max(_inner_axes(op)) for i in range(len(operands))]
    return cast(Floats, np.maximum.reduce(reads))


def _index(op: Index, operands: Sequence[Shadow], samples: int) -> Floats:
    made = np.full((samples, *op.dims), float(op.fill))
    for position in reversed(range(len(operands))):
        how = op.maps[position]
        inside = strided_view(np.ones(how.view, np.bool_), how, op.dims)
        np.copyto(made, _read(op, operands, position, samples), where=cast("npt.NDArray[np.bool_]", inside))
    return made


def _argmax(op: Argmax, operands: Sequence[Shadow], samples: int) -> Floats:
    read = _read(op, operands, 0, samples, -np.inf).reshape(samples, *op.dims, -1)
    return cast(Floats, read.argmax(-1).astype(np.float64))


RELATIONS: dict[Relation, Callable[[Floats, Floats], npt.NDArray[np.bool_]]] = {
    Relation.LESS: np.less, Relation.LESS_OR_EQUAL: np.less_equal, Relation.EQUAL: np.equal
}  # fmt: skip


def _compare(op: Compare, operands: Sequence[Shadow], samples: int) -> Floats:
    a, b = (_read(op, operands, position, samples) for position in range(2))
    return RELATIONS[op.relation](a, b).astype(np.float64)


def _select(op: Select, operands: Sequence[Shadow], samples: int) -> Floats:
    chooser, a, b = (_read(op, operands, position, samples) for position in range(3))
    return np.where(chooser > 0.5, a, b)


def _gather(op: Gather, operands: Sequence[Shadow], samples: int) -> Floats:
    """Reads only what is chosen: the view of all candidates is never laid out."""
    candidates = _read(op, operands, 0, samples)
    size = math.prod(op.inner)
    position = np.rint(_over_outputs(op, operands, 1, samples)).astype(np.int64).clip(0, max(0, size - 1))
    outer = np.indices((samples, *op.dims), sparse=True)
    return cast(Floats, candidates[(*outer, *np.unravel_index(position, op.inner))])


def _divide(op: Divide, operands: Sequence[Shadow], samples: int) -> Floats:
    a, d = (_read(op, operands, position, samples) for position in range(2))
    return a * 2.0**op.up / np.maximum(d, 1.0)


def _rsqrt(op: Rsqrt, operands: Sequence[Shadow], samples: int) -> Floats:
    return 2.0**op.exponent / np.sqrt(np.maximum(_read(op, operands, 0, samples), 1.0))


EVALUATE: dict[type[Op], Callable[..., Floats]] = {
    Argmax: _argmax, Compare: _compare, Contract: _contract, Divide: _divide, Gather: _gather, Index: _index,
    Linear: _linear, Max: _max, Mul: _mul, ReduceSum: _reduce_sum, Rsqrt: _rsqrt, Select: _select,
}  # fmt: skip
