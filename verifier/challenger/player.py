"""What to do next in a challenge: always the first place that differs from our own run (optimistic.md section 7).

Decides from values alone: the challenge as the chain shows it, what was revealed, and our own committed trace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from circuits.lower.optimistic import DATA_HEIGHT, accumulators
from circuits.program.refs import Ref, Source
from circuits.statement import CHUNK_BYTES, ZERO, leaf
from contracts.client.dispute_types import Challenge
from verifier.challenger.errors import ChallengerError
from verifier.challenger.moves import Move, Open, PickElement, PickNode, PickRange, Prove
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.openings import open_terms
from verifier.dispute.rules import revealed_height
from verifier.dispute.tree import Tree, fold, words
from verifier.dispute.types import NO_DESCRIPTOR, DescriptorProof, Opening, Phase, Position, position_key

# Nodes of a tree by (height, index).
Nodes = Mapping[tuple[int, int], bytes]

ACCUMULATOR_BYTES = 16
ELEMENT_BYTES = 4


@dataclass(frozen=True)
class Answer:
    """What a claimant revealed at a position: `root` and `body` as the event says them."""

    root: bytes
    body: bytes


@dataclass(frozen=True)
class Board:
    """Everything that the chain shows and a decision rests on. `answers` are by position key."""

    challenge_id: bytes
    challenge: Challenge
    top: tuple[bytes, ...]
    answers: Mapping[bytes, Answer]

    @property
    def answer(self) -> Answer | None:
        """What was revealed where the challenge stands."""
        return self.answers.get(position_key(self.challenge.at))


def first_difference(theirs: Sequence[object], ours: Sequence[object], where: str) -> int:
    """The first place that differs. That there is none says that our own run agrees: nothing must be played then."""
    for place, (their, our) in enumerate(zip(theirs, ours, strict=True)):
        if their != our:
            return place
    raise ChallengerError("nothing_differs", f"{where} is what our own run gives: there is nothing to challenge")


def wrong_top_node(top: Sequence[bytes], mine: CommittedTrace) -> int:
    """Which node of a claim's top to open."""
    return first_difference(top, mine.top, "the top of the trace tree")


def next_move(board: Board, mine: CommittedTrace, salt: bytes, index: int) -> Move | None:
    """Our move, or None while it is the claimant's turn or the challenge is over.

    `salt` and `index` are those of our commitment to an `open`. Raises ChallengerError `nothing_differs`.
    """
    at = board.challenge.at
    if at.phase is Phase.COMMITTED:
        return _open(board, mine, salt, index)
    if at.phase is Phase.STEP:
        return _prove(board, mine)
    answer = board.answer
    return None if answer is None else pick(at, answer, mine)


def pick(at: Position, answer: Answer, mine: CommittedTrace) -> Move | None:
    """What to pick of an answer; None at a position that nothing is picked at."""
    if at.phase is Phase.TRACE and at.height > 0:
        return _pick_in_trace(at, answer, mine)
    if at.phase is Phase.TRACE:
        return _pick_in_tensor(at.op, mine.chunk_tree(at.op).height, 0, answer, mine)
    if at.phase in (Phase.NODES, Phase.DATA):
        return _pick_in_tensor(at.op, at.height, at.index, answer, mine)
    return _pick_range(at, answer, mine) if at.phase is Phase.SUM else None


def _descriptor(mine: CommittedTrace, height: int, index: int) -> DescriptorProof:
    """Naming a leaf of the trace brings its op's descriptor; naming any other node brings none."""
    return mine.descriptor_proof(index) if height == 0 else NO_DESCRIPTOR


def _open(board: Board, mine: CommittedTrace, salt: bytes, index: int) -> Open:
    descriptor = _descriptor(mine, mine.top_height, index)
    return Open(index, salt, board.top[index], _siblings(board.top, index, mine), descriptor)


def _siblings(nodes: Sequence[bytes], place: int, mine: CommittedTrace) -> tuple[bytes, ...]:
    """Of one of a reveal's nodes, up to the node that they fold to."""
    return Tree.of(nodes, mine.hasher).siblings(0, place)


def _pick_in_trace(at: Position, answer: Answer, mine: CommittedTrace) -> PickNode:
    height = revealed_height(at)
    theirs = words(answer.body)
    ours = mine.trace.below(at.height, at.index, height)
    place = first_difference(theirs, ours, f"node {at.index} of height {at.height} of the trace tree")
    index = at.index * len(theirs) + place
    return PickNode(index, theirs[place], _siblings(theirs, place, mine), _descriptor(mine, height, index))


def _pick_in_tensor(op: int, height: int, index: int, answer: Answer, mine: CommittedTrace) -> Move:
    """Under node `index` of `height` of op's chunk tree."""
    where = f"node {index} of height {height} of op {op}'s output"
    if height <= DATA_HEIGHT:
        return _pick_element(op, height, index, answer, mine, where)
    theirs = words(answer.body)
    ours = mine.chunk_tree(op).below(height, index, revealed_height(Position(Phase.NODES, height)))
    place = first_difference(theirs, ours, where)
    return PickNode(index * len(theirs) + place, theirs[place], _siblings(theirs, place, mine), NO_DESCRIPTOR)


def _pick_element(op: int, height: int, index: int, answer: Answer, mine: CommittedTrace, where: str) -> PickElement:
    theirs = answer.body
    ours = mine.chunks(Ref(Source.OP, op), index << height, (index + 1) << height)
    byte = first_difference(theirs, ours, where)
    place = byte // CHUNK_BYTES
    chunks = [theirs[i : i + CHUNK_BYTES] for i in range(0, len(theirs), CHUNK_BYTES)]
    # A chunk past the tensor's end is a leaf of padding.
    leaves = [leaf(chunk, mine.hasher) for chunk in chunks] + [ZERO] * ((1 << height) - len(chunks))
    element = ((index << height) * CHUNK_BYTES + byte) // ELEMENT_BYTES
    return PickElement(element, chunks[place], _siblings(leaves, place, mine))


def _pick_range(at: Position, answer: Answer, mine: CommittedTrace) -> PickRange:
    raw = answer.body
    size = ACCUMULATOR_BYTES
    theirs = [int.from_bytes(raw[i : i + size], "big", signed=True) for i in range(0, len(raw), size)]
    ours = accumulators(mine.op(at.op), mine.operands(at.op), at.element, at.lo, at.hi)
    # The first accumulator was forced to be the one that both agree on, so the first that differs ends a range.
    place = first_difference(theirs, ours, f"the sum of element {at.element} of op {at.op}") - 1
    pairs = [raw[i : i + 2 * size] for i in range(0, len(raw) - size, size)]
    return PickRange(place, theirs[place], theirs[place + 1], _siblings(pairs, place, mine))


def _prove(board: Board, mine: CommittedTrace) -> Prove:
    at = board.challenge.at
    op = mine.program.ops[at.op]
    claimed = claimed_trace_nodes(board.top, board.answers, at.op, mine)
    return Prove(op.encode(), openings_under(claimed, mine, at.op, at.element, at.lo, at.hi))


def openings_under(
    claimed: Nodes, mine: CommittedTrace, op: int, element: int, lo: int, hi: int
) -> tuple[Opening, ...]:
    """Terms of the first op that is wrong, opened under the claim's trace tree instead of ours."""
    opened = []
    for opening in open_terms(mine, op, element, lo, hi):
        ref = mine.op(op).operands[opening.operand]
        of_trace = ref.source is Source.OP
        opened.append(replace(opening, path=path_under(claimed, mine, ref.index)) if of_trace else opening)
    return tuple(opened)


def path_under(claimed: Nodes, mine: CommittedTrace, op: int) -> tuple[bytes, ...]:
    """The siblings of an op's leaf in the claim's trace tree; of the first op that is wrong, or one before it.

    What of its path was not revealed lies left of the first place that differs, and is the same in both trees.
    """
    places = [(height, (op >> height) ^ 1) for height in range(mine.trace.height)]
    return tuple(claimed.get(place) or mine.node(*place) for place in places)


def claimed_trace_nodes(top: Sequence[bytes], answers: Mapping[bytes, Answer], op: int, mine: CommittedTrace) -> Nodes:
    """The claim's trace tree as far as its top and the reveals above the op show it."""
    known: dict[tuple[int, int], bytes] = {}
    height = mine.top_height
    fold_into(known, height, 0, top, mine)
    while height > 0:
        index = op >> height
        at = Position(Phase.TRACE, height, index)
        nodes = words(answers[position_key(at)].body)
        height = revealed_height(at)
        fold_into(known, height, index * len(nodes), nodes, mine)
    return known


def fold_into(
    known: dict[tuple[int, int], bytes], height: int, first: int, nodes: Sequence[bytes], mine: CommittedTrace
) -> None:
    """Notes a power of two of nodes beside each other, and every node above them up to their common one."""
    level = list(nodes)
    while True:
        known.update({(height, first + i): node for i, node in enumerate(level)})
        if len(level) == 1:
            return
        level = [fold(level[i], level[i + 1], mine.hasher) for i in range(0, len(level), 2)]
        height, first = height + 1, first // 2
