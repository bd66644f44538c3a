"""Keys of the tiny system with one part changed, and what is said of one that is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tiny_systems import tiny_key, tiny_system

from circuits.lower.sumcheck.layout import layout
from circuits.lower.sumcheck.system import Identity, Tensor, Term
from verifier.curve import IDENTITY
from verifier.errors import VerificationError
from verifier.sumcheck_key import SumcheckKey

KEY = tiny_key()


def refused(raw: bytes, reason: str) -> None:
    with pytest.raises(VerificationError) as refusal:
        SumcheckKey.decode(raw)
    assert refusal.value.code == "key_malformed"
    assert reason in refusal.value.details["reason"]


def changed(**fields: object) -> bytes:
    """The key with another part of its system."""
    return replace(KEY, system=replace(KEY.system, **fields)).encode()


def fitting(row_bits: int = KEY.row_bits, **fields: object) -> bytes:
    """As `changed`, with as many commitments as that wants."""
    system = replace(KEY.system, **fields)
    commitments = (IDENTITY,) * len(layout(system, row_bits).setup_rows)
    return replace(KEY, system=system, row_bits=row_bits, commitments=commitments).encode()


def with_tensor(number: int, tensor: Tensor) -> tuple[Tensor, ...]:
    tensors = list(tiny_system().tensors)
    tensors[number] = tensor
    return tuple(tensors)


def added(*tensors: Tensor) -> tuple[Tensor, ...]:
    return (*tiny_system().tensors, *tensors)


def identity(*terms: Term, dims: tuple[int, ...] = (4,)) -> bytes:
    return changed(identities=(*KEY.system.identities, Identity(dims, terms)))
