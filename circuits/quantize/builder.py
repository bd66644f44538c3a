"""Growing a program op by op, with the ranges known at every step."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from circuits.errors import InputError
from circuits.onnx.graph import FloatGraph
from circuits.program import limits
from circuits.program.graph import Constant, Program
from circuits.program.intervals import Interval
from circuits.program.ops import Accumulating, Index, Linear, Max, Mul, Op
from circuits.program.ranges import Ranges
from circuits.program.refs import AffineMap, Output, Port, Ref, Source
from circuits.quantize.options import CompileOptions
from circuits.quantize.scales import Target, integers_at, round_half_up, scale_for

Integers = npt.NDArray[np.int64]
Reading = tuple[Ref, AffineMap]


@dataclass(frozen=True)
class Tensor:
    """A quantized value: what it is in the program, seen as `dims`. A program input may have a scale an element."""

    ref: Ref
    dims: tuple[int, ...]
    bits: int
    scales: tuple[int, ...]

    @property
    def scale(self) -> int:
        return self.scales[0]

    @property
    def per_feature(self) -> bool:
        return len(self.scales) > 1

    def identity(self) -> Reading:
        return self.ref, AffineMap.identity(self.dims)

    def broadcast(self, iteration: Sequence[int]) -> Reading:
        return self.ref, AffineMap.broadcast(self.dims, iteration)


class Builder:
    """The program under construction and the quantized value of every float value so far."""

    def __init__(self, graph: FloatGraph, peaks: Mapping[str, float], options: CompileOptions) -> None:
        self.graph = graph
        self.options = options
        self.consumers = graph.consumers()
        self.values: dict[str, Tensor] = {}
        self._peaks = peaks
        self._inputs: list[Port] = []
        self._constants: list[Constant] = []
        self._known_constants: dict[tuple[bytes, tuple[int, ...], int, int], Ref] = {}
        self._ops: list[Op] = []
        self._ranges = Ranges((), ())

    # What is known.

    def peak(self, name: str) -> float:
        """The largest absolute value of a float value, with headroom."""
        return self._peaks[name] * self.options.headroom

    def target(self, name: str) -> Target:
        """The scale and bits that calibration asks for."""
        return Target(scale_for(self.peak(name), self.options.bits), self.options.bits)

    def interval(self, tensor: Tensor) -> Interval:
        return self._ranges.operand(tensor.ref).interval

    def tensor(self, name: str) -> Tensor:
        """The value `name`, with one scale."""
        return self.single_scale(self.values[name], name)

    # What is added.

    def add_input(self, port: Port) -> None:
        self.values[port.name] = Tensor(Ref(Source.INPUT, len(self._inputs)), port.dims, port.bits, port.scales)
        self._inputs.append(port)
        self._ranges.add_input(port)

    def constant(self, name: str, values: Integers, scale: int, width: int = 4) -> Tensor:
        """A constant tensor; the same values at the same scale are stored once."""
        key = (hashlib.sha256(values.tobytes()).digest(), values.shape, width, scale)
        if key not in self._known_constants:
            constant = Constant(name, np.asarray(values, np.int64, order="C"), width, scale)
            self._known_constants[key] = Ref(Source.CONST, len(self._constants))
            self._constants.append(constant)
            self._ranges.add_constant(constant)
        return Tensor(self._known_constants[key], tuple(values.shape), 32, (scale,))

    def bias(self, name: str, values: npt.NDArray[np.float64], acc_scale: int) -> Tensor:
        """A constant at accumulator scale."""
        scaled = np.asarray(values, np.float64) * 2.0**acc_scale
        if np.abs(scaled).max() >= limits.ACCUMULATOR_LIMIT:
            raise InputError(
                "program_range_overflow",
                f"bias {name!r} reaches {np.abs(scaled).max():.3g} at accumulator scale, at most 2^53; use fewer bits",
                bias=name,
            )
        return self.constant(name, round_half_up(scaled), acc_scale, width=8)

    def emit(self, op: Op) -> Tensor:
        """The next op of the program."""
        self._ops.append(op)
        self._ranges.add(op)
        return Tensor(Ref(Source.OP, len(self._ops) - 1), op.dims, op.bits, (op.scale,))

    def accumulate(
        self,
        kind: type[Accumulating],
        readings: Sequence[Reading],
        dims: tuple[int, ...],
        acc_scale: int,
        want: Target,
        *,
        inner: tuple[int, ...] = (),
        **attributes: Any,
    ) -> Tensor:
        """An accumulating op that rescales from `acc_scale` to the wanted scale, or as near as the shift allows."""
        shift = max(0, acc_scale - want.scale)
        if shift > limits.MAX_SHIFT:
            raise InputError(
                "program_range_overflow",
                f"rescaling by 2^{shift} is over 2^{limits.MAX_SHIFT}; the value's range is too wide for its operands",
                shift=shift,
            )
        refs, maps = zip(*readings, strict=True)
        op = kind(refs, maps, dims, inner, want.bits, acc_scale - shift, shift, False, **attributes)
        found = op.bound([self._ranges.operand(ref) for ref in refs])
        return self.emit(replace(op, saturates=found.saturates))

    def linear(
        self, terms: Sequence[tuple[int, Tensor]], dims: tuple[int, ...], acc_scale: int, want: Target, *bias: Tensor
    ) -> Tensor:
        """Σ coefficient · tensor (+ bias), broadcast over dims."""
        readings = [t.broadcast(dims) for _, t in terms] + [b.broadcast(dims) for b in bias]
        return self.accumulate(Linear, readings, dims, acc_scale, want, coefficients=tuple(c for c, _ in terms))

    def maximum(self, tensors: Sequence[Tensor], dims: tuple[int, ...]) -> Tensor:
        """The elementwise maximum of tensors of one scale."""
        return self.max_over([t.broadcast(dims) for t in tensors], dims, (), tensors[0].scale)

    def max_over(
        self, readings: Sequence[Reading], dims: tuple[int, ...], inner: tuple[int, ...], scale: int
    ) -> Tensor:
        refs, maps = zip(*readings, strict=True)
        return self.emit(self._fitting(Max(refs, maps, dims, inner, limits.MAX_BITS, scale)))

    def index(self, readings: Sequence[Reading], dims: tuple[int, ...], scale: int, fill: int = 0) -> Tensor:
        refs, maps = zip(*readings, strict=True)
        return self.emit(self._fitting(Index(refs, maps, dims, (), limits.MAX_BITS, scale, fill)))

    def _fitting(self, op: Op) -> Op:
        """`op` with the activation bits, or as many more as its output needs."""
        output = op.bound([self._ranges.operand(ref) for ref in op.operands]).output
        return replace(op, bits=max(self.options.bits, bits_of(output)))

    # Bringing tensors to one scale.

    def negated(self, tensor: Tensor) -> Tensor:
        interval = self.interval(tensor)
        bits = max(tensor.bits, bits_of(Interval(-interval.hi, -interval.lo)))
        return self.linear([(-1, tensor)], tensor.dims, tensor.scale, Target(tensor.scale, min(bits, limits.MAX_BITS)))

    def rescaled(self, tensor: Tensor, want: Target) -> Tensor:
        """`tensor` at exactly the wanted scale, within the wanted bits."""
        if tensor.scale == want.scale and self.interval(tensor).within(Interval.of_bits(want.bits)):
            return tensor
        raised = max(0, want.scale - tensor.scale)
        return self.linear([(1 << raised, tensor)], tensor.dims, tensor.scale + raised, want)

    def single_scale(self, tensor: Tensor, name: str) -> Tensor:
        """An input with a scale an element as a tensor with one scale."""
        if not tensor.per_feature:
            return tensor
        finest = max(tensor.scales)
        factors = np.array([1 << (finest - scale) for scale in tensor.scales], np.int64)
        factor = self.constant(f"{name}.factors", factors, 0)
        readings = [tensor.identity(), factor.broadcast(tensor.dims)]
        return self.accumulate(Mul, readings, tensor.dims, finest, self.target(name))

    def fixed(self, name: str, values: npt.NDArray[np.float64], scale: int) -> Tensor:
        """A real constant at the scale of the tensors that it meets."""
        return self.constant(name, integers_at(values, scale, limits.MAX_BITS), scale)

    # The end.

    def finish(self, outputs: Sequence[str]) -> Program:
        """The program whose outputs are these float values, in this order."""
        made: list[Output] = []
        for name in outputs:
            tensor = self._as_output(self.tensor(name), self.graph.shapes[name], made)
            made.append(Output(tensor.ref, Port(name, tensor.dims, tensor.bits, tensor.scales)))
        return Program(tuple(self._inputs), tuple(self._constants), tuple(self._ops), tuple(made))

    def _as_output(self, tensor: Tensor, dims: tuple[int, ...], outputs: Sequence[Output]) -> Tensor:
        """An op whose dims and scale are the output's. A tensor that is only seen so is moved there."""
        ref, scale = tensor.ref, tensor.scale
        if ref.source == Source.OP and self._ops[ref.index].dims == dims:
            op = self._ops[ref.index]
            readers = [r for other in self._ops for r in other.operands] + [output.ref for output in outputs]
            if op.scale != scale and ref not in readers:
                # Scaled by a power of two: the same integers, which nobody else has to read by the old scale.
                self._ops[ref.index] = op = replace(op, scale=scale)
            if op.scale == scale:
                return Tensor(ref, dims, op.bits, (scale,))
        return self.index([(ref, AffineMap.identity(dims))], dims, scale)


def bits_of(interval: Interval) -> int:
    """How many signed bits hold every member; at least 8."""
    needed = max(interval.hi.bit_length(), (-interval.lo - 1).bit_length() if interval.lo < 0 else 0) + 1
    return max(limits.MIN_BITS, needed)
