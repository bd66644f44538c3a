"""How near a program is to its float model: both are run on every sample, and compared value by value."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from circuits.execute import Executor
from circuits.onnx import FloatNode, ImportedModel
from circuits.program.graph import Program
from circuits.program.intervals import Interval
from circuits.program.ops import Accumulating, Divide
from circuits.program.refs import Port, Source
from circuits.program.values import quantize_clamped, real_values
from circuits.quantize.calibration import Sample, Samples
from circuits.quantize.report import (
    FidelityReport,
    OutputFidelity,
    Points,
    Saturation,
    TableError,
    WorstOp,
)
from circuits.quantize.scales import scale_for

if TYPE_CHECKING:  # the builder collects TableErrors
    from circuits.quantize.builder import Tensor

__all__ = ["FidelityReport", "OutputFidelity", "Points", "Saturation", "TableError", "WorstOp", "fidelity"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

WORST_OPS = 3
# Elements of one output over one set of samples that a plot shows.
MAX_POINTS = 2**13
# An error above this share of the largest value: such a program is no stand-in for its model.
POOR_FIDELITY = 0.02


def fidelity(
    model: ImportedModel,
    program: Program,
    values: Mapping[str, Tensor],
    samples: Samples,
    progress: Callable[[float], None],
    tables: Sequence[TableError] = (),
    clamping: Collection[int] = (),
) -> FidelityReport:
    """Compares `program` with onnxruntime on every sample. `values` says where the float values are in it.

    What an op in `clamping` takes away changes nothing that is made of it: neither an error there counts, nor a clamp.
    """
    total = len(samples.calibration) + len(samples.held_out)
    comparison = _Comparison(model, program, values, clamping, lambda done: progress(done / total))
    splits = [
        *comparison.split("calibration", samples.calibration),
        *comparison.split("held_out", samples.held_out),
    ]
    outputs = [found.result() for found in splits]
    saturations = comparison.saturations()
    warnings = [*_about_data(samples), *_about_inputs(program, samples)]
    warnings += [*_about_saturation(saturations), *_about_outputs(outputs)]
    unusable = sum(found.unusable for found in splits)
    if unusable:
        warnings.append(f"the float model's own output is no finite number at {unusable} elements, which are left out")
    points = tuple(found.points() for found in splits)
    return FidelityReport(outputs, comparison.worst(), saturations, list(tables), warnings, points)


def _about_data(samples: Samples) -> list[str]:
    if samples.random:
        return [
            "no calibration data: scales come from random inputs, and real ones may saturate; "
            "give data that looks like what the model will see"
        ]
    return [] if samples.held_out else ["too few samples to hold any out: the errors are those of calibration data"]


def _about_inputs(program: Program, samples: Samples) -> list[str]:
    """Real inputs whose scale nothing asked for: neither a sample nor an option."""
    return [
        f"input {port.name!r} is 0 in every calibration sample: its scale is a guess"
        for port in program.inputs
        if set(port.scales) == {scale_for(0.0, port.bits)}
        and 0 not in port.dims
        and not any(sample[port.name].any() for sample in samples.calibration)
    ]


def _about_saturation(saturations: Sequence[Saturation]) -> list[str]:
    warnings = []
    inputs = [s for s in saturations if s.kind == "input"]
    if inputs:
        parts = ", ".join(f"{s.elements} elements of {s.value!r}" for s in inputs)
        warnings.append(f"samples lie outside what the program's inputs can be, and were clamped: {parts}")
    ops = [s for s in saturations if s.kind != "input"]
    if ops:
        where = ", ".join(f"{s.index} ({s.kind}, towards {s.value!r})" for s in ops)
        warnings.append(f"{sum(s.elements for s in ops)} elements saturated in op(s) {where}")
    return warnings


def _about_outputs(outputs: Sequence[OutputFidelity]) -> list[str]:
    warnings = []
    for o in outputs:
        if o.mismatches is None and o.max_abs_error > POOR_FIDELITY * o.max_abs_value:
            off = f"is off by up to {o.max_abs_error:.3g}, its values reach {o.max_abs_value:.3g}"
        elif o.mismatches is not None and o.mismatches > POOR_FIDELITY * o.elements:
            off = f"differs at {o.mismatches} of {o.elements} elements"
        else:
            continue
        warnings.append(
            f"POOR FIDELITY: output {o.output!r} ({o.split}) {off}; check the calibration data, or raise --bits"
        )
    return warnings


def _clamped(port: Port, integers: Integers, real: Floats) -> int:
    """How many elements are further from what was asked for than rounding explains."""
    steps = np.abs(real_values(port, integers) - real.reshape(port.dims)) * 2.0 ** np.array(port.scales)
    return int((steps > 0.5).sum())


class _OutputErrors:
    """The running comparison of one output over one set of samples."""

    def __init__(self, output: str, split: str, exact: bool, samples: int) -> None:
        self._output, self._split, self._exact, self._samples = output, split, exact, samples
        self._elements = self._mismatches = self._choices = self._agreed = self.unusable = 0
        self._max_error = self._sum_error = self._max_value = 0.0
        self._shown: list[tuple[Floats, Floats]] = []

    def add(self, real: Floats, expected: Floats) -> None:
        self._compare_choices(real, expected)
        usable = np.isfinite(expected)
        real, expected = real[usable], expected[usable]
        errors = np.abs(real - expected)
        self.unusable += int((~usable).sum())
        self._elements += real.size
        self._mismatches += int((errors != 0).sum())
        self._max_error = max(self._max_error, float(errors.max(initial=0.0)))
        self._sum_error += float(errors.sum())
        self._max_value = max(self._max_value, float(np.abs(expected).max(initial=0.0)))
        shown = min(real.size, max(1, MAX_POINTS // self._samples))
        chosen = np.linspace(0, real.size - 1, shown).astype(np.int64)
        self._shown.append((real[chosen], expected[chosen]))

    def _compare_choices(self, real: Floats, expected: Floats) -> None:
        """The largest along the last axis that has anything to choose from."""
        axes = [axis for axis, size in enumerate(real.shape) if size > 1]
        if axes and real.size and not self._exact:
            agreed = real.argmax(axes[-1]) == expected.argmax(axes[-1])
            self._choices += agreed.size
            self._agreed += int(agreed.sum())

    def result(self) -> OutputFidelity:
        return OutputFidelity(
            self._output,
            self._split,
            self._samples,
            self._elements,
            self._max_error,
            self._sum_error / max(1, self._elements),
            self._max_value,
            self._agreed / self._choices if self._choices else None,
            self._mismatches if self._exact else None,
        )

    def points(self) -> Points:
        program, model = (np.concatenate(part) for part in zip(*self._shown, strict=True))
        return Points(self._output, self._split, program, model)


class _Comparison:
    def __init__(
        self,
        model: ImportedModel,
        program: Program,
        values: Mapping[str, Tensor],
        clamping: Collection[int],
        progress: Callable[[int], None],
    ) -> None:
        self._model = model
        self._program = program
        self._executor = Executor(program)
        self._made_by = {name: node for node in model.source.nodes for name in node.outputs}
        made = {name: tensor for name, tensor in values.items() if tensor.ref.source == Source.OP}
        known = {name: tensor for name, tensor in made.items() if name in model.reference.names}
        self._values = {name: tensor for name, tensor in known.items() if tensor.ref.index not in clamping}
        self._clamping = clamping
        self._named_ops = sorted((tensor.ref.index, name) for name, tensor in made.items())
        self._errors: dict[str, float] = {}
        self._peaks: dict[str, float] = {}
        self._clamped = [0] * len(program.inputs)
        self._saturated = [0] * len(program.ops)
        self._done = 0
        self._progress = progress

    def split(self, name: str, samples: Sequence[Sample]) -> list[_OutputErrors]:
        if not samples:
            return []
        found = [
            _OutputErrors(output.port.name, name, not self._model.graph.is_real(output.port.name), len(samples))
            for output in self._program.outputs
        ]
        for sample in samples:
            expected = self._model.reference.run(sample)
            made = self._executor.trace(self._quantized(sample))
            self._look_inside(made, expected)
            for errors, output in zip(found, self._program.outputs, strict=True):
                wanted = expected[output.port.name]
                errors.add(real_values(output.port, made[output.ref.index]).reshape(wanted.shape), wanted)
            self._done += 1
            self._progress(self._done)
        return found

    def _quantized(self, sample: Sample) -> list[Integers]:
        made = [quantize_clamped(port, sample[port.name]) for port in self._program.inputs]
        for index, (port, integers) in enumerate(zip(self._program.inputs, made, strict=True)):
            self._clamped[index] += _clamped(port, integers, sample[port.name])
        return made

    def _look_inside(self, made: Sequence[Integers], expected: Mapping[str, Floats]) -> None:
        for name, tensor in self._values.items():
            real = made[tensor.ref.index].reshape(-1) / 2.0**tensor.scale
            wanted = expected[name].reshape(-1)
            errors = np.abs(real - wanted)[np.isfinite(wanted)]
            self._errors[name] = max(self._errors.get(name, 0.0), float(errors.max(initial=0.0)))
            peak = float(np.abs(wanted[np.isfinite(wanted)]).max(initial=0.0))
            self._peaks[name] = max(self._peaks.get(name, 0.0), peak)
        for index, op in enumerate(self._program.ops):
            if isinstance(op, Accumulating | Divide) and op.saturates and index not in self._clamping:
                ends = Interval.of_bits(op.bits)
                self._saturated[index] += int(((made[index] == ends.lo) | (made[index] == ends.hi)).sum())

    def saturations(self) -> list[Saturation]:
        """Where elements were clamped, inputs first."""
        found = [
            Saturation("input", index, port.name, self._clamped[index], self._done * math.prod(port.dims))
            for index, port in enumerate(self._program.inputs)
            if self._clamped[index]
        ]
        for index, (op, count) in enumerate(zip(self._program.ops, self._saturated, strict=True)):
            if count:
                of = self._done * math.prod(op.dims)
                found.append(Saturation(op.opcode.name.lower(), index, self._towards(index), count, of))
        return found

    def _towards(self, op: int) -> str:
        """The value that an op makes, or the first that is named after it: its node's."""
        place = bisect_left(self._named_ops, (op, ""))
        return self._named_ops[place][1] if place < len(self._named_ops) else self._program.outputs[-1].port.name

    def worst(self) -> list[WorstOp]:
        """The ops with the largest relative error; a value seen twice under two names counts once."""
        found: dict[int, WorstOp] = {}
        for name, tensor in self._values.items():
            index, error = tensor.ref.index, self._errors.get(name, 0.0)
            relative = error / self._peaks[name] if self._peaks.get(name) else error
            opcode = self._program.ops[index].opcode.name.lower()
            node = self._made_by.get(name) or FloatNode("", "", (), (name,))
            entry = WorstOp(index, opcode, name, node.name, node.op, error, relative)
            if error and (index not in found or found[index].relative_error < relative):
                found[index] = entry
        return sorted(found.values(), key=lambda w: -w.relative_error)[:WORST_OPS]
