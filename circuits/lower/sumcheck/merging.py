"""What is decided about a program before its ops are lowered: which ops become one, and which share a lookup."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from circuits.lower.sumcheck.context import Context
from circuits.lower.sumcheck.expressions import canonical, over_axes, points
from circuits.lower.sumcheck.sums import Clamp
from circuits.lower.sumcheck.tables import MAX_RESULTS
from circuits.program.intervals import Interval
from circuits.program.ops import Accumulating, Lookup, Max
from circuits.program.refs import AffineMap, Ref, Source

# A maximum with a constant is looked up in a table only where so many elements share the table: below, a flag for
# each element costs less than the table's rows.
SHARED_TABLE_ELEMENTS = 1 << 15
MAX_TABLE_ROWS = 1 << 16

Argument = tuple[Ref, AffineMap, tuple[int, ...]]


@dataclass(frozen=True)
class Floor:
    """max(x, least): the operand x, and the constant."""

    operand: int
    least: int


@dataclass
class Merges:
    """Ops by their positions. `floors`: the maxima with a constant. `clamps`: those of them that alone read what an
    accumulating op makes, with that op; and `fused`, these."""

    floors: dict[int, Floor] = field(default_factory=dict)
    clamps: dict[int, tuple[int, Accumulating, Clamp]] = field(default_factory=dict)
    fused: set[int] = field(default_factory=set)
    # Of each op that is looked up in a table: all that are functions of the same argument, in order.
    grouped: dict[int, list[int]] = field(default_factory=dict)


def at_output(how: AffineMap, dims: tuple[int, ...]) -> AffineMap:
    """A map that does not depend on the inner point, over the output index."""
    return canonical(over_axes(how, range(len(dims))), dims)


def find_merges(context: Context) -> Merges:
    merges, ops = Merges(), context.program.ops
    for position, op in enumerate(ops):
        if isinstance(op, Max) and 0 not in op.dims and (floor := _floor(context, op)) is not None:
            merges.floors[position] = floor
    uses = Counter(ref for op in ops for ref in op.operands) + Counter(o.ref for o in context.program.outputs)
    for position, floor in merges.floors.items():
        _fuse(context, merges, position, floor, uses)
    _share(context, merges)
    return merges


def _floor(context: Context, op: Max) -> Floor | None:
    """max of x and of a constant that is the same everywhere, both always in bounds."""
    if len(op.operands) != 2 or points(op.inner) != 1 or not all(op.always_reads(i) for i in range(2)):
        return None
    for x, c in ((0, 1), (1, 0)):
        known, interval = context.interval(op.operands[c]), context.interval(op.operands[x])
        if known.lo == known.hi and interval.lo < known.lo < interval.hi:
            return Floor(x, known.lo)
    return None


def _fuse(context: Context, merges: Merges, position: int, floor: Floor, uses: Counter[Ref]) -> None:
    """max(x, c) with x rescaled and perhaps clamped, and read by nothing else: a clamp to another range."""
    op = context.program.ops[position]
    ref, how = op.operands[floor.operand], op.maps[floor.operand]
    if ref.source is not Source.OP or uses[ref] != 1:
        return
    made = context.program.ops[ref.index]
    whole = canonical(AffineMap.identity(op.dims), op.dims)
    if not isinstance(made, Accumulating) or made.dims != op.dims or at_output(how, op.dims) != whole:
        return
    largest = context.spans[ref.index].output.hi
    width = (largest - floor.least).bit_length()
    may_clamp_above = largest == Interval.of_bits(made.bits).hi
    if may_clamp_above and floor.least + (1 << width) - 1 != largest:
        return
    merges.clamps[position] = ref.index, made, Clamp(floor.least, width)
    merges.fused.add(ref.index)


def _maxima_by_table(context: Context, merges: Merges) -> set[int]:
    """The maxima with a constant that enough elements share to be worth a table."""
    found, sharing = set(), Counter[int]()
    for position, floor in merges.floors.items():
        op = context.program.ops[position]
        interval = context.interval(op.operands[floor.operand])
        if position not in merges.clamps and interval.hi - interval.lo < MAX_TABLE_ROWS:
            found.add(position)
            sharing[floor.least] += points(op.dims)
    return {position for position in found if sharing[merges.floors[position].least] >= SHARED_TABLE_ELEMENTS}


def _share(context: Context, merges: Merges) -> None:
    """Lookups of one argument become one, or as few as MAX_RESULTS allows; maxima that are looked up join them."""
    maxima, together = _maxima_by_table(context, merges), dict[Argument, list[int]]()
    for position, op in enumerate(context.program.ops):
        only = context.spans[position].output
        # What has a single possible result is no function of its argument, and must not stand for a group either.
        looked_up = isinstance(op, Lookup) and 0 not in op.dims and only.lo < only.hi
        if position in maxima or looked_up:
            x = merges.floors[position].operand if position in maxima else 0
            argument = op.operands[x], at_output(op.maps[x], op.dims), op.dims
            group = together.setdefault(argument, [])
            if len(group) == MAX_RESULTS:
                group = together[argument] = []
            group.append(position)
            merges.grouped[position] = group
