"""Steps whose openings are mixed up, and steps over a false trace that have no value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from circuits.lower.optimistic import start, term_count
from tests import dispute_programs
from tests.adversarial.test_dispute_openings import changed, trace
from tests.dispute_games import honest, lie
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.errors import DisputeError
from verifier.dispute.one_step import run_step
from verifier.dispute.openings import open_terms
from verifier.dispute.types import Opening


@pytest.mark.parametrize("build", [lambda: trace(), lambda: honest_every()], ids=["chunks", "every op"])
def test_rejects_any_field_of_any_opening_exchanged(build: Callable[[], CommittedTrace]) -> None:
    """Each field of each opening of each op replaced by that of every other opening: nothing of it passes."""
    mine, tried = build(), 0
    pool = []
    for j, op in enumerate(mine.program.ops):
        element = mine.made[j].size // 2
        pool.append((j, element, min(term_count(op), 20), open_terms(mine, j, element, 0, min(term_count(op), 20))))
    others = [opening for *_, openings in pool for opening in openings]
    for j, element, hi, openings in pool:
        op = mine.op(j)
        segment = (op, mine.step_roots, element, 0, hi, start(op))
        run_step(*segment, openings)
        for which, own in enumerate(openings):
            for name in ("path", "dims", "numbers", "chunks", "siblings"):
                for value in {getattr(other, name) for other in others} - {getattr(own, name)}:
                    tried += 1
                    with pytest.raises(DisputeError):
                        run_step(*segment, changed(openings, which, **{name: value}))
    assert tried > 30


@cache
def honest_every() -> CommittedTrace:
    every = dispute_programs.every_op()
    return honest(every, dispute_programs.random_inputs(every))


@pytest.mark.parametrize(
    ("op", "operand", "value"),
    [(11, 10, 7), (11, 10, -1), (13, 12, 0), (14, 12, -5), (14, 12, 0)],
    ids=["a position past the end", "a negative position", "a divisor of 0", "the root of -5", "the root of 0"],
)
def test_rejects_terms_without_a_value(op: int, operand: int, value: int) -> None:
    """Over a false operand the step has no meaning and reverts: the operand's own op is where the claim is wrong."""
    mine = honest_every()
    false = lie(mine, operand, 0, value)
    with pytest.raises(DisputeError) as refused:
        open_terms(false, op, 0, 0, 1)
    assert refused.value.code == "term_undefined"
    forged = tuple(_reopened(false, op, opening) for opening in open_terms(mine, op, 0, 0, 1))
    with pytest.raises(DisputeError) as refused:
        run_step(mine.op(op), false.step_roots, 0, 0, 1, 0, forged)
    assert refused.value.code == "term_undefined"


def _reopened(claimed: CommittedTrace, op: int, opening: Opening) -> Opening:
    """The same chunks of the same operand, under another claim."""
    ref = claimed.op(op).operands[opening.operand]
    chunks = b"".join(claimed.chunks(ref, n, n + 1) for n in opening.numbers)
    siblings = claimed.tree(ref).multiproof(opening.numbers)
    return replace(opening, path=claimed.path(ref), chunks=chunks, siblings=siblings)
