"""The fixed arrays of one program: every input and op output as float64, every constant as an op wants it.

float64 holds every integer of a valid program exactly, since none reaches 2^53. The arrays are made once; a run writes
the inputs and then works through *steps*, pieces of work without arguments that read views of these arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from circuits.program.graph import Program
from circuits.program.indexing import axis_extents, padded_dims, strided_view
from circuits.program.intervals import Interval
from circuits.program.ops import Op
from circuits.program.refs import AffineMap, Ref, Source

Floats = npt.NDArray[np.float64]
FLOAT_BYTES = 8
Step = Callable[[], Any]
# Given a float32 matrix [rows, columns]: a function of a float64 vector that gives their product in float64, every
# element widened before it is multiplied.
Arithmetic = Callable[[npt.NDArray[np.float32]], Callable[[Floats], Floats]]


class Shared:
    """Arrays that several ops use: a constant in some layout, or scratch for what lives no longer than one op."""

    def __init__(self) -> None:
        self._arrays: dict[Hashable, Any] = {}

    def once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What `make` made for the first op that asked for `key`."""
        if key not in self._arrays:
            self._arrays[key] = make()
        return self._arrays[key]


class Tensors:
    """C-contiguous arrays by reference. `made` grows op by op, in execution order."""

    def __init__(self, program: Program, arithmetic: Arithmetic | None = None) -> None:
        self.arithmetic = arithmetic
        self.inputs = [np.empty(port.dims) for port in program.inputs]
        self.made: list[Floats] = []
        self.shared = Shared()
        self._constants = [constant.values for constant in program.constants]

    def of(self, ref: Ref, shift: int = 0) -> Floats:
        """A tensor. A constant can be had divided by 2^shift, which loses nothing: it has the same significant bits."""
        if ref.source != Source.CONST:
            return (self.inputs if ref.source == Source.INPUT else self.made)[ref.index]
        values = self._constants[ref.index]
        return cast(Floats, self.shared.once((ref, shift), lambda: np.multiply(values, 2.0**-shift, dtype=np.float64)))

    def read(self, op: Op, position: int, fill: float = 0.0, shift: int = 0) -> tuple[Floats, list[Step]]:
        """Operand `position` at every point, and the steps that keep the view up to date.

        A constant is written out where there is one point an output: NumPy is several times faster with a whole array
        than with an element that repeats.
        """
        ref = op.operands[position]
        view, steps = read(self.of(ref, shift), op.maps[position], op.iteration_of(position), fill)
        if ref.source != Source.CONST:
            return view, steps
        for step in steps:
            step()
        return (view if op.inner else np.array(view, order="C")), []

    def clamp(self, values: Floats, bits: int) -> list[Step]:
        """Saturation to `bits` bits, in place."""
        bound = Interval.of_bits(bits)
        low, high = (self._everywhere(float(value), values.shape) for value in (bound.lo, bound.hi))
        return [partial(np.maximum, values, low, out=values), partial(np.minimum, values, high, out=values)]

    def _everywhere(self, value: float, dims: tuple[int, ...]) -> Floats:
        return cast(Floats, self.shared.once(("everywhere", value, dims), lambda: np.full(dims, value)))


def read(tensor: Floats, how: AffineMap, iteration: Sequence[int], fill: float = 0.0) -> tuple[Floats, list[Step]]:
    """A view of shape `iteration` of C-contiguous `tensor` with `fill` out of bounds, and what keeps it up to date.

    Where nothing is read out of bounds the view is of `tensor` itself and there is nothing to do; else it is of a
    padded copy.
    """
    if 0 in iteration:
        return np.empty(tuple(iteration)), []
    padded, inside = boxed(how, iteration)
    if padded.view == how.view:
        return cast(Floats, strided_view(tensor, how, iteration)), []
    box = np.full(padded.view, fill)
    filled = partial(np.copyto, part_of(box, inside), tensor.reshape(how.view))
    return cast(Floats, strided_view(box, padded, iteration)), [filled]


def boxed(how: AffineMap, iteration: Sequence[int]) -> tuple[AffineMap, list[slice]]:
    """The map over the smallest box that holds the view and every index read, and where the view is in it."""
    before = [max(0, -extent.lo) for extent in axis_extents(how, iteration)]
    inside = [slice(low, low + size) for low, size in zip(before, how.view, strict=True)]
    offsets = tuple(offset + low for offset, low in zip(how.offsets, before, strict=True))
    return replace(how, view=tuple(padded_dims(how, iteration)), offsets=offsets), inside


def without_memory(dims: Sequence[int]) -> Floats:
    """An array of which only shape and strides can be looked at."""
    strides = [FLOAT_BYTES * math.prod(dims[axis + 1 :]) for axis in range(len(dims))]
    return as_strided(np.empty(1), tuple(dims), strides, writeable=False)


def part_of(array: Floats, index: Sequence[int | slice]) -> Floats:
    """A view of the array, also where only one element is left, which NumPy would rather copy."""
    part: Floats = array[(*index, Ellipsis)]
    return part
