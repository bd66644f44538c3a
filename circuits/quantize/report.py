"""What a compilation cost in accuracy: the figures, their table, their document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

OUTPUT_COLUMNS = ("output", "split", "samples", "max error", "mean error", "largest value", "argmax agrees")


@dataclass(frozen=True)
class OutputFidelity:
    """One output over one set of samples, against onnxruntime.

    `mismatches` counts unequal elements of an integer or boolean output, whose errors are distances between indices
    or flags; it is None for real numbers. `argmax_agreement` is over the last axis with more than one element, None
    where there is nothing to choose from.
    """

    output: str
    split: str
    samples: int
    elements: int
    max_abs_error: float
    mean_abs_error: float
    max_abs_value: float
    argmax_agreement: float | None
    mismatches: int | None

    def row(self) -> tuple[str, ...]:
        """As OUTPUT_COLUMNS says."""
        exact = self.mismatches is not None
        return (
            self.output,
            self.split,
            str(self.samples),
            f"{self.mismatches} of {self.elements} differ" if exact else f"{self.max_abs_error:.3g}",
            "" if exact else f"{self.mean_abs_error:.3g}",
            f"{self.max_abs_value:.3g}",
            "" if self.argmax_agreement is None else f"{self.argmax_agreement:.2%}",
        )


@dataclass(frozen=True)
class WorstOp:
    """An op far from the float graph: the error of `value`, made by `node`, and relative to the largest value there."""

    op: int
    opcode: str
    value: str
    node: str
    node_op: str
    max_abs_error: float
    relative_error: float


@dataclass(frozen=True)
class Saturation:
    """How many elements, over all samples, lie at an end of the range that a tensor is clamped to.

    `kind` is an op's kind and `index` its number; or "input" and the input's. `value` is the ONNX value there, or the
    next one that is made from it.
    """

    kind: str
    index: int
    value: str
    elements: int
    of: int


@dataclass(frozen=True)
class TableError:
    """How far a lookup table may be from its function, anywhere in the table's reach."""

    op: int
    function: str
    entries: int
    max_abs_error: float


@dataclass(frozen=True)
class Points:
    """Evenly chosen elements of one output over one set of samples: what the program made, what the model did."""

    output: str
    split: str
    program: Floats
    model: Floats


@dataclass(frozen=True)
class FidelityReport:
    """What quantization cost. `points` are for plotting and no part of the document."""

    outputs: list[OutputFidelity]
    worst_ops: list[WorstOp]
    saturations: list[Saturation]
    tables: list[TableError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    points: Sequence[Points] = field(default=(), repr=False, compare=False)

    @property
    def saturated(self) -> dict[int, int]:
        """Elements at an end of their range, by op."""
        return {s.index: s.elements for s in self.saturations if s.kind != "input"}

    @property
    def max_abs_error(self) -> float:
        """Of every output, on every set of samples."""
        return max(output.max_abs_error for output in self.outputs)

    def as_dict(self) -> dict[str, Any]:
        return {
            "outputs": [asdict(output) for output in self.outputs],
            "worst_ops": [asdict(worst) for worst in self.worst_ops],
            "saturations": [asdict(saturation) for saturation in self.saturations],
            "tables": [asdict(table) for table in self.tables],
            "warnings": list(self.warnings),
        }
