"""What the lowering of one op sees, and what it adds: tensors, identities, lookups, and steps that fill witnesses."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence

from circuits.lower.sumcheck.expressions import KnownSums, Value, canonical, over_axes, plus, times, without
from circuits.lower.sumcheck.filling import Integers, Values
from circuits.lower.sumcheck.owners import Owner, Owners
from circuits.lower.sumcheck.pieces import Piece, cut_constants, is_cut
from circuits.lower.sumcheck.system import Expression, Fractions, Identity, Kind, Reading, Tensor, Term
from circuits.lower.sumcheck.tables import Dims, Lookup, Table, cheaper_ranges
from circuits.program.graph import Program
from circuits.program.indexing import always_in_bounds
from circuits.program.intervals import ZERO, Interval
from circuits.program.ops import Op
from circuits.program.ranges import Ranges
from circuits.program.refs import UNMAPPED, AffineMap, Ref, Source

# Far below the field's order, so that an identity in the field is one of integers (section 4).
MAGNITUDE_LIMIT = 1 << 160

Step = Callable[[Values], None]


class Context:
    """A system in the making. Tensors are numbered as they come; `assemble` puts them in the order of their kinds."""

    def __init__(self, program: Program, known: Ranges, limb_bits: int) -> None:
        self.program = program
        self.spans = known.ops
        self._known = known
        self.limb_bits = limb_bits
        self.tensors: list[Tensor] = []
        self.bounds: list[Interval] = []  # that the system enforces, tensor by tensor
        self.identities: list[Identity] = []
        self.fractions: list[Fractions] = []
        self.owner: Owner = None  # of what is added now
        self.owners = Owners()
        self.fills: list[Step] = []
        self.counts: list[Step] = []
        self.setup: dict[int, Integers] = {}
        self._tables: dict[Hashable, Table] = {}
        self._tags = 0
        self._public: dict[Tensor, int] = {}
        self.constants: dict[tuple[int, Dims], int] = {}  # tensors of the program's constants, by index and origin
        self._cut = cut_constants(program)
        self.inputs = [
            self._add(Tensor(Kind.INPUT, port.dims, port.bits), Interval.of_bits(port.bits)) for port in program.inputs
        ]
        self.outputs = [
            self._add(Tensor(Kind.OUTPUT, output.port.dims, output.port.bits), Interval.of_bits(output.port.bits))
            for output in program.outputs
        ]
        self.made: dict[int, int] = {}
        self.sums = KnownSums(self.constant(1)[0].readings)

    # Tensors.

    def _add(self, tensor: Tensor, bound: Interval) -> int:
        self.tensors.append(tensor)
        self.bounds.append(bound)
        self.owners.tensors.append(self.owner)
        return len(self.tensors) - 1

    def witness(self, dims: Dims, bound: Interval) -> int:
        """A tensor of the proof, within `bound` once the system is satisfied."""
        return self._add(Tensor(Kind.WITNESS, dims), bound)

    def output(self, position: int) -> int:
        """The tensor of an op's output."""
        if position not in self.made:
            # Its own lookups may only keep it within whole digits from the least value on.
            within = self.within_limbs(self.spans[position].output)
            self.made[position] = self.witness(self.program.ops[position].dims, within)
            self.owners.tensors[-1] = position
        return self.made[position]

    def committed(self, values: Integers, bound: Interval) -> int:
        """A tensor of the key."""
        tensor = self._add(Tensor(Kind.SETUP, values.shape), bound)
        self.setup[tensor] = values
        return tensor

    def constant_tensor(self, index: int, piece: Piece | None = None) -> int:
        """A constant of the program, or a piece of it."""
        origin = piece.origin if piece else ()
        if (index, origin) not in self.constants:
            values = self.program.constants[index].values
            bound = self.interval(Ref(Source.CONST, index))
            self.constants[index, origin] = self.committed(values[piece.slices()] if piece else values, bound)
        return self.constants[index, origin]

    def _public_tensor(self, kind: Kind, dims: Dims) -> int:
        tensor = Tensor(kind, dims)
        if tensor not in self._public:
            bound = Interval(1, 1) if kind is Kind.ONES else Interval(0, max(0, dims[0] - 1))
            self._public[tensor] = self._add(tensor, bound)
        return self._public[tensor]

    def whole_limbs(self, size: int) -> int:
        """The bits of the fewest LIMB digits that hold `size` different integers."""
        return self.limb_bits * max(1, -(-(size - 1).bit_length() // self.limb_bits))

    def within_limbs(self, interval: Interval) -> Interval:
        """Where whole LIMB digits from an interval's least integer on keep what should be in it."""
        size = interval.hi - interval.lo + 1
        return Interval(interval.lo, interval.lo + (1 << self.whole_limbs(size)) - 1)

    # Expressions.

    def constant(self, value: int) -> Expression:
        ones = Reading(self._public_tensor(Kind.ONES, ()), UNMAPPED)
        return (Term(value, (ones,)),) if value else ()

    def expression(self, value: Value) -> Expression:
        return self.constant(value) if isinstance(value, int) else (Term(1, (value,)),)

    def product(self, coefficient: int, a: Value, b: Value, inner: Dims = ()) -> Expression:
        """coefficient · Σ_k a(o,k)·b(o,k)."""
        factors = [value for value in (a, b) if not isinstance(value, int)]
        coefficient *= math.prod(value for value in (a, b) if isinstance(value, int))
        if not coefficient or 0 in inner:
            return ()
        summed = [
            any(row[len(row) - len(inner) + k] for factor in factors for row in factor.how.strides)
            for k in range(len(inner))
        ]
        coefficient *= math.prod(size for size, used in zip(inner, summed, strict=True) if not used)
        if not factors:
            return self.constant(coefficient)
        kept = tuple(size for size, used in zip(inner, summed, strict=True) if used)
        return (Term(coefficient, tuple(without(factor, summed) for factor in factors), kept),)

    def whole(self, tensor: int) -> Reading:
        """Every element at its own place."""
        dims = self.tensors[tensor].dims
        return Reading(tensor, canonical(AffineMap.identity(dims), dims))

    def itself(self, tensor: int) -> Expression:
        return self.expression(self.whole(tensor))

    def over(self, tensor: int, grid: Dims) -> Expression:
        """A tensor over the first axes of `grid`, the same along the others."""
        dims = self.tensors[tensor].dims
        rows = tuple(tuple(int(d == axis and size > 1) for d in range(len(grid))) for axis, size in enumerate(dims))
        return self.expression(Reading(tensor, canonical(AffineMap(dims, (0,) * len(dims), rows), grid)))

    def numbers(self, grid: Dims, axes: Sequence[int]) -> Expression:
        """Row-major numbers over some axes of a grid."""
        parts = []
        for place, axis in enumerate(axes):
            row = tuple(int(d == axis) for d in range(len(grid)))
            how = AffineMap((grid[axis],), (0,), (row,))
            if grid[axis] > 1:
                stride = math.prod(grid[later] for later in axes[place + 1 :])
                parts.append((Term(stride, (Reading(self._public_tensor(Kind.IOTA, (grid[axis],)), how),)),))
        return plus(*parts)

    def steps(self, dims: Dims, start: int) -> Value:
        """1 from place `start` of a box's first axis on, 0 before."""
        if not 0 < start < dims[0]:
            return int(start <= 0)
        return self._line(Kind.ONES, dims, start)

    def ramp(self, dims: Dims, start: int) -> Value:
        """i − start from place `start` of a box's first axis on, 0 before; start is at least 0."""
        return self._line(Kind.IOTA, dims, start) if start < dims[0] - 1 else 0

    def _line(self, kind: Kind, dims: Dims, start: int) -> Reading:
        along = AffineMap(dims[:1], (-start,), ((1,) + (0,) * (len(dims) - 1),))
        return Reading(self._public_tensor(kind, dims[:1]), along)

    # Operands.

    def interval(self, ref: Ref) -> Interval:
        return self._known.operand(ref).interval

    def tensor(self, ref: Ref) -> int:
        if ref.source is Source.INPUT:
            return self.inputs[ref.index]
        return self.constant_tensor(ref.index) if ref.source is Source.CONST else self.output(ref.index)

    def read(self, ref: Ref, how: AffineMap, iteration: Dims) -> Value:
        """An operand at every point of `iteration`, 0 out of bounds."""
        interval = self.interval(ref)
        if 0 in how.view:
            return 0
        if interval.lo == interval.hi and (interval == ZERO or always_in_bounds(how, iteration)):
            return interval.lo
        return Reading(self.tensor(ref), canonical(how, iteration))

    def factors(self, op: Op, number: int) -> list[Value]:
        """An operand whose readings are only multiplied and added, as a sum."""
        ref, how = op.operands[number], op.maps[number]
        if not is_cut(ref, self._cut):
            return [self.operand(op, number)]
        return [
            Reading(self.constant_tensor(ref.index, piece), canonical(piece.moved(how), op.iteration))
            for piece in self._cut[ref.index]
        ]

    def operand(self, op: Op, number: int) -> Value:
        return self.read(op.operands[number], op.maps[number], op.iteration)

    def at_output(self, op: Op, number: int) -> Value:
        """An operand that is read at the output index alone, over that index."""
        how = over_axes(op.maps[number], range(len(op.dims)))
        return self.read(op.operands[number], how, op.dims)

    def operand_interval(self, op: Op, number: int) -> Interval:
        """Where an operand lies, with the 0 that it may read out of bounds."""
        return op.hull_with_zero(number, self.interval(op.operands[number]))

    def in_bounds(self, how: AffineMap, iteration: Dims) -> Reading | None:
        """1 where a map is in bounds; None if it is so everywhere."""
        if always_in_bounds(how, iteration):
            return None
        return Reading(self._public_tensor(Kind.ONES, how.view), canonical(how, iteration))

    # What has to hold.

    def identity(self, dims: Dims, terms: Expression) -> None:
        """The terms add up to 0 at every point."""
        terms = plus(terms)
        self._require_small(terms)
        if terms:
            self.identities.append(Identity(dims, terms))
            self.owners.identities.append(self.owner)

    def look_up(
        self, key: Hashable, table: Table, dims: Dims, columns: Sequence[Expression], when: Reading | None = None
    ) -> None:
        """The columns are a row of the table; tables of equal key are one, of the rows of both."""
        self._require_small(*columns)
        known = self._tables.setdefault(key, table)
        known.rows = known.rows.hull(table.rows)
        known.lookups[Lookup(dims, tuple(columns), when, self.owner)] = None

    def tag(self) -> int:
        """One that no table has."""
        self._tags += 1
        return self._tags

    def fraction(
        self, tag: int, dims: Dims, columns: Sequence[Expression], numerator: Reading | None, sign: int = 1
    ) -> None:
        self._require_small(*columns)
        top = self.constant(sign)[0] if numerator is None else Term(sign, (numerator,))
        self.fractions.append(Fractions(tag, dims, top, tuple(columns)))
        self.owners.fractions.append(self.owner)

    def magnitude(self, terms: Expression) -> int:
        """The largest absolute value that the terms' sum can have."""
        return sum(
            abs(term.coefficient)
            * math.prod(self.bounds[reading.tensor].magnitude for reading in term.readings)
            * math.prod(term.inner)
            for term in terms
        )

    def _require_small(self, *sums: Expression) -> None:
        worst = max(map(self.magnitude, sums), default=0)
        if worst >= MAGNITUDE_LIMIT:
            raise ArithmeticError(f"a sum of terms may reach {worst}, the limit is {MAGNITUDE_LIMIT}")

    # The end.

    def offer_tables(self) -> None:
        """Every table's lookups, and its rows with how often each is looked up."""
        for table in cheaper_ranges(self._tables, self.limb_bits, self.constant).values():
            tag = self.tag()
            for lookup in table.lookups:
                self.owner = lookup.owner
                self.fraction(tag, lookup.dims, lookup.columns, lookup.when)
            self.owner = None
            self._offer(tag, table)

    def _offer(self, tag: int, table: Table) -> None:
        low, dims = table.rows.lo, table.dims
        times_found = self.witness(dims, ZERO)
        first = plus(self.constant(table.step * low), times(table.step, self.numbers(dims, (0,))))
        second = [self.numbers(dims, (1,))] if table.minor else []
        columns = [first, *second, *table.columns(low, dims)]
        self.fraction(tag, dims, columns, self.whole(times_found), sign=-1)

        def count(values: Values) -> None:
            values[times_found] = table.count(values)

        self.counts.append(count)
