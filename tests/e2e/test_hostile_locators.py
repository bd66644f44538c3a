"""A locator is bytes that anybody chooses: what is no text must stop neither watchers nor claimants."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from challenger_world import INPUTS, LOOKUP, PROGRAM, TRUE, Process, corrupted
from dispute_table import Table, outputs_of, status_of

from circuits.statement import Route, input_root
from contracts.client.chain import Chain
from contracts.client.deploy import OPTIMISTIC_SELECTOR
from contracts.client.hub import Hub
from contracts.client.registry import Registry
from contracts.client.types import ZERO_ADDRESS, Request, RoutePin, Tensor
from prover.service.adapters.hub_chain import HubClient
from prover.service.entrypoints.loops import Loop
from verifier.dispute.commitment import CommittedTrace

pytestmark = pytest.mark.slow

STAND_IN, NO_TEXT, READ = "X" * 32, b"\xff" * 32, "\\xff" * 32
STRANGER = 3


def send_no_text(chain: Chain, function: Any, value: int = 0) -> None:
    """Sends a call with NO_TEXT in the place of STAND_IN: Python's encoder would refuse it."""
    transaction = {
        "to": function.address,
        "data": bytes.fromhex(function._encode_transaction_data()[2:]).replace(STAND_IN.encode(), NO_TEXT),
        "value": value,
        "nonce": chain.nonce(),
        "gas": 5_000_000,
        "chainId": chain.chain_id,
        "maxFeePerGas": 10**10,
        "maxPriorityFeePerGas": 1,
    }
    assert status_of(chain, chain.broadcast(chain.account.sign_transaction(transaction).raw_transaction)) == 1


def wrong_trace() -> CommittedTrace:
    made = [output.copy() for output in TRUE]
    made[LOOKUP].reshape(-1)[0] += 1
    return CommittedTrace(PROGRAM, INPUTS, made)


def poisoned_request(table: Table, liar: Chain) -> Request:
    """A request under a listing of the same program, whose locator is no text."""
    registry = Registry(liar, table.market.deployment["ModelRegistry"])
    send_no_text(liar, registry.register(PROGRAM.header(), STAND_IN))
    listing = registry.registration_id(liar.address, PROGRAM.model_id())
    pin = RoutePin(int(Route.OPTIMISTIC), OPTIMISTIC_SELECTOR, table.market.key.digest())
    liar.send(registry.bind_key(listing, pin))
    asked = Request(
        requester=liar.address,
        payer=ZERO_ADDRESS,
        registration_id=listing,
        input_root=input_root(INPUTS),
        routes=(pin,),
        fee=10**15,
        bond=10**15,
        prove_window=100_000,
        expiry=liar.timestamp() + 86_400,
        callback_gas=0,
        nonce=1,
    )
    liar.send(Hub(liar, table.hub.address).request(asked, [Tensor.from_array(t) for t in INPUTS]), value=10**15)
    return asked


def commitments(table: Table, claim_id: bytes) -> int:
    return table.claims.claim_of(claim_id).commitments


def test_claim_whose_locator_is_no_text_blinds_no_watcher(table: Table, tmp_path: Path) -> None:
    victim, liar, trace = corrupted(table), table.account(STRANGER), wrong_trace()
    request = table.assigned(trace.inputs, liar)
    claim = table.as_seen_by(liar).claim(request, outputs_of(trace), trace.top, trace.output_paths, STAND_IN)
    send_no_text(liar, claim, table.terms.claim_bond)
    said = table.claims.events(0, table.chain.block_number())
    assert said[-1].locator == READ
    process = Process(table, tmp_path / "c.db")
    process.once()
    assert commitments(table, victim.claimed.claim_id) == 1
    assert commitments(table, said[-1].claim_id) == 1


def test_wrong_claim_under_a_listing_whose_locator_is_no_text_is_challenged(table: Table, tmp_path: Path) -> None:
    liar, trace = table.account(STRANGER), wrong_trace()
    asked = poisoned_request(table, liar)
    liar.send(Hub(liar, table.hub.address).assign(asked), value=table.hub.bond(asked))
    claims = table.as_seen_by(liar)
    claim = claims.claim(asked, outputs_of(trace), trace.top, trace.output_paths, "")
    liar.send(claim, value=table.terms.claim_bond)
    (made,) = table.claims.events(table.chain.block_number(), table.chain.block_number())
    Process(table, tmp_path / "c.db").once()
    assert commitments(table, made.claim_id) == 1


def test_request_under_a_listing_whose_locator_is_no_text_does_not_stop_the_service(table: Table) -> None:
    asked = poisoned_request(table, table.account(STRANGER))
    hub, found, bug = HubClient(table.account(1), table.market.deployment), threading.Event(), threading.Event()

    def work() -> None:
        (request,) = hub.requested(table.chain.block_number(), table.chain.block_number())
        assert hub.listed_model(request.request.registration_id) == "0x" + PROGRAM.model_id().hex()
        found.set()

    stopping = threading.Event()
    loop = Loop("requests", 0.05, work, stopping, bug.set)
    loop.start()
    assert found.wait(20)
    stopping.set()
    loop.join(20)
    assert not bug.is_set()
    registry = Registry(table.chain, table.market.deployment["ModelRegistry"])
    assert registry.registration(asked.registration_id).locator == READ
