"""`inferproof claim`: answer a request by a bonded claim, and stay to defend it."""

from __future__ import annotations

import logging
import threading
import time
from typing import Annotated, Any

import typer

from circuits.errors import InputError
from circuits.program.file import load_program
from circuits.program.values import outputs_document
from contracts.client.disputes import OptimisticClaims
from contracts.client.hub import Hub
from contracts.client.registry import Registry
from prover.cli.chain_options import (
    Confirmations,
    DeploymentFile,
    DevAccount,
    KeyFile,
    MaxFee,
    RpcUrl,
    confirmed_depth,
    open_chain,
    open_deployment,
    require_fee,
    wei_of_gwei,
)
from prover.cli.hex_words import word
from prover.cli.model_options import ProgramFile
from prover.cli.plain_text import Show, answer_lines, event_line, game_time, gas, log_line, seconds, wei
from prover.optimistic.claim import Asked, Contracts, Made, examine, find_request, make_claim, outputs_of
from prover.optimistic.defender import Defender
from prover.optimistic.policy import Policy
from prover.optimistic.sender import Sender
from prover.optimistic.standing import ClaimReader
from prover.optimistic.store import TraceStore, statement_of
from prover.optimistic.trace import Tracer
from prover.service.entrypoints.logs import JSON_LINES, configure_logs
from prover.service.settings import Settings
from verifier.challenger.log_reader import LogReader
from verifier.console import JsonOption, emit, progress_bar, stderr, warn
from verifier.dispute.commitment import CommittedTrace

Publish = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Write the trace there, for anybody to check: a folder, or any fsspec URL."),
]
PublicUrl = Annotated[str | None, typer.Option(metavar="URL", help="Where others read what --publish writes.")]
UNITS: dict[str, Show] = {"stake": wei, "run_s": seconds, "window_end": game_time, "gas": gas}
MaxStake = Annotated[int | None, typer.Option(help="Wei to put at stake at most. Default: INFERPROOF_MAX_BOND_WEI.")]
MinExtension = Annotated[
    int | None,
    typer.Option(min=1, help="Seconds that an answer needs; no claim with less. Default: INFERPROOF_MIN_EXTENSION_S."),
]
MinChallengeBond = Annotated[
    int | None,
    typer.Option(
        min=1, help="Wei that pay for answers; no claim with less. Default: INFERPROOF_MIN_CHALLENGE_BOND_WEI."
    ),
]


def claim(
    request_id: Annotated[str, typer.Argument(metavar="REQUEST_ID", help="The request, hex.")],
    program: ProgramFile,
    publish: Publish = None,
    public_url: PublicUrl = None,
    defend: Annotated[bool, typer.Option("--defend", help="Stay: answer challenges, deliver, withdraw.")] = False,
    withdraw: Annotated[bool, typer.Option(help="With --defend: pull what is credited in the end.")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Run and commit; publish and send nothing.")] = False,
    max_stake: MaxStake = None,
    min_extension: MinExtension = None,
    min_challenge_bond: MinChallengeBond = None,
    max_fee: MaxFee = None,
    confirmations: Confirmations = None,
    rpc_url: RpcUrl = None,
    deployment: DeploymentFile = None,
    private_key_file: KeyFile = None,
    dev_account: DevAccount = None,
    json: JsonOption = False,
) -> None:
    """Runs the program on a request's input, commits to every op's output, and claims the result under bond.

    Run again it goes on where it was: a claim that stands is not made twice, and what is due is read from the chain.
    With --defend the exit code is 1 if the claim did not become final.
    """
    configure_logs(logging.WARNING, JSON_LINES if json else log_line)
    if public_url and not publish:
        raise InputError("bad_option", "--public-url says where others read what --publish writes: name both")
    source = load_program(program)
    chain = open_chain(rpc_url, private_key_file, dev_account)
    addresses = open_deployment(deployment, chain)
    contracts = Contracts(
        OptimisticClaims(chain, addresses["OptimisticClaims"]),
        Hub(chain, addresses["InferenceHub"]),
        Registry(chain, addresses["ModelRegistry"]),
    )
    logs = LogReader(Settings().log_chunk_blocks)
    event = find_request(contracts.hub, word(request_id, "request id"), addresses.start_block, logs)
    asked = examine(contracts, event, source, _policy(max_stake, min_extension, min_challenge_bond), logs)
    fee_limit = wei_of_gwei(max_fee)
    if asked.prior is None:  # a claim that stands is defended at whatever fee its owner allows
        require_fee(chain, fee_limit)
    trace, document = _run(Tracer(source), asked)
    if not dry_run:
        locator = _publish(TraceStore(publish, public_url), trace) if publish else ""
        sender = Sender(chain, max_fee=fee_limit, report=_say)
        made = make_claim(contracts, asked, trace, sender, locator)
        ended = {}
        if defend:
            reader = ClaimReader(contracts.claims, made.defended.claim_id, event.at.block_number, logs)
            depth = confirmed_depth(confirmations)
            defender = Defender(
                made.defended, reader, contracts.hub, sender, confirmations=depth, withdraw=withdraw, report=_say
            )
            ended = {"outcome": _defend(defender, made)}
        document |= _claimed(contracts, asked, made, locator) | ended
    emit(json, document, answer_lines(document, UNITS))
    if document.get("outcome", {}).get("status", "final") != "final":
        raise typer.Exit(1)


def _policy(max_stake: int | None, min_extension: int | None, min_challenge_bond: int | None) -> Policy:
    settings = Settings()
    return Policy(
        settings.max_bond_wei if max_stake is None else max_stake,
        min_extension or settings.min_extension_s,
        min_challenge_bond or settings.min_challenge_bond_wei,
    )


def _run(tracer: Tracer, asked: Asked) -> tuple[CommittedTrace, dict[str, Any]]:
    """One inference and its commitment, and what there is to say of them before any money moves."""
    began = time.perf_counter()
    with progress_bar() as progress:
        progress("run and commit", None)
        trace = tracer.trace([tensor.to_array() for tensor in asked.event.inputs])
        roots = {"trace_tree": trace.trace_tree, "output_root": trace.output_root, "input_root": trace.input_root}
    document = {
        "request_id": "0x" + asked.event.request_id.hex(),
        "key_digest": "0x" + asked.pin.key_digest.hex(),
        **{name: "0x" + root.hex() for name, root in roots.items()},
        "stake": asked.stake,
        "run_s": time.perf_counter() - began,
    }
    return trace, document | outputs_document(trace.program, outputs_of(trace))


def _publish(store: TraceStore, trace: CommittedTrace) -> str:
    """The locator that the claim carries."""
    where, locator = store.publish(trace), store.locator(statement_of(trace))
    if not locator:
        warn(f"the trace lies in {where}, where nobody else can read it: the claim names no place (see --public-url)")
    return locator


def _claimed(contracts: Contracts, asked: Asked, made: Made, locator: str) -> dict[str, Any]:
    """The claim as it is by now; where and for how much gas it was made, also where that was an earlier run."""
    named, gas_used = made.defended.claim_id, {sent.call.name: sent.gas_used for sent in made.sent}
    if not made.sent and asked.prior is not None and asked.prior.claim_id == named:
        locator, receipt = asked.prior.locator, contracts.claims.chain.receipt(asked.prior.at.tx_hash)
        gas_used = {} if receipt is None else {"claim": int(receipt["gasUsed"])}
    stored = contracts.claims.claim_of(named)
    return {
        "claim_id": "0x" + named.hex(),
        "status": stored.status.name.lower(),
        "made_before": not made.sent,
        "window_end": stored.window_end,
        "locator": locator,
        "gas": gas_used,
    }


def _defend(defender: Defender, made: Made) -> dict[str, Any]:
    _say("defending", claim="0x" + made.defended.claim_id.hex())
    outcome = defender.run(threading.Event(), Settings().chain_poll_s)
    assert outcome is not None  # nothing stops it
    ended = {"status": outcome.status.name.lower(), "delivered": outcome.delivered}
    return {**ended, "transactions": outcome.tally.calls, "gas": outcome.tally.gas}


def _say(event: str, **values: object) -> None:
    stderr.print(event_line(event, values), highlight=False, markup=False)
