"""Fast kernels in Rust, each with a plain twin in `reference.py` that agrees byte for byte.

All of them release the interpreter and share one thread pool, which a forked child does not inherit: start children
with exec, as this project does everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from circuits.statement import Hasher, Integers, shape_header, tensor_bytes
from prover.kernels import _native
from prover.kernels._native import KnownTauSrs, PointError, SrsCheck, g2_pair, keccak256

Floats = npt.NDArray[np.float64]

# What a lower layer takes as `hasher=`.
fast_hasher: Hasher = keccak256


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Root of 32-byte leaves; statement.md section 2. Equal to `circuits.statement.merkle_root`."""
    if any(len(leaf) != 32 for leaf in leaves):
        raise ValueError("a leaf is 32 bytes")
    return _native.merkle_root(b"".join(leaves))


def tensor_root(values: Integers, width: int = 4) -> bytes:
    """Root of a tensor of any shape; statement.md section 3. Equal to `circuits.statement.tensor_root`."""
    shape_header(width, values.shape)  # the same refusals, in the same words, as the definition's
    return _native.tensor_root(tensor_bytes(values, width), width, list(values.shape))


def narrow_product(matrix: npt.NDArray[np.float32]) -> Callable[[Floats], Floats]:
    """What `Executor` takes as `arithmetic=`: float32 [rows, columns] kept, its products with float64 [columns]."""
    kept = _native.NarrowMatrix(matrix.shape[1], matrix.astype("<f4", copy=False).tobytes())
    return lambda vector: np.frombuffer(kept.times(vector.astype("<f8", copy=False).tobytes()), "<f8")


__all__ = [
    "KnownTauSrs",
    "PointError",
    "SrsCheck",
    "fast_hasher",
    "g2_pair",
    "keccak256",
    "merkle_root",
    "narrow_product",
    "tensor_root",
]
