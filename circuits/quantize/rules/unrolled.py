"""A recurrent layer's steps, measured in real numbers and then emitted: one scale for each role, one table each.

Weights and tables are constants that every step shares, since all steps ask for them at the same scales.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from circuits.onnx.graph import Floats
from circuits.program.intervals import ZERO
from circuits.program.ops import Contract, Linear, Mul
from circuits.program.refs import AffineMap
from circuits.quantize.arithmetic import at_least, rescaled
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.choices import selected
from circuits.quantize.functions import Table, looked_up, tabulated
from circuits.quantize.rules.activations import Activation
from circuits.quantize.rules.cells import CELL, HIDDEN, argument, result
from circuits.quantize.scales import Reach, Target
from circuits.quantize.weights import Weights, weighted

# Rounding errors of a state add up over the steps: an LSTM's cell has this many bits more than an activation, values
# that end in another sum this many, and none more than lets products stay below 2^53.
CELL_BITS, TERM_BITS, MOST_BITS = 4, 8, 28
# Errors of tables add up too, and a table that all steps share is worth more entries.
TABLE_BITS, MOST_TABLE_BITS = 2, 16


@dataclass(frozen=True)
class Direction:
    """The parameters of one direction. `bias` belongs to the projection of x, `recurrent_bias` to that of h."""

    weights: Floats  # [gates · hidden, inputs]
    recurrence: Floats  # [gates · hidden, hidden]
    bias: Floats  # [gates · hidden]
    recurrent_bias: Floats | None
    peepholes: Floats | None  # [3, hidden]
    activations: Sequence[Activation]
    reverse: bool

    @property
    def hidden(self) -> int:
        return int(self.recurrence.shape[1])

    def steps(self, count: int) -> list[int]:
        return list(range(count))[:: -1 if self.reverse else 1]


class Measured:
    """Steps in real numbers: `peaks` says how far each role reaches over all steps and samples."""

    def __init__(self, direction: Direction) -> None:
        self._d = direction
        self.peaks: dict[str, float] = {}

    @property
    def has_peepholes(self) -> bool:
        return self._d.peepholes is not None

    def noted(self, role: str, values: Floats) -> Floats:
        self.peaks[role] = max(self.peaks.get(role, 0.0), float(np.abs(values).max(initial=0.0)))
        return values

    def recurrent(self, role: str, h: Floats, gate: int, gates: int) -> Floats:
        rows = slice(gate * self._d.hidden, (gate + gates) * self._d.hidden)
        made = h @ self._d.recurrence[rows].T
        return self.noted(role, made if self._d.recurrent_bias is None else made + self._d.recurrent_bias[rows])

    def peephole(self, c: Floats, gate: int) -> Floats:
        assert self._d.peepholes is not None
        return self.noted("peephole", c * self._d.peepholes[gate])

    def part(self, value: Floats, gate: int, gates: int = 1) -> Floats:
        return value[..., gate * self._d.hidden : (gate + gates) * self._d.hidden]

    def total(self, role: str, *terms: Floats) -> Floats:
        return self.noted(role, sum(terms, np.zeros(())))

    def difference(self, role: str, x: Floats, y: Floats) -> Floats:
        return self.noted(role, x - y)

    def complement(self, role: str, x: Floats) -> Floats:
        return self.noted(role, 1 - x)

    def product(self, role: str, x: Floats, y: Floats) -> Floats:
        return self.noted(role, x * y)

    def activated(self, role: str, activation: int, x: Floats) -> Floats:
        return self.noted(role, self._d.activations[activation].function(x))


@dataclass(frozen=True)
class Seen:
    """Part of a tensor, read as [batch, values]."""

    tensor: Tensor
    how: AffineMap
    dims: tuple[int, int]

    @classmethod
    def whole(cls, tensor: Tensor) -> Seen:
        return cls(tensor, tensor.identity()[1], (tensor.dims[0], tensor.dims[1]))

    @property
    def scale(self) -> int:
        return self.tensor.scale


class Emitted:
    """Steps as ops, every role at the scale that its peak asks for."""

    def __init__(self, b: Builder, name: str, direction: Direction, peaks: dict[str, float]) -> None:
        self._b, self._name, self._d = b, name, direction
        self.targets = {role: b.resolve(self._want(role), np.array(peak), 0, ZERO) for role, peak in peaks.items()}
        self._tables: dict[tuple[str, int], Table] = {}

    @property
    def has_peepholes(self) -> bool:
        return self._d.peepholes is not None

    def _want(self, role: str) -> Reach:
        bits = self._b.options.bits
        for place, activation in enumerate(self._d.activations):
            if role == argument(place):
                table_bits = min(self._b.options.table_bits + TABLE_BITS, MOST_TABLE_BITS)
                return Reach(table_bits if activation.tabulated else bits, activation.flat_beyond)
            if role == result(place):
                return Reach(bits, activation.largest)
        if role == HIDDEN:
            return Reach(bits)
        return Reach(min(bits + (CELL_BITS if role == CELL else TERM_BITS), MOST_BITS))

    def projected(self, x: Tensor) -> Tensor:
        """x · Wᵀ + b for all steps at once: [steps, batch, gates · hidden]."""
        steps, batch, size = x.dims
        stored = self._d.weights
        divisors = 2.0 ** -np.array(x.scales, np.float64) if x.per_feature else None
        weights = Weights(stored, axes((2, 3), stored.shape, 4), (0,), divisors)
        bias = self._d.bias, axes((2,), self._d.bias.shape, 4)
        dims = (steps, batch, len(stored))
        read = x, axes((0, 1, 3), x.dims, 4)
        want = self.targets["projected"]
        return weighted(self._b, f"{self._name}.input", Contract, read, weights, dims, want, inner=(size,), bias=bias)

    def at(self, projected: Tensor, step: int) -> Seen:
        """One step of a value of all steps."""
        _, batch, size = projected.dims
        return Seen(projected, AffineMap(projected.dims, (step, 0, 0), ((0, 0), (1, 0), (0, 1))), (batch, size))

    def start(self, role: str, given: Tensor | Floats) -> Seen:
        """A state before the first step, at the scale of all that follow."""
        want = self.targets[role]
        if isinstance(given, Tensor):
            return Seen.whole(rescaled(self._b, given, want))
        return Seen.whole(self._b.fixed(f"{self._name}.{role}", given, want.scale))

    def recurrent(self, role: str, h: Seen, gate: int, gates: int) -> Seen:
        rows = slice(gate * self._d.hidden, (gate + gates) * self._d.hidden)
        stored = self._d.recurrence[rows]
        weights = Weights(stored, axes((1, 2), stored.shape, 3), (0,))
        bias = None
        if self._d.recurrent_bias is not None:
            values = self._d.recurrent_bias[rows]
            bias = values, axes((1,), values.shape, 3)
        dims = (h.dims[0], len(stored))
        read = h.tensor, axes((0, 2), h.tensor.dims, 3)
        want, inner = self.targets[role], (self._d.hidden,)
        name = f"{self._name}.{role}"
        made = weighted(self._b, name, Contract, read, weights, dims, want, inner=inner, bias=bias)
        return self._fixed(made, want)

    def peephole(self, c: Seen, gate: int) -> Seen:
        assert self._d.peepholes is not None
        values, want = self._d.peepholes[gate], self.targets["peephole"]
        weights = Weights(values, AffineMap.broadcast(values.shape, c.dims))
        made = weighted(self._b, f"{self._name}.peephole", Mul, (c.tensor, c.how), weights, c.dims, want)
        return self._fixed(made, want)

    def part(self, value: Seen, gate: int, gates: int = 1) -> Seen:
        size, offsets = self._d.hidden, value.how.offsets
        moved = (*offsets[:-1], offsets[-1] + gate * size)
        return Seen(value.tensor, replace(value.how, offsets=moved), (value.dims[0], gates * size))

    def total(self, role: str, *terms: Seen) -> Seen:
        return self._linear(role, [(1, term) for term in terms])

    def difference(self, role: str, x: Seen, y: Seen) -> Seen:
        return self._linear(role, [(1, x), (-1, y)])

    def complement(self, role: str, x: Seen) -> Seen:
        return self._linear(role, [(-1, x)], constant=1.0)

    def _linear(self, role: str, terms: Sequence[tuple[int, Seen]], constant: float = 0.0) -> Seen:
        """At exactly the role's scale: what shares a table or ends in one tensor has one."""
        want, dims = self.targets[role], terms[0][1].dims
        finest = max(want.scale, *(term.scale for _, term in terms))
        readings = [(term.tensor.ref, term.how) for _, term in terms]
        if constant:
            bias = self._b.bias(f"{self._name}.{role}", np.array(constant), finest)
            readings.append(bias.broadcast(dims))
        coefficients = tuple(sign << (finest - term.scale) for sign, term in terms)
        return Seen.whole(self._b.accumulate(Linear, readings, dims, finest, want, coefficients=coefficients))

    def product(self, role: str, x: Seen, y: Seen) -> Seen:
        readings, want = [(x.tensor.ref, x.how), (y.tensor.ref, y.how)], self.targets[role]
        return self._fixed(self._b.accumulate(Mul, readings, x.dims, x.scale + y.scale, want), want)

    def activated(self, role: str, place: int, x: Seen) -> Seen:
        activation = self._d.activations[place]
        if not activation.tabulated:
            return self._fixed(at_least(self._b, x.tensor, np.zeros(())), self.targets[role])
        if (role, place) not in self._tables:
            wants = self.targets[argument(place)], self.targets[role]
            self._tables[role, place] = tabulated(
                self._b, f"{self._name}.{activation.name}", activation.function, *wants
            )
        return Seen.whole(looked_up(self._b, self._tables[role, place], x.tensor))

    def chosen(self, active: Floats, x: Seen, y: Seen) -> Seen:
        """x for the batch rows that are active (1), y for the others (0); both are whole, of one scale."""
        chooser = self._b.constant(f"{self._name}.active", active.astype(np.int64), 0)
        return Seen.whole(selected(self._b, chooser, x.tensor, y.tensor, x.dims))

    def _fixed(self, made: Tensor, want: Target) -> Seen:
        """A scale finer than its operands' product cannot be reached by a rescale."""
        return Seen.whole(made if made.scale == want.scale else rescaled(self._b, made, want))


def axes(places: Sequence[int], dims: Sequence[int], rank: int) -> AffineMap:
    """A tensor whose axes are walked by the iteration axes `places`."""
    rows = tuple(tuple(int(d == place) for d in range(rank)) for place in places)
    return AffineMap(tuple(dims), (0,) * len(places), rows)
