"""What goes wrong where a challenge does not bind what it should, and a pole that hides lookups
(docs/protocol/sumcheck.md sections 5 and 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import halo2_programs
import numpy as np
import pytest
import sumcheck_reference as reference
import sumcheck_toy as toy
from sumcheck_forging import Forger, check, parts, proving_key, rejection

import verifier.logup
import verifier.sumcheck
from circuits.lower.sumcheck.satisfy import evaluate
from circuits.lower.sumcheck.system import Kind
from prover.key_cache import KeyCache
from prover.sumcheck import Argument
from prover.sumcheck.channel import Channel
from verifier.curve import POINT_BYTES, decode_point, encode_point, negate
from verifier.field import MODULUS, scalar_bytes
from verifier.sumcheck_proof import LayerProof
from verifier.transcript import Tag, Transcript

PROVER = reference.Prover(toy.SYSTEM, reference.key_of(toy.SYSTEM, toy.values()), toy.values())
STATEMENT = PROVER.statement()
KEYS = proving_key(PROVER.key, toy.values())


class Omitting(Channel):
    """Sends everything, and forgets to absorb one message: the `which`-th that has this tag."""

    def __init__(self, tag: Tag, which: int) -> None:
        super().__init__()
        self._omitted, self._seen = (tag, which), Counter[Tag]()

    def absorb(self, tag: Tag, data: bytes) -> None:
        before = self._state
        super().absorb(tag, data)
        if (tag, self._seen[tag]) == self._omitted:
            self._state = before
        self._seen[tag] += 1


class Counting(Channel):
    """Counts its messages by tag."""

    def __init__(self) -> None:
        super().__init__()
        self.absorbed = Counter[Tag]()

    def absorb(self, tag: Tag, data: bytes) -> None:
        super().absorb(tag, data)
        self.absorbed[tag] += 1


def messages() -> Counter[Tag]:
    channel = Counting()
    Argument(KEYS, toy.values(), channel=channel).prove(STATEMENT)
    return channel.absorbed


MESSAGES = messages()
ABSORBED = (
    Tag.STATEMENT, Tag.WITNESS_ROWS, Tag.LAYER_VALUES, Tag.LAYER_ROUND, Tag.PRODUCT_SUM, Tag.PRODUCT_ROUND, Tag.FACTORS,
    Tag.EVALUATION_ROUND, Tag.EVALUATION, Tag.FOLDS, Tag.FOLD_VALUES, Tag.QUOTIENT, Tag.LAST_QUOTIENT,
)  # fmt: skip


def test_the_toy_has_every_message_of_the_notes_table() -> None:
    assert set(MESSAGES) == set(ABSORBED)
    assert MESSAGES[Tag.LAYER_ROUND] == 21


@pytest.mark.parametrize("tag", [tag for tag in ABSORBED if tag is not Tag.LAST_QUOTIENT], ids=lambda tag: tag.name)
def test_rejects_prover_that_does_not_absorb_a_message(tag: Tag) -> None:
    """Each message of the table, and each time that it is sent."""
    for which in range(MESSAGES[tag]):
        proof = Argument(KEYS, toy.values(), channel=Omitting(tag, which)).prove(STATEMENT)
        rejection(STATEMENT, PROVER.key, proof)


def test_after_the_last_message_nothing_is_drawn() -> None:
    proof = Argument(KEYS, toy.values(), channel=Omitting(Tag.LAST_QUOTIENT, 0)).prove(STATEMENT)
    check(STATEMENT, PROVER.key, proof)


POINTS = (Tag.WITNESS_ROWS, Tag.FOLDS, Tag.QUOTIENT, Tag.LAST_QUOTIENT)


def another(tag: Tag, data: bytes) -> bytes:
    """A message that is parsed like the true one: the last point is its negative, the last scalar its neighbour."""
    if tag in POINTS:
        return data[:-POINT_BYTES] + encode_point(negate(decode_point(data[-POINT_BYTES:])))
    return data[:-1] + bytes([data[-1] ^ 1])


class Replaying(Channel):
    """Draws what an honest prover drew, whatever was said since: a verifier does not."""

    def __init__(self, recorded: list[int], changed: int) -> None:
        super().__init__()
        self._recorded, self._changed, self._count = list(recorded), changed, 0

    def absorb(self, tag: Tag, data: bytes) -> None:
        if self._count == self._changed:
            data = another(tag, data)
        self._count += 1
        super().absorb(tag, data)

    def challenge(self, tag: Tag) -> int:
        super().challenge(tag)
        return self._recorded.pop(0)


class Recording(Channel):
    """Keeps what it draws."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[int] = []

    def challenge(self, tag: Tag) -> int:
        self.drawn.append(super().challenge(tag))
        return self.drawn[-1]


def test_rejects_recorded_challenges_replayed_after_any_one_message_changed() -> None:
    channel = Recording()
    Argument(KEYS, toy.values(), channel=channel).prove(STATEMENT)
    assert len(set(channel.drawn)) == len(channel.drawn)
    for changed in range(1, MESSAGES.total()):  # the first is the statement, which is not sent
        proof = Argument(KEYS, toy.values(), channel=Replaying(channel.drawn, changed)).prove(STATEMENT)
        assert rejection(STATEMENT, PROVER.key, proof) != "proof_malformed"


class Scripted(Transcript):
    """Draws what the test wants for some tags."""

    script: Mapping[Tag, int] = {}

    def challenge(self, tag: Tag) -> int:
        drawn = super().challenge(tag)
        return self.script.get(tag, drawn)


class ScriptedChannel(Scripted, Channel):
    """The prover's side of it."""


def with_two_poles(gemm: Forger) -> tuple[list[np.ndarray], int]:
    """Another output, by a remainder off by many divisors, and a value that two lookups have and no table.

    All identities hold; of the lookups of the remainders and the output, several are in no table.
    """
    found = parts(gemm.lowering, identity=2)
    divisor = max(found)
    quotient, remainder = gemm.honest[found[divisor]].copy(), gemm.honest[found[1]].copy()
    looked_up = next(
        evaluate(column, fractions.dims, gemm.honest)
        for fractions in gemm.lowering.system.fractions
        for column in fractions.columns
        if column[0].readings[0].tensor == found[divisor]
    )
    value = int(remainder[0, 0]) - divisor * 10
    steps = value - int(looked_up[0, 1])
    for element, step in ((0, 10), (1, steps)):
        quotient[0, element] += step
        remainder[0, element] -= divisor * step
    public = gemm.lowering.system.of_kind(Kind.OUTPUT)[0]
    return gemm.changed(
        {found[divisor]: quotient, found[1]: remainder, public: np.clip(quotient, -(2**15), 2**15 - 1)}
    ), value


def no_pole_check(
    top: tuple[int, int, int, int], layers: tuple[LayerProof, ...], transcript: Transcript
) -> verifier.logup.LeafClaim:
    """`reduce_to_leaves` as others have shipped it."""
    p0, p1, q0, q1 = top
    assert (p0 * q1 + p1 * q0) % transcript.modulus == 0
    transcript.absorb(Tag.LAYER_VALUES, scalar_bytes(top))
    claim = verifier.logup._child((), top, transcript)
    for layer in layers:
        claim = verifier.logup._reduce_layer(claim, layer, transcript)
    return claim


def test_rejects_pole_that_hides_every_lookup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Could a prover have an α that is a fingerprint of its own, nothing but the check of q would stop it."""
    program = halo2_programs.gemm_relu()
    gemm = Forger.of(program, halo2_programs.random_inputs(program, 1), KeyCache(tmp_path))
    forged, value = with_two_poles(gemm)
    statement = gemm.statement(forged)
    tag = next(f.tag for f in gemm.lowering.system.fractions if f.dims == forged[parts(gemm.lowering, 2)[1]].shape)
    beta = 12345
    monkeypatch.setattr(Scripted, "script", {Tag.BETA: beta, Tag.ALPHA: (tag + beta * value) % MODULUS})
    assert {violation.kind for violation in gemm.violations(forged)} == {"fractions"}
    monkeypatch.setattr(verifier.sumcheck, "Transcript", Scripted)
    proof = gemm.argue(forged, channel=ScriptedChannel())
    assert rejection(statement, gemm.keys.key, proof) == "fraction_pole"
    monkeypatch.setattr(verifier.sumcheck, "reduce_to_leaves", no_pole_check)
    check(statement, gemm.keys.key, proof)
