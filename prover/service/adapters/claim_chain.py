"""The optimistic route's contracts of a deployment, through `prover.optimistic`, with an account of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from circuits.errors import InferproofError
from circuits.program.graph import Program
from contracts.client.chain import Chain
from contracts.client.deployment import Deployment
from contracts.client.disputes import OptimisticClaims
from contracts.client.hub import Hub, LogPosition, RequestedEvent
from contracts.client.registry import Registry
from prover.optimistic.claim import Asked, Contracts, examine, make_claim
from prover.optimistic.defender import Defended, Defender, Outcome, defend_once
from prover.optimistic.policy import Policy
from prover.optimistic.sender import Call, Sender
from prover.optimistic.standing import ClaimReader
from prover.service.adapters.ports import ClaimEnd, OwnClaim
from prover.service.domain.chain import HubRequest
from prover.service.settings import Settings
from verifier.challenger.log_reader import LogReader
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.types import ClaimStatus

log = structlog.get_logger()


class ClaimClient:
    """`ports.ClaimChain` over JSON-RPC. Defenders are kept only to spare the log's repeated reading."""

    def __init__(self, chain: Chain, deployment: Deployment, settings: Settings) -> None:
        names = ("OptimisticClaims", "InferenceHub", "ModelRegistry")
        claims, hub, registry = (deployment[name] for name in names)
        self._contracts = Contracts(OptimisticClaims(chain, claims), Hub(chain, hub), Registry(chain, registry))
        self._chain = chain
        self._settings = settings
        self._policy = Policy(settings.max_bond_wei, settings.min_extension_s, settings.min_challenge_bond_wei)
        self._logs = LogReader(settings.log_chunk_blocks)
        self._sender = Sender(chain, max_fee=settings.max_fee_wei, report=log.info)
        self._defenders: dict[str, Defender] = {}

    def examine(self, found: HubRequest, program: Program) -> None:
        self._examined(found, program)

    def claim(self, found: HubRequest, program: Program, trace: CommittedTrace, locator: str) -> str:
        made = make_claim(self._contracts, self._examined(found, program), trace, self._sender, locator)
        return "0x" + made.defended.claim_id.hex()

    def defend(self, claims: Mapping[str, Callable[[], OwnClaim]]) -> dict[str, ClaimEnd]:
        found = {
            name: self._defenders.get(name) or self._described(name, describe) for name, describe in claims.items()
        }
        self._defenders = {name: defender for name, defender in found.items() if defender is not None}
        outcomes = defend_once(list(self._defenders.values()), self._sender)
        ended = {name: _end(out) for name, out in zip(self._defenders, outcomes, strict=True) if out is not None}
        if ended:
            self._withdraw()
        return ended

    def _examined(self, found: HubRequest, program: Program) -> Asked:
        block = found.block.number if found.block is not None else 0
        at = LogPosition(block, b"", _bytes(found.tx_hash), found.log_index)
        event = RequestedEvent(_bytes(found.request_id), found.request, found.inputs, at)
        return examine(self._contracts, event, program, self._policy, self._logs)

    def _described(self, name: str, describe: Callable[[], OwnClaim]) -> Defender | None:
        """What is wrong with one claim's records must leave no other without a defence; the next pass tries again."""
        try:
            return self._defender(describe())
        except InferproofError as error:
            log.error("claim_undefended", claim_id=name, **error.as_dict())
            return None

    def _defender(self, claim: OwnClaim) -> Defender:
        named = _bytes(claim.claim_id)
        made = Defended(named, _bytes(claim.request_id), claim.request, claim.outputs, claim.open_trace)
        reader = ClaimReader(self._contracts.claims, named, claim.made_in, self._logs)
        return Defender(
            made,
            reader,
            self._contracts.hub,
            self._sender,
            confirmations=self._settings.confirmations,
            withdraw=False,
            report=log.bind(claim_id=claim.claim_id).info,
        )

    def _withdraw(self) -> None:
        """Bonds that came back are for the next claims."""
        for side in (self._contracts.claims, self._contracts.hub):
            credit = side.credit(self._chain.address)
            if credit:
                self._sender.send(Call("withdraw", side.withdraw(credit)))


def _end(outcome: Outcome) -> ClaimEnd:
    if outcome.status is ClaimStatus.FINAL:
        return ClaimEnd.DELIVERED if outcome.delivered else ClaimEnd.LAPSED
    return ClaimEnd.KILLED if outcome.status is ClaimStatus.KILLED else ClaimEnd.CANCELLED


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
