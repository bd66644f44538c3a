"""`inferproof request`: ask for an output of a registered program, and wait for it."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from circuits.errors import EnvironmentFailure, InputError
from circuits.program.file import load_program
from circuits.program.graph import Program
from circuits.program.input_file import read_inputs
from circuits.program.values import outputs_document
from circuits.statement import Route, input_root
from contracts.client.deployment import Deployment
from contracts.client.disputes import OptimisticClaims
from contracts.client.hub import DeliveredEvent, Hub
from contracts.client.registry import Registration, Registry
from contracts.client.types import ZERO_ADDRESS, Request, Status, Tensor
from prover.cli.chain_options import DeploymentFile, DevAccount, KeyFile, RpcUrl, open_chain, open_deployment
from prover.cli.hex_words import word
from prover.cli.model_options import ProgramFile
from prover.cli.plain_text import answer_lines, gas, wei
from prover.optimistic.claim import needed_window_s
from verifier.console import JsonOption, emit, progress_bar

if TYPE_CHECKING:  # whose libraries are slow to load
    from contracts.client.chain import Chain

POLL_S = 0.5
PROOF_WINDOW_S = 3_600


def request(
    program: ProgramFile,
    input: Annotated[Path, typer.Argument(metavar="INPUT", help="Input file, .json or .npz.")],
    registration: Annotated[str, typer.Option(help="Registration id, hex.")],
    fee: Annotated[int, typer.Option(help="Wei for the prover.", min=0)] = 10**15,
    window: Annotated[
        int | None,
        typer.Option(
            help="Seconds an assigned prover has. Default: 3600, or what a disputed claim may take at most.", min=1
        ),
    ] = None,
    expiry: Annotated[int, typer.Option(help="Seconds until nobody may be assigned any more.", min=1)] = 86_400,
    wait: Annotated[int, typer.Option(help="Seconds to wait for delivery; 0 returns at once.", min=0)] = 600,
    rpc_url: RpcUrl = None,
    deployment: DeploymentFile = None,
    private_key_file: KeyFile = None,
    dev_account: DevAccount = None,
    json: JsonOption = False,
) -> None:
    """Opens a request with its fee in escrow, pinning every key that the registration has bound."""
    source = load_program(program)
    inputs = read_inputs(input, source)
    chain = open_chain(rpc_url, private_key_file, dev_account)
    addresses = open_deployment(deployment, chain)
    listed = Registry(chain, addresses["ModelRegistry"]).registration(word(registration, "registration id"))
    if listed.model_id != source.model_id():
        raise InputError("registration_of_another_model", "the registration lists another program")
    if not listed.pins:
        raise InputError("registration_without_key", "the registration has no key bound yet: nobody can prove it")
    hub = Hub(chain, addresses["InferenceHub"])
    window = window or _window(chain, addresses, source, listed)
    asked = _request(chain, listed, input_root(inputs), fee, window, expiry)
    start = chain.block_number()
    receipt = chain.send(hub.request(asked, [Tensor.from_array(t) for t in inputs]), value=fee)
    request_id = hub.request_id(asked)
    document: dict[str, Any] = {"request_id": "0x" + request_id.hex(), "gas": int(receipt["gasUsed"]), "fee": fee}
    if wait:
        document |= _answer(source, _wait(hub, request_id, start, wait))
    emit(json, document, answer_lines(document, {"gas": gas, "fee": wei}))


def _window(chain: Chain, addresses: Deployment, program: Program, listed: Registration) -> int:
    """Long enough for every route that is pinned: a claim has to outlast its disputes."""
    pin = next((pin for pin in listed.pins if pin.route == Route.OPTIMISTIC), None)
    if pin is None:
        return PROOF_WINDOW_S
    terms = OptimisticClaims(chain, addresses["OptimisticClaims"]).key(pin.key_digest).terms
    return max(PROOF_WINDOW_S, needed_window_s(program, terms))


def _request(chain: Chain, listed: Registration, root: bytes, fee: int, window: int, expiry: int) -> Request:
    return Request(
        requester=chain.address,
        payer=ZERO_ADDRESS,
        registration_id=listed.registration_id,
        input_root=root,
        routes=listed.pins,
        fee=fee,
        bond=fee,
        prove_window=window,
        expiry=chain.timestamp() + expiry,
        callback_gas=0,
        nonce=secrets.randbits(64),
    )


def _wait(hub: Hub, request_id: bytes, start: int, timeout_s: int) -> DeliveredEvent:
    deadline = time.monotonic() + timeout_s
    with progress_bar() as progress:
        while time.monotonic() < deadline:
            status = hub.status(request_id)
            progress(f"request {status.name.lower()}", None)
            if status is Status.DELIVERED:
                events = hub.delivered_events(start, hub.chain.block_number())
                return next(e for e in events if e.request_id == request_id)
            if status is Status.REFUNDED:
                raise EnvironmentFailure("request_refunded", "the request was refunded", request_id=request_id.hex())
            time.sleep(POLL_S)
    raise EnvironmentFailure(
        "request_unanswered",
        f"nobody delivered within {timeout_s} s; the request stays open, and `cancel` at the hub takes it back",
        request_id=request_id.hex(),
    )


def _answer(program: Program, delivered: DeliveredEvent) -> dict[str, Any]:
    outputs = outputs_document(program, [t.to_array() for t in delivered.outputs])
    return {"prover": delivered.prover, "output_root": "0x" + delivered.output_root.hex(), **outputs}
