"""Whether an assignment satisfies a system over the integers (docs/protocol/sumcheck.md section 2).

The plain judge of the lowering and of the prover: every identity at every point, and every tag's tuples one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from circuits.lower.sumcheck.filling import Integers
from circuits.lower.sumcheck.system import Expression, Fractions, Identity, Kind, System, Term
from circuits.program.indexing import strided_view

Exact = npt.NDArray[Any]  # int64 where that holds every partial sum, Python integers elsewhere
SAFE = 1 << 62


@dataclass(frozen=True)
class Violation:
    """An identity's number and a point at which it is not 0; or a tag and a tuple whose numerators do not cancel."""

    kind: str
    number: int
    at: tuple[int, ...]
    amount: int


def violations(system: System, assignment: Sequence[Integers], most: int = 100) -> list[Violation]:
    """What does not hold, at most `most` of each identity and of each tag; none for a satisfied system."""
    found = list(public_violations(system, assignment))
    for number, identity in enumerate(system.identities):
        residue = residues(identity, assignment)
        found += [
            Violation("identity", number, tuple(int(i) for i in at), int(residue[tuple(at)]))
            for at in np.argwhere(residue != 0)[:most]
        ]
    for tag in sorted({f.tag for f in system.fractions}):
        left = unbalanced([f for f in system.fractions if f.tag == tag], assignment)
        found += [Violation("fractions", tag, row, amount) for row, amount in list(left.items())[:most]]
    return found


def public_violations(system: System, assignment: Sequence[Integers]) -> list[Violation]:
    """Tensors that are not what everybody knows they are, or not within their bits."""
    found = []
    for number, (tensor, values) in enumerate(zip(system.tensors, assignment, strict=True)):
        if values.shape != tensor.dims:
            raise ValueError(f"tensor {number} has dims {list(values.shape)}, the system says {list(tensor.dims)}")
        if tensor.kind is Kind.ONES:
            wrong = values != 1
        elif tensor.kind is Kind.IOTA:
            wrong = values != np.arange(values.size)
        elif tensor.bits:
            wrong = (values < -(1 << (tensor.bits - 1))) | (values >= 1 << (tensor.bits - 1))
        else:
            continue
        if wrong.any():
            found.append(Violation("public", number, (), int(wrong.sum())))
    return found


def residues(identity: Identity, assignment: Sequence[Integers]) -> Exact:
    """What the terms add up to at every point."""
    return evaluate(identity.terms, identity.dims, assignment)


def evaluate(expression: Expression, dims: Sequence[int], assignment: Sequence[Integers]) -> Exact:
    """An expression at every point of a box, exactly."""
    total: Exact = np.zeros(tuple(dims), np.int64)
    room = SAFE
    for term in expression:
        values, most = _term(term, dims, assignment)
        if room != 0 and most < room:
            total, room = np.asarray(total + values), room - most
        else:
            total, room = np.asarray(np.asarray(total, object) + np.asarray(values, object), object), 0
    return total


def _term(term: Term, dims: Sequence[int], assignment: Sequence[Integers]) -> tuple[Exact, int]:
    """A term at every point, and a bound on its absolute value."""
    grid = (*dims, *term.inner)
    views = [cast(Exact, strided_view(assignment[r.tensor], r.how, grid)) for r in term.readings]
    most = abs(term.coefficient)
    for view in views:
        most *= max(abs(int(view.min(initial=0))), abs(int(view.max(initial=0))))
    for size in term.inner:
        most *= size
    if abs(term.coefficient) >= SAFE:  # also where it meets nothing but zeros
        most = max(most, SAFE)
    if most >= SAFE:
        views = [view.astype(object) for view in views]
    axes = list(range(len(grid)))
    operands = [part for view in views for part in (view, axes)]
    total = np.einsum(*operands, axes[: len(dims)]) if most < SAFE else _summed(views, len(dims))
    return np.asarray(term.coefficient * total, None if most < SAFE else object), most


def _summed(views: Sequence[Exact], outer: int) -> Exact:
    product = views[0]
    for view in views[1:]:
        product = np.asarray(product * view, object)
    return np.asarray(product.sum(axis=tuple(range(outer, product.ndim))), object)


def unbalanced(fractions: Sequence[Fractions], assignment: Sequence[Integers]) -> dict[tuple[int, ...], int]:
    """Of the fractions of one tag: the tuples whose numerators do not add up to 0, and what to."""
    width = max(len(f.columns) for f in fractions)
    rows, amounts = [], []
    for f in fractions:
        numerator = evaluate((f.numerator,), f.dims, assignment).reshape(-1)
        columns = [evaluate(column, f.dims, assignment).reshape(-1) for column in f.columns]
        columns += [np.zeros_like(numerator)] * (width - len(columns))  # a column that is not there weighs nothing
        there = numerator != 0
        rows.append(np.stack([column[there] for column in columns], axis=1))
        amounts.append(numerator[there])
    return _totals(np.concatenate(rows), np.concatenate(amounts))


def _totals(rows: Exact, amounts: Exact) -> dict[tuple[int, ...], int]:
    if rows.dtype == object or amounts.dtype == object:
        totals: dict[tuple[int, ...], int] = {}
        for row, amount in zip(rows.tolist(), amounts.tolist(), strict=True):
            totals[tuple(row)] = totals.get(tuple(row), 0) + amount
        return {row: total for row, total in totals.items() if total}
    different, place = np.unique(rows, axis=0, return_inverse=True)
    sums = np.zeros(len(different), np.int64)
    np.add.at(sums, place.reshape(-1), amounts)
    return {tuple(different[i].tolist()): int(sums[i]) for i in np.flatnonzero(sums)}
