"""How many bytes the executor takes to read a program's operands, beyond the tensors that there are: told from shapes,
by the choices that reading makes."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator

from circuits.execute.contraction import factor_bytes
from circuits.execute.moving import box_in_bounds
from circuits.execute.tensors import FLOAT_BYTES, boxed
from circuits.program.graph import Program
from circuits.program.ops import Argmax, Contract, Gather, Index, Lookup, Op
from circuits.program.refs import Source

_MASK_BYTES = 1


def layout_bytes(program: Program) -> list[int]:
    """Of each op, for what it is the first to lay out; ops share constants and scratch."""
    seen: set[Hashable] = set()
    found = []
    for number, op in enumerate(program.ops):
        layouts = {} if 0 in op.iteration else dict(_layouts(number, op))
        found.append(sum(size for name, size in layouts.items() if name not in seen))
        seen |= layouts.keys()
    return found


def _layouts(number: int, op: Op) -> Iterator[tuple[Hashable, int]]:
    """Each with the name by which ops share it."""
    if isinstance(op, Contract):
        for position in (0, 1):
            yield from _of_factor(number, op, position)
        return
    for position in _read_at_points(op):
        how, points = op.maps[position], op.iteration_of(position)
        padded = boxed(how, points)[0].view
        if padded != how.view and not (isinstance(op, Index) and box_in_bounds(how, points) is not None):
            yield (number, position), math.prod(padded) * (FLOAT_BYTES + (_MASK_BYTES if isinstance(op, Index) else 0))
        if op.operands[position].source is Source.CONST and not op.inner:
            yield (number, position, "constant"), math.prod(points) * FLOAT_BYTES
    if isinstance(op, Argmax):
        yield (number, "points"), math.prod(op.iteration) * FLOAT_BYTES


def _of_factor(number: int, op: Contract, position: int) -> Iterator[tuple[Hashable, int]]:
    whole, block, constant = factor_bytes(op, position)
    ref, how = op.operands[position], op.maps[position]
    if ref.source is Source.CONST:
        yield (ref, op.shift, how, op.iteration, op.maps[1 - position]), whole + constant
    else:
        yield (number, position), whole
        yield ("scratch", position, block), block


def _read_at_points(op: Op) -> range:
    """The operands that are laid out if they are not read as they are: no bias, no table."""
    if isinstance(op, Gather):
        return range(1, 2)
    return range(1 if isinstance(op, Lookup) else len(op.operands) - op.has_bias)
