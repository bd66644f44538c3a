"""A real proof, changed everywhere: every element changed, dropped, doubled, moved; messages of another proof; bytes at
random (docs/protocol/sumcheck.md section 10). Nothing is accepted, and nothing but a refusal comes out."""

import random
from dataclasses import dataclass, replace

import halo2_programs
import pytest

from circuits.statement import Statement
from prover.kernels import field
from prover.key_cache import KeyCache
from prover.sumcheck import make_plan, prove, setup
from verifier.curve import G1_GENERATOR, POINT_BYTES, decode_point, encode_point
from verifier.errors import VerificationError
from verifier.field import MODULUS
from verifier.srs import DEVELOPMENT_S_G2, Accepted
from verifier.sumcheck import verify
from verifier.sumcheck_key import SumcheckKey
from verifier.sumcheck_proof import ProofShape

ACCEPTED = Accepted(frozenset({DEVELOPMENT_S_G2}))
RANDOM = random.Random(4)


@dataclass(frozen=True)
class Element:
    """Where it is, and what: "integer", "scalar" or "point"."""

    start: int
    size: int
    what: str

    @property
    def end(self) -> int:
        return self.start + self.size


@dataclass(frozen=True)
class Proven:
    """Two proofs of one program under one key, for two inputs with two outputs."""

    key: SumcheckKey
    statement: Statement
    raw: bytes
    other: bytes
    elements: tuple[Element, ...]

    def outcome(self, raw: bytes) -> str:
        try:
            verify(self.statement, self.key, raw, ACCEPTED, field)
        except VerificationError as refusal:
            return refusal.code
        return "accepted"

    def with_bytes(self, element: Element, told: bytes) -> bytes:
        return self.raw[: element.start] + told + self.raw[element.end :]

    def told(self, element: Element) -> bytes:
        return self.raw[element.start : element.end]


def elements_of(shape: ProofShape) -> tuple[Element, ...]:
    layers = sum(2 * layer + 4 for layer in range(shape.depth))
    scalars = layers + (shape.products > 0) + 3 * shape.product_rounds + shape.factors + 2 * shape.variables + 1
    found: list[Element] = []
    for what, size, count in (
        *(("integer", 2 if tensor.bits <= 16 else 4, tensor.size) for tensor in shape.inputs + shape.outputs),
        ("point", POINT_BYTES, shape.rows),
        ("scalar", 32, scalars),
        ("point", POINT_BYTES, shape.row_bits - 1),
        ("scalar", 32, 3 * shape.row_bits),
        ("point", POINT_BYTES, 2),
    ):
        for _ in range(count):
            found.append(Element(found[-1].end if found else 0, size, what))
    return tuple(found)


@pytest.fixture(scope="module")
def proven(tmp_path_factory) -> Proven:
    program = halo2_programs.convolution()
    keys = setup(make_plan(program), cache=KeyCache(tmp_path_factory.mktemp("mutations") / "cache"))
    first, second = (prove(program, halo2_programs.random_inputs(program, seed), keys) for seed in (1, 2))
    elements = elements_of(ProofShape.of(keys.key.system, keys.key.layout))
    assert first.statement.output_root != second.statement.output_root
    return Proven(keys.key, first.statement, first.proof_file.proof, second.proof_file.proof, elements)


def test_the_elements_are_the_proof(proven):
    assert proven.outcome(proven.raw) == "accepted"
    assert proven.elements[-1].end == len(proven.raw)
    assert {element.what for element in proven.elements} == {"integer", "scalar", "point"}


def changed(element: Element, told: bytes) -> list[bytes]:
    """Other elements of the same set, near and far."""
    if element.what == "integer":
        value = int.from_bytes(told, "big", signed=True)
        return [(-value + (value == 0)).to_bytes(4, "big", signed=True), (value ^ 1).to_bytes(4, "big", signed=True)]
    if element.what == "scalar":
        value = int.from_bytes(told, "big")
        return [((value + by) % MODULUS).to_bytes(32, "big") for by in (1, MODULUS - 1)]
    point = decode_point(told)
    return [encode_point(field.msm([point, G1_GENERATOR], [scale, 1])) for scale in (1, MODULUS - 1)]


def test_rejects_every_element_changed(proven):
    for element in proven.elements:
        for told in changed(element, proven.told(element)):
            assert told != proven.told(element)
            assert proven.outcome(proven.with_bytes(element, told)) != "accepted", element


def test_rejects_every_element_made_zero_or_the_identity(proven):
    for element in proven.elements:
        if any(proven.told(element)):
            assert proven.outcome(proven.with_bytes(element, bytes(element.size))) != "accepted", element


def test_rejects_every_element_dropped(proven):
    for element in proven.elements:
        shorter = proven.with_bytes(element, b"")
        assert proven.outcome(shorter) == "proof_malformed"
        longer = shorter + proven.raw[: element.size]  # made up for at the end
        assert proven.outcome(longer) != "accepted", element


def test_rejects_every_element_doubled(proven):
    for element in proven.elements:
        longer = proven.with_bytes(element, proven.told(element) * 2)
        assert proven.outcome(longer) == "proof_malformed"
        if longer[: len(proven.raw)] != proven.raw:
            assert proven.outcome(longer[: len(proven.raw)]) != "accepted", element


def test_rejects_every_two_neighbours_exchanged(proven):
    exchanged = 0
    for first, second in zip(proven.elements, proven.elements[1:], strict=False):
        swapped = proven.told(second) + proven.told(first)
        if first.what == second.what and proven.told(first) != proven.told(second):
            raw = proven.raw[: first.start] + swapped + proven.raw[second.end :]
            assert proven.outcome(raw) != "accepted", first
            exchanged += 1
    assert exchanged > len(proven.elements) // 2


def test_rejects_every_truncation_and_extension(proven):
    for length in (*range(200), *(element.start for element in proven.elements), len(proven.raw) - 1):
        assert proven.outcome(proven.raw[:length]) == "proof_malformed"
    for more in (b"\0", bytes(32), proven.raw[-64:], proven.raw):
        assert proven.outcome(proven.raw + more) == "proof_malformed"


def test_rejects_every_element_of_another_proof_under_the_same_key(proven):
    assert len(proven.other) == len(proven.raw)
    for element in proven.elements:
        told = proven.other[element.start : element.end]
        if told != proven.told(element):
            assert proven.outcome(proven.with_bytes(element, told)) != "accepted", element


def test_rejects_another_proof_from_any_element_on_or_up_to_it(proven):
    for element in proven.elements[1:]:
        for raw in (
            proven.raw[: element.start] + proven.other[element.start :],
            proven.other[: element.start] + proven.raw[element.start :],
        ):
            assert raw == proven.raw or proven.outcome(raw) != "accepted", element


def test_rejects_another_proof_under_this_proofs_statement_and_the_reverse(proven):
    assert proven.outcome(proven.other) == "input_differs"
    public = proven.elements[next(i for i, e in enumerate(proven.elements) if e.what != "integer")].start
    assert proven.outcome(proven.raw[:public] + proven.other[public:]) == "layer_mismatch"


def test_no_bytes_do_anything_but_refuse(proven):
    size = len(proven.raw)
    for _ in range(100):
        assert proven.outcome(RANDOM.randbytes(size)) != "accepted"
        assert proven.outcome(RANDOM.randbytes(RANDOM.randrange(200))) == "proof_malformed"
        start = RANDOM.randrange(size)
        noisy = proven.raw[:start] + RANDOM.randbytes(64) + proven.raw[start + 64 :]
        assert proven.outcome(noisy[:size]) != "accepted"
    for element in proven.elements:
        bit = RANDOM.randrange(8 * element.size)
        told = int.from_bytes(proven.told(element), "big") ^ 1 << bit
        assert proven.outcome(proven.with_bytes(element, told.to_bytes(element.size, "big"))) != "accepted"
    for fill in (bytes(size), b"\xff" * size):
        assert proven.outcome(fill) != "accepted"


def test_rejects_the_proof_for_any_other_word_of_the_statement(proven):
    for name in ("model_id", "input_root", "output_root"):
        word = bytearray(getattr(proven.statement, name))
        word[-1] ^= 1
        other = replace(proven, statement=replace(proven.statement, **{name: bytes(word)}))
        assert other.outcome(proven.raw) != "accepted"


def test_rejects_the_proof_under_any_other_key(proven):
    key = proven.key
    system = key.system
    first, *rest = system.fractions
    others = [
        replace(key, model_id=bytes(32)),
        replace(key, commitments=(field.msm([key.commitments[0]], [2]), *key.commitments[1:])),
        replace(key, system=replace(system, fractions=(*rest, first))),
        replace(key, system=replace(system, fractions=(replace(first, tag=first.tag + 1), *rest))),
        replace(key, system=replace(system, identities=system.identities[:-1])),
    ]
    for other in others:
        statement = replace(proven.statement, model_id=other.model_id)
        assert replace(proven, key=other, statement=statement).outcome(proven.raw) != "accepted"
