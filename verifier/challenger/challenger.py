"""One challenger: checks claims, stakes on wrong ones, and plays every challenge of its own to its end.

All state is read from the chain as of its newest confirmed block. What must survive a crash is in the store before a
transaction leaves this machine.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import structlog

from circuits.errors import EnvironmentFailure
from circuits.lower.optimistic import finish, start, term_count
from circuits.program.graph import Program
from verifier.challenger.case import Judgement
from verifier.challenger.claim_view import ClaimView
from verifier.challenger.claims_on_chain import ClaimsOnChain
from verifier.challenger.errors import ChallengerError
from verifier.challenger.fault import MAX_PROOF_BYTES, MAX_STEP_GAS, Fault, ReadTrace, proof_bytes
from verifier.challenger.judging import Judge
from verifier.challenger.moves import function_of, name_of
from verifier.challenger.pace import READING_S, Pace, measured_pace
from verifier.challenger.planning import NOT_ON_CHAIN, Plan, plan
from verifier.challenger.proof_json import fault_text
from verifier.challenger.records import CommitmentRow, TransactionRow, TxState, Verdict
from verifier.challenger.sender import COMMIT, MoveKey, Sender
from verifier.challenger.stakes import Game, objections
from verifier.challenger.store import Store
from verifier.dispute.types import ClaimStatus, CommitmentKind, challenge_id, commitment_hash

log = structlog.get_logger()


def nothing_published(view: ClaimView, program: Program) -> None:
    """For a challenger that has no way to read traces."""


@dataclass(frozen=True)
class Staked:
    """A commitment that was made: written, and handed to the node."""

    row: CommitmentRow
    transaction: TransactionRow
    fault: Fault | None  # path A if given


class Challenger:
    """Every verb of `inferproof challenger`, over one chain and one store.

    Args:
        chain: where the claims are; with an account for anything that sends.
        judge: runs the programs.
        store: our memory; one account and chain for each.
        sender: of that account; None for a challenger that only looks.
        confirmations: blocks on top of the newest one that is believed.
        pass_s: how long it may be until its challenges are looked at again.
        read_trace: reads what submitters publish.
    """

    def __init__(
        self,
        chain: ClaimsOnChain,
        judge: Judge,
        store: Store,
        sender: Sender | None = None,
        *,
        confirmations: int = 0,
        pass_s: float = READING_S,
        read_trace: ReadTrace = nothing_published,
    ) -> None:
        self.chain = chain
        self.judge = judge
        self.store = store
        self.confirmations = confirmations
        self._pass_s = pass_s
        self._sender = sender
        self.read_trace = read_trace
        if sender is not None:
            self.store.bind(chain.chain.chain_id, chain.claims.address, chain.chain.block_hash(0), self.account)

    @property
    def account(self) -> str:
        return self.chain.chain.address

    @property
    def has_account(self) -> bool:
        return self._sender is not None

    @property
    def sender(self) -> Sender:
        if self._sender is None:
            raise ChallengerError("not_staking", "this challenger has no account: it only looks")
        return self._sender

    def block(self) -> int:
        """The newest block that is believed."""
        head = self.chain.chain.block_number()
        if head < self.confirmations:
            message = f"the chain has {head} blocks, {self.confirmations} confirmations are wanted"
            raise EnvironmentFailure("chain_too_short", message, head=head, confirmations=self.confirmations)
        return head - self.confirmations

    def view(self, claim: bytes) -> ClaimView:
        return self.chain.view(claim, self.block())

    def check(self, claim: bytes) -> tuple[ClaimView, Judgement]:
        """Whether a claim is right. Stakes nothing; the store keeps the verdict."""
        view = self.view(claim)
        self.store.record_claim(view.claim_id, view.claim.request_id, view.made_at.number)
        if view.claim.status is not ClaimStatus.PENDING:
            self.store.end_claim(view.claim_id)
        return view, self.judged(view)

    def judged(self, view: ClaimView) -> Judgement:
        """The judgement of a claim that the store knows, which keeps it."""
        judgement = self.judge.judge(view)
        self.store.judge(view.claim_id, judgement.verdict)
        return judgement

    def challenge(self, claim: bytes) -> Staked:
        """Puts a bond on a claim's being wrong.

        Codes: those of `check`, `claim_is_right`, `claim_not_pending`, `already_challenged`, `too_late`, those of
        `stakes.objections`.
        """
        view, judgement = self.check(claim)
        if judgement.verdict is not Verdict.WRONG:
            raise ChallengerError("claim_is_right", "our own run gives the same trace: a challenge would be lost")
        return self.stake(view, judgement)

    def stake(self, view: ClaimView, judgement: Judgement) -> Staked:
        """As `challenge`. Nothing of the claimant's is read before it is clear that there would be a challenge."""
        game, pace = judgement.game, self._pace()
        assert game is not None
        self._require_challengeable(view)
        self._require_worth_it(view, game, pace)
        fault = self._provable_fault(view, pace.shortest_turn_s(game.run_s))
        kind = CommitmentKind.OPEN if fault is None else CommitmentKind.PROVE_FAULT
        index = judgement.wrong_node if fault is None else fault.op
        salt = secrets.token_bytes(32)
        commitment = commitment_hash(view.claim_id, self.account, kind, index, salt)
        named = challenge_id(view.claim_id, self.account, commitment)
        bond = view.key.terms.challenge_bond
        proof = "" if fault is None else fault_text(fault.proof)
        row = CommitmentRow(named, view.claim_id, kind, index, salt, commitment, bond, proof)
        # The salt must be safe before the world can see what it hides; and of two processes on one store one stakes.
        with self.store.transaction():
            self._require_unchallenged(view)
            self._require_worth_it(view, game, pace)
            self.store.add_commitment(row)
            function = self.chain.claims.commit(view.claim_id, commitment)
            sent = self.sender.write(MoveKey(COMMIT, view.claim_id, named), function, bond)
        self.sender.send(sent)
        log.info("challenged", claim_id=view.claim_id.hex(), challenge_id=named.hex(), kind=kind.name)
        return Staked(row, sent, fault)

    def _provable_fault(self, view: ClaimView, turn_s: int) -> Fault | None:
        """A published fault that one transaction can prove, as the deployed contract itself says beforehand."""
        if view.key.terms.prove_time < turn_s:
            return None  # the commitment would be confirmed when there is hardly time left to use it
        fault = self._published_fault(view)
        if fault is None or proof_bytes(fault.proof) > MAX_PROOF_BYTES:
            return None
        op = fault.definition
        whole = (fault.element, term_count(op), start(op))
        try:
            descriptor = fault.proof.descriptor.descriptor
            end, gas = self.chain.execute(descriptor, fault.roots, *whole, fault.proof.openings)
        except EnvironmentFailure as error:
            if error.code == "chain_unreachable":
                raise
            log.warning("fault_not_executed", claim_id=view.claim_id.hex(), **error.as_dict())
            return None
        if finish(op, end) != fault.true:
            message = f"the chain's op {fault.op} gives {finish(op, end)}, ours {fault.true}: nothing is staked on it"
            raise ChallengerError("contract_differs", message, op=fault.op, element=fault.element)
        return fault if gas <= MAX_STEP_GAS else None

    def _published_fault(self, view: ClaimView) -> Fault | None:
        """None also where the program's child came to nothing over it: it was the claimant who chose what to read."""
        try:
            return self.judge.published_fault(view, self.read_trace)
        except ChallengerError as error:
            log.warning("published_trace_unusable", claim_id=view.claim_id.hex(), **error.as_dict())
            return None

    def _require_challengeable(self, view: ClaimView) -> None:
        claim = view.claim
        if claim.status is not ClaimStatus.PENDING:
            status = claim.status.name.lower()
            raise ChallengerError("claim_not_pending", f"the claim is {status}", status=status)
        self._require_unchallenged(view)
        if self.chain.claims.game_time() >= claim.window_end:
            raise ChallengerError("too_late", "the claim's window is over", window_end=claim.window_end)

    def _require_worth_it(self, view: ClaimView, game: Game, pace: Pace) -> None:
        means, budgets = self.sender.means(), self.sender.budgets
        found = objections(view.claim.key_digest, view.key.terms, game, pace, means, budgets)
        if found:
            message = "; ".join(objection.message for objection in found)
            codes = [objection.code for objection in found]
            raise ChallengerError(codes[0], message, **found[0].details, objections=codes)

    def _require_unchallenged(self, view: ClaimView) -> None:
        if any(not row.ended for row in self.store.commitments(view.claim_id)):
            raise ChallengerError("already_challenged", "a challenge of ours of this claim is open")

    def _pace(self) -> Pace:
        return measured_pace(self.chain.chain, self.confirmations, self._pass_s)

    def plan(self, row: CommitmentRow, block: int | None = None) -> Plan:
        """What is due in a challenge of ours."""
        at = self.block() if block is None else block
        return plan(self.chain, self.judge, row, at)

    def next_moves(self, claim: bytes | None = None) -> list[Plan]:
        """Of all our open challenges, or of those of one claim."""
        block = self.block()
        return [self.plan(row, block) for row in self.store.commitments(claim) if not row.ended]

    def move(self, challenge: bytes) -> tuple[Plan, TransactionRow | None]:
        """Makes the move that is due in a challenge of ours; no transaction if none is, or it is on its way."""
        row = self.store.commitment(challenge)
        if row is None:
            shown = "0x" + challenge.hex()
            raise ChallengerError("challenge_unknown", f"{shown} is no challenge of this store", challenge_id=shown)
        found = self.plan(row)
        return found, self.make(found)

    def make(self, found: Plan) -> TransactionRow | None:
        """Sends a planned move, unless it is on its way; notes the end of a challenge that has one."""
        if found.move is None:
            self._note_end(found)
            return None
        with self.store.transaction():
            if self.sender.in_flight(found.key):
                return None
            function = function_of(self.chain.claims, found.challenge_id, found.move)
            sent = self.sender.write(found.key, function)
        self.sender.send(sent)
        log.info("moved", move=name_of(found.move), challenge_id=found.challenge_id.hex())
        return sent

    def _note_end(self, found: Plan) -> None:
        if found.why in ("won", "lost", "settled"):
            self.store.end_commitment(found.challenge_id, found.why)
        elif found.why == NOT_ON_CHAIN:
            rows = self.store.of_move(found.challenge_id, COMMIT, bytes(32))
            if all(row.state in (TxState.REVERTED, TxState.REPLACED) for row in rows):
                self.store.end_commitment(found.challenge_id, "abandoned")
