"""`inferproof demo`: the main job on a local chain."""

from __future__ import annotations

import importlib
from typing import Any

from rich.table import Table

from circuits.errors import InputError
from prover.service.settings import Settings
from verifier.console import JsonOption, emit, stderr, stdout, warn


def demo(json: JsonOption = False) -> None:
    """A lending market's risk parameter, moved by a proof that a local chain verifies."""
    try:
        story = importlib.import_module("examples.lending.demo")
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("examples"):
            raise
        raise InputError(
            "demo_needs_checkout", "the demo's files are in the source tree: run `make demo` there"
        ) from None
    warn("INSECURE: the demo uses the development SRS and public devnet accounts.")
    console = stderr if json else stdout

    def announce(step: Any) -> None:
        gas = f"{step.gas:>11,} gas" if step.gas else " " * 15
        console.print(f"{step.seconds:7.2f} s {gas}  {step.name}  {step.note}", highlight=False, markup=False)

    result = story.run_demo(Settings().cache_dir, announce)
    emit(json, result.as_dict(), _table(result))


def _table(result: Any) -> Table:
    table = Table("step", "seconds", "gas", "", title="an attested model output moved a market")
    for step in result.steps:
        table.add_row(step.name, f"{step.seconds:.2f}", f"{step.gas:,}" if step.gas else "", step.note)
    table.add_section()
    moved = f"LTV {result.before[0]} → {result.after[0]} bps"
    body = result.as_dict()
    table.add_row("total", f"{body['seconds']:.2f}", f"{body['gas']:,}", moved)
    return table
