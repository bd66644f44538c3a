"""What the tests of the field kernels draw: scalars, vectors and integers, and those at which sums go wrong."""

from __future__ import annotations

import random

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from prover.kernels.field import Vector
from verifier.field import MODULUS

Integers = npt.NDArray[np.int64]
INT64 = np.iinfo(np.int64)

SCALARS = st.sampled_from([0, 1, 2, MODULUS - 1, MODULUS - 2, MODULUS >> 1]) | st.integers(0, MODULUS - 1)
EXTREMES = st.sampled_from([0, 1, -1, int(INT64.min), int(INT64.max), int(INT64.min) + 1])
INTEGERS = EXTREMES | st.integers(int(INT64.min), int(INT64.max)) | st.integers(-300, 300)


def vectors(length: int) -> st.SearchStrategy[list[int]]:
    """Some all zero, some arbitrary."""
    return st.just([0] * length) | st.lists(SCALARS, min_size=length, max_size=length)


def arrays(*shape: int) -> st.SearchStrategy[Integers]:
    return hnp.arrays(np.int64, shape, elements=INTEGERS)


def fast(values: list[int]) -> Vector:
    return Vector.from_scalars(values)


def some_scalars(count: int, seed: int) -> list[int]:
    """Many arbitrary scalars, for sizes at which kernels share their work out."""
    source = random.Random(seed)
    return [source.randrange(MODULUS) for _ in range(count)]


def some_integers(count: int, seed: int) -> Integers:
    return np.random.default_rng(seed).integers(INT64.min, INT64.max, count)
