"""The verbs of `inferproof challenger` that judge and move: watch, check, challenge, move, next-moves."""

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
from prover.cli.chain_options import Confirmations, DeploymentFile, DevAccount, KeyFile, MaxFee, RpcUrl
from prover.cli.challenger_options import (
    ChallengeId,
    ClaimId,
    DryRun,
    Fetch,
    FromBlock,
    Keys,
    Limits,
    MaxBonds,
    MaxGas,
    MaxWork,
    NotSent,
    Place,
    Programs,
    Runs,
    StoreFile,
    World,
    open_world,
)
from prover.cli.challenger_text import CHALLENGE, plan_lines
from prover.cli.plain_text import field_lines
from verifier.challenger import Mode, Notice, Verdict, Watcher, report
from verifier.challenger.judging import MAX_WORK
from verifier.challenger.records import TransactionRow, TxState
from verifier.console import JsonOption, emit, progress_bar, stdout

POLL_S = 0.5

Wait = Annotated[int, typer.Option(min=0, help="Seconds to wait until the transaction is mined and confirmed.")]


def watch(
    mode: Annotated[Mode, typer.Option(help="How far to go: tell, play on, or challenge.")] = Mode.WATCHTOWER,
    interval: Annotated[float, typer.Option(min=0.1, help="Seconds between passes.")] = 5.0,
    once: Annotated[
        bool,
        typer.Option("--once", help="One pass; exit code 1 if a claim in it is wrong, 3 if one could not be handled."),
    ] = False,
    program: Programs = None,
    fetch: Fetch = False,
    max_work: MaxWork = MAX_WORK,
    key: Keys = None,
    max_bonds: MaxBonds = None,
    max_gas: MaxGas = None,
    max_fee: MaxFee = None,
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
    """Follows every claim, from where its store stands. watchtower checks and tells; defensive also plays open
    challenges to their end; active also challenges wrong claims. With --json every notice is a line of JSON."""
    place = Place(store, from_block, confirmations, rpc_url, deployment, private_key_file, dev_account)
    runs = Runs(program, fetch, max_work, background=True, interval_s=interval)
    world = open_world(json, place, runs, Limits(max_bonds, max_gas, max_fee, dry_run, key), logging.INFO)
    watcher = Watcher(world.challenger, mode, lambda notice: _tell(world, notice))
    if once:
        wrong = _finds_wrong(world, watcher)
        raise typer.Exit(EnvironmentFailure.exit_code if watcher.unexpected else int(wrong))
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    watcher.run(stopping, interval)


def _finds_wrong(world: World, watcher: Watcher) -> bool:
    """Makes one pass; whether a claim that stood at its beginning or end is judged wrong, by it or before it."""
    store = world.challenger.store
    before = {known.claim_id for known in store.claims(ended=False)}
    watcher.once()
    seen = [known for known in store.claims() if known.claim_id in before or not known.ended]
    return any(known.verdict is Verdict.WRONG for known in seen)


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


def check(
    claim: ClaimId,
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
    """Runs the program on the claim's input and compares; exit code 1 if the claim is wrong. Stakes nothing."""
    place = Place(store, from_block, confirmations, rpc_url, deployment, private_key_file, dev_account)
    world = open_world(json, place, Runs(program, fetch, max_work))
    with progress_bar() as progress:
        progress("run and compare", None)
        view, judgement = world.challenger.check(world.claim(claim))
    document = report.check_document(view, judgement)
    if document["right"]:
        emit(json, document, [f"RIGHT: claim {document['claim_id']} is what our own run gives"])
        return
    where = f"ops {document['first_op']} to {document['last_op']}"
    emit(json, document, [f"WRONG: claim {document['claim_id']} first differs from our own run in {where}"])
    raise typer.Exit(1)


def challenge(
    claim: ClaimId,
    wait: Wait = 120,
    program: Programs = None,
    fetch: Fetch = False,
    max_work: MaxWork = MAX_WORK,
    key: Keys = None,
    max_bonds: MaxBonds = None,
    max_gas: MaxGas = None,
    max_fee: MaxFee = None,
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
    """Puts a bond on a claim's being wrong, after a self-test of this machine. `watch` or `move` plays it on."""
    place = Place(store, from_block, confirmations, rpc_url, deployment, private_key_file, dev_account)
    limits = Limits(max_bonds, max_gas, max_fee, dry_run, key)
    world = open_world(json, place, Runs(program, fetch, max_work), limits)
    limits.require_fee(world.challenger.chain.chain)
    with progress_bar() as progress:
        progress("run and compare", None)
        try:
            staked = world.challenger.challenge(world.claim(claim))
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
    emit(json, document, field_lines(document, CHALLENGE))


def move(
    challenge: ChallengeId,
    wait: Wait = 120,
    program: Programs = None,
    fetch: Fetch = False,
    max_work: MaxWork = MAX_WORK,
    max_fee: MaxFee = None,
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
    """Makes the move that is due in a challenge of ours, if one is."""
    place = Place(store, from_block, confirmations, rpc_url, deployment, private_key_file, dev_account)
    limits = Limits(max_fee=max_fee, dry_run=dry_run)
    world = open_world(json, place, Runs(program, fetch, max_work), limits)
    limits.require_fee(world.challenger.chain.chain)
    named = world.challenge(challenge)
    try:
        world.challenger.sender.reconcile(world.challenger.block())
        plan, sent = world.challenger.move(named)
    except NotSent as stopped:
        return _rehearsed(world, stopped)
    document = report.plan_document(plan) | {"transaction": None}
    if sent is not None:
        document["transaction"] = _transaction(_settled(world, sent, wait))
    emit(json, document, plan_lines(plan, document))


def next_moves(
    claim: Annotated[str | None, typer.Option(help="Only of this claim, hex.")] = None,
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
    """What is due in every open challenge of ours, or whom it waits for."""
    place = Place(store, from_block, confirmations, rpc_url, deployment, private_key_file, dev_account)
    world = open_world(json, place, Runs(program, fetch, max_work))
    plans = world.challenger.next_moves(world.claim(claim) if claim else None)
    documents = [report.plan_document(plan) for plan in plans]
    lines = [line for pair in zip(plans, documents, strict=True) for line in plan_lines(*pair)]
    emit(json, {"moves": documents}, lines or ["no open challenge of ours"])


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
