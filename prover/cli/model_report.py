"""What `model compile` tells: as a document, and as tables for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Column, Table
from rich.text import Text

from circuits.program.graph import Program
from circuits.quantize.report import OUTPUT_COLUMNS, FidelityReport
from circuits.quantize.search import SearchReport, Setting
from prover.cli.model_document import summary

OUT_OF_TIME = "the time budget ended the search: cheaper bits may do as well; --time-budget gives it more"


@dataclass(frozen=True)
class Compiled:
    """A program, its fidelity, the bits that it was compiled at, and how they were found."""

    program: Program
    report: FidelityReport
    setting: Setting
    search: SearchReport | None = None

    def as_dict(self) -> dict[str, Any]:
        found = {} if self.search is None else {"search": self.search.as_dict()}
        return {**summary(self.program), "setting": asdict(self.setting), "fidelity": self.report.as_dict(), **found}

    def warnings(self) -> list[str]:
        late = self.search is not None and not self.search.complete
        return [*self.report.warnings, *([OUT_OF_TIME] if late else [])]

    def lines(self, title: str) -> list[str | Table]:
        return [*_tables(title, self.report), *_search_lines(self.search)]


def _tables(title: str, report: FidelityReport) -> list[str | Table]:
    """The report for people: outputs, then the worst ops, saturated tensors and tables, where there are any."""
    outputs = [output.row() for output in report.outputs]
    worst = [
        (f"{w.op} {w.opcode}", w.value, f"{w.node_op} {w.node}", f"{w.max_abs_error:.3g}", f"{w.relative_error:.2%}")
        for w in report.worst_ops
    ]
    saturated = [(f"{s.index} {s.kind}", s.value, f"{s.elements} of {s.of}") for s in report.saturations]
    alike = Counter((t.function, str(t.entries), f"{t.max_abs_error:.3g}") for t in report.tables)
    entries = [(function, str(ops), *figures) for (function, *figures), ops in alike.items()]
    tables = [
        _table(title, OUTPUT_COLUMNS, outputs),
        _table("worst ops", ("op", "value", "node", "max error", "of its largest value"), worst),
        _table("saturated", ("op or input", "value", "elements"), saturated),
        _table("tables", ("function of", "ops", "entries", "max error"), entries),
    ]
    return [table for table in tables if table.row_count]


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(*(Column(column, overflow="fold") for column in columns), title=Text(title))
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _search_lines(search: SearchReport | None) -> list[str | Table]:
    if search is None:
        return []
    columns = ("bits", "weight bits", "table bits", "cost in bits", "max error")
    rows = [
        (
            *(str(value) for value in asdict(trial.setting).values()),
            f"{trial.cost or 0:,}",
            f"{trial.max_abs_error or 0.0:.3g}",
        )
        for trial in search.frontier()
    ]
    tried = f"{len(search.trials)} settings tried; nothing cheaper was nearer than each of these"
    chosen = f"chosen: {search.chosen.text()}, the cheapest found within {search.max_error:g}"
    return [_table(tried, columns, rows), chosen]
