"""The statement: tensor roots, model ids and registration ids (docs/protocol/statement.md).

Everything here is a pure function of its arguments. `hasher` is an argument with a pure-Python default, so that a
caller with a faster Keccak passes its own and an auditor needs none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt
from eth_hash.auto import keccak as _keccak

Hasher = Callable[[bytes], bytes]
Integers = npt.NDArray[np.int64] | npt.NDArray[np.int32]

CHUNK_BYTES = 256
MAX_RANK = 8
OPSET_VERSION = 1
ZERO = bytes(32)


class Tag(IntEnum):
    """Domain separation bytes, statement.md section 1."""

    LEAF = 0
    NODE = 1
    TENSOR = 2
    INPUT = 3
    OUTPUT = 4
    GRAPH = 5
    MODEL = 6
    REGISTRATION = 7
    COMMITMENT = 8
    IO = 9


class Route(IntEnum):
    """How a statement convinces, statement.md section 6."""

    HALO2 = 1
    SUMCHECK = 2
    OPTIMISTIC = 3
    TEE = 4


class StatementError(ValueError):
    """A tensor or identifier that has no encoding; the message carries the values."""


def keccak256(data: bytes) -> bytes:
    """Keccak-256 as the EVM computes it."""
    return bytes(_keccak(data))


def leaf(data: bytes, hasher: Hasher = keccak256) -> bytes:
    return hasher(bytes([Tag.LEAF]) + data)


def merkle_root(leaves: Sequence[bytes], hasher: Hasher = keccak256) -> bytes:
    """Root of 32-byte leaves, zero-padded to a power of two; statement.md section 2."""
    if not leaves:
        return ZERO
    level = list(leaves)
    level += [ZERO] * ((1 << (len(level) - 1).bit_length()) - len(level))
    while len(level) > 1:
        level = [hasher(bytes([Tag.NODE]) + level[i] + level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]


def tensor_bytes(values: Integers, width: int) -> bytes:
    """Two's complement, big-endian, row-major bytes of `values` (any shape) at `width` 4 or 8."""
    if width not in (4, 8):
        raise StatementError(f"element width must be 4 or 8, got {width}")
    if not np.issubdtype(values.dtype, np.signedinteger):
        raise StatementError(f"a tensor holds signed integers, got dtype {values.dtype}")
    if width == 4 and values.size and (values.min() < -(2**31) or values.max() >= 2**31):
        raise StatementError(f"values span [{values.min()}, {values.max()}], which does not fit 4 bytes")
    return np.ascontiguousarray(values).astype(f">i{width}").tobytes()


def shape_header(width: int, dims: Sequence[int]) -> bytes:
    """`w:u8 ‖ rank:u8 ‖ dims:u32[rank]`."""
    if len(dims) > MAX_RANK:
        raise StatementError(f"rank {len(dims)} is over {MAX_RANK}")
    if any(not 0 <= d < 2**32 for d in dims):
        raise StatementError(f"dims {tuple(dims)} do not fit 32 bits")
    return bytes([width, len(dims)]) + b"".join(int(d).to_bytes(4, "big") for d in dims)


def tensor_root(values: Integers, width: int = 4, hasher: Hasher = keccak256) -> bytes:
    """Root of a tensor of any shape; statement.md section 3."""
    data = tensor_bytes(values, width)
    count = max(1, -(-len(data) // CHUNK_BYTES))
    data = data.ljust(count * CHUNK_BYTES, b"\0")
    chunks = [leaf(data[i : i + CHUNK_BYTES], hasher) for i in range(0, len(data), CHUNK_BYTES)]
    header = shape_header(width, values.shape)
    return hasher(bytes([Tag.TENSOR]) + header + merkle_root(chunks, hasher))


def _io_root(tag: Tag, roots: Sequence[bytes], hasher: Hasher) -> bytes:
    if len(roots) > 255:
        raise StatementError(f"{len(roots)} tensors, at most 255")
    return hasher(bytes([tag, len(roots)]) + b"".join(roots))


def input_root(tensors: Sequence[Integers], hasher: Hasher = keccak256) -> bytes:
    """Root of all input tensors in graph order, each of width 4."""
    return _io_root(Tag.INPUT, [tensor_root(t, 4, hasher) for t in tensors], hasher)


def output_root(tensors: Sequence[Integers], hasher: Hasher = keccak256) -> bytes:
    """Root of all output tensors in graph order, each of width 4."""
    return _io_root(Tag.OUTPUT, [tensor_root(t, 4, hasher) for t in tensors], hasher)


def input_commitment(commitment: int, hasher: Hasher = keccak256, *, scheme: int = 1) -> bytes:
    """What stands in inputRoot's place for a hashed input; statement.md section 4."""
    return hasher(bytes([Tag.COMMITMENT, scheme]) + commitment.to_bytes(32, "big"))


def graph_root(descriptors: Sequence[bytes], hasher: Hasher = keccak256) -> bytes:
    """Root of op descriptors in execution order; statement.md section 5."""
    tree = merkle_root([leaf(d, hasher) for d in descriptors], hasher)
    return hasher(bytes([Tag.GRAPH]) + len(descriptors).to_bytes(4, "big") + tree)


def io_digest(io_spec: bytes, hasher: Hasher = keccak256) -> bytes:
    return hasher(bytes([Tag.IO]) + io_spec)


@dataclass(frozen=True)
class ModelHeader:
    """The preimage of a model id: what a contract needs to open anything under it."""

    graph_root: bytes
    weights_root: bytes
    io_spec: bytes
    opset_version: int = OPSET_VERSION

    def model_id(self, hasher: Hasher = keccak256) -> bytes:
        body = self.graph_root + self.weights_root + io_digest(self.io_spec, hasher)
        return hasher(bytes([Tag.MODEL]) + body + self.opset_version.to_bytes(4, "big"))


def registration_id(chain_id: int, registry: bytes, owner: bytes, model_id: bytes, hasher: Hasher = keccak256) -> bytes:
    """Who listed which program where; `registry` and `owner` are 20-byte addresses."""
    if len(registry) != 20 or len(owner) != 20 or len(model_id) != 32:
        raise StatementError("registration_id takes two 20-byte addresses and a 32-byte model id")
    return hasher(bytes([Tag.REGISTRATION]) + chain_id.to_bytes(32, "big") + registry + owner + model_id)


@dataclass(frozen=True)
class Statement:
    """Program `model_id` maps `input_root` to `output_root`; each 32 bytes."""

    model_id: bytes
    input_root: bytes
    output_root: bytes
