"""Accepting a sumcheck proof, step by step (docs/protocol/sumcheck.md section 5).

The verifier derives every point and every count itself. Nothing here is native code of ours, and nothing raises
anything but VerificationError on hostile bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from circuits.lower.sumcheck.reading import ReadingTooLargeError
from circuits.lower.sumcheck.system import Kind
from circuits.statement import Hasher, Statement, input_root, keccak256, output_root
from verifier.claims import Claim, extra_coordinates, factor_positions, product_instances
from verifier.curve import Arithmetic, PurePython
from verifier.errors import VerificationError
from verifier.field import MODULUS, eq_index, scalar_bytes
from verifier.forms import Form, identity_form, leaf_forms
from verifier.functionals import Functionals
from verifier.kzg import verify_opening
from verifier.ledger import check_ledger
from verifier.logup import LeafClaim, reduce_to_leaves
from verifier.opened import Opened
from verifier.products import check_products, reduce_products
from verifier.srs import Accepted, G2Point, srs_digest
from verifier.sumcheck_key import SumcheckKey
from verifier.sumcheck_proof import ProofShape, SumcheckProof, points_bytes
from verifier.transcript import Tag, Transcript


def verify(
    statement: Statement,
    key: SumcheckKey,
    proof: bytes,
    accepted: Accepted,
    arithmetic: Arithmetic | None = None,
    hasher: Hasher = keccak256,
) -> Opened:
    """Returns the public tensors if the proof convinces of `statement` under `key`; raises VerificationError else.

    `arithmetic` and `hasher` are plain Python by default.
    """
    if key.model_id != statement.model_id:
        message = "the key belongs to another model"
        details = {"expected": "0x" + statement.model_id.hex(), "got": "0x" + key.model_id.hex()}
        raise VerificationError("key_for_another_model", message, **details)
    s_g2 = _accepted_srs(key, accepted)
    parsed = SumcheckProof.decode(proof, ProofShape.of(key.system, key.layout))
    _check_roots(statement, parsed, hasher)
    try:
        _Check(key, parsed, Transcript(hasher)).run(statement, s_g2, arithmetic or PurePython())
    except ReadingTooLargeError as error:
        raise VerificationError("key_too_large", f"the key couples axes at too many points: {error}") from error
    return Opened(list(parsed.inputs), list(parsed.outputs))


def _accepted_srs(key: SumcheckKey, accepted: Accepted) -> G2Point:
    for s_g2 in accepted.srs_g2:
        if srs_digest(s_g2) == key.srs_digest:
            return s_g2
    message = "the key was made over an SRS that this verifier does not accept"
    raise VerificationError("srs_not_accepted", message, srs_digest="0x" + key.srs_digest.hex())


def _check_roots(statement: Statement, proof: SumcheckProof, hasher: Hasher) -> None:
    if input_root(proof.inputs, hasher) != statement.input_root:
        raise VerificationError(
            "input_differs", "the proof is for another input", expected="0x" + statement.input_root.hex()
        )
    if output_root(proof.outputs, hasher) != statement.output_root:
        message = "the proof is for another output"
        raise VerificationError("output_differs", message, expected="0x" + statement.output_root.hex())


@dataclass
class _Check:
    """One proof under one key; the methods are section 5's steps, in its order."""

    key: SumcheckKey
    proof: SumcheckProof
    transcript: Transcript

    def __post_init__(self) -> None:
        system = self.key.system
        self.products = product_instances(system)
        self.positions = factor_positions(system, self.products)
        numbers = system.of_kind(Kind.INPUT) + system.of_kind(Kind.OUTPUT)
        public = dict(zip(numbers, self.proof.inputs + self.proof.outputs, strict=True))
        self.functionals = Functionals(system, public, groups=self.key.group_book)

    def run(self, statement: Statement, s_g2: G2Point, arithmetic: Arithmetic) -> None:
        beta, alpha = self._bind(statement)
        leaves, zeta = self._fractions()
        claims = self._leaf_claims(leaves, zeta, (alpha, beta))
        claims += self._identity_claims(zeta)
        x = self._ledger(claims)
        self._open(x, s_g2, arithmetic)

    def _bind(self, statement: Statement) -> tuple[int, int]:
        """Steps 0 and 1. The roots are those of the public tensors, so these are bound too."""
        words = (self.key.srs_digest, self.key.digest(), statement.input_root, statement.output_root)
        self.transcript.absorb(Tag.STATEMENT, b"".join(words))
        # All that fractions and identities speak of is fixed before the first challenge.
        self.transcript.absorb(Tag.WITNESS_ROWS, points_bytes(self.proof.rows))
        return self.transcript.challenge(Tag.BETA), self.transcript.challenge(Tag.ALPHA)

    def _fractions(self) -> tuple[LeafClaim, tuple[int, ...]]:
        """Steps 2 to 4."""
        leaves = reduce_to_leaves(self.proof.top, self.proof.layers, self.transcript)
        extra = extra_coordinates(self.key.system, len(leaves.point))
        return leaves, (*leaves.point, *(self.transcript.challenge(Tag.ZETA) for _ in range(extra)))

    def _leaf_claims(self, leaves: LeafClaim, zeta: Sequence[int], challenges: tuple[int, int]) -> list[Claim]:
        """What the fractions' extensions have to be at ζ."""
        numerator, denominator = leaf_forms(self.key.system, self.key.fraction_layout, zeta, challenges)
        return [
            self._claim(numerator, zeta, leaves.numerator),
            self._claim(denominator, zeta, leaves.denominator),
        ]

    def _claim(self, form: Form, zeta: Sequence[int], value: int) -> Claim:
        """That the form is `value`, once what everybody can compute is taken out of it."""
        value -= form.constant
        committed = []
        for reading, coefficient in form.readings.items():
            functional = reading.functional(zeta)
            if self.key.system.tensors[functional.tensor].kind.committed:
                committed.append((functional, coefficient))
            else:
                value -= coefficient * self.functionals.known_value(functional)
        return Claim(tuple(committed), value % MODULUS)

    def _identity_claims(self, zeta: Sequence[int]) -> list[Claim]:
        """Steps 5 to 7: every identity at ζ, from the sum of its products, and every factor of these."""
        gamma, total = self.transcript.challenge(Tag.GAMMA), 0
        if self.proof.product_sum is not None:
            total = self.proof.product_sum
            self.transcript.absorb(Tag.PRODUCT_SUM, scalar_bytes((total,)))
        rho, last = reduce_products(total, self.proof.product_rounds, self.transcript)
        if self.products:
            self.transcript.absorb(Tag.FACTORS, scalar_bytes(self.proof.factors))
        sent = {
            position: Claim(((self.products[position[0]].functional(position[1], zeta, rho), 1),), value)
            for position, value in zip(self.positions, self.proof.factors, strict=True)
        }

        def factor(number: int, which: int) -> int:
            if (number, which) in sent:
                return sent[number, which].value
            return self.functionals.known_value(self.products[number].functional(which, zeta, rho))

        check_products(last, self.products, (zeta, rho), gamma, factor)
        return [self._claim(identity_form(self.key.system.identities, gamma), zeta, -total), *sent.values()]

    def _ledger(self, claims: Sequence[Claim]) -> tuple[int, ...]:
        """Steps 8 and 9: all claims become one, about the table at one point, which is returned."""
        return check_ledger(
            claims,
            self.functionals,
            self.key.layout,
            self.proof.evaluation_rounds,
            self.proof.evaluation,
            self.transcript,
        )

    def _open(self, x: tuple[int, ...], s_g2: G2Point, arithmetic: Arithmetic) -> None:
        """Steps 10 to 13."""
        table = self.key.layout
        inside, above = x[: table.row_bits], x[table.row_bits :]
        numbers = table.setup_rows + table.witness_rows
        commitments = (*self.key.commitments, *self.proof.rows)
        rows = [(point, eq_index(above, row)) for point, row in zip(commitments, numbers, strict=True)]
        verify_opening(rows, inside, self.proof.evaluation, self.proof.opening, s_g2, self.transcript, arithmetic)
