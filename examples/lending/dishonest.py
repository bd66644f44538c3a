"""A provider that lies as well as the game lets it: one element is false, and everything after follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from circuits.lower.optimistic import accumulators, finish, term_count
from circuits.program.graph import Program
from circuits.program.interpreter import evaluate_op, trace
from circuits.program.ops import Contract
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.reveals import encode_sums
from verifier.dispute.types import Phase, Position

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Lie:
    """Which element of which op's output is false, and what stands there."""

    op: int
    element: int
    claimed: int
    true: int


def calm_markets(program: Program, inputs: Sequence[Integers]) -> tuple[Lie, DishonestTrace]:
    """No volatility at all over the longest span, whatever the prices did: the model then predicts less of a fall."""
    op = next(number for number, node in enumerate(program.ops) if isinstance(node, Contract))
    made = trace(program, inputs)
    lie = Lie(op, made[op].size - 1, 0, int(made[op].reshape(-1)[-1]))
    made[op].reshape(-1)[lie.element] = lie.claimed
    run = CommittedTrace(program, inputs, made)
    for later in range(op + 1, len(program.ops)):
        made[later] = evaluate_op(program.ops[later], [t.astype(np.int64) for t in run.operands(later)])
    return lie, DishonestTrace(program, inputs, made)


class DishonestTrace(CommittedTrace):
    """Answers every reveal. True sums do not end in a false element, so the last one revealed is made up."""

    def reveal_body(self, at: Position) -> bytes:
        node = self.op(at.op)
        if at.phase is not Phase.SUM or at.hi != term_count(node):
            return super().reveal_body(at)
        sums = accumulators(node, self.operands(at.op), at.element, at.lo, at.hi)
        claimed = int(self.made[at.op].reshape(-1)[at.element])
        if finish(node, sums[-1]) != claimed and isinstance(node, Contract):
            sums[-1] = claimed << node.shift
        return encode_sums(sums)
