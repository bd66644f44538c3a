"""The game's rules as data: who may move where, what it shows, and where that leads.

docs/protocol/optimistic.md sections 3 and 4. Challenger, defender, tests and `game` work from this table alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from circuits.lower.optimistic import (
    DATA_HEIGHT,
    REVEAL_DEPTH,
    SEGMENT_TERMS,
    TOP_DEPTH,
    chunk_count,
    element_count,
    points,
    term_count,
    tree_height,
)
from circuits.program.ops import Op
from circuits.statement import CHUNK_BYTES
from verifier.dispute.errors import DisputeError
from verifier.dispute.types import DisputeTerms, Phase, Position

CHUNK_ELEMENTS = CHUNK_BYTES // 4  # of an op's output
NODE_BYTES = 32
SUM_BYTES = 16


class Side(StrEnum):
    DEFENDER = "defender"
    CHALLENGER = "challenger"


class Move(StrEnum):
    """The contract's functions that move a challenge on."""

    OPEN = "open"
    PROVE_FAULT = "proveFault"
    REVEAL = "reveal"
    REVEAL_TENSOR = "revealTensor"
    REVEAL_SUMS = "revealSums"
    PICK_NODE = "pickNode"
    PICK_ELEMENT = "pickElement"
    PICK_RANGE = "pickRange"
    PROVE = "prove"


@dataclass(frozen=True)
class Rule:
    """What happens at a position: the defender reveals, unless that is None; then the challenger moves.

    `next` are the phases that its move can lead to. The clock that runs is that of the side whose move it is.
    """

    phase: Phase
    leaf: bool  # a leaf of the trace: an op is named
    reveal: Move | None
    picks: tuple[Move, ...]
    next: tuple[Phase, ...]

    def turn(self, revealed: bool) -> Side:
        """Whose move it is, and whose clock runs."""
        return Side.CHALLENGER if revealed or self.reveal is None else Side.DEFENDER


RULES = (
    Rule(Phase.COMMITTED, False, None, (Move.OPEN, Move.PROVE_FAULT), (Phase.TRACE, Phase.WON)),
    Rule(Phase.TRACE, False, Move.REVEAL, (Move.PICK_NODE,), (Phase.TRACE,)),
    Rule(
        Phase.TRACE,
        True,
        Move.REVEAL_TENSOR,
        (Move.PICK_NODE, Move.PICK_ELEMENT),
        (Phase.NODES, Phase.DATA, Phase.SUM, Phase.STEP),
    ),
    Rule(Phase.NODES, False, Move.REVEAL, (Move.PICK_NODE,), (Phase.NODES, Phase.DATA)),
    Rule(Phase.DATA, False, Move.REVEAL, (Move.PICK_ELEMENT,), (Phase.SUM, Phase.STEP)),
    Rule(Phase.SUM, False, Move.REVEAL_SUMS, (Move.PICK_RANGE,), (Phase.SUM, Phase.STEP)),
    Rule(Phase.STEP, False, None, (Move.PROVE,), (Phase.WON,)),
)
_TABLE = {(rule.phase, rule.leaf): rule for rule in RULES}
OVER = (Phase.WON, Phase.LOST, Phase.SETTLED)


@dataclass(frozen=True)
class Turn:
    """Whose move it is, since when and until when (exclusive), in game time."""

    side: Side
    start: int
    deadline: int


@dataclass(frozen=True)
class OpSize:
    """What of an op the rules depend on."""

    elements: int
    terms: int  # of each element

    @classmethod
    def of(cls, op: Op) -> OpSize:
        return cls(element_count(op), term_count(op))

    @property
    def chunks(self) -> int:
        return chunk_count(self.elements)

    @property
    def height(self) -> int:
        """Of its output's chunk tree."""
        return tree_height(self.chunks)


def rule_at(at: Position) -> Rule:
    """Raises DisputeError `wrong_phase` where no move is."""
    found = _TABLE.get((at.phase, at.is_leaf))
    if found is None:
        raise DisputeError("wrong_phase", f"a challenge that is {at.phase.name} has no moves", phase=at.phase.name)
    return found


def pick_at(at: Position, size: OpSize | None = None) -> Move:
    """The one way in which the challenger moves on, once opened; `size` is needed at a leaf."""
    if at.is_leaf and size is not None and size.height <= DATA_HEIGHT:
        return Move.PICK_ELEMENT
    return rule_at(at).picks[0]


def revealed_height(at: Position, chunk_height: int = 0) -> int:
    """Of what is revealed below a node, and picked; 0 means chunks. `chunk_height` is the op's tree's, at a leaf."""
    if at.phase is Phase.TRACE and not at.is_leaf:
        return max(0, at.height - REVEAL_DEPTH)
    height = chunk_height if at.is_leaf else at.height
    return max(DATA_HEIGHT, height - REVEAL_DEPTH) if height > DATA_HEIGHT else 0


def body_length(at: Position, size: OpSize | None = None) -> int:
    """Bytes that a reveal at `at` has, exactly; `size` of its op, where one is named."""
    if at.phase is Phase.TRACE and not at.is_leaf:
        return NODE_BYTES << (at.height - revealed_height(at))
    if at.phase is Phase.SUM:
        return SUM_BYTES * len(points(at.lo, at.hi))
    size = _known(size, at)
    height = size.height if at.is_leaf else at.height
    below = revealed_height(at, size.height)
    if below:
        return NODE_BYTES << (height - below)
    first = at.index << height
    return CHUNK_BYTES * max(0, min(size.chunks - first, 1 << height))


def opened(ops: int, index: int) -> Position:
    """Where `open` of the top's node `index` leads, in a trace of `ops` ops."""
    height = max(0, tree_height(ops) - TOP_DEPTH)
    _require_index("node of the top", index, 1 << (tree_height(ops) - height))
    return _trace_node(ops, height, index)


def node_picked(at: Position, index: int, ops: int, size: OpSize | None = None) -> Position:
    """Where `pickNode` of node `index`, among those of its height, leads; `size` of the op, once one is named."""
    if pick_at(at, size) is not Move.PICK_NODE:
        raise DisputeError("wrong_phase", f"no node can be picked in {at.phase.name}", phase=at.phase.name)
    if at.phase is Phase.TRACE and not at.is_leaf:
        below = revealed_height(at)
        _require_under(at.height, at.index, below, index)
        return _trace_node(ops, below, index)
    size = _known(size, at)
    below = revealed_height(at, size.height)
    _require_under(size.height if at.is_leaf else at.height, at.index, below, index)
    _require_some(below, index, size.chunks)
    return Position(Phase.NODES if below > DATA_HEIGHT else Phase.DATA, below, index, at.op)


def element_picked(at: Position, element: int, size: OpSize) -> Position:
    """Where `pickElement` leads: to its sum, or to its step if it has few terms."""
    if pick_at(at, size) is not Move.PICK_ELEMENT:
        raise DisputeError("wrong_phase", f"no element can be picked in {at.phase.name}", phase=at.phase.name)
    _require_index("element", element, size.elements)
    _require_under(size.height if at.is_leaf else at.height, at.index, 0, element // CHUNK_ELEMENTS)
    return _terms(at.op, element, 0, size.terms)


def range_picked(at: Position, index: int) -> Position:
    """Where `pickRange` of the range `index` leads."""
    if at.phase is not Phase.SUM:
        raise DisputeError("wrong_phase", f"no range can be picked in {at.phase.name}", phase=at.phase.name)
    ends = points(at.lo, at.hi)
    _require_index("range", index, len(ends) - 1)
    return _terms(at.op, at.element, ends[index], ends[index + 1])


def deadline(start: int, left: int, extension: int) -> int:
    """Until when (exclusive) a turn that began at `start` may be used, with `left` seconds on the clock; section 4."""
    return start + max(left, extension)


def clock_after(start: int, now: int, left: int) -> int:
    """What is left on the clock after a turn."""
    return max(0, left - max(0, now - start))


def turn_at(
    at: Position, start: int, defender_left: int, challenger_left: int, revealed_at: int | None, extension: int
) -> Turn:
    """Section 4, for a position reached at `start`, of which the reveal was stored at `revealed_at`.

    A reveal that came at or after the defender's deadline changes nothing, so nobody can wait that out.
    """
    ends = deadline(start, defender_left, extension)
    in_time = revealed_at is not None and revealed_at < ends
    if rule_at(at).turn(revealed=in_time) is Side.DEFENDER:
        return Turn(Side.DEFENDER, start, ends)
    if revealed_at is not None and in_time:
        start = max(start, revealed_at)
    return Turn(Side.CHALLENGER, start, deadline(start, challenger_left, extension))


def timeout_from(at: Position, turn: Turn, terms: DisputeTerms) -> int:
    """From when on `timeout` ends the turn; a commitment is lost once neither of its two moves is possible."""
    if at.phase is Phase.COMMITTED:
        return max(turn.deadline, prove_deadline(turn.start, terms))
    return turn.deadline


def prove_deadline(committed: int, terms: DisputeTerms) -> int:
    """Until when (exclusive) `proveFault` may follow its commitment."""
    return committed + terms.prove_time


def prize(terms: DisputeTerms) -> int:
    """Wei that the winner of a killed claim gets beside its own bond; the rest of the claim's is burnt. Section 5."""
    return terms.claim_bond // 2


def latest_finality(window_end: int, terms: DisputeTerms, moves: int) -> int:
    """By when a claim can be final, whatever anybody does; `moves` is the longest game's number."""
    return window_end + max(terms.prove_time, terms.extension, 2 * terms.clock + moves * terms.extension)


def _trace_node(ops: int, height: int, index: int) -> Position:
    _require_some(height, index, ops)
    return Position(Phase.TRACE, height, index) if height else Position(Phase.TRACE, op=index)


def _terms(op: int, element: int, lo: int, hi: int) -> Position:
    phase = Phase.SUM if hi - lo > SEGMENT_TERMS else Phase.STEP
    return Position(phase, op=op, element=element, lo=lo, hi=hi)


def _known(size: OpSize | None, at: Position) -> OpSize:
    if size is None:
        raise DisputeError("wrong_phase", f"{at.phase.name} is of an op, whose size is needed", phase=at.phase.name)
    return size


def _require_under(height: int, index: int, below: int, picked: int) -> None:
    first = index << (height - below)
    count = 1 << (height - below)
    if not first <= picked < first + count:
        message = f"number {picked} at height {below} is not under node {index} of height {height}"
        raise DisputeError("pick_out_of_range", message, picked=picked, height=height, index=index)


def _require_some(height: int, index: int, leaves: int) -> None:
    """Nothing can be wrong below a node over nothing but padding."""
    if index << height >= leaves:
        message = f"node {index} of height {height} is over padding, past {leaves} leaves"
        raise DisputeError("pick_out_of_range", message, index=index, height=height, leaves=leaves)


def _require_index(what: str, index: int, count: int) -> None:
    if not 0 <= index < count:
        raise DisputeError("pick_out_of_range", f"{what} {index} of {count}", index=index, count=count)
