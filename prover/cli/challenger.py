"""`inferproof challenger`: catch wrong claims and overturn them. Thin entry points over `verifier.challenger`."""

from __future__ import annotations

import json as json_format
import logging
import signal
import sys
import threading
import time
from typing import Annotated, Any

import typer

from circuits.errors import EnvironmentFailure
from prover.cli.challenger_options import NotSent, World, verb
from prover.cli.hex_words import word
from verifier.challenger import Mode, Notice, Plan, Watcher, report
from verifier.challenger.records import TransactionRow, TxState
from verifier.console import emit, progress_bar, stdout

app = typer.Typer(no_args_is_help=True, help="Check claims of the optimistic route, and overturn wrong ones.")

POLL_S = 0.5

ClaimId = Annotated[str, typer.Argument(metavar="CLAIM", help="Claim id, hex.")]
ChallengeId = Annotated[str, typer.Argument(metavar="CHALLENGE", help="Challenge id, hex.")]
Wait = Annotated[int, typer.Option(min=0, help="Seconds to wait until the transaction is mined and confirmed.")]


@verb(app, "watch", logs=logging.INFO, background=True)
def watch(
    world: World,
    mode: Annotated[Mode, typer.Option(help="How far to go: tell, play on, or challenge.")] = Mode.WATCHTOWER,
    interval: Annotated[float, typer.Option(min=0.1, help="Seconds between passes.")] = 5.0,
    once: Annotated[bool, typer.Option("--once", help="One pass, then end.")] = False,
) -> None:
    """Follows every claim, from where its store stands. watchtower checks and tells; defensive also plays open
    challenges to their end; active also challenges wrong claims. With --json every notice is a line of JSON."""
    watcher = Watcher(world.challenger, mode, lambda notice: _tell(world, notice))
    if once:
        watcher.once()
        return
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    watcher.run(stopping, interval)


def _tell(world: World, notice: Notice) -> None:
    named = {"claim_id": "0x" + notice.claim_id.hex()}
    if notice.challenge_id:
        named["challenge_id"] = "0x" + notice.challenge_id.hex()
    if world.json:
        body = {"code": notice.code, **named, "message": notice.message, "details": notice.details}
        sys.stdout.write(json_format.dumps(body, sort_keys=True, default=str) + "\n")
        sys.stdout.flush()
    else:
        line = f"{notice.code}  {' '.join(named.values())}  {notice.message}"
        stdout.print(line, highlight=False, markup=False)


@verb(app, "check")
def check(world: World, claim: ClaimId) -> None:
    """Runs the program on the claim's input and compares; exit code 1 if the claim is wrong. Stakes nothing."""
    with progress_bar() as progress:
        progress("run and compare", None)
        view, judgement = world.challenger.check(word(claim, "claim id"))
    document = report.check_document(view, judgement)
    if document["right"]:
        emit(world.json, document, [f"RIGHT: claim {document['claim_id']} is what our own run gives"])
        return
    where = f"ops {document['first_op']} to {document['last_op']}"
    emit(world.json, document, [f"WRONG: claim {document['claim_id']} first differs from our own run in {where}"])
    raise typer.Exit(1)


@verb(app, "challenge")
def challenge(world: World, claim: ClaimId, wait: Wait = 120) -> None:
    """Puts a bond on a claim's being wrong, after a self-test of this machine. `watch` or `move` plays it on."""
    with progress_bar() as progress:
        progress("run and compare", None)
        try:
            staked = world.challenger.challenge(word(claim, "claim id"))
        except NotSent as stopped:
            return _rehearsed(world, stopped)
        sent = _settled(world, staked.transaction, wait)
    document = {
        "claim_id": "0x" + staked.row.claim_id.hex(),
        "challenge_id": "0x" + staked.row.challenge_id.hex(),
        "path": "forced reveals" if staked.fault is None else "published trace",
        "bond": staked.row.bond,
        "transaction": _transaction(sent),
    }
    emit(world.json, document, [f"{name}: {value}" for name, value in document.items()])


@verb(app, "move")
def move(world: World, challenge: ChallengeId, wait: Wait = 120) -> None:
    """Makes the move that is due in a challenge of ours, if one is."""
    named = word(challenge, "challenge id")
    try:
        world.challenger.sender.reconcile(world.challenger.block())
        plan, sent = world.challenger.move(named)
    except NotSent as stopped:
        return _rehearsed(world, stopped)
    document = report.plan_document(plan) | {"transaction": None}
    if sent is not None:
        document["transaction"] = _transaction(_settled(world, sent, wait))
    emit(world.json, document, [_line(plan, document)])


@verb(app, "next-moves")
def next_moves(
    world: World, claim: Annotated[str | None, typer.Option(help="Only of this claim, hex.")] = None
) -> None:
    """What is due in every open challenge of ours, or whom it waits for."""
    plans = world.challenger.next_moves(word(claim, "claim id") if claim else None)
    documents = [report.plan_document(plan) for plan in plans]
    lines = [_line(*pair) for pair in zip(plans, documents, strict=True)]
    emit(world.json, {"moves": documents}, lines or ["no open challenge of ours"])


def _line(plan: Plan, document: dict[str, Any]) -> str:
    what = document["words"] or document["why_none"]
    if (sent := document.get("transaction")) is not None:
        what += f"; sent, {sent['state']}" + (f", {sent['gas']:,} gas" if sent["gas"] else "")
    left = f", {plan.deadline - plan.now} s left" if plan.deadline > plan.now and sent is None else ""
    return f"{document['challenge_id']} at {document['position']}: {what}{left}"


def _rehearsed(world: World, stopped: NotSent) -> None:
    emit(world.json, {"dry_run": stopped.details}, [stopped.message])


def _settled(world: World, row: TransactionRow, wait: int) -> TransactionRow:
    """The row once its end is known, or as it is after the wait: whoever waits less goes on by `watch`."""
    challenger, until = world.challenger, time.monotonic() + wait
    while row.state is TxState.WRITTEN and time.monotonic() < until:
        challenger.sender.reconcile(challenger.block())
        rows = challenger.store.of_move(row.challenge_id, row.purpose, row.position_key)
        row = next((found for found in reversed(rows) if found.nonce == row.nonce), row)
        if row.state is TxState.WRITTEN:
            time.sleep(POLL_S)
    if row.state is TxState.REVERTED:
        raise EnvironmentFailure("transaction_reverted", f"{row.purpose} was mined and reverted", hash=row.hash.hex())
    return row


def _transaction(row: TransactionRow) -> dict[str, Any]:
    return {"call": row.purpose, "hash": "0x" + row.hash.hex(), "state": row.state.value, "gas": row.gas_used}
