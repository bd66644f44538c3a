"""The structs of contracts/src/dispute/DisputeTypes.sol, in their field order, and the hashes that name things.

docs/protocol/optimistic.md sections 1 and 3. An address is 20 bytes or its hexadecimal text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from circuits.statement import Hasher, keccak256

KEY_TAG = 0x0B
Address = str | bytes


class Phase(IntEnum):
    """Where a challenge stands; the last three are its ends."""

    NONE = 0
    COMMITTED = 1
    TRACE = 2
    NODES = 3
    DATA = 4
    SUM = 5
    STEP = 6
    WON = 7
    LOST = 8
    SETTLED = 9


class ClaimStatus(IntEnum):
    """What became of a claim."""

    NONE = 0
    PENDING = 1
    FINAL = 2
    KILLED = 3
    CANCELLED = 4


class CommitmentKind(IntEnum):
    """What a challenger commits itself to do."""

    OPEN = 0  # a node of the top
    PROVE_FAULT = 1  # an op


def word(value: int | Address) -> bytes:
    """32 bytes: a number, 32 bytes as they are, or an address with zeros before it."""
    if isinstance(value, str):
        value = bytes.fromhex(value.removeprefix("0x"))
        if len(value) != 20:
            raise ValueError(f"an address has 20 bytes, got {len(value)}")
    if isinstance(value, bytes):
        if len(value) not in (20, 32):
            raise ValueError(f"a word is 32 bytes and an address 20, got {len(value)}")
        return value.rjust(32, b"\0")
    return value.to_bytes(32, "big")


@dataclass(frozen=True)
class DisputeTerms:
    """What a game is played for (wei) and how fast (seconds); fixed by the key."""

    claim_bond: int
    challenge_bond: int
    window: int
    prove_time: int
    clock: int
    extension: int

    def as_tuple(self) -> tuple[int, ...]:
        return (self.claim_bond, self.challenge_bond, self.window, self.prove_time, self.clock, self.extension)


@dataclass(frozen=True)
class Position:
    """What a challenge is about; fields that a phase does not have are 0. Section 3."""

    phase: Phase
    height: int = 0  # of the node: Trace, Nodes, Data
    index: int = 0  # of the node, among those of its height; 0 at a leaf of the trace, which `op` numbers
    op: int = 0  # from a leaf of the trace on
    element: int = 0  # Sum, Step: flat index in the op's output
    lo: int = 0  # Sum, Step: terms lo <= t < hi
    hi: int = 0

    def as_tuple(self) -> tuple[int, ...]:
        return (int(self.phase), self.height, self.index, self.op, self.element, self.lo, self.hi)

    @property
    def is_leaf(self) -> bool:
        """Whether an op was just named, whose tensor is to be revealed."""
        return self.phase is Phase.TRACE and self.height == 0


@dataclass(frozen=True)
class DescriptorProof:
    """An op's descriptor, opened under graphTree; empty where no op is named."""

    descriptor: bytes = b""
    siblings: tuple[bytes, ...] = ()  # from the leaf up

    def as_tuple(self) -> tuple[Any, ...]:
        return (self.descriptor, list(self.siblings))


NO_DESCRIPTOR = DescriptorProof()


@dataclass(frozen=True)
class Opening:
    """Chunks of one operand, opened under the claim's or the key's roots. Section 3, "Openings"."""

    operand: int  # position among the op's operands
    path: tuple[bytes, ...]  # INPUT: all input tensor roots; CONST, OP: siblings from the leaf up
    dims: tuple[int, ...]  # of the operand's tensor
    numbers: tuple[int, ...]  # of the chunks, ascending
    chunks: bytes  # 256 bytes each
    siblings: tuple[bytes, ...]  # multiproof

    def as_tuple(self) -> tuple[Any, ...]:
        path, siblings = list(self.path), list(self.siblings)
        return (self.operand, path, list(self.dims), list(self.numbers), self.chunks, siblings)


@dataclass(frozen=True)
class StepRoots:
    """What operands may be opened under."""

    input_root: bytes
    weights_root: bytes
    trace_tree: bytes
    num_ops: int

    def as_tuple(self) -> tuple[Any, ...]:
        return (self.input_root, self.weights_root, self.trace_tree, self.num_ops)


@dataclass(frozen=True)
class FaultProof:
    """Everything that path A shows at once."""

    challenge_id: bytes
    op: int
    salt: bytes
    descriptor: DescriptorProof
    trace_path: tuple[bytes, ...]  # siblings of T_op in traceTree
    element: int
    chunk: bytes  # the one with the element
    chunk_path: tuple[bytes, ...]  # its siblings in T_op's chunk tree
    openings: tuple[Opening, ...]  # of all the element's terms

    def as_tuple(self) -> tuple[Any, ...]:
        head = (self.challenge_id, self.op, self.salt, self.descriptor.as_tuple(), list(self.trace_path))
        openings = [opening.as_tuple() for opening in self.openings]
        return (*head, self.element, self.chunk, list(self.chunk_path), openings)


def key_digest(model_id: bytes, terms: DisputeTerms, hasher: Hasher = keccak256) -> bytes:
    """What a consumer pins; section 1."""
    bonds = b"".join(bond.to_bytes(16, "big") for bond in (terms.claim_bond, terms.challenge_bond))
    times = (terms.window, terms.prove_time, terms.clock, terms.extension)
    return hasher(bytes([KEY_TAG]) + model_id + bonds + b"".join(time.to_bytes(4, "big") for time in times))


def claim_id(
    chain_id: int,
    contract: Address,
    request_id: bytes,
    key: bytes,
    trace_tree: bytes,
    output_root: bytes,
    claimant: Address,
    hasher: Hasher = keccak256,
) -> bytes:
    words: Sequence[int | Address] = (chain_id, contract, request_id, key, trace_tree, output_root, claimant)
    return hasher(b"".join(word(value) for value in words))


def commitment_hash(
    claim: bytes, challenger: Address, kind: CommitmentKind, index: int, salt: bytes, hasher: Hasher = keccak256
) -> bytes:
    """`index` is a node of the top for an opening, an op for a proof of its fault; `salt` has 32 bytes."""
    return hasher(word(claim) + word(challenger) + bytes([kind]) + index.to_bytes(4, "big") + word(salt))


def challenge_id(claim: bytes, challenger: Address, commitment: bytes, hasher: Hasher = keccak256) -> bytes:
    return hasher(word(claim) + word(challenger) + word(commitment))


def position_key(at: Position, hasher: Hasher = keccak256) -> bytes:
    """Under which a claim's reveal is stored; section 3."""
    return hasher(b"".join(word(value) for value in at.as_tuple()))
