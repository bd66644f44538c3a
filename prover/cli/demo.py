"""`inferproof demo`: the main job on a local chain, and what becomes of a lie."""

from __future__ import annotations

import importlib
import logging
from typing import Any

from rich.table import Table

from circuits.errors import InputError
from prover.service.entrypoints.logs import configure_logs
from prover.service.settings import Settings
from verifier.console import JsonOption, emit, stderr, stdout, warn


def demo(json: JsonOption = False) -> None:
    """A lending market's risk parameter: moved by a proof that a local chain verifies, and by no lie."""
    try:
        story = importlib.import_module("examples.lending.demo")
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("examples"):
            raise
        raise InputError(
            "demo_needs_checkout", "the demo's files are in the source tree: run `make demo` there"
        ) from None
    configure_logs(logging.WARNING)
    warn("INSECURE: the demo uses the development SRS and public devnet accounts.")
    console = stderr if json else stdout

    def announce(step: Any) -> None:
        gas = f"{step.gas:>11,} gas" if step.gas else " " * 15
        console.print(f"{step.seconds:7.2f} s {gas}  {step.name}  {step.note}", highlight=False, markup=False)

    result = story.run_demo(Settings().cache_dir, announce)
    emit(json, result.as_dict(), _tables(result))


def _tables(result: Any) -> list[str | Table]:
    proven, disputed = result.proven, result.disputed
    dispute = disputed.dispute
    caught = f"LTV {disputed.held.ltv_bps} bps after {len(dispute.moves)} transactions, {dispute.gas():,} gas"
    moved = f"LTV {proven.before.ltv_bps} → {proven.after.ltv_bps} bps"
    then = f"then {disputed.before.ltv_bps} → {disputed.after.ltv_bps} bps by an honest claim"
    return [
        _table("an attested model output moved a market", proven, moved),
        _table("a dishonest output was overturned, and moved nothing", disputed, f"{caught}; {then}"),
    ]


def _table(title: str, act: Any, shown: str) -> Table:
    table = Table("step", "seconds", "gas", "", title=title)
    for step in act.ledger.steps:
        table.add_row(step.name, f"{step.seconds:.2f}", f"{step.gas:,}" if step.gas else "", step.note)
    table.add_section()
    body = act.ledger.as_dict()
    table.add_row("total", f"{body['seconds']:.2f}", f"{body['gas']:,}", shown)
    return table
