"""A dispute move by move, as the chain tells it: who moved, what it cost, and where in the model it led."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from hexbytes import HexBytes

from contracts.client.dispute_events import ClaimKilled, Picked, Revealed
from contracts.client.disputes import OptimisticClaims
from examples.lending.ledger import Ledger, Step
from verifier.dispute.rules import Side
from verifier.dispute.types import ClaimStatus, Position


@dataclass(frozen=True)
class Moved:
    """One transaction of a dispute; `seconds` from deciding to having it mined."""

    side: Side
    move: str
    gas: int
    seconds: float
    note: str


@dataclass
class Dispute:
    """What the chain shows of one challenge, up to the claim's end."""

    moves: list[Moved] = field(default_factory=list)
    at: Position | None = None  # the last one reached
    killed: ClaimKilled | None = None

    def gas(self, side: Side | None = None) -> int:
        return sum(move.gas for move in self.moves if side in (None, move.side))

    def as_dict(self) -> dict[str, Any]:
        return {
            "transactions": len(self.moves),
            "gas": self.gas(),
            "challenger_gas": self.gas(Side.CHALLENGER),
            "defender_gas": self.gas(Side.DEFENDER),
            "seconds": sum(move.seconds for move in self.moves),
            "moves": [asdict(move) for move in self.moves],
        }


class Recorder:
    """Lets each side act in turn and writes down what the chain then holds."""

    def __init__(self, ledger: Ledger, claims: OptimisticClaims, claim_id: bytes) -> None:
        self.dispute = Dispute()
        self._ledger = ledger
        self._claims = claims
        self._claim_id = claim_id
        self._next = claims.chain.block_number() + 1

    def play(self, challenger: Callable[[], object], defender: Callable[[], object]) -> Dispute:
        """Turn by turn until the claim has ended, or nobody moves."""
        seen = -1
        while len(self.dispute.moves) > seen and self._claims.claim_of(self._claim_id).status is ClaimStatus.PENDING:
            seen = len(self.dispute.moves)
            self._turn(Side.CHALLENGER, challenger)
            self._turn(Side.DEFENDER, defender)
        return self.dispute

    def _turn(self, side: Side, act: Callable[[], object]) -> None:
        started = time.monotonic()
        act()
        seconds = time.monotonic() - started
        for move, gas, note in self._news():
            self.dispute.moves.append(Moved(side, move, gas, seconds, note))
            self._ledger.record(Step(f"  {side}: {move}", seconds, gas, note))
            seconds = 0.0

    def _news(self) -> list[tuple[str, int, str]]:
        """Function, gas and outcome of every transaction about the claim since the last look, from the chain's log."""
        chain, head = self._claims.chain, self._claims.chain.block_number()
        notes: dict[bytes, str] = {}
        # No block since the last look: nothing to ask for.
        events = self._claims.events(self._next, head, self._claim_id) if head >= self._next else []
        for event in events:
            notes[event.at.tx_hash] = self._noted(event)
        self._next = head + 1
        found = []
        for tx_hash, note in notes.items():
            receipt = chain.receipt(tx_hash) or {}
            sent = chain.guard(partial(chain.web3.eth.get_transaction, HexBytes(tx_hash)))
            function, _ = self._claims.contract.decode_function_input(sent["input"])
            found.append((function.fn_name, int(receipt["gasUsed"]), note))
        return found

    def _noted(self, event: object) -> str:
        if isinstance(event, Picked):
            self.dispute.at = event.position
            return f"to {in_words(event.position)}"
        if isinstance(event, ClaimKilled):
            self.dispute.killed = event
            return "the chain executed it: the claim is overturned"
        return f"{len(event.body)} bytes shown" if isinstance(event, Revealed) else "bonded; what was found is hidden"


def in_words(at: Position) -> str:
    """Where a challenge stands, for people."""
    if at.hi:
        return f"op {at.op}, element {at.element}, terms {at.lo} to {at.hi - 1}"
    if at.is_leaf:
        return f"op {at.op}"
    return f"{at.phase.name.lower()} node {at.index} of height {at.height}"
