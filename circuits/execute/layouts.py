"""How many bytes the executor takes to read a program's operands, beyond the tensors that there are: told from shapes,
by the choices that reading makes."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from circuits.execute.contraction import factor_bytes
from circuits.execute.moving import box_in_bounds
from circuits.execute.tensors import FLOAT_BYTES, boxed
from circuits.program.graph import Program
from circuits.program.ops import Argmax, Contract, Gather, Index, Lookup, Op
from circuits.program.refs import Ref, Source

_MASK_BYTES = 1


@dataclass(frozen=True)
class _Layout:
    """`name` is what ops share it by."""

    name: Hashable
    size: int
    of: Ref | None = None


def layout_bytes(program: Program) -> list[int]:
    """Of each op, for what it is the first to lay out: ops share constants and scratch.

    Each constant's first layout, as far as it is no larger than the constant, goes with the constant.
    """
    seen: set[Hashable] = set()
    copies: dict[Ref | None, int] = {
        Ref(Source.CONST, number): constant.values.size * FLOAT_BYTES
        for number, constant in enumerate(program.constants)
    }
    found = []
    for number, op in enumerate(program.ops):
        total = 0
        for layout in () if 0 in op.iteration else _layouts(number, op):
            if layout.name not in seen:
                seen.add(layout.name)
                total += max(0, layout.size - (copies.pop(layout.of, 0) if layout.size else 0))
        found.append(total)
    return found


def _layouts(number: int, op: Op) -> Iterator[_Layout]:
    if isinstance(op, Contract):
        for position in (0, 1):
            yield from _of_factor(number, op, position)
        return
    for position in _read_at_points(op):
        how, points = op.maps[position], op.iteration_of(position)
        padded = boxed(how, points)[0].view
        if padded != how.view and not (isinstance(op, Index) and box_in_bounds(how, points) is not None):
            mask_bytes = _MASK_BYTES if isinstance(op, Index) else 0
            yield _Layout((number, position), math.prod(padded) * (FLOAT_BYTES + mask_bytes))
        if op.operands[position].source is Source.CONST and not op.inner:
            yield _Layout((number, position, "constant"), math.prod(points) * FLOAT_BYTES, op.operands[position])
    if isinstance(op, Argmax):
        yield _Layout((number, "points"), math.prod(op.iteration) * FLOAT_BYTES)


def _of_factor(number: int, op: Contract, position: int) -> Iterator[_Layout]:
    whole, block, constant = factor_bytes(op, position)
    ref, maps = op.operands[position], op.maps
    if ref.source is Source.CONST:
        yield _Layout((ref, op.shift, maps[position], maps[1 - position], op.iteration), whole + constant, ref)
    else:
        yield _Layout((number, position), whole)
        yield _Layout(("scratch", position, block), block)


def _read_at_points(op: Op) -> range:
    """The operands that are laid out if they are not read as they are: no bias, no table."""
    if isinstance(op, Gather):
        return range(1, 2)
    return range(1 if isinstance(op, Lookup) else len(op.operands) - op.has_bias)
