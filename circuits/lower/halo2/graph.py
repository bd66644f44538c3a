"""A small builder of integer-exact ONNX graphs for ezkl at scale 0: the only ONNX operators the halo2 route uses.

Every value is a row of dims [1, n]; `bound` is a proven bound on its elements' absolute value, from which the number
of digits that ezkl decomposes into is chosen. docs/security.md says for each operator why ezkl's circuit leaves its
output no freedom.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from circuits.errors import InputError

Integers = npt.NDArray[np.int64]
OPSET = 18
IR_VERSION = 9
INPUT = "x"
MAX_DIGITS_BITS = 112  # digits and their sums stay far below the field and below ezkl's 128-bit integers


@dataclass(frozen=True)
class Row:
    """A value of the graph, dims [1, size], |element| <= bound."""

    name: str
    size: int
    bound: int


def float_parts(values: Integers) -> list[npt.NDArray[np.float32]]:
    """float32 arrays whose exact sum is `values`: ONNX initializers hold 24 bits, accumulator constants have more."""
    parts: list[npt.NDArray[np.float32]] = []
    rest = values.astype(np.int64)
    while not parts or np.any(rest):
        part = rest.astype(np.float32)
        parts.append(part)
        rest = rest - part.astype(np.float64).astype(np.int64)
    return parts


def _digest(values: npt.NDArray[np.float32] | Integers) -> bytes:
    return hashlib.sha256(f"{values.dtype}{values.shape}".encode() + values.tobytes()).digest()


@dataclass
class GraphBuilder:
    """Appends nodes; names are numbers in order, so that the same program always gives the same bytes."""

    digit_bits: int
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    largest: int = 1  # of all values that ezkl decomposes into digits
    _seen: set[bytes] = field(default_factory=set)  # digests of constants

    def _name(self) -> str:
        return f"v{len(self.nodes) + len(self.constants)}"

    def _constant(self, values: npt.NDArray[np.float32] | Integers) -> str:
        name = self._name()
        self.constants.append(numpy_helper.from_array(values, name))
        if self._is_known(values) and values.dtype == np.float32:
            self.largest = max(self.largest, int(np.abs(values).max()))
        self._seen.add(_digest(values))
        return name

    def _is_known(self, values: npt.NDArray[np.float32] | Integers) -> bool:
        """Whether an equal constant was there before. The importer merges equal ones, and ezkl decomposes every element
        of one with two uses."""
        return _digest(values) in self._seen

    def _node(self, operator: str, *operands: str, **attributes: Any) -> str:
        name = self._name()
        self.nodes.append(helper.make_node(operator, list(operands), [name], name=name, **attributes))
        return name

    def input_row(self, size: int, bound: int) -> Row:
        return Row(INPUT, size, bound)

    def constant_row(self, values: Integers) -> Row:
        """Values of at most 24 bits each."""
        name = self._constant(values.reshape(1, -1).astype(np.float32))
        return Row(name, values.size, int(np.abs(values).max(initial=0)))

    def arrange(self, rows: Sequence[Row], indices: Integers, fill: int | None = None) -> Row:
        """out[i] = (rows concatenated, then `fill`)[indices[i]]; moves elements, costs no constraint."""
        names = [row.name for row in rows]
        total = sum(row.size for row in rows)
        bound = max([row.bound for row in rows] + [abs(fill or 0)])
        if fill is not None:
            names.append(self._constant(np.array([[fill]], np.float32)))
            total += 1
        source = names[0] if len(names) == 1 else self._node("Concat", *names, axis=1)
        flat = indices.reshape(-1)
        if np.array_equal(flat, np.arange(total)):
            return Row(source, total, bound)
        return Row(self._node("Gather", source, self._constant(flat), axis=1), flat.size, bound)

    def _reshape(self, name: str, dims: Sequence[int]) -> str:
        return self._node("Reshape", name, self._constant(np.array(dims, np.int64)))

    def matmul(self, a: Row, b: Row | Integers, dims: tuple[int, int, int, int], bound: int) -> Row:
        """[g, p, k] x [g, k, n] -> a row of g·p·n elements; `b` is a row or constant integers of dims (g, k, n)."""
        g, p, k, n = dims
        lead = [g] if g > 1 else []
        if isinstance(b, Row):
            left, right = self._reshape(a.name, [*lead, p, k]), self._reshape(b.name, [*lead, k, n])
            return self._flat(self._node("MatMul", left, right), g * p * n, bound)
        total: Row | None = None
        for part in float_parts(b):
            product = self._matmul_constant(a, part.reshape([*lead, k, n]), dims, bound)
            total = product if total is None else self.add(total, product, bound)
        assert total is not None  # float_parts returns at least one part
        return total

    def _matmul_constant(
        self, a: Row, factor: npt.NDArray[np.float32], dims: tuple[int, int, int, int], bound: int
    ) -> Row:
        """A matrix that was there before is turned by one more inner row, as `a` by a column: `_is_known` says why."""
        g, p, k, n = dims
        turns = next((t for t in range(k) if not self._is_known(np.roll(factor, t, axis=-2))), 0)
        if turns:
            a = self.arrange([a], np.roll(np.arange(g * p * k).reshape(g * p, k), turns, axis=1))
        left = self._reshape(a.name, [*factor.shape[:-2], p, k])
        product = self._node("MatMul", left, self._constant(np.roll(factor, turns, axis=-2)))
        return self._flat(product, g * p * n, bound)

    def _flat(self, name: str, size: int, bound: int) -> Row:
        return Row(self._reshape(name, [1, size]), size, bound)

    def add(self, a: Row, b: Row, bound: int | None = None) -> Row:
        return Row(self._node("Add", a.name, b.name), a.size, a.bound + b.bound if bound is None else bound)

    def subtract(self, a: Row, b: Row) -> Row:
        return Row(self._node("Sub", a.name, b.name), a.size, a.bound + b.bound)

    def multiply(self, a: Row, b: Row | Integers) -> Row:
        """Elementwise; constants have one element or as many as `a`."""
        if isinstance(b, Row):
            return Row(self._node("Mul", a.name, b.name), a.size, a.bound * b.bound)
        bound = a.bound * int(np.abs(b).max())
        products = [
            Row(self._node("Mul", a.name, self._constant(part)), a.size, bound)
            for part in float_parts(b.reshape(1, -1))
        ]
        total = products[0]
        for product in products[1:]:
            total = self.add(total, product, bound)
        return total

    def scale(self, a: Row, factor: int) -> Row:
        return a if factor == 1 else self.multiply(a, np.array([factor], np.int64))

    def repeated(self, a: Row, value: int, size: int) -> Row:
        """`size` times `value`, as a - a + value of some element a: a constant is no value of ezkl's graph."""
        element = self.arrange([a], np.zeros(size, np.int64))
        nothing = Row(self.subtract(element, element).name, size, 0)
        return self.add_constant(nothing, np.array([value], np.int64))

    def copied(self, a: Row) -> Row:
        """a + a - a: another node."""
        return Row(self.subtract(self.add(a, a), a).name, a.size, a.bound)

    def add_constant(self, a: Row, values: Integers) -> Row:
        """a + values, elementwise; `values` has one element or as many as `a`."""
        if not np.any(values):
            return a
        bound = a.bound + int(np.abs(values).max())
        for part in float_parts(np.unique(values) if np.unique(values).size == 1 else values):
            a = Row(self._node("Add", a.name, self._constant(part.reshape(1, -1))), a.size, bound)
        return a

    def relu(self, a: Row) -> Row:
        """max(a, 0)."""
        self.largest = max(self.largest, a.bound)
        return Row(self._node("Relu", a.name), a.size, a.bound)

    def sign(self, a: Row) -> Row:
        """1 or -1, for odd integers: that none of them is 0 is what makes it unique (docs/security.md)."""
        self.largest = max(self.largest, a.bound)
        return Row(self._node("Sign", a.name), a.size, 1)

    def equal(self, a: Row, value: int) -> Row:
        """1 where a is `value`, which has at most 24 bits; 0 elsewhere."""
        same = self._node("Equal", a.name, self._constant(np.array([[value]], np.float32)))
        return Row(self._node("Cast", same, to=TensorProto.FLOAT), a.size, 1)

    def positive(self, a: Row) -> Row:
        """[a > 0], for odd integers."""
        return self.equal(self.sign(a), 1)

    def maximum(self, a: Row, b: Row) -> Row:
        """b + relu(a - b): cheaper in ezkl than its own max, and no comparison whose tie the prover could choose."""
        raised = self.add(b, self.relu(self.subtract(a, b)))
        return Row(raised.name, raised.size, max(a.bound, b.bound))

    def at_least(self, a: Row, low: int) -> Row:
        """max(a, low) = low + relu(a - low)."""
        above = self.relu(self.add_constant(a, np.array([-low], np.int64)))
        return Row(self.add_constant(above, np.array([low], np.int64)).name, a.size, max(a.bound, abs(low)))

    def clamp(self, a: Row, low: int, high: int) -> Row:
        """low + relu(a - low) - relu(a - high)."""
        above_low = self.relu(self.add_constant(a, np.array([-low], np.int64)))
        above_high = self.relu(self.add_constant(a, np.array([-high], np.int64)))
        clamped = self.add_constant(self.subtract(above_low, above_high), np.array([low], np.int64))
        return Row(clamped.name, clamped.size, max(abs(low), abs(high)))

    def floor_shift(self, a: Row, shift: int) -> Row:
        """floor(a / 2^shift). One digit size for the whole graph: a is scaled up to it, or divided digit by digit."""
        while shift > 0:
            step = min(shift, self.digit_bits)
            scaled = self.scale(a, 1 << (self.digit_bits - step))
            self.largest = max(self.largest, scaled.bound)
            divisor = self._constant(np.array([[1 << self.digit_bits]], np.float32))
            quotient = self._node("Floor", self._node("Div", scaled.name, divisor))
            a = Row(quotient, a.size, (a.bound >> step) + 1)
            shift -= step
        return a

    def lookup(self, a: Row, low: int, table: Integers) -> Row:
        """table[a - low]. A table that was there before gets entries at its end, which no index reaches."""
        position = self.add_constant(a, np.array([-low], np.int64))
        index = self._node("Cast", position.name, to=TensorProto.INT64)
        bound, total = int(np.abs(table).max()), None
        for part in float_parts(table):
            while self._is_known(part):
                part = np.append(part, part[-1])
            found = self._node("Gather", self._constant(part), index, axis=0)
            row = Row(self._reshape(found, [1, a.size]), a.size, bound)
            total = row if total is None else self.add(total, row, bound)
        assert total is not None  # float_parts returns at least one part
        return total

    def sum_all(self, a: Row) -> Row:
        ones = np.ones((1, a.size, 1), np.int64)
        return self.matmul(a, ones, (1, 1, a.size, 1), a.bound * a.size)

    def digits(self) -> int:
        """How many digits of `digit_bits` bits hold every value that ezkl decomposes."""
        count = max(2, math.ceil(self.largest.bit_length() / self.digit_bits))
        if count * self.digit_bits > MAX_DIGITS_BITS:
            message = f"it compares values of {self.largest.bit_length()} bits, at most {MAX_DIGITS_BITS} are exact"
            raise InputError("halo2_cannot_lower", message, bits=self.largest.bit_length(), limit=MAX_DIGITS_BITS)
        return count

    def model(self, input_size: int, outputs: Sequence[Row]) -> bytes:
        declared = [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [1, input_size])]
        names = [self._node("Identity", row.name) for row in outputs]
        results = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, row.size])
            for name, row in zip(names, outputs, strict=True)
        ]
        graph = helper.make_graph(self.nodes, "program", declared, results, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        return bytes(model.SerializeToString(deterministic=True))
