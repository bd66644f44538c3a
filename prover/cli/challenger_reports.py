"""The verbs of `inferproof challenger` that look: claims, show, clocks, credits, explain, export-evidence, replay."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from circuits.errors import InputError
from contracts.client.dispute_events import Claimed
from prover.cli.challenger import ClaimId, app
from prover.cli.challenger_options import World, verb
from prover.cli.challenger_plot import plot_finding
from prover.cli.hex_words import word
from prover.cli.model_plot import require_matplotlib
from prover.cli.output_files import require_writable
from verifier.challenger import ChallengerError, replay, report
from verifier.console import JsonOption, emit, stdout

SHORT = 10  # hex digits of an id in a table
WORD_DIGITS = 66


@verb(app, "claims")
def claims(
    world: World, open_only: Annotated[bool, typer.Option("--open", help="Only claims without an end.")] = False
) -> None:
    """Lists every claim since --from-block, with what this store knows of it."""
    challenger = world.challenger
    for event in challenger.chain.events(challenger.chain.from_block, challenger.block()):
        if isinstance(event, Claimed):
            challenger.store.record_claim(event.claim_id, event.request_id, event.at.block_number)
    found = [c for c in report.claims(challenger) if not open_only or c["status"] == "pending"]
    columns = ("claim_id", "status", "verdict", "open_challenges", "window_end", "block")
    emit(world.json, {"claims": found}, _table(columns, found))


@verb(app, "show")
def show(world: World, claim: ClaimId) -> None:
    """Shows a claim with its terms, roots and challenges."""
    document = report.show(world.challenger, word(claim, "claim id"))
    plain = {name: value for name, value in document.items() if name != "challenges"}
    lines: list[str | Table] = [f"{name}: {value}" for name, value in plain.items()]
    if document["challenges"]:
        columns = ("challenge_id", "challenger", "ours", "position", "turn", "seconds_left")
        lines.append(_table(columns, document["challenges"]))
    emit(world.json, document, lines)


@verb(app, "clocks")
def clocks(world: World) -> None:
    """Whose turn it is in our open challenges, and what is left on both clocks, in seconds of game time."""
    found = report.clocks(world.challenger)
    columns = ("challenge_id", "turn", "seconds_left", "defender_clock", "challenger_clock")
    emit(world.json, {"clocks": found}, _table(columns, found))


@verb(app, "credits")
def credits_(
    world: World, withdraw: Annotated[bool, typer.Option("--withdraw", help="Pull what is credited.")] = False
) -> None:
    """What the contract owes us, what is at stake, what gas has cost; all in wei."""
    document = report.credits(world.challenger)
    if withdraw and document["credit"] and not world.dry_run:
        claims_ = world.challenger.chain.claims
        receipt = claims_.chain.send(claims_.withdraw(document["credit"]))
        document |= {
            "withdrawn": document["credit"],
            "credit": 0,
            "transaction": "0x" + receipt["transactionHash"].hex(),
        }
    emit(world.json, document, [f"{name}: {value}" for name, value in document.items()])


@verb(app, "explain")
def explain(
    world: World,
    claim: ClaimId,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it too, as .png or .svg.")] = None,
) -> None:
    """What is wrong with a claim: which op, which element, what is claimed, what it should have been. Exit code 1 if it
    is wrong, 0 if it is right."""
    if plot is not None:
        require_writable([plot])
        require_matplotlib()
    try:
        document = report.explanation(world.challenger, word(claim, "claim id"))
    except ChallengerError as error:
        if error.code != "nothing_differs":
            raise
        emit(world.json, {"claim_id": claim, "right": True}, ["The claim is what our own run gives."])
        return
    if plot is not None:
        plot.write_bytes(plot_finding(document, plot.suffix.removeprefix(".")))
    emit(world.json, {"right": False, **document})
    if not world.json:
        for line in document["words"]:
            stdout.print(line, highlight=False, markup=False)
        stdout.print(Panel(Text("\n".join(document["picture"])), title="first difference", expand=False))
    raise typer.Exit(1)


@verb(app, "export-evidence")
def export_evidence(
    world: World, claim: ClaimId, output: Annotated[Path, typer.Option("-o", "--output", help="File to write.")]
) -> None:
    """Writes a file that shows a claim to be wrong to anybody, without a chain or the program; see `replay`."""
    require_writable([output])
    raw = report.evidence(world.challenger, word(claim, "claim id"))
    output.write_bytes(raw)
    emit(world.json, {"evidence": str(output), "bytes": len(raw)}, [f"{output}: {len(raw):,} bytes"])


@app.command("replay")
def replay_(
    evidence: Annotated[Path, typer.Argument(metavar="EVIDENCE", help="What export-evidence wrote.")],
    json: JsonOption = False,
) -> None:
    """Checks a file of evidence, from whomever it is: folds the element's terms, opened under the roots that the
    claim's id is the hash of. Exit code 1 if it shows nothing."""
    try:
        raw = evidence.read_bytes()
    except OSError as error:
        raise InputError("file_unreadable", f"cannot read {evidence}: {error.strerror}", path=str(evidence)) from error
    try:
        shown = replay(raw)
    except ChallengerError as error:
        if error.code != "evidence_refused":
            raise
        emit(json, {"holds": False, "reason": error.as_dict()}, [f"REFUSED: {error.message}"])
        raise typer.Exit(1) from error
    ids = {"claim_id": "0x" + shown.claim_id.hex(), "model_id": "0x" + shown.model_id.hex()}
    document: dict[str, Any] = {"holds": True, **vars(shown), **ids}
    place = f"element {shown.element} of op {shown.op} ({shown.opcode})"
    what = f"{place} is claimed to be {shown.claimed}, and is {shown.true}"
    where = f"claim {ids['claim_id']} of contract {shown.contract}, chain {shown.chain_id}, if it was made, is wrong"
    emit(json, document, [f"HOLDS: {what}", where])


def _table(columns: tuple[str, ...], rows: list[dict[str, Any]]) -> Table:
    table = Table(*columns)
    for row in rows:
        cells = (str(row.get(column, "")) for column in columns)
        table.add_row(
            *(cell if not cell.startswith("0x") or len(cell) < 66 else cell[: SHORT + 2] + "…" for cell in cells)
        )
    return table
