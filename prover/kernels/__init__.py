"""Fast kernels in Rust, each with a plain twin in `reference.py` that agrees byte for byte.

All of them release the interpreter and share one thread pool, which a forked child does not inherit: start children
with exec, as this project does everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from circuits.statement import Hasher, Integers, StatementError, tensor_bytes
from prover.kernels import _native
from prover.kernels._native import KnownTauSrs, PointError, SrsCheck, g2_pair, keccak256

Floats = npt.NDArray[np.float64]

KERNEL_DTYPES = (np.dtype(np.int32), np.dtype(np.int64))

# What a lower layer takes as `hasher=`.
fast_hasher: Hasher = keccak256


def trace_roots(tensors: Sequence[Integers]) -> list[bytes]:
    """Roots of many tensors of width 4 by one call, a block at a time; statement.md section 3.

    Equal to `circuits.statement.tensor_root` of each.
    """
    flat = [(_by_rows(values), values.shape) for values in tensors]
    try:
        return _native.trace_roots(flat)
    except (OverflowError, ValueError) as refused:
        raise StatementError(str(refused)) from refused


def _by_rows(values: Integers) -> Integers:
    """The elements in order, on one axis, in a dtype that the kernel takes; a copy only where there is no other way."""
    if values.dtype not in KERNEL_DTYPES:
        if not np.issubdtype(values.dtype, np.signedinteger):
            raise StatementError(f"a tensor holds signed integers, got dtype {values.dtype}")
        values = values.astype(np.int64)
    return values.reshape(-1)


def chunk_levels(values: Integers, width: int = 4) -> list[bytes]:
    """Levels of a tensor's chunk tree from the leaves up, 32 bytes a node, without nodes that cover only padding."""
    return _native.chunk_levels(tensor_bytes(values, width))


def narrow_product(matrix: npt.NDArray[np.float32]) -> Callable[[Floats], Floats]:
    """What `Executor` takes as `arithmetic=`: float32 [rows, columns] kept, its products with float64 [columns]."""
    kept = _native.NarrowMatrix(matrix.shape[1], matrix.astype("<f4", copy=False).tobytes())
    return lambda vector: np.frombuffer(kept.times(vector.astype("<f8", copy=False).tobytes()), "<f8")


__all__ = [
    "KnownTauSrs",
    "PointError",
    "SrsCheck",
    "chunk_levels",
    "fast_hasher",
    "g2_pair",
    "keccak256",
    "narrow_product",
    "trace_roots",
]
