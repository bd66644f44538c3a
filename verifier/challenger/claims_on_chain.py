"""A claim rebuilt from chain data alone: events, views, and nothing that anybody says beside the chain.

Everything is read as of one block, and everything that has a hash is hashed again: a node that lies about a claim is
refused with a code, not played against.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from web3.exceptions import BlockNotFound

from circuits.errors import EnvironmentFailure, InputError
from circuits.statement import input_root
from contracts.client.chain import Chain
from contracts.client.deployment import Deployment
from contracts.client.dispute_events import Claimed, ClaimEvent, Revealed
from contracts.client.dispute_types import Claim
from contracts.client.disputes import OptimisticClaims
from contracts.client.hub import Hub
from contracts.client.registry import Registry
from contracts.client.types import Request
from verifier.challenger.claim_view import ClaimView, Integers
from verifier.challenger.errors import ChallengerError
from verifier.challenger.log_reader import LogReader
from verifier.challenger.player import Answer, Board
from verifier.challenger.records import Block
from verifier.dispute.tree import Tree
from verifier.dispute.types import ClaimStatus, Opening, Phase, StepRoots, claim_id


class ClaimsOnChain:
    """What the chain says about claims, as of a block."""

    def __init__(self, chain: Chain, deployment: Deployment, from_block: int | None = None) -> None:
        if deployment.chain_id != chain.chain_id:
            raise InputError(
                "deployment_of_another_chain",
                f"the deployment is for chain {deployment.chain_id}, the endpoint is chain {chain.chain_id}",
                deployment=deployment.chain_id,
                chain=chain.chain_id,
            )
        self.chain = chain
        self.claims = OptimisticClaims(chain, deployment["OptimisticClaims"])
        self.start_block = deployment.start_block
        self.from_block = self.start_block if from_block is None else max(from_block, self.start_block)
        self.reader = LogReader()
        self._one_step = chain.contract("OneStep", deployment["OneStep"]).functions
        self._hub = Hub(chain, deployment["InferenceHub"])
        self._registry = Registry(chain, deployment["ModelRegistry"])
        self._known: dict[bytes, ClaimView] = {}
        self._answers: dict[bytes, tuple[int, dict[bytes, Answer]]] = {}

    def block(self, number: int) -> Block | None:
        """None where the node has no such block (yet)."""
        try:
            return Block(number, self.chain.block_hash(number))
        except BlockNotFound:
            return None
        except EnvironmentFailure as error:
            if isinstance(error.__cause__, BlockNotFound):
                return None
            raise

    def events(self, first: int, last: int, *topics: bytes | None) -> list[ClaimEvent]:
        return self.reader.read(lambda a, b: self.claims.events(a, b, *topics), first, last)

    def forget(self) -> None:
        """After a reorganisation: what an event said may stand elsewhere, or nowhere."""
        self._known.clear()
        self._answers.clear()

    def drop(self, claim: bytes) -> None:
        """Inputs may be large, and a claim that is right or over is hardly looked at again."""
        self._known.pop(claim, None)
        self._answers.pop(claim, None)

    def view(self, wanted: bytes, block: int, made_in: int | None = None) -> ClaimView:
        """`made_in` is the claim's block, where it is known. Codes: `claim_unknown`, `claim_of_another_chain`,
        `claim_event_mismatch`, `request_not_found`, `claim_input_mismatch`."""
        claim = self.claims.claim_of(wanted, block)
        if claim.status is ClaimStatus.NONE:
            raise ChallengerError(
                "claim_unknown",
                f"no claim 0x{wanted.hex()} as of block {block}, the newest that is believed",
                claim_id="0x" + wanted.hex(),
            )
        if wanted not in self._known:
            self._known[wanted] = self._read(wanted, claim, block, made_in)
        return replace(self._known[wanted], claim=claim)

    def _read(self, wanted: bytes, claim: Claim, block: int, made_in: int | None) -> ClaimView:
        """What never changes about a claim is asked for once."""
        event = self._claimed(wanted, block, made_in)
        contract = self.claims.address
        parts = (claim.request_id, claim.key_digest, claim.trace_tree, claim.output_root, claim.claimant)
        if claim_id(self.chain.chain_id, contract, *parts) != wanted:
            message = f"claim 0x{wanted.hex()} is not what its contract stores on chain {self.chain.chain_id}"
            raise ChallengerError("claim_of_another_chain", message, chain=self.chain.chain_id, contract=contract)
        if Tree.of(event.top).root != claim.trace_tree:
            raise ChallengerError("claim_event_mismatch", "the top in the claim's event is not that of its trace tree")
        request, inputs, program_locator = self._request(claim, event.at.block_number)
        made_at = Block(event.at.block_number, event.at.block_hash)
        key = self.claims.key(claim.key_digest, block)
        shown = (event.top, event.locator, made_at, event.at.tx_hash)
        return ClaimView(wanted, claim, key, *shown, request, inputs, program_locator)

    def board(self, challenge_id: bytes, view: ClaimView, block: int) -> Board:
        """A challenge of the claim, and what was revealed in the claim so far."""
        challenge = self.claims.challenge_of(challenge_id, block)
        if challenge.at.phase is Phase.NONE or challenge.claim_id != view.claim_id:
            shown = "0x" + challenge_id.hex()
            raise ChallengerError("challenge_unknown", f"no challenge {shown} of this claim", challenge_id=shown)
        return Board(challenge_id, challenge, view.top, self.answers(view, block))

    def answers(self, view: ClaimView, block: int) -> dict[bytes, Answer]:
        """Everything that was revealed in the claim, by position key; what was read before is not asked for again."""
        read, answers = self._answers.get(view.claim_id, (view.made_at.number - 1, {}))
        if read < block:
            said = self.events(read + 1, block, view.claim_id)
            answers = answers | {e.position_key: Answer(e.root, e.body) for e in said if isinstance(e, Revealed)}
            self._answers[view.claim_id] = (block, answers)
        return answers

    def execute(
        self, op: bytes, roots: StepRoots, element: int, terms: int, acc: int, openings: Sequence[Opening]
    ) -> tuple[int, int]:
        """What the deployed contract makes of all terms of an element, and the gas for it; without a transaction."""
        shown = [opening.as_tuple() for opening in openings]
        run = self._one_step.run(op, roots.as_tuple(), element, 0, terms, acc, shown)
        end = int(self.chain.call(run))
        return end, self.chain.guard(lambda: int(run.estimate_gas({"from": self.chain.address})))

    def _claimed(self, wanted: bytes, block: int, made_in: int | None) -> Claimed:
        def ask(first: int, last: int) -> list[Claimed]:
            return [e for e in self.claims.events(first, last, wanted) if isinstance(e, Claimed)]

        first, last = (self.start_block, block) if made_in is None else (made_in, made_in)
        event = self.reader.newest(ask, first, last)
        if event is None:
            message = f"the node has the claim 0x{wanted.hex()}, but not its event since block {self.start_block}"
            raise EnvironmentFailure("log_incomplete", message, claim_id="0x" + wanted.hex())
        return event

    def _request(self, claim: Claim, before: int) -> tuple[Request, tuple[Integers, ...], str]:
        """The request with its input, which the hub checked and put into its event, and the program's locator."""
        event = self.reader.newest(
            lambda first, last: self._hub.requested_events(first, last, claim.request_id), self.start_block, before
        )
        if event is None:
            shown = "0x" + claim.request_id.hex()
            raise ChallengerError("request_not_found", f"the hub's log has no request {shown}", request_id=shown)
        inputs = tuple(tensor.to_array() for tensor in event.inputs)
        if input_root(inputs) != claim.input_root:
            message = "the input in the request's event is not the one that the claim is about"
            raise ChallengerError("claim_input_mismatch", message, request_id="0x" + claim.request_id.hex())
        locator = self._registry.registration(event.request.registration_id).locator
        return event.request, inputs, locator
