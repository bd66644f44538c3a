"""Merkle trees as disputes open them: paths, and multiproofs (docs/protocol/optimistic.md sections 1 and 3).

A tree keeps only the nodes over something; the others are zeros folded. Heights count from the leaves up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from circuits.lower.optimistic import tree_height
from circuits.statement import ZERO, Hasher, Tag, keccak256
from verifier.dispute.errors import DisputeError

WORD = 32


def fold(left: bytes, right: bytes, hasher: Hasher = keccak256) -> bytes:
    return hasher(bytes([Tag.NODE]) + left + right)


@cache
def zero_node(height: int) -> bytes:
    """The node over 2^height leaves of padding."""
    return ZERO if height == 0 else fold(zero_node(height - 1), zero_node(height - 1))


def words(data: bytes) -> tuple[bytes, ...]:
    return tuple(data[i : i + WORD] for i in range(0, len(data), WORD))


def tree_levels(leaves: bytes, hasher: Hasher = keccak256) -> list[bytes]:
    """From the leaves (32 bytes each) up to the root, without nodes that cover only padding."""
    levels = [leaves]
    while len(levels[-1]) > WORD:
        below = levels[-1]
        if len(below) // WORD % 2:
            below += zero_node(len(levels) - 1)
        prefix = bytes([Tag.NODE])
        pairs = (below[i : i + 2 * WORD] for i in range(0, len(below), 2 * WORD))
        levels.append(b"".join(hasher(prefix + pair) for pair in pairs))
    return levels


class Tree:
    """A Merkle tree over leaves of 32 bytes, padded with zeros to a power of two, or up to `height` if that is more."""

    def __init__(self, levels: Sequence[bytes], hasher: Hasher = keccak256, height: int = 0) -> None:
        """`levels` as `tree_levels` gives them."""
        self.count = len(levels[0]) // WORD
        self._levels = list(levels)
        while len(self._levels) <= height:
            top = self._levels[-1] or ZERO
            self._levels.append(fold(top, zero_node(len(self._levels) - 1), hasher))
        self.height = len(self._levels) - 1

    @classmethod
    def of(cls, leaves: Iterable[bytes], hasher: Hasher = keccak256, height: int = 0) -> Tree:
        return cls(tree_levels(b"".join(leaves), hasher), hasher, height)

    @property
    def root(self) -> bytes:
        return self.node(self.height, 0)

    def node(self, height: int, index: int) -> bytes:
        if not (0 <= height <= self.height and 0 <= index < 1 << (self.height - height)):
            message = f"no node {index} at height {height} in a tree of height {self.height}"
            raise DisputeError("node_missing", message, height=height, index=index, tree_height=self.height)
        return self._levels[height][WORD * index : WORD * (index + 1)] or zero_node(height)

    def siblings(self, height: int, index: int, top: int | None = None) -> tuple[bytes, ...]:
        """From a node up to its ancestor at height `top`, the root by default."""
        top = self.height if top is None else top
        return tuple(self.node(h, (index >> (h - height)) ^ 1) for h in range(height, top))

    def below(self, height: int, index: int, bottom: int) -> tuple[bytes, ...]:
        """A node's descendants of height `bottom`, in order."""
        wide = height - bottom
        self.node(height, index)
        return tuple(self.node(bottom, i) for i in range(index << wide, (index + 1) << wide))

    def multiproof(self, numbers: Sequence[int]) -> tuple[bytes, ...]:
        """The siblings that show the leaves with these ascending numbers."""
        siblings = []
        known = list(numbers)
        for height in range(self.height):
            beside = set(known)
            siblings += [self.node(height, n ^ 1) for n in known if n ^ 1 not in beside]
            known = sorted({n >> 1 for n in known})
        return tuple(siblings)


def require_words(hashes: Sequence[bytes]) -> None:
    """Refuses a hash that is not 32 bytes, which the contract's types cannot hold."""
    if any(len(value) != WORD for value in hashes):
        raise DisputeError("proof_malformed", f"a hash has {WORD} bytes", lengths=[len(value) for value in hashes])


def fold_path(node: bytes, index: int, siblings: Sequence[bytes], hasher: Hasher = keccak256) -> bytes:
    """The root over a node; bit h of the index says on which side the path stands h levels up."""
    require_words(siblings)
    if index >> len(siblings):
        message = f"node {index} needs more than {len(siblings)} siblings"
        raise DisputeError("path_mismatch", message, index=index, siblings=len(siblings))
    for level, sibling in enumerate(siblings):
        node = fold(sibling, node, hasher) if index >> level & 1 else fold(node, sibling, hasher)
    return node


def require_path(
    node: bytes, index: int, siblings: Sequence[bytes], height: int, root: bytes, hasher: Hasher = keccak256
) -> None:
    """Refuses a path of another length than `height`, or to another root."""
    if len(siblings) != height or fold_path(node, index, siblings, hasher) != root:
        message = f"node {index} with {len(siblings)} siblings does not fold to the root {height} levels up"
        raise DisputeError("path_mismatch", message, index=index, siblings=len(siblings), height=height)


def require_numbers(numbers: Sequence[int], count: int) -> None:
    """Refuses none, numbers that do not ascend, and a number that is not below `count`."""
    if not numbers:
        raise DisputeError("proof_malformed", "an opening shows no chunk")
    for previous, number in zip([-1, *numbers], numbers, strict=False):
        if number <= previous:
            message = f"chunk {number} comes after chunk {previous}"
            raise DisputeError("numbers_not_ascending", message, previous=previous, number=number)
    if numbers[-1] >= count:
        message = f"chunk {numbers[-1]} of {count}"
        raise DisputeError("number_out_of_range", message, number=numbers[-1], count=count)


def fold_multiproof(
    count: int, numbers: Sequence[int], leaves: Sequence[bytes], siblings: Sequence[bytes], hasher: Hasher = keccak256
) -> bytes:
    """The root of a tree of `count` leaves, from those with these numbers; section 3, "Openings"."""
    require_words(siblings)
    require_numbers(numbers, count)
    if len(leaves) != len(numbers):
        message = f"{len(leaves)} leaves for {len(numbers)} numbers"
        raise DisputeError("proof_malformed", message, leaves=len(leaves), numbers=len(numbers))
    known, left = list(zip(numbers, leaves, strict=True)), list(reversed(siblings))
    for _ in range(tree_height(count)):
        known = _level(known, left, hasher)
    if left:
        raise DisputeError("siblings_left_over", f"{len(left)} siblings are left over", siblings=len(left))
    return known[0][1]


def _level(known: list[tuple[int, bytes]], left: list[bytes], hasher: Hasher) -> list[tuple[int, bytes]]:
    """One level up; takes siblings off the end of `left`."""
    above: list[tuple[int, bytes]] = []
    nodes = dict(known)
    for number, node in known:
        if above and above[-1][0] == number >> 1:
            continue  # the right one of a pair
        beside = nodes.get(number + 1) if number % 2 == 0 else None
        if beside is None:
            if not left:
                raise DisputeError("siblings_missing", f"node {number} has no sibling", number=number)
            beside = left.pop()
        above.append((number >> 1, fold(beside, node, hasher) if number % 2 else fold(node, beside, hasher)))
    return above
