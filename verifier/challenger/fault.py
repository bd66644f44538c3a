"""Path A: with the claim's own trace at hand, one element and everything that it is made of is shown at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from circuits.lower.optimistic import finish, start, term_count
from circuits.program.graph import Program
from circuits.program.ops import Op
from circuits.statement import tensor_root
from verifier.challenger.claim_view import ClaimView
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.errors import DisputeError
from verifier.dispute.one_step import run_step
from verifier.dispute.openings import open_fault
from verifier.dispute.tree import Tree
from verifier.dispute.types import FaultProof, StepRoots

Integers = npt.NDArray[np.int64]

# A proof that needs more gas is left to path B, which then is cheaper. What is only executed, without the rest of the
# transaction, may take MAX_STEP_GAS; EIP-7623 asks 40 gas for a byte that is not zero.
MAX_STEP_GAS = 1_200_000
MAX_PROOF_BYTES = MAX_STEP_GAS // 40


class PublishedTrace(Protocol):
    """Trace data from wherever a claim's locator points; nothing of it is believed."""

    def roots(self) -> Sequence[bytes]:
        """The tensor roots of every op's output, in execution order."""

    def tensor(self, op: int) -> Integers:
        """An op's output."""


# None: nothing is published where the claim's locator says, or it cannot be read. Called where the program is run.
ReadTrace = Callable[[ClaimView, Program], PublishedTrace | None]


@dataclass(frozen=True)
class Fault:
    """The first element of the first op that is wrong. `proof` lacks only the ids of a challenge."""

    op: int
    element: int
    claimed: int
    true: int
    proof: FaultProof
    definition: Op
    roots: StepRoots  # that its operands are opened under

    def for_challenge(self, challenge_id: bytes, salt: bytes) -> FaultProof:
        return replace(self.proof, challenge_id=challenge_id, salt=salt)


def find_fault(view: ClaimView, published: PublishedTrace | None, mine: CommittedTrace) -> Fault | None:
    """None where the data is not the claim's, or shows no element that is wrong; a tensor of other dims has none."""
    if published is None:
        return None
    roots = list(published.roots())
    if len(roots) != len(mine.program.ops) or Tree.of(roots, mine.hasher).root != view.claim.trace_tree:
        return None
    differing = [op for op, (theirs, ours) in enumerate(zip(roots, mine.tensor_roots, strict=True)) if theirs != ours]
    if not differing:
        return None
    op = differing[0]
    tensor = published.tensor(op)
    if tensor.shape != mine.op(op).dims or tensor_root(tensor, 4, mine.hasher) != roots[op]:
        return None
    # Everything left of the first wrong op is ours too, so the operands are at hand.
    made = [*mine.made[:op], tensor, *mine.made[op + 1 :]]
    claimed = CommittedTrace(mine.committed, mine.inputs, made, roots=roots)
    element = int(np.flatnonzero(tensor.reshape(-1) != mine.made[op].reshape(-1))[0])
    return _prove(claimed, mine, op, element)


def _prove(claimed: CommittedTrace, mine: CommittedTrace, op: int, element: int) -> Fault | None:
    proof = open_fault(claimed, bytes(32), op, bytes(32), element)
    value = int(claimed.made[op].reshape(-1)[element])
    if not _convinces(claimed, proof, value):
        return None
    true = int(mine.made[op].reshape(-1)[element])
    return Fault(op, element, value, true, proof, claimed.op(op), claimed.step_roots)


def _convinces(claimed: CommittedTrace, proof: FaultProof, value: int) -> bool:
    """What the chain is going to find, found here before anything is staked on it."""
    op = claimed.op(proof.op)
    terms = term_count(op)
    try:
        end = run_step(op, claimed.step_roots, proof.element, 0, terms, start(op), proof.openings, claimed.hasher)
    except DisputeError:
        return False
    return finish(op, end) != value


def proof_bytes(proof: FaultProof) -> int:
    """About as many bytes as the transaction carries."""
    words = len(proof.trace_path) + len(proof.chunk_path) + len(proof.descriptor.siblings)
    size = 32 * (words + 16) + len(proof.descriptor.descriptor) + len(proof.chunk)
    for opening in proof.openings:
        words = len(opening.path) + len(opening.dims) + len(opening.numbers) + len(opening.siblings)
        size += 32 * (words + 11) + len(opening.chunks)
    return size
