"""A reveal's body, read and checked as the contract does (docs/protocol/optimistic.md section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from circuits.statement import CHUNK_BYTES, Hasher, keccak256, leaf
from verifier.dispute.errors import DisputeError
from verifier.dispute.rules import SUM_BYTES, OpSize, body_length, revealed_height
from verifier.dispute.tree import Tree, words, zero_node
from verifier.dispute.types import Phase, Position


@dataclass(frozen=True)
class Revealed:
    """What a body says. Of `nodes`, `chunks` and `sums` one is there; `tree` is over it, and shows what is picked.

    `first` is the number of the first node or chunk among those of its height.
    """

    tree: Tree
    first: int
    nodes: tuple[bytes, ...] = ()
    chunks: tuple[bytes, ...] = ()
    sums: tuple[int, ...] = ()

    def siblings(self, number: int) -> tuple[bytes, ...]:
        """What shows a node, a chunk (numbered as in its whole tree) or a range of sums under what was revealed."""
        return self.tree.siblings(0, number - self.first)


def encode_sums(accumulators: Sequence[int]) -> bytes:
    return b"".join(acc.to_bytes(SUM_BYTES, "big", signed=True) for acc in accumulators)


def sums_word(first: int, last: int) -> bytes:
    """The leaf of one range: the accumulators at its ends."""
    return encode_sums((first, last))


def read_reveal(at: Position, body: bytes, size: OpSize | None = None, hasher: Hasher = keccak256) -> Revealed:
    """Raises DisputeError `body_length`; `size` is of the op, once one is named."""
    expected = body_length(at, size)
    if len(body) != expected:
        message = f"a reveal in {at.phase.name} has {expected} bytes here, got {len(body)}"
        raise DisputeError("body_length", message, expected=expected, got=len(body))
    if at.phase is Phase.SUM:
        parts = (body[i : i + SUM_BYTES] for i in range(0, len(body), SUM_BYTES))
        pairs = (body[i : i + 2 * SUM_BYTES] for i in range(0, len(body) - SUM_BYTES, SUM_BYTES))
        sums = tuple(int.from_bytes(part, "big", signed=True) for part in parts)
        return Revealed(Tree.of(pairs, hasher), 0, sums=sums)
    height = size.height if at.is_leaf and size is not None else at.height
    below = revealed_height(at, height)
    first = at.index << (height - below)
    if below or (at.phase is Phase.TRACE and not at.is_leaf):
        nodes = words(body)
        return Revealed(Tree.of(nodes, hasher), first, nodes=nodes)
    chunks = tuple(body[i : i + CHUNK_BYTES] for i in range(0, len(body), CHUNK_BYTES))
    return Revealed(Tree.of((leaf(chunk, hasher) for chunk in chunks), hasher, height), first, chunks=chunks)


def require_folds(at: Position, revealed: Revealed, root: bytes, ops: int, size: OpSize | None = None) -> None:
    """Refuses nodes or chunks that are not those under `root`, and padding that is not zero."""
    if revealed.tree.root != root:
        message = f"what was revealed in {at.phase.name} does not fold to the node"
        raise DisputeError("fold_mismatch", message, expected=root.hex(), got=revealed.tree.root.hex())
    leaves = ops if size is None else size.chunks
    below = revealed_height(at, 0 if size is None else size.height)
    for number, node in enumerate(revealed.nodes, revealed.first):
        if number << below >= leaves and node != zero_node(below):
            raise DisputeError("padding_not_zero", f"node {number} of height {below} is padding", number=number)
    if size is not None and revealed.chunks:
        data_end = max(0, 4 * size.elements - CHUNK_BYTES * revealed.first)
        if any(b"".join(revealed.chunks)[data_end:]):
            raise DisputeError("padding_not_zero", "bytes past the tensor's end are not zero", elements=size.elements)


def require_ends(revealed: Revealed, first: int, last: int) -> None:
    """A range's accumulators begin and end where the range does."""
    if (revealed.sums[0], revealed.sums[-1]) != (first, last):
        message = f"the accumulators run from {revealed.sums[0]} to {revealed.sums[-1]}, not from {first} to {last}"
        raise DisputeError("sums_mismatch", message, first=str(first), last=str(last))
