"""A claimant for measuring disputes: one element of one op's output is false, and every reveal that there is passes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from circuits.lower.optimistic import accumulators, finish, points, run_terms, start, term_count
from circuits.program.graph import Program
from circuits.program.interpreter import trace
from circuits.program.ops import Argmax, Op
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.reveals import encode_sums
from verifier.dispute.types import Phase, Position

Integers = npt.NDArray[np.int64]


class LyingTrace(CommittedTrace):
    """The truth but for the middle element of op `lie_op`; its accumulators are true up to the middle of its terms."""

    lie_op: int
    element: int
    excess: int  # of the accumulators from the middle on

    @classmethod
    def of(cls, program: Program, inputs: Sequence[Integers], op: int) -> LyingTrace:
        made = trace(program, inputs)
        claimed = cls(program, inputs, made)
        node = program.ops[op]
        flat = made[op].reshape(-1)
        claimed.lie_op, claimed.element = op, flat.size // 2
        last = run_terms(node, claimed.operands(op), claimed.element, 0, term_count(node), start(node))
        claimed.excess = _excess(node, last, int(flat[claimed.element]))
        flat[claimed.element] = finish(node, last + claimed.excess)
        return claimed

    def reveal_body(self, at: Position) -> bytes:
        if at.phase is not Phase.SUM or (at.op, at.element) != (self.lie_op, self.element):
            return super().reveal_body(at)
        middle = term_count(self.op(at.op)) // 2
        true = accumulators(self.op(at.op), self.operands(at.op), at.element, at.lo, at.hi)
        terms = points(at.lo, at.hi)
        return encode_sums([acc + (self.excess if t > middle else 0) for t, acc in zip(terms, true, strict=True)])


def _excess(op: Op, last: int, true: int) -> int:
    """What has to be added to the last accumulator so that the element is another one, inside the op's bits."""
    bound = 2 ** (op.bits - 1)
    for power in range(63):
        for excess in (2**power, -(2**power)):
            # Argmax keeps the position negated, and only one position more exists for sure.
            value = finish(op, last + (-excess if isinstance(op, Argmax) else excess))
            if value != true and -bound <= value < bound:
                return -excess if isinstance(op, Argmax) else excess
    raise ValueError("no other element is reached")
