"""Growing a program op by op, with the ranges and the calibration samples known at every step."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from circuits.errors import InputError
from circuits.onnx.graph import FloatGraph
from circuits.program import limits
from circuits.program.graph import Constant, Program
from circuits.program.intervals import Interval, OpRange
from circuits.program.ops import Accumulating, Index, Linear, Lookup, Max, Mul, Op
from circuits.program.ranges import Ranges
from circuits.program.refs import UNMAPPED, AffineMap, Output, Port, Ref, Source
from circuits.quantize.options import CompileOptions
from circuits.quantize.report import TableError
from circuits.quantize.scales import (
    Exact,
    Floats,
    Integers,
    Reach,
    Target,
    Want,
    bits_of,
    integers_at,
    reached,
    round_half_up,
    scale_for,
)
from circuits.quantize.shadow import Shadow, Shadows

Reading = tuple[Ref, AffineMap]
# A constant that is still real numbers.
UNQUANTIZED = Ref(Source.CONST, 2**31)


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

    def viewed(self, dims: Sequence[int]) -> Tensor:
        """The same elements in the same order as a tensor of other dims; costs nothing."""
        return replace(self, dims=tuple(dims))


class Builder:
    """The program under construction and the quantized value of every float value so far."""

    def __init__(self, graph: FloatGraph, samples: int, options: CompileOptions) -> None:
        self.graph = graph
        self.options = options
        self.samples = samples
        self.consumers = graph.consumers()
        self.values: dict[str, Tensor] = {}
        self.tables: list[TableError] = []
        # Ops whose clamp is meant to act: what it takes away changes nothing.
        self.clamping: set[int] = set()
        self._shadows = Shadows(samples)
        self._inputs: list[Port] = []
        self._constants: list[Constant] = []
        self._known_constants: dict[tuple[bytes, tuple[int, ...], int, int], Ref] = {}
        self._ops: list[Op] = []
        self._ranges = Ranges((), ())

    # What is known.

    def want(self, name: str) -> Want:
        """What the float value `name` shall become: real numbers get a scale, the others stay exact."""
        return Reach(self.options.bits) if self.graph.is_real(name) else Exact()

    def interval(self, tensor: Tensor) -> Interval:
        return self._ranges.operand(tensor.ref).interval

    def tensor(self, name: str) -> Tensor:
        """The value `name`, with one scale; a constant at its own."""
        if name in self.values:
            return self.single_scale(self.values[name], name)
        return self.real_constant(name, self.graph.constant(name))

    def constants_of(self, tensor: Tensor) -> Integers:
        """The integers of a constant, of its own dims."""
        return self._constants[tensor.ref.index].values

    def shadow(self, tensor: Tensor) -> Floats:
        """The real values of `tensor` without any rounding: [samples, *dims]."""
        known = self._shadows.get(tensor.ref)
        count = 1 if known.constant else self._shadows.samples
        return known.values.reshape(count, *tensor.dims) * 2.0 ** -np.array(tensor.scales, np.float64)

    def shadow_of(
        self,
        kind: type[Accumulating],
        readings: Sequence[Reading],
        dims: tuple[int, ...],
        inner: tuple[int, ...],
        unquantized: Shadow | None = None,
        **attributes: Any,
    ) -> Floats:
        """The accumulator's shadow; `unquantized` stands for a reading that is no tensor of the program yet."""
        refs, maps = zip(*readings, strict=True)
        draft = kind(refs, maps, dims, inner, limits.MAX_BITS, 0, 0, False, **attributes)
        operands = [unquantized if unquantized and ref is UNQUANTIZED else self._shadows.get(ref) for ref in refs]
        return self._shadows.of(draft, operands)

    def resolve(self, want: Want, acc: Floats, acc_scale: int, reachable: Interval) -> Target:
        """The scale and bits of a value from its shadow `acc` at `acc_scale`, and from where its interval lies."""
        if isinstance(want, Target):
            return want
        if isinstance(want, Exact):
            return Target(acc_scale, min(bits_of(reachable), limits.MAX_BITS))
        if not np.isfinite(acc).all():
            raise InputError("calibration_not_finite", "the float model itself is not finite on the calibration data")
        return reached(want, acc * 2.0**-acc_scale, self.options.headroom)

    # What is added.

    def add_input(self, port: Port, samples: Floats) -> None:
        """A program input; `samples` are its real values [samples, *dims]."""
        ref = Ref(Source.INPUT, len(self._inputs))
        self.values[port.name] = Tensor(ref, port.dims, port.bits, port.scales)
        self._inputs.append(port)
        self._ranges.add_input(port)
        self._shadows.put(ref, Shadow(samples * 2.0 ** np.array(port.scales, np.float64)))

    def constant(self, name: str, values: Integers, scale: int, width: int = 4) -> Tensor:
        """A constant tensor; the same values at the same scale are stored once."""
        key = (hashlib.sha256(values.tobytes()).digest(), values.shape, width, scale)
        if key not in self._known_constants:
            constant = Constant(limits.safe_name(name), np.asarray(values, np.int64, order="C"), width, scale)
            ref = self._known_constants[key] = Ref(Source.CONST, len(self._constants))
            self._constants.append(constant)
            self._ranges.add_constant(constant)
            self._shadows.put(ref, Shadow(constant.values.astype(np.float64), constant=True))
        return Tensor(self._known_constants[key], tuple(values.shape), 32, (scale,))

    def fixed(self, name: str, values: Floats, scale: int) -> Tensor:
        """A real constant at the scale of the tensors that it meets."""
        return self.constant(name, integers_at(np.asarray(values, np.float64), scale, limits.MAX_BITS), scale)

    def real_constant(self, name: str, values: Floats) -> Tensor:
        """A real constant at the finest scale of its own; whole numbers stay whole."""
        values = np.asarray(values, np.float64)
        whole = bool((values == np.rint(values)).all()) and float(np.abs(values).max(initial=0.0)) < 2**31
        scale = 0 if whole else scale_for(float(np.abs(values).max()), self.options.bits)
        return self.fixed(name, values, scale)

    def bias(self, name: str, values: Floats, acc_scale: int) -> Tensor:
        """A constant at accumulator scale."""
        scaled = np.asarray(values, np.float64) * 2.0**acc_scale
        if np.abs(scaled).max(initial=0.0) >= limits.ACCUMULATOR_LIMIT:
            raise InputError(
                "program_range_overflow",
                f"bias {name!r} reaches {np.abs(scaled).max():.3g} at accumulator scale, at most 2^53; use fewer bits",
                bias=name,
            )
        return self.constant(name, round_half_up(scaled), acc_scale, width=8)

    def emit(self, op: Op, shadow: Floats | None = None) -> Tensor:
        """The next op of the program; its shadow follows from its operands' unless it is given."""
        ref = Ref(Source.OP, len(self._ops))
        self._shadows.put(ref, Shadow(self._shadows.of(op) if shadow is None else shadow))
        self._ops.append(op)
        self._ranges.add(op)
        return Tensor(ref, op.dims, op.bits, (op.scale,))

    def accumulate(
        self,
        kind: type[Accumulating],
        readings: Sequence[Reading],
        dims: tuple[int, ...],
        acc_scale: int,
        want: Want,
        *,
        inner: tuple[int, ...] = (),
        shadow: Floats | None = None,
        **attributes: Any,
    ) -> Tensor:
        """An accumulating op that rescales from `acc_scale` to the wanted scale, or as near as the shift allows.

        `shadow` is the accumulator's, where the caller knows it better than the operands do.
        """
        refs, maps = zip(*readings, strict=True)
        draft = kind(refs, maps, dims, inner, limits.MAX_BITS, acc_scale, 0, False, **attributes)
        acc = self._shadows.of(draft) if shadow is None else shadow
        found = self.bound(draft)
        target = self.resolve(want, acc, acc_scale, found.accumulator or found.output)
        shift = max(0, acc_scale - target.scale)
        if shift > limits.MAX_SHIFT:
            raise InputError(
                "program_range_overflow",
                f"rescaling by 2^{shift} is over 2^{limits.MAX_SHIFT}; the value's range is too wide for its operands",
                shift=shift,
            )
        op = replace(draft, bits=target.bits, scale=acc_scale - shift, shift=shift)
        rescaled = op.after_rescale(found.accumulator or found.output, found.magnitude)
        if target.clamps:
            self.clamping.add(len(self._ops))
        return self.emit(replace(op, saturates=rescaled.saturates), acc / 2.0**shift)

    def bound(self, op: Op) -> OpRange:
        """Where the output of an op over tensors of this program lies."""
        return op.bound([self._ranges.operand(ref) for ref in op.operands])

    def linear(
        self, terms: Sequence[tuple[int, Tensor]], dims: tuple[int, ...], acc_scale: int, want: Want, *bias: Tensor
    ) -> Tensor:
        """Σ coefficient · tensor (+ bias), broadcast over dims, in integers at `acc_scale`."""
        readings = [t.broadcast(dims) for _, t in terms] + [b.broadcast(dims) for b in bias]
        return self.accumulate(Linear, readings, dims, acc_scale, want, coefficients=tuple(c for c, _ in terms))

    def max_over(
        self, readings: Sequence[Reading], dims: tuple[int, ...], inner: tuple[int, ...], scale: int
    ) -> Tensor:
        """The maximum of tensors of one scale over the inner points."""
        refs, maps = zip(*readings, strict=True)
        return self.fitting(Max(refs, maps, dims, inner, limits.MAX_BITS, scale))

    def index(self, readings: Sequence[Reading], dims: tuple[int, ...], scale: int, fill: int = 0) -> Tensor:
        """Elements of tensors of one scale, moved."""
        refs, maps = zip(*readings, strict=True)
        return self.fitting(Index(refs, maps, dims, (), limits.MAX_BITS, scale, fill))

    def fitting(self, op: Op) -> Tensor:
        """`op`, which has no rescale, with the bits that its output can take."""
        return self.emit(replace(op, bits=max(self.options.bits, bits_of(self.bound(op).output))))

    def lookup(self, x: Tensor, table: Tensor, low: int, want: Target, shadow: Floats) -> Tensor:
        """table[x − low]; `shadow` is the function itself at x's shadow, in units of the wanted scale."""
        maps = (x.identity()[1], UNMAPPED)
        op = Lookup((x.ref, table.ref), maps, x.dims, (), want.bits, want.scale, low)
        return self.emit(op, shadow)

    # Bringing tensors to one scale.

    def single_scale(self, tensor: Tensor, name: str) -> Tensor:
        """An input with a scale an element as a tensor with one scale."""
        if not tensor.per_feature:
            return tensor
        finest = max(tensor.scales)
        factors = np.array([1 << (finest - scale) for scale in tensor.scales], np.int64)
        factor = self.constant(f"{name}.factors", factors, 0)
        readings = [tensor.identity(), factor.broadcast(tensor.dims)]
        return self.accumulate(Mul, readings, tensor.dims, finest, self.want(name))

    def ops_since(self, count: int) -> list[Ref]:
        """What was made after the first `count` ops."""
        return [Ref(Source.OP, index) for index in range(count, len(self._ops))]

    def forget(self, refs: Iterable[Ref]) -> None:
        """Nobody will read the shadows of these again."""
        self._shadows.forget(refs)

    # The end.

    def finish(self, outputs: Sequence[str]) -> Program:
        """The program whose outputs are these float values, in this order."""
        made: list[Output] = []
        for name in outputs:
            tensor = self._as_output(self.tensor(name), self.graph.shapes[name], made)
            labels = self.graph.labels.get(name, ())
            made.append(Output(tensor.ref, Port(name, tensor.dims, tensor.bits, tensor.scales, labels=labels)))
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
