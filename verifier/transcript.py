"""Fiat-Shamir by keccak, docs/protocol/sumcheck.md section 5: every label of the sumcheck route in one table."""

from __future__ import annotations

from enum import IntEnum

from circuits.statement import Hasher, keccak256
from verifier.field import MODULUS

START = b"inferproof-sumcheck-1"


class Tag(IntEnum):
    """What is absorbed or drawn."""

    STATEMENT = 1
    WITNESS_ROWS = 2
    BETA = 3
    ALPHA = 4
    LAYER_VALUES = 5
    LAYER_COMBINER = 6
    LAYER_ROUND = 7
    LAYER_CHALLENGE = 8
    LAYER_CHILD = 9
    ZETA = 10
    GAMMA = 11
    PRODUCT_SUM = 12
    PRODUCT_ROUND = 13
    RHO = 14
    FACTORS = 15
    DELTA = 16
    EVALUATION_ROUND = 17
    EVALUATION_CHALLENGE = 18
    EVALUATION = 19
    FOLDS = 20
    FOLD_POINT = 21
    FOLD_VALUES = 22
    FOLD_COMBINER = 23
    QUOTIENT = 24
    OPENING_POINT = 25
    LAST_QUOTIENT = 26


class Transcript:
    """The state that prover and verifier keep alike."""

    modulus = MODULUS

    def __init__(self, hasher: Hasher = keccak256) -> None:
        self._hasher = hasher
        self._state = hasher(START)

    def absorb(self, tag: Tag, data: bytes) -> None:
        # The length is inside, and makes this longer than a challenge's input: no two calls hash the same bytes.
        self._state = self._hasher(self._state + bytes([tag]) + len(data).to_bytes(4, "big") + data)

    def challenge(self, tag: Tag) -> int:
        self._state = self._hasher(self._state + bytes([tag]))
        return int.from_bytes(self._state, "big") % self.modulus
