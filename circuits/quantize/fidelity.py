"""How near a program is to its float model, in numbers that a user can act on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from circuits.execute import Executor
from circuits.onnx import ImportedModel
from circuits.program.graph import Program
from circuits.program.intervals import Interval
from circuits.program.ops import Accumulating
from circuits.program.refs import Source
from circuits.program.values import quantize_clamped
from circuits.quantize.builder import Tensor
from circuits.quantize.calibration import Sample, Samples

WORST_OPS = 3


@dataclass(frozen=True)
class OutputFidelity:
    """One output over one set of samples. `argmax_agreement` is None where there is nothing to choose from."""

    output: str
    split: str
    samples: int
    max_abs_error: float
    mean_abs_error: float
    max_abs_value: float
    argmax_agreement: float | None


@dataclass(frozen=True)
class WorstOp:
    """An op far from the float graph: its value's error, relative to the largest value seen there."""

    op: int
    opcode: str
    value: str
    max_abs_error: float
    relative_error: float


@dataclass(frozen=True)
class FidelityReport:
    """What quantization cost. `saturated` counts clamped elements by op, over all samples."""

    outputs: list[OutputFidelity]
    worst_ops: list[WorstOp]
    saturated: dict[int, int]
    warnings: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"saturated": {str(op): count for op, count in self.saturated.items()}}

    def rows(self) -> list[tuple[str, ...]]:
        """A table: output, split, samples, max and mean error, largest value, argmax agreement."""
        return [
            (
                o.output,
                o.split,
                str(o.samples),
                f"{o.max_abs_error:.3g}",
                f"{o.mean_abs_error:.3g}",
                f"{o.max_abs_value:.3g}",
                "" if o.argmax_agreement is None else f"{o.argmax_agreement:.2%}",
            )
            for o in self.outputs
        ]


def fidelity(
    model: ImportedModel,
    program: Program,
    values: Mapping[str, Tensor],
    samples: Samples,
    progress: Callable[[float], None],
) -> FidelityReport:
    """Compares `program` with onnxruntime on every sample. `values` says where the float values are in it."""
    total = len(samples.calibration) + len(samples.held_out)
    comparison = _Comparison(model, program, values, lambda done: progress(done / total))
    outputs = [*comparison.split("calibration", samples.calibration), *comparison.split("held_out", samples.held_out)]
    warnings = []
    if samples.random:
        warnings.append(
            "no calibration data: scales come from random inputs, and real ones may saturate; "
            "give data that looks like what the model will see"
        )
    saturated = {op: count for op, count in sorted(comparison.saturated.items()) if count}
    if saturated:
        warnings.append(f"{sum(saturated.values())} elements saturated in op(s) {', '.join(map(str, saturated))}")
    return FidelityReport(outputs, comparison.worst(), saturated, warnings)


class _Comparison:
    def __init__(
        self, model: ImportedModel, program: Program, values: Mapping[str, Tensor], progress: Callable[[int], None]
    ) -> None:
        self._model = model
        self._program = program
        self._executor = Executor(program)
        self._values = {n: t for n, t in values.items() if t.ref.source == Source.OP and n in model.reference.names}
        self._errors: dict[str, float] = {}
        self._peaks: dict[str, float] = {}
        self.saturated: dict[int, int] = {}
        self._done = 0
        self._progress = progress

    def split(self, name: str, samples: Sequence[Sample]) -> list[OutputFidelity]:
        if not samples:
            return []
        pairs: dict[str, list[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]] = {}
        for sample in samples:
            expected = self._model.reference.run(sample)
            integers = [quantize_clamped(port, sample[port.name]) for port in self._program.inputs]
            made = self._executor.trace(integers)
            self._done += 1
            self._progress(self._done)
            self._look_inside(made, expected)
            for output in self._program.outputs:
                real = made[output.ref.index] / 2.0 ** output.port.scales[0]
                pairs.setdefault(output.port.name, []).append((real, expected[output.port.name]))
        return [_compare(output, name, found) for output, found in pairs.items()]

    def _look_inside(self, made: Sequence[npt.NDArray[np.int64]], expected: Mapping[str, Any]) -> None:
        for name, tensor in self._values.items():
            real = made[tensor.ref.index].reshape(-1) / 2.0**tensor.scale
            float_value = expected[name].reshape(-1)
            self._errors[name] = max(self._errors.get(name, 0.0), float(np.abs(real - float_value).max()))
            self._peaks[name] = max(self._peaks.get(name, 0.0), float(np.abs(float_value).max()))
        for index, op in enumerate(self._program.ops):
            if isinstance(op, Accumulating) and op.saturates:
                ends = Interval.of_bits(op.bits)
                count = int(((made[index] == ends.lo) | (made[index] == ends.hi)).sum())
                self.saturated[index] = self.saturated.get(index, 0) + count

    def worst(self) -> list[WorstOp]:
        """The ops with the largest relative error; a value seen twice under two names counts once."""
        found: dict[int, WorstOp] = {}
        for name, tensor in self._values.items():
            index, error = tensor.ref.index, self._errors.get(name, 0.0)
            relative = error / self._peaks[name] if self._peaks.get(name) else error
            opcode = self._program.ops[index].opcode.name.lower()
            entry = WorstOp(index, opcode, name, error, relative)
            if index not in found or found[index].relative_error < relative:
                found[index] = entry
        return sorted(found.values(), key=lambda w: -w.relative_error)[:WORST_OPS]


def _compare(
    output: str, split: str, pairs: Sequence[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]
) -> OutputFidelity:
    errors = np.array([np.abs(real - expected).reshape(-1) for real, expected in pairs])
    agreement = None
    if pairs[0][0].size > 1:
        agreement = float(np.mean([int(np.argmax(real)) == int(np.argmax(expected)) for real, expected in pairs]))
    peak = max(float(np.abs(expected).max()) for _, expected in pairs)
    return OutputFidelity(output, split, len(pairs), float(errors.max()), float(errors.mean()), peak, agreement)
