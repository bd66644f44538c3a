"""A challenger that walks to any place of a claim, whether something is wrong there or not."""

from __future__ import annotations

from dataclasses import dataclass

from circuits.lower.optimistic import DATA_HEIGHT, points
from verifier.challenger.moves import Move, Open, PickElement, PickNode, PickRange, Prove
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.openings import open_element, open_terms
from verifier.dispute.reveals import read_reveal
from verifier.dispute.rules import CHUNK_ELEMENTS, revealed_height
from verifier.dispute.types import NO_DESCRIPTOR, DescriptorProof, Phase, Position


@dataclass(frozen=True)
class Target:
    """A term of an element of an op's output."""

    op: int
    element: int = 0
    term: int = 0


def pick_toward(to: Target, trace: CommittedTrace, at: Position, salt: bytes, body: bytes) -> Move:
    """The next move to the target; `trace` is the claim's own, `body` what was revealed at the position."""
    if at.phase is Phase.COMMITTED:
        height, index = trace.top_height, to.op >> trace.top_height
        siblings = trace.siblings(height, index)
        return Open(index, salt, trace.node(height, index), siblings, _descriptor(trace, height, to.op))
    if at.phase is Phase.TRACE and not at.is_leaf:
        height = revealed_height(at)
        index = to.op >> height
        siblings = trace.siblings(height, index, at.height)
        return PickNode(index, trace.node(height, index), siblings, _descriptor(trace, height, to.op))
    if at.phase is Phase.SUM:
        return _pick_range(to, at, body)
    if at.phase is Phase.STEP:
        openings = open_terms(trace, at.op, at.element, at.lo, at.hi)
        return Prove(trace.committed.descriptors[at.op], openings)
    return _pick_in_tensor(to, trace, at)


def _descriptor(trace: CommittedTrace, height: int, op: int) -> DescriptorProof:
    return trace.descriptor_proof(op) if height == 0 else NO_DESCRIPTOR


def _pick_in_tensor(to: Target, trace: CommittedTrace, at: Position) -> Move:
    tree = trace.chunk_tree(at.op)
    top = tree.height if at.is_leaf else at.height
    number = to.element // CHUNK_ELEMENTS
    if top <= DATA_HEIGHT:
        chunk, _ = open_element(trace, at.op, to.element)
        return PickElement(to.element, chunk, tree.siblings(0, number, top))
    below = revealed_height(at, tree.height)
    index = number >> below
    return PickNode(index, tree.node(below, index), tree.siblings(below, index, top), NO_DESCRIPTOR)


def _pick_range(to: Target, at: Position, body: bytes) -> PickRange:
    revealed = read_reveal(at, body)
    ends = points(at.lo, at.hi)
    index = next(i for i in range(len(ends) - 1) if to.term < ends[i + 1])
    return PickRange(index, revealed.sums[index], revealed.sums[index + 1], revealed.siblings(index))
