"""What OptimisticClaims stores, as its views hand it over; DisputeTypes.sol in Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from contracts.client.types import fields
from verifier.dispute.types import ClaimStatus, DisputeTerms, Phase, Position


@dataclass(frozen=True)
class DisputeKey:
    """A key of the route: what a dispute needs of the header, and the terms."""

    model_id: bytes
    graph_tree: bytes
    weights_root: bytes
    num_ops: int  # 0: no such key
    terms: DisputeTerms

    @classmethod
    def from_tuple(cls, raw: Any) -> DisputeKey:
        model_id, graph_tree, weights_root, num_ops, terms = fields(
            raw, "modelId", "graphTree", "weightsRoot", "numOps", "terms"
        )
        return cls(bytes(model_id), bytes(graph_tree), bytes(weights_root), int(num_ops), terms_of(terms))


@dataclass(frozen=True)
class Claim:
    """A bonded statement."""

    claimant: str
    status: ClaimStatus
    open_challenges: int
    commitments: int  # so far
    key_digest: bytes
    request_id: bytes
    input_root: bytes
    output_root: bytes
    trace_tree: bytes
    window_end: int  # game time

    @classmethod
    def from_tuple(cls, raw: Any) -> Claim:
        names = (
            "claimant status openChallenges commitments keyDigest requestId inputRoot outputRoot traceTree windowEnd"
        )
        claimant, status, opened, commitments, key, request, inputs, outputs, tree, end = fields(raw, *names.split())
        roots = (bytes(key), bytes(request), bytes(inputs), bytes(outputs), bytes(tree))
        return cls(str(claimant), ClaimStatus(status), int(opened), int(commitments), *roots, int(end))


@dataclass(frozen=True)
class Challenge:
    """Where a challenge stands. `first` and `last` are the accumulators before `at.lo` and after `at.hi`."""

    at: Position
    node: bytes
    descriptor_leaf: bytes
    elements: int
    terms: int
    value: int
    first: int
    last: int
    turn_start: int  # game time
    defender_clock: int  # seconds
    challenger_clock: int
    challenger: str
    committed_at: int  # block number
    order: int
    claim_id: bytes
    commitment: bytes

    @classmethod
    def from_tuple(cls, raw: Any) -> Challenge:
        names = (
            "at node descriptorLeaf elements terms value first last turnStart defenderClock challengerClock "
            "challenger committedAt order claimId commitment"
        )
        values = fields(raw, *names.split())
        at, node, leaf = values[:3]
        elements, terms, value, first, last, start, defender, challenger = (int(n) for n in values[3:11])
        owner, committed_at, order, claim_id, commitment = values[11:]
        return cls(
            position_of(at),
            bytes(node),
            bytes(leaf),
            elements,
            terms,
            value,
            first,
            last,
            start,
            defender,
            challenger,
            str(owner),
            int(committed_at),
            int(order),
            bytes(claim_id),
            bytes(commitment),
        )


@dataclass(frozen=True)
class Reveal:
    """What the claimant answered at a position."""

    at: int  # game time; 0: nothing
    root: bytes


def position_of(raw: Any) -> Position:
    phase, *numbers = fields(raw, "phase", "height", "index", "op", "element", "lo", "hi")
    return Position(Phase(phase), *(int(n) for n in numbers))


def terms_of(raw: Any) -> DisputeTerms:
    names = ("claimBond", "challengeBond", "window", "proveTime", "clock", "extension")
    return DisputeTerms(*(int(n) for n in fields(raw, *names)))
