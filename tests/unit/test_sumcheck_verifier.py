"""The sumcheck verifier accepts what is true, for the statement, key and SRS that were asked for, and parses strictly
(docs/protocol/sumcheck.md sections 5 and 10). The prover is a second one, written for the tests."""

from dataclasses import replace

import numpy as np
import pytest
import sumcheck_reference as reference
import sumcheck_toy as toy
from kzg_reference import KnownTau
from sumcheck_forging import proving_key

from circuits.lower.sumcheck.satisfy import violations
from circuits.lower.sumcheck.system import Identity, Kind, Reading, System, Tensor, Term
from circuits.program.refs import AffineMap
from circuits.statement import input_root, output_root
from prover.sumcheck import Argument
from verifier.curve import POINT_BYTES
from verifier.errors import VerificationError
from verifier.field import BASE_MODULUS, MODULUS
from verifier.srs import G2_GENERATOR, Accepted
from verifier.sumcheck import verify
from verifier.sumcheck_key import SumcheckKey
from verifier.sumcheck_proof import ProofShape, SumcheckProof

PROVER = toy.prover()
PROOF = PROVER.proof()
RAW = PROOF.encode()
KEY, STATEMENT = PROVER.key, PROVER.statement()
SHAPE = ProofShape.of(KEY.system, KEY.layout)


def check(raw=RAW, *, statement=STATEMENT, key=KEY, accepted=reference.ACCEPTED, arithmetic=None):
    return verify(statement, key, raw, accepted, arithmetic or KnownTau())


def rejected(raw=RAW, **options):
    with pytest.raises(VerificationError) as refusal:
        check(raw, **options)
    return refusal.value.code


def test_the_toy_system_is_satisfied_and_has_every_step():
    assert violations(toy.SYSTEM, toy.values()) == []
    assert SHAPE.depth == 7
    assert len(PROVER.products) == 6
    assert SHAPE.factors == 8  # of 12 factors, 2 are inputs and 2 are ones
    assert SHAPE.product_rounds == 5
    assert len(KEY.layout.setup_rows) == 3
    assert SHAPE.variables > SHAPE.row_bits + 6


def test_accepts_a_true_proof_and_returns_the_public_tensors():
    opened = check()
    assert [tensor.tolist() for tensor in opened.inputs] == [toy.assignment()["x"].tolist()]
    assert [tensor.tolist() for tensor in opened.outputs] == [toy.assignment()["out"].tolist()]


def test_accepts_by_the_pairing_in_plain_python():
    with_pairing = verify(STATEMENT, KEY, RAW, reference.ACCEPTED)
    assert with_pairing.outputs[0].tolist() == toy.assignment()["out"].tolist()


def test_accepts_under_the_key_as_it_travels():
    check(key=SumcheckKey.decode(KEY.encode()))


def test_accepts_another_input_and_rows_of_another_size():
    for seed, row_bits in ((2, 5), (3, 8)):
        made = toy.assignment(seed)
        key = reference.key_of(toy.SYSTEM, toy.values(), row_bits)
        prover = reference.Prover(toy.SYSTEM, key, toy.values(made))
        check(prover.proof().encode(), statement=prover.statement(), key=key)


def test_accepts_a_system_without_products_and_without_fractions():
    linear = tuple(identity for identity in toy.IDENTITIES if all(len(term.readings) == 1 for term in identity.terms))
    system = System(toy.SYSTEM.tensors, linear, ())
    key = reference.key_of(system, toy.values())
    prover = reference.Prover(system, key, toy.values())
    proof = prover.proof()
    assert (proof.product_sum, proof.product_rounds, proof.factors, proof.layers) == (None, (), (), ())
    check(proof.encode(), statement=prover.statement(), key=key)
    made = toy.assignment()
    made["out"] = made["out"] + 1
    forger = reference.Prover(system, key, toy.values(made))
    forged = forger.proof().encode()
    assert rejected(forged, statement=forger.statement(), key=key) == "evaluation_mismatch"


def test_a_product_of_two_numbers_takes_no_rounds():
    def itself(tensor):
        return Reading(tensor, AffineMap.identity(()))

    kinds = (Kind.INPUT, Kind.OUTPUT, Kind.WITNESS, Kind.WITNESS)
    tensors = tuple(Tensor(kind, (), 8 if kind in (Kind.INPUT, Kind.OUTPUT) else 0) for kind in kinds)
    identities = (
        Identity((), (Term(1, (itself(0),)), Term(-1, (itself(2),)))),
        Identity((), (Term(1, (itself(2), itself(2))), Term(-1, (itself(3),)))),
        Identity((), (Term(1, (itself(3),)), Term(-1, (itself(1),)))),
    )
    system = System(tensors, identities, ())
    for output, code in ((49, None), (50, "evaluation_mismatch")):
        values = [np.array(value) for value in (7, output, 7, output)]
        prover = reference.Prover(system, reference.key_of(system, values), values)
        proof = prover.proof()
        assert (proof.product_rounds, len(proof.factors)) == ((), 2)
        if code is None:
            check(proof.encode(), statement=prover.statement(), key=prover.key)
        else:
            assert rejected(proof.encode(), statement=prover.statement(), key=prover.key) == code


def test_rejects_proof_for_another_model():
    assert rejected(statement=replace(STATEMENT, model_id=b"\x01" * 32)) == "key_for_another_model"
    renamed = replace(KEY, model_id=b"\x01" * 32)
    # Also when key and statement agree: the key's digest is absorbed.
    assert rejected(statement=replace(STATEMENT, model_id=b"\x01" * 32), key=renamed) == "layer_mismatch"


def test_rejects_key_over_another_srs():
    other = Accepted(frozenset({G2_GENERATOR}))
    assert rejected(accepted=other) == "srs_not_accepted"
    assert rejected(accepted=Accepted(frozenset())) == "srs_not_accepted"


def test_rejects_proof_for_another_input_or_output():
    x, out = toy.assignment()["x"].copy(), toy.assignment()["out"].copy()
    x[2, 4] += 1
    out[2, 1] -= 1
    assert rejected(statement=replace(STATEMENT, input_root=input_root([x]))) == "input_differs"
    assert rejected(statement=replace(STATEMENT, output_root=output_root([out]))) == "output_differs"


@pytest.mark.parametrize(
    ("field", "root", "compute"), [("inputs", "input_root", input_root), ("outputs", "output_root", output_root)]
)
def test_rejects_public_values_changed_together_with_their_root(field, root, compute):
    for cell in range(getattr(PROOF, field)[0].size):
        changed = getattr(PROOF, field)[0].copy()
        changed.reshape(-1)[cell] += -1 if changed.reshape(-1)[cell] > 0 else 1
        forged = replace(PROOF, **{field: (changed,)})
        statement = replace(STATEMENT, **{root: compute([changed])})
        assert rejected(forged.encode(), statement=statement) in ("fraction_sum_not_zero", "layer_mismatch")


@pytest.mark.parametrize(
    "change",
    [
        {"tensors": (*toy.SYSTEM.tensors, Tensor(Kind.ONES, (2,)))},
        {"identities": toy.IDENTITIES[:-1]},
        {"identities": toy.IDENTITIES[1:] + toy.IDENTITIES[:1]},
        {"fractions": toy.FRACTIONS[::-1]},
    ],
)
def test_rejects_proof_under_another_system(change):
    other = replace(KEY, system=replace(toy.SYSTEM, **change))
    assert rejected(key=other) in ("proof_malformed", "layer_mismatch")


def test_rejects_proof_under_commitments_to_other_constants():
    swapped = replace(KEY, commitments=KEY.commitments[::-1])
    assert rejected(key=swapped) == "layer_mismatch"


def test_the_length_of_a_proof_follows_from_the_key():
    assert len(RAW) == SHAPE.length
    assert SumcheckProof.decode(RAW, SHAPE).encode() == RAW


@pytest.mark.parametrize("cut", [1, 31, 32, 64, len(RAW)])
def test_rejects_a_truncated_proof(cut):
    assert rejected(RAW[:-cut]) == "proof_malformed"


@pytest.mark.parametrize("more", [b"\0", bytes(32), bytes(64), RAW])
def test_rejects_an_extended_proof(more):
    assert rejected(RAW + more) == "proof_malformed"
    assert rejected(more + RAW) == "proof_malformed"


def words(raw: bytes, *, scalars: bool):
    """Where the scalars begin, or the points."""
    start = 2 * sum(tensor.size for tensor in PROOF.inputs) + 4 * sum(tensor.size for tensor in PROOF.outputs)
    rows = POINT_BYTES * SHAPE.rows
    tail = POINT_BYTES * 2
    values = 32 * 3 * SHAPE.row_bits
    folds = POINT_BYTES * (SHAPE.row_bits - 1)
    end = len(raw)
    first = range(start, start + rows, POINT_BYTES)
    middle = range(start + rows, end - tail - values - folds, 32)
    fold_points = range(end - tail - values - folds, end - tail - values, POINT_BYTES)
    fold_values = range(end - tail - values, end - tail, 32)
    last = range(end - tail, end, POINT_BYTES)
    return [*middle, *fold_values] if scalars else [*first, *fold_points, *last]


def test_rejects_every_scalar_that_is_not_canonical():
    for at in words(RAW, scalars=True):
        value = int.from_bytes(RAW[at : at + 32], "big") + MODULUS  # the same element of the field
        assert rejected(RAW[:at] + value.to_bytes(32, "big") + RAW[at + 32 :]) == "proof_malformed"


def test_rejects_every_point_off_the_curve_or_not_reduced():
    for at in words(RAW, scalars=False):
        x, y = (int.from_bytes(RAW[at + half : at + half + 32], "big") for half in (0, 32))
        assert (x, y) != (0, 0)
        for point in ((x, (y + 1) % BASE_MODULUS), (0, y), (x, 0), (x + BASE_MODULUS, y), (x, y + BASE_MODULUS)):
            raw = b"".join(coordinate.to_bytes(32, "big") for coordinate in point)
            assert rejected(RAW[:at] + raw + RAW[at + 64 :]) == "proof_malformed"


def test_rejects_public_elements_beyond_their_bits():
    for value in (128, -129, 2**15 - 1, -(2**15)):
        raw = np.array([value], ">i2").tobytes() + RAW[2:]
        assert rejected(raw) == "value_out_of_range"


def test_refuses_a_key_that_couples_too_many_points(monkeypatch):
    monkeypatch.setattr("circuits.lower.sumcheck.reading.MAX_GROUP_POINTS", 2)
    assert rejected(key=SumcheckKey.decode(KEY.encode())) == "key_too_large"


def test_an_identity_of_nothing_adds_nothing():
    system = replace(toy.SYSTEM, identities=(*toy.IDENTITIES, Identity((2,), ()), Identity((), ())))
    key = reference.key_of(system, toy.values())
    prover = reference.Prover(system, key, toy.values())
    check(prover.proof().encode(), statement=prover.statement(), key=key)


def public(which: str, tensor: Tensor) -> tuple[ProofShape, bytes]:
    """A shape with this tensor alone before the messages, and these."""
    none = replace(SHAPE, inputs=(), outputs=())
    return replace(none, **{which: (tensor,)}), RAW[SHAPE.length - none.length :]


@pytest.mark.parametrize("bits", [8, 15, 17, 31])
@pytest.mark.parametrize("which", ["inputs", "outputs"])
def test_rejects_public_elements_beyond_their_bits_wherever_the_wire_has_more(which, bits):
    shape, messages = public(which, Tensor(Kind.INPUT, (2,), bits))
    least, most, wire = -(1 << bits - 1), (1 << bits - 1) - 1, ">i2" if bits <= 16 else ">i4"
    SumcheckProof.decode(np.array([least, most], wire).tobytes() + messages, shape)
    for pair in ((least - 1, 0), (0, least - 1), (most + 1, 0), (0, most + 1)):
        with pytest.raises(VerificationError) as refusal:
            SumcheckProof.decode(np.array(pair, wire).tobytes() + messages, shape)
        assert refusal.value.code == "value_out_of_range"


@pytest.mark.parametrize("which", ["inputs", "outputs"])
def test_reads_a_public_tensor_without_elements(which):
    shape, messages = public(which, Tensor(Kind.INPUT, (3, 0), 8))
    (empty,) = getattr(SumcheckProof.decode(messages, shape), which)
    assert empty.shape == (3, 0)


def test_products_of_public_tensors_alone_send_no_factors_and_absorb_that():
    """y = x·x with y also committed, so that there is a table."""
    x, y, w = (Reading(number, AffineMap.identity((2,))) for number in range(3))
    tensors = (Tensor(Kind.INPUT, (2,), 8), Tensor(Kind.OUTPUT, (2,), 16), Tensor(Kind.WITNESS, (2,)))
    square, same = (Term(1, (w,)), Term(-1, (x, x))), (Term(1, (w,)), Term(-1, (y,)))
    system = System(tensors, (Identity((2,), square), Identity((2,), same)), ())
    values = [np.array([3, -5]), np.array([9, 25]), np.array([9, 25])]
    key = SumcheckKey.decode(reference.key_of(system, values).encode())
    prover = reference.Prover(system, key, values)
    proof = prover.proof()
    assert (len(prover.products), proof.factors) == (1, ())
    verify(prover.statement(), key, proof.encode(), reference.ACCEPTED, KnownTau())
    assert Argument(proving_key(key, values), values).prove(prover.statement()) == proof.encode()
