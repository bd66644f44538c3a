"""The challenger's moves as values: decided without a chain, shown to people, and made by `function_of`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from verifier.dispute.types import DescriptorProof, FaultProof, Opening

if TYPE_CHECKING:  # children know moves, and no chain
    from contracts.client.disputes import OptimisticClaims


@dataclass(frozen=True)
class Open:
    """Names the node of the top that is wrong."""

    index: int
    salt: bytes
    node: bytes
    siblings: tuple[bytes, ...]
    descriptor: DescriptorProof


@dataclass(frozen=True)
class PickNode:
    index: int
    node: bytes
    siblings: tuple[bytes, ...]
    descriptor: DescriptorProof


@dataclass(frozen=True)
class PickElement:
    element: int
    chunk: bytes
    siblings: tuple[bytes, ...]


@dataclass(frozen=True)
class PickRange:
    index: int
    first: int
    last: int
    siblings: tuple[bytes, ...]


@dataclass(frozen=True)
class Prove:
    descriptor: bytes
    openings: tuple[Opening, ...]


@dataclass(frozen=True)
class ProveFault:
    proof: FaultProof


@dataclass(frozen=True)
class Timeout:
    """Ends a challenge in which somebody's turn ran out."""


@dataclass(frozen=True)
class Settle:
    """Takes our bond back from a challenge whose claim somebody else ended."""


Move = Open | PickNode | PickElement | PickRange | Prove | ProveFault | Timeout | Settle

NAMES: dict[type[Move], str] = {
    Open: "open",
    PickNode: "pickNode",
    PickElement: "pickElement",
    PickRange: "pickRange",
    Prove: "prove",
    ProveFault: "proveFault",
    Timeout: "timeout",
    Settle: "settle",
}


def name_of(move: Move) -> str:
    """The contract function's name."""
    return NAMES[type(move)]


def function_of(claims: OptimisticClaims, challenge_id: bytes, move: Move) -> Any:
    """The contract function that makes the move."""
    match move:
        case Open(index, salt, node, siblings, descriptor):
            return claims.open(challenge_id, index, salt, node, siblings, descriptor)
        case PickNode(index, node, siblings, descriptor):
            return claims.pick_node(challenge_id, index, node, siblings, descriptor)
        case PickElement(element, chunk, siblings):
            return claims.pick_element(challenge_id, element, chunk, siblings)
        case PickRange(index, first, last, siblings):
            return claims.pick_range(challenge_id, index, first, last, siblings)
        case Prove(descriptor, openings):
            return claims.prove(challenge_id, descriptor, openings)
        case ProveFault(proof):
            return claims.prove_fault(proof)
        case Timeout():
            return claims.timeout(challenge_id)
        case Settle():
            return claims.settle(challenge_id)


def in_words(move: Move) -> str:
    """One line for people."""
    match move:
        case Open(index=index):
            return f"open: node {index} of the top is not ours"
        case PickNode(index=index):
            return f"pickNode: node {index} is not ours"
        case PickElement(element=element):
            return f"pickElement: element {element} is not ours"
        case PickRange(index, first, last):
            return f"pickRange: range {index} starts right, at {first}, and ends wrong, at {last}"
        case Prove(openings=openings):
            return f"prove: the chain executes the step, over {sum(len(o.numbers) for o in openings)} chunks"
        case ProveFault(proof):
            return f"proveFault: the chain executes element {proof.element} of op {proof.op}"
        case Timeout():
            return "timeout: a turn ran out"
        case Settle():
            return "settle: the claim ended otherwise, the bond comes back"
