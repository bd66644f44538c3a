"""Sizes of a dispute and the two ends of a fold (docs/protocol/optimistic.md sections 2, 3 and 7)."""

from __future__ import annotations

import math

from circuits.errors import InputError
from circuits.program.graph import Program
from circuits.program.intervals import Interval
from circuits.program.ops import Accumulating, Argmax, Contract, Linear, Max, Mul, Op, ReduceSum
from circuits.program.rescale import rescale_half_up
from circuits.statement import CHUNK_BYTES

SEGMENT_TERMS = 24  # what one step executes at most
FANOUT = 192  # ranges that one reveal of accumulators splits into at most
TOP_DEPTH = 5  # levels of the trace tree that the claim itself shows
REVEAL_DEPTH = 5  # levels of a tree that one reveal descends
DATA_HEIGHT = 2  # a node of this height or less is revealed as its chunks
NEVER = -(2**127)  # below every element: where max and argmax start
ARGMAX_SHIFT = 37  # over the 36 bits of an inner point's number
MAX_DESCRIPTOR_BYTES = 32_768  # of an op: a node's pool takes no transaction over 128 KiB, and the openings need room


def element_count(op: Op) -> int:
    """Elements of an op's output."""
    return math.prod(op.dims)


def term_count(op: Op) -> int:
    """N: the terms that every element of the op's output is folded from."""
    inner = math.prod(op.inner)
    if isinstance(op, Contract):
        return inner + op.has_bias
    if isinstance(op, Linear):
        return len(op.operands)
    if isinstance(op, Mul):
        return 1 + op.has_bias
    if isinstance(op, Max):
        return len(op.operands) * inner
    return inner if isinstance(op, ReduceSum | Argmax) else 1


def start(op: Op) -> int:
    """The accumulator before the first term."""
    return NEVER if isinstance(op, Max | Argmax) else 0


def finish(op: Op, acc: int) -> int:
    """The element that a whole fold ends in, for any accumulator."""
    if isinstance(op, Argmax):
        return -acc % (1 << ARGMAX_SHIFT)
    if not isinstance(op, Accumulating):
        return acc
    rescaled = rescale_half_up(op.multiplier * acc if isinstance(op, ReduceSum) else acc, op.shift)
    bounds = Interval.of_bits(op.bits)
    return min(max(rescaled, bounds.lo), bounds.hi)


def spacing(length: int) -> int:
    """Terms between the accumulators that a range of `length` terms is revealed at."""
    step = SEGMENT_TERMS
    while length > step * FANOUT:
        step *= FANOUT
    return step


def points(lo: int, hi: int) -> list[int]:
    """The terms before which the accumulators of lo <= t < hi are revealed: lo, lo + spacing, ..., hi."""
    return [*range(lo, hi, spacing(hi - lo)), hi]


def chunk_count(elements: int, width: int = 4) -> int:
    """Chunks of a tensor; one without elements has one."""
    return max(1, -(-elements * width // CHUNK_BYTES))


def tree_height(leaves: int) -> int:
    """Levels above the leaves of a Merkle tree."""
    return max(leaves - 1, 0).bit_length()


def longest_game_of(op: Op, ops: int) -> int:
    """Moves of both sides that overturn an element of `op` in a program of `ops` ops, `commit` included; section 7."""
    trace = 2 * -(-max(0, tree_height(ops) - TOP_DEPTH) // REVEAL_DEPTH)
    if not element_count(op):
        return 2 + trace + 1  # its tensor is revealed, and nothing in it can be picked
    nodes = 2 * -(-max(0, tree_height(chunk_count(element_count(op))) - DATA_HEIGHT) // REVEAL_DEPTH)
    sums, length = 0, term_count(op)
    while length > SEGMENT_TERMS:
        sums, length = sums + 2, spacing(length)
    return 2 + trace + 2 + nodes + sums + 1


def longest_game(program: Program) -> int:
    """M: the most moves of a challenge of this program, both sides' together."""
    return max(longest_game_of(op, len(program.ops)) for op in program.ops)


def work(program: Program) -> int:
    """What running a program takes: the terms of all elements, one at least for each."""
    return sum(element_count(op) * max(1, term_count(op)) for op in program.ops)


def ops_too_large(program: Program) -> list[tuple[int, int]]:
    """Number and bytes of every op whose descriptor no move could carry."""
    sizes = ((number, len(op.encode())) for number, op in enumerate(program.ops))
    return [(number, size) for number, size in sizes if size > MAX_DESCRIPTOR_BYTES]


def require_disputable(program: Program) -> None:
    """Raises InputError `op_too_large_to_dispute`: a claim wrong in such an op could not be overturned."""
    for number, size in ops_too_large(program):
        opcode = program.ops[number].opcode.name.lower()
        message = f"op {number} ({opcode}) has a descriptor of {size} bytes; a dispute carries {MAX_DESCRIPTOR_BYTES}"
        raise InputError(
            "op_too_large_to_dispute", message, op=number, opcode=opcode, bytes=size, limit=MAX_DESCRIPTOR_BYTES
        )
