"""The cheapest bits that keep a model within an error (docs/decisions/0068-search-by-elimination.md).

Settings form a lattice. Every one that is tried decides others as well: one that is within the error makes all dearer
ones pointless, one that is not rules out all that are nowhere finer, and one whose integers would not be exact rules
out all that are nowhere coarser. The next to be tried is the one that decides most whichever way it ends.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from circuits.errors import InferproofError, InputError
from circuits.execute import Executor
from circuits.program.graph import Program
from circuits.program.intervals import Interval
from circuits.program.ops import Contract, Lookup, Mul
from circuits.program.refs import Source
from circuits.program.values import quantize_clamped, real_values
from circuits.quantize.calibration import Data
from circuits.quantize.options import CompileOptions
from circuits.quantize.prepared import Lowered, PreparedModel, Progress
from circuits.quantize.remedy import OVERFLOW
from circuits.quantize.report import FidelityReport
from circuits.quantize.scales import bits_of

AXES = {"bits": tuple(range(8, 25, 2)), "weight_bits": tuple(range(8, 25, 2)), "table_bits": tuple(range(8, 17, 2))}


@dataclass(frozen=True)
class Setting:
    """What the search may choose."""

    bits: int
    weight_bits: int
    table_bits: int

    @classmethod
    def of(cls, options: CompileOptions) -> Setting:
        return cls(options.bits, options.weight_bits, options.table_bits)

    def text(self) -> str:
        """As a user would ask for it."""
        return f"--bits {self.bits} --weight-bits {self.weight_bits} --table-bits {self.table_bits}"


def cost_of(program: Program) -> int:
    """The bits of all values that the program makes and of all constants that it is made of, tables among them."""
    values = sum(math.prod(op.dims) * op.bits for op in program.ops)
    return values + sum(c.values.size * bits_of(Interval.of_values(c.values)) for c in program.constants)


@dataclass(frozen=True)
class Counts:
    """How many values, weights and table entries a program has; what other settings cost follows from it, roughly."""

    values: int
    weights: int
    tables: tuple[int, ...]

    @classmethod
    def of(cls, program: Program) -> Counts:
        tables = {op.operands[1].index for op in program.ops if isinstance(op, Lookup)}
        factors = [ref for op in program.ops if isinstance(op, Contract | Mul) for ref in op.operands[:2]]
        weights = {ref.index for ref in factors if ref.source == Source.CONST}
        sizes = [constant.values.size for constant in program.constants]
        values = sum(math.prod(op.dims) for op in program.ops)
        return cls(values, sum(sizes[index] for index in weights), tuple(sizes[index] for index in sorted(tables)))

    def cost_at(self, setting: Setting) -> int:
        entries = sum(min(size, 1 << setting.table_bits) for size in self.tables)
        return (self.values + entries) * setting.bits + self.weights * setting.weight_bits


@dataclass(frozen=True)
class Trial:
    """A setting, its program's cost, and the largest error of any output on any sample; None if its integers would
    not be exact."""

    setting: Setting
    cost: int | None
    max_abs_error: float | None

    @property
    def rank(self) -> tuple[float, ...]:
        """Cheap before dear, then near before far, then few bits before many."""
        return (self.cost or 0, self.max_abs_error or 0.0, *asdict(self.setting).values())


@dataclass(frozen=True)
class SearchReport:
    """What was tried, in order. `complete` says that time did not end the search before everything was decided."""

    max_error: float
    chosen: Setting
    trials: list[Trial]
    complete: bool

    def frontier(self) -> list[Trial]:
        """The trials that nothing cheaper beats, cheapest first."""
        found: list[Trial] = []
        least = math.inf
        for trial in sorted(self.trials, key=lambda trial: trial.rank):
            if trial.max_abs_error is not None and trial.max_abs_error < least:
                least = trial.max_abs_error
                found.append(trial)
        return found

    def as_dict(self) -> dict[str, Any]:
        return {
            "max_error": self.max_error,
            "chosen": asdict(self.chosen),
            "complete": self.complete,
            "trials": [asdict(trial) for trial in self.trials],
            "frontier": [asdict(trial) for trial in self.frontier()],
        }


def search_model(
    onnx_path: str | os.PathLike[str],
    calibration: Data | None,
    options: CompileOptions,
    max_error: float,
    pinned: frozenset[str],
    expired: Callable[[], bool],
    progress: Progress,
) -> tuple[Program, FidelityReport, SearchReport]:
    """As `compile_model`, at the cheapest setting whose outputs are all within `max_error` (absolute) on every sample.

    The options named in `pinned` (of AXES) stay as they are. `expired` says that no further setting shall be tried.
    Raises InputError `max_error_not_met` with the nearest setting found.
    """
    if not (np.isfinite(max_error) and max_error > 0):
        raise InputError("bad_option", f"the largest error must be above 0, got {max_error}", option="max_error")
    prepared = PreparedModel.load(onnx_path, calibration, options)
    search = _Search(prepared, options, max_error, pinned, progress)
    search.run(expired)
    chosen, made = search.result()
    report = prepared.report(made, progress)
    return made.program, report, SearchReport(max_error, chosen.setting, search.trials, not search.open.any())


class _Search:
    """`open` marks the settings of the lattice that are not decided yet."""

    def __init__(
        self,
        prepared: PreparedModel,
        options: CompileOptions,
        max_error: float,
        pinned: frozenset[str],
        progress: Progress,
    ) -> None:
        self._prepared, self._options, self._max_error, self._progress = prepared, options, max_error, progress
        self._own = list(asdict(Setting.of(options)).values())
        choices = [() if name in pinned else values for name, values in AXES.items()]
        axes = [sorted({own, *values}) for own, values in zip(self._own, choices, strict=True)]
        self._lattice = np.stack([axis.reshape(-1) for axis in np.meshgrid(*axes, indexing="ij")], axis=1)
        self.open = np.ones(len(self._lattice), np.bool_)
        self.trials: list[Trial] = []
        self._costs: npt.NDArray[np.int64] | None = None
        self._best: tuple[Trial, Lowered] | None = None

    def run(self, expired: Callable[[], bool]) -> None:
        """The user's own setting first: there is an answer then, however little time there is."""
        self._try(int((self._lattice == self._own).all(axis=1).argmax()))
        if self._costs is None:
            self._try(0)  # the coarsest: if its integers are too wide, so are all
        while self._costs is not None and self.open.any() and not expired():
            self._try(self._most_telling(self._costs))

    def _most_telling(self, costs: npt.NDArray[np.int64]) -> int:
        """Of the open settings, the one that decides most in the worse of two cases; of equals, the cheapest."""
        candidates = np.flatnonzero(self.open)
        points = self._lattice[candidates]
        ruled_out = (points[None, :] <= points[:, None]).all(axis=2).sum(axis=1)
        outbid = (costs[candidates][None, :] >= costs[candidates][:, None]).sum(axis=1)
        worth = np.minimum(ruled_out, outbid)
        best = candidates[worth == worth.max()]
        return int(best[costs[best].argmin()])

    def _try(self, index: int) -> None:
        setting = Setting(*(int(value) for value in self._lattice[index]))
        nowhere_finer = (self._lattice <= self._lattice[index]).all(axis=1)
        nowhere_coarser = (self._lattice >= self._lattice[index]).all(axis=1)
        self.open[index] = False
        made = self._lowered(setting)
        if made is None:
            self.trials.append(Trial(setting, None, None))
            self.open &= ~nowhere_coarser
            return
        costs = self._costs if self._costs is not None else self._price(Counts.of(made.program))
        error = self._error(made, setting)
        trial = Trial(setting, cost_of(made.program), error)
        self.trials.append(trial)
        if error > self._max_error:
            self.open &= ~nowhere_finer
        else:
            self.open &= costs < costs[index]
            if self._best is None or trial.rank < self._best[0].rank:
                self._best = trial, made

    def _price(self, counts: Counts) -> npt.NDArray[np.int64]:
        """About what every setting costs. Bits of what the program does not have are left as they are."""
        self._costs = np.array([counts.cost_at(Setting(*map(int, row))) for row in self._lattice], np.int64)
        for axis, missing in ((1, not counts.weights), (2, not counts.tables)):
            if missing:
                self.open &= self._lattice[:, axis] == self._own[axis]
        return self._costs

    def _lowered(self, setting: Setting) -> Lowered | None:
        options = replace(self._options, **asdict(setting))
        try:
            return self._prepared.lower(options, lambda phase, done: self._progress(setting.text(), done / 2))
        except InferproofError as error:
            if error.code != OVERFLOW:
                raise
            return None

    def _error(self, made: Lowered, setting: Setting) -> float:
        """The largest error of any output on any sample that the report will look at."""
        executor, worst = Executor(made.program), 0.0
        expected = self._prepared.expected
        for done, (sample, wanted) in enumerate(expected, start=1):
            inputs = [quantize_clamped(port, sample[port.name]) for port in made.program.inputs]
            for output, integers in zip(made.program.outputs, executor.run(inputs), strict=True):
                float_values = wanted[output.port.name].reshape(-1)
                errors = np.abs(real_values(output.port, integers).reshape(-1) - float_values)
                worst = max(worst, float(errors[np.isfinite(float_values)].max(initial=0.0)))
            self._progress(setting.text(), 0.5 + done / (2 * len(expected)))
        return worst

    def result(self) -> tuple[Trial, Lowered]:
        """The cheapest setting within the error, and its program."""
        if self._best is not None:
            return self._best
        measured = [(trial.max_abs_error, trial) for trial in self.trials if trial.max_abs_error is not None]
        if not measured:
            raise InputError(
                "max_error_not_met",
                "no setting that was tried has exact integers here; without --max-error the refusal says where",
                tried=len(self.trials),
            )
        error, nearest = min(measured, key=lambda pair: (pair[0], pair[1].rank))
        more = "" if not self.open.any() else "; the time budget ended the search, --time-budget gives it more"
        raise InputError(
            "max_error_not_met",
            f"no setting tried is within {self._max_error:g}: the nearest, {nearest.setting.text()}, is off by up to "
            f"{error:.3g}{more}",
            max_error=self._max_error,
            nearest=asdict(nearest.setting),
            nearest_error=error,
            tried=len(self.trials),
            complete=not self.open.any(),
        )
