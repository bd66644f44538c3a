"""The verbs of `inferproof challenger` that look: claims, show, clocks, credits, explain, export-evidence, replay."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.panel import Panel
from rich.text import Text

from circuits.errors import InputError
from prover.cli.chain_options import Confirmations, DeploymentFile, DevAccount, KeyFile, RpcUrl
from prover.cli.challenger_options import (
    ClaimId,
    DryRun,
    Fetch,
    FromBlock,
    Limits,
    MaxWork,
    Place,
    Programs,
    Runs,
    StoreFile,
    World,
    open_world,
)
from prover.cli.challenger_plot import plot_finding
from prover.cli.challenger_text import CREDITS, claim_in_full, claim_lines, clock_lines
from prover.cli.model_plot import require_matplotlib
from prover.cli.output_files import require_writable, write_file
from prover.cli.plain_text import field_lines
from verifier.challenger import ChallengerError, replay, report
from verifier.challenger.judging import MAX_WORK
from verifier.console import JsonOption, emit, stdout


def claims(
    open_only: Annotated[bool, typer.Option("--open", help="Only claims without an end.")] = False,
    store: StoreFile = None,
    from_block: FromBlock = None,
    confirmations: Confirmations = None,
    rpc_url: RpcUrl = None,
    deployment: DeploymentFile = None,
    private_key_file: KeyFile = None,
    dev_account: DevAccount = None,
    json: JsonOption = False,
) -> None:
    """Lists every claim since --from-block, with what this store knows of it."""
    place = Place(store, from_block, confirmations, rpc_url, deployment, private_key_file, dev_account)
    world = open_world(json, place)
    world.record_claims()
    found = [c for c in report.claims(world.challenger) if not open_only or c["status"] == "pending"]
    now = world.challenger.chain.claims.game_time(world.challenger.block())
    lines = [line for claim in found for line in claim_lines(claim, now)]
    emit(json, {"claims": found}, lines or ["no claim"])


def show(
    claim: ClaimId,
    store: StoreFile = None,
    from_block: FromBlock = None,
    confirmations: Confirmations = None,
    rpc_url: RpcUrl = None,
    deployment: DeploymentFile = None,
    private_key_file: KeyFile = None,
    dev_account: DevAccount = None,
    json: JsonOption = False,
) -> None:
    """Shows a claim with its terms, roots and challenges."""
    place = Place(store, from_block, confirmations, rpc_url, deployment, private_key_file, dev_account)
    world = open_world(json, place)
    document = report.show(world.challenger, world.claim(claim))
    emit(json, document, claim_in_full(document))


def clocks(
    store: StoreFile = None,
    from_block: FromBlock = None,
    confirmations: Confirmations = None,
    rpc_url: RpcUrl = None,
    deployment: DeploymentFile = None,
    private_key_file: KeyFile = None,
    dev_account: DevAccount = None,
    json: JsonOption = False,
) -> None:
    """Whose turn it is in our open challenges, and what is left on both clocks, in seconds of game time."""
    place = Place(store, from_block, confirmations, rpc_url, deployment, private_key_file, dev_account)
    found = report.clocks(open_world(json, place).challenger)
    lines = [line for one in found for line in clock_lines(one)]
    emit(json, {"clocks": found}, lines or ["no open challenge of ours"])


def credits_(
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Pull what is credited.")] = False,
    dry_run: DryRun = False,
    store: StoreFile = None,
    from_block: FromBlock = None,
    confirmations: Confirmations = None,
    rpc_url: RpcUrl = None,
    deployment: DeploymentFile = None,
    private_key_file: KeyFile = None,
    dev_account: DevAccount = None,
    json: JsonOption = False,
) -> None:
    """What the contract owes us, what is at stake, what gas has cost; all in wei."""
    place = Place(store, from_block, confirmations, rpc_url, deployment, private_key_file, dev_account)
    world = open_world(json, place, limits=Limits(dry_run=dry_run))
    document = report.credits(world.challenger)
    if withdraw and document["credit"] and not dry_run:
        claims_ = world.challenger.chain.claims
        receipt = claims_.chain.send(claims_.withdraw(document["credit"]))
        document |= {
            "withdrawn": document["credit"],
            "credit": 0,
            "transaction": "0x" + receipt["transactionHash"].hex(),
        }
    emit(json, document, field_lines(document, CREDITS))


def explain(
    claim: ClaimId,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it too, as .png or .svg.")] = None,
    program: Programs = None,
    fetch: Fetch = False,
    max_work: MaxWork = MAX_WORK,
    store: StoreFile = None,
    from_block: FromBlock = None,
    confirmations: Confirmations = None,
    rpc_url: RpcUrl = None,
    deployment: DeploymentFile = None,
    private_key_file: KeyFile = None,
    dev_account: DevAccount = None,
    json: JsonOption = False,
) -> None:
    """What is wrong with a claim: which op, which element, what is claimed, what it should have been. Exit code 1 if it
    is wrong, 0 if it is right."""
    if plot is not None:
        require_writable([plot])
        require_matplotlib()
    place = Place(store, from_block, confirmations, rpc_url, deployment, private_key_file, dev_account)
    world = open_world(json, place, Runs(program, fetch, max_work))
    document = _explanation(world, world.claim(claim))
    if document["right"]:
        return emit(json, document, ["The claim is what our own run gives."])
    if plot is not None:
        write_file(plot, plot_finding(document, plot.suffix.removeprefix(".")))
    emit(json, document)
    if not json:
        for line in document["words"]:
            stdout.print(line, highlight=False, markup=False)
        stdout.print(Panel(Text("\n".join(document["picture"])), title="first difference", expand=False))
    raise typer.Exit(1)


def _explanation(world: World, claim: bytes) -> dict[str, Any]:
    try:
        return {"right": False, **report.explanation(world.challenger, claim)}
    except ChallengerError as error:
        if error.code != "nothing_differs":
            raise
        return {"right": True, "claim_id": "0x" + claim.hex()}


def export_evidence(
    claim: ClaimId,
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write.")],
    program: Programs = None,
    fetch: Fetch = False,
    max_work: MaxWork = MAX_WORK,
    store: StoreFile = None,
    from_block: FromBlock = None,
    confirmations: Confirmations = None,
    rpc_url: RpcUrl = None,
    deployment: DeploymentFile = None,
    private_key_file: KeyFile = None,
    dev_account: DevAccount = None,
    json: JsonOption = False,
) -> None:
    """Writes a file that shows a claim to be wrong to anybody, without a chain or the program; see `replay`."""
    require_writable([output])
    place = Place(store, from_block, confirmations, rpc_url, deployment, private_key_file, dev_account)
    world = open_world(json, place, Runs(program, fetch, max_work))
    raw = report.evidence(world.challenger, world.claim(claim))
    write_file(output, raw)
    emit(json, {"evidence": str(output), "bytes": len(raw)}, [f"{output}: {len(raw):,} bytes"])


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
