"""What a system must keep to before anything is computed from it (docs/protocol/sumcheck.md section 10).

A system may come from a stranger. One that keeps to this has only readings that mean something, and costs a verifier
time and memory by its length and the sizes of its tensors.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from circuits.lower.sumcheck.encoding import MAX_AXES
from circuits.lower.sumcheck.layout import MAX_ROW_BITS, MIN_ROW_BITS, box_bits, last_cell
from circuits.lower.sumcheck.reading import MAX_GROUP_POINTS, group_sizes
from circuits.lower.sumcheck.system import Fractions, Identity, Kind, Reading, System, Tensor, Term
from circuits.program.indexing import used_axes
from circuits.program.limits import MAX_BITS, MAX_POINTS, MAX_PORTS, MIN_BITS
from circuits.statement import MAX_RANK

MAX_BOX_BITS = 28  # variables of a tensor, of a box
MAX_LEAVES = 1 << 28
MAX_ROWS = 1 << 20
MAX_GROUP_POINTS_IN_ALL = 1 << 26  # of different readings: what a verifier in plain Python does in minutes
_PUBLIC = (Kind.INPUT, Kind.OUTPUT)


def require_bounded(system: System, row_bits: int) -> None:
    """Raises ValueError for what no program has, and for what would cost too much to look at."""
    for number, tensor in enumerate(system.tensors):
        _require(_is_sound(tensor), f"tensor {number} has impossible dims, bits or kind", tensor)
    for kind in _PUBLIC:
        count = len(system.of_kind(kind))
        _require(1 <= count <= MAX_PORTS, f"the number of {kind.name} tensors is none that a program has", count)
    for identity in system.identities:
        _check_identity(system, identity)
    for fractions in system.fractions:
        _check_fractions(system, fractions)
    _check_groups(system)
    leaves = sum(1 << box_bits(fractions.dims) for fractions in system.fractions)
    _require(leaves <= MAX_LEAVES, f"the fractions have more than {MAX_LEAVES} leaves", leaves)
    _require(MIN_ROW_BITS <= row_bits <= MAX_ROW_BITS, "no row has so many cells", f"2^{row_bits}")
    committed = [tensor for tensor in system.tensors if tensor.kind.committed and tensor.size]
    rows = sum(1 + (last_cell(tensor.dims) >> row_bits) for tensor in committed)
    _require(rows <= MAX_ROWS, f"the table may have more than {MAX_ROWS} rows", rows)


def _require(holds: bool, what: str, got: object) -> None:
    if not holds:
        raise ValueError(f"{what}: {got}")


def _is_sound(tensor: Tensor) -> bool:
    public = tensor.kind in _PUBLIC
    fitting = MIN_BITS <= tensor.bits <= MAX_BITS if public else tensor.bits == 0
    # The statement's roots know no more axes than a program has.
    rooted = not public or len(tensor.dims) <= MAX_RANK
    one_axis = tensor.kind is not Kind.IOTA or len(tensor.dims) == 1
    return fitting and rooted and one_axis and box_bits(tensor.dims) <= MAX_BOX_BITS


def _check_box(dims: Sequence[int]) -> None:
    _require(0 not in dims and box_bits(dims) <= MAX_BOX_BITS, "a box is empty or too large", list(dims))


def _check_identity(system: System, identity: Identity) -> None:
    _check_box(identity.dims)
    for term in identity.terms:
        grid = (*identity.dims, *term.inner)
        sound = len(grid) <= MAX_AXES and 0 not in grid and math.prod(grid) <= MAX_POINTS
        _require(sound, "a grid is empty or too large", list(grid))
        _require(len(term.readings) in (1, 2), "a term has neither one reading nor two", len(term.readings))
        for reading in term.readings:
            _check_reading(system, reading, grid)


def _check_fractions(system: System, fractions: Fractions) -> None:
    _check_box(fractions.dims)
    numerator = fractions.numerator
    _require(abs(numerator.coefficient) == 1, "a numerator is no reading times ±1", numerator.coefficient)
    for term in (numerator, *(term for column in fractions.columns for term in column)):
        _check_alone(system, term, fractions.dims)


def _check_alone(system: System, term: Term, dims: tuple[int, ...]) -> None:
    _require(len(term.readings) == 1 and not term.inner, "a fraction sums or multiplies readings", term)
    _check_reading(system, term.readings[0], dims)


def _check_reading(system: System, reading: Reading, grid: tuple[int, ...]) -> None:
    tensor, how = system.tensors[reading.tensor], reading.how
    _require(math.prod(how.view) == tensor.size, "a view has other elements than its tensor", reading)
    _require(tensor.size > 0 or not tensor.kind.committed, "a committed tensor without elements is read", reading)
    fitting = all(len(row) == len(grid) for row in how.strides)
    _require(fitting, f"a map does not fit a grid of {len(grid)} axes", reading)


@dataclass(frozen=True)
class _Weighed:
    """A reading as a verifier weighs it: by 1 from axis `box` of the grid on, at another point on the `shared` axes."""

    reading: Reading
    grid: tuple[int, ...]
    box: int
    shared: tuple[int, ...]


def _readings(system: System) -> Iterator[_Weighed]:
    for identity in system.identities:
        for term in identity.terms:
            grid = (*identity.dims, *term.inner)
            used = [used_axes(reading.how, len(grid)) for reading in term.readings]
            shared = tuple(axis for axis in range(len(grid)) if len(used) == 2 and used[0][axis] and used[1][axis])
            yield from (_Weighed(reading, grid, len(identity.dims), shared) for reading in term.readings)
    for fractions in system.fractions:
        for term in (fractions.numerator, *(term for column in fractions.columns for term in column)):
            yield _Weighed(term.readings[0], fractions.dims, len(fractions.dims), ())


def _elements_summed(system: System, reading: Reading) -> int:
    """A public tensor's are weighed one by one, whatever its groups."""
    tensor = system.tensors[reading.tensor]
    return tensor.size if tensor.kind in _PUBLIC else 0


def _weighed_as(system: System, number: int) -> tuple[Kind, int | None]:
    """What a verifier tells apart among tensors that are read alike: each public one, the committed ones not at all."""
    kind = system.tensors[number].kind
    if kind in _PUBLIC:
        return kind, number
    return Kind.SETUP if kind.committed else kind, None


def _check_groups(system: System) -> None:
    weighed = list(_readings(system))
    different = {
        (
            _weighed_as(system, each.reading.tensor),
            system.tensors[each.reading.tensor].dims,
            each.reading.how,
            each.grid,
            each.box,
            each.shared,
        )
        for each in weighed
    }
    total = sum(_elements_summed(system, each.reading) for each in weighed)
    for _, dims, how, grid, _, _ in different:
        sizes = [] if 0 in dims else group_sizes(dims, how, grid)
        most, total = max(sizes, default=0), total + sum(sizes)
        _require(most <= MAX_GROUP_POINTS, f"a reading couples over {MAX_GROUP_POINTS} points or cells", most)
    _require(total <= MAX_GROUP_POINTS_IN_ALL, f"readings couple over {MAX_GROUP_POINTS_IN_ALL} points in all", total)
