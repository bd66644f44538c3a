"""What every setting of one model shares: the imported graph, the samples, and what the float model makes of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from circuits.onnx import ImportedModel, import_onnx
from circuits.onnx.graph import Floats
from circuits.program.graph import Program
from circuits.program.refs import Source
from circuits.program.validate import validate
from circuits.quantize.builder import Tensor
from circuits.quantize.calibration import Data, Sample, Samples, samples_of
from circuits.quantize.fidelity import fidelity
from circuits.quantize.lower import lower
from circuits.quantize.options import CompileOptions
from circuits.quantize.pruning import pruned
from circuits.quantize.report import FidelityReport, TableError

# Called with the name of the phase and the fraction of it that is done.
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Lowered:
    """A program, where the float values are in it, its tables, and the ops whose clamp is meant to act."""

    program: Program
    values: Mapping[str, Tensor]
    tables: list[TableError]
    clamping: set[int]


@dataclass(frozen=True)
class PreparedModel:
    """A float model and the samples by which programs for it are made, and those by which they are judged."""

    model: ImportedModel
    samples: Samples
    judges: Samples

    @classmethod
    def load(
        cls, onnx_path: str | os.PathLike[str], calibration: Data | None, options: CompileOptions
    ) -> PreparedModel:
        """Raises InputError as `import_onnx` and `samples_of` do."""
        model = import_onnx(onnx_path, freeze=dict(options.freeze), batch=options.batch)
        samples = samples_of(model.graph, calibration, options)
        # What onnxruntime cannot run has parameters that do not fit; no rule looks for that.
        model.reference.run(samples.calibration[0])
        return cls(model, samples, samples.limited(options.fidelity_samples))

    def lower(self, options: CompileOptions, progress: Progress) -> Lowered:
        """The program that `options` ask for. Raises `program_range_overflow` where its integers would not be exact."""
        builder = lower(self.model.graph, self.samples.calibration, options, lambda done: progress("lower", done))
        program, places = pruned(builder.finish(self.model.graph.outputs))
        progress("lower", 1.0)
        now = {ref.index: place.index for ref, place in places.items() if ref.source == Source.OP}
        return Lowered(
            program,
            {name: replace(t, ref=places[t.ref]) for name, t in builder.values.items() if t.ref in places},
            [replace(table, op=now[table.op]) for table in builder.tables if table.op in now],
            {now[op] for op in builder.clamping if op in now},
        )

    def report(self, made: Lowered, progress: Progress) -> FidelityReport:
        """The fidelity of a program, which is validated first."""
        validate(made.program)
        return fidelity(
            self.model,
            made.program,
            made.values,
            self.judges,
            lambda done: progress("compare", done),
            made.tables,
            made.clamping,
        )

    @cached_property
    def expected(self) -> list[tuple[Sample, dict[str, Floats]]]:
        """Every sample that judges, with the float model's outputs for it."""
        samples = [*self.judges.calibration, *self.judges.held_out]
        made = [self.model.reference.run(sample) for sample in samples]
        names = self.model.graph.outputs
        return [(s, {name: values[name] for name in names}) for s, values in zip(samples, made, strict=True)]
