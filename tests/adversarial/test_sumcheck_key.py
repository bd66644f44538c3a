"""Keys from a stranger: what is refused before anything is computed (docs/protocol/sumcheck.md section 10)."""

import random
from dataclasses import replace

import pytest
from sumcheck_key_cases import KEY, added, changed, fitting, identity, refused, with_tensor
from tiny_systems import ALONG, ONE, ROW, THREE, C, W, X, one

from circuits.lower.sumcheck.system import Fractions, Identity, Kind, Reading, System, Tensor, Term
from circuits.program.refs import UNMAPPED, AffineMap
from circuits.statement import MAX_RANK, keccak256
from verifier.curve import G1_GENERATOR, IDENTITY, encode_point, negate
from verifier.errors import VerificationError
from verifier.field import BASE_MODULUS
from verifier.sumcheck_key import MAX_BYTES, SumcheckKey

RAW = KEY.encode()
HEAD = 4 + 1 + 32 + 32 + 1 + 2


def test_a_key_is_read_as_it_was_written():
    assert SumcheckKey.decode(RAW) == KEY
    assert KEY.digest() == keccak256(b"\x0c" + RAW)
    assert RAW[:5] == b"IPSC\x01"
    assert RAW[HEAD - 3 : HEAD] == b"\x04\x00\x01"


@pytest.mark.parametrize(
    "other",
    [
        replace(KEY, model_id=b"\x33" * 32),
        replace(KEY, srs_digest=b"\x33" * 32),
        replace(KEY, row_bits=5),
        replace(KEY, commitments=(G1_GENERATOR,)),
        replace(KEY, commitments=(negate(G1_GENERATOR),)),
        replace(KEY, system=replace(KEY.system, identities=KEY.system.identities[::-1])),
        replace(KEY, system=replace(KEY.system, tensors=with_tensor(X, Tensor(Kind.INPUT, (4,), 9)))),
    ],
    ids=["model", "string", "rows", "weights", "negated weights", "identities", "bits"],
)
def test_the_digest_binds(other):
    assert SumcheckKey.decode(other.encode()) == other
    assert other.digest() != KEY.digest()


def test_rejects_every_truncation_and_what_follows_the_end():
    for size in range(0, len(RAW)):
        refused(RAW[:size], "")
    refused(RAW + b"\0", "goes on after its end")


def test_rejects_random_bytes():
    rng = random.Random(3)
    for size in (0, 1, HEAD, 500):
        refused(rng.randbytes(size), "")
        refused(RAW[:HEAD] + rng.randbytes(size), "")


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_any_byte_changed_is_refused_or_names_another_key(flip):
    for at in range(len(RAW)):
        raw = RAW[:at] + bytes([RAW[at] ^ flip]) + RAW[at + 1 :]
        try:
            key = SumcheckKey.decode(raw)
        except VerificationError:
            continue
        assert key != KEY
        assert key.encode() == raw


@pytest.mark.parametrize("raw", [b"IPSD" + RAW[4:], RAW[:4] + b"\2" + RAW[5:], RAW[:4] + b"\0" + RAW[5:]])
def test_rejects_another_magic_or_version(raw):
    refused(raw, "begins with")


def test_rejects_a_key_that_is_too_long_before_reading_it():
    refused(RAW + bytes(MAX_BYTES), "a key has")


@pytest.mark.parametrize(
    "point",
    [
        encode_point((1, 3)),
        (1 + BASE_MODULUS).to_bytes(32, "big") + encode_point(G1_GENERATOR)[32:],
        b"\xff" * 64,
    ],
    ids=["off the curve", "not canonical", "ones"],
)
def test_rejects_commitments_that_are_no_points(point):
    refused(RAW[:HEAD] + point + RAW[HEAD + 64 :], "")


@pytest.mark.parametrize("commitments", [(), (IDENTITY, IDENTITY)], ids=["dropped", "duplicated"])
def test_rejects_another_number_of_commitments_than_the_system_has_rows(commitments):
    refused(replace(KEY, commitments=commitments).encode(), "do not fit the 1 SETUP rows")


@pytest.mark.parametrize("row_bits", [0, 3, 29, 255])
def test_rejects_rows_of_impossible_size(row_bits):
    refused(replace(KEY, row_bits=row_bits).encode(), "no row has so many cells")


@pytest.mark.parametrize(
    "tensor",
    [
        Tensor(Kind.INPUT, (4,), 0),
        Tensor(Kind.INPUT, (4,), 7),
        Tensor(Kind.OUTPUT, (4,), 33),
        Tensor(Kind.WITNESS, (4,), 8),
        Tensor(Kind.ONES, (4,), 8),
        Tensor(Kind.IOTA, (2, 2)),
        Tensor(Kind.IOTA, ()),
        Tensor(Kind.WITNESS, (2**28 + 1,)),
        Tensor(Kind.SETUP, (2**32 - 1, 2**32 - 1)),
        Tensor(Kind.ONES, (5,) * 12),
        Tensor(Kind.INPUT, (2**29, 0), 8),
    ],
    ids=repr,
)
def test_rejects_tensors_that_no_program_has(tensor):
    refused(changed(tensors=added(tensor)), "impossible dims, bits or kind")


@pytest.mark.parametrize("kind", [Kind.INPUT, Kind.OUTPUT])
def test_rejects_public_tensors_of_more_axes_than_a_root_has(kind):
    """Each proof under such a key crashed the verifier, where it hashes the tensor."""
    refused(changed(tensors=added(Tensor(kind, (1,) * (MAX_RANK + 1), 8))), "impossible dims, bits or kind")
    SumcheckKey.decode(changed(tensors=added(Tensor(kind, (1,) * MAX_RANK, 8))))


def test_rejects_a_system_without_an_output_or_with_too_many():
    refused(changed(tensors=with_tensor(1, Tensor(Kind.WITNESS, (4,)))), "the number of OUTPUT tensors")
    refused(changed(tensors=with_tensor(X, Tensor(Kind.SETUP, (4,)))), "the number of INPUT tensors")
    refused(changed(tensors=added(*[Tensor(Kind.INPUT, (1,), 8)] * 255)), "the number of INPUT tensors")


@pytest.mark.parametrize("kind", [Kind.SETUP, Kind.WITNESS])
def test_rejects_a_committed_tensor_of_too_many_rows(kind):
    """Before they are laid out."""
    refused(changed(tensors=added(Tensor(kind, (2**25,)))), "more than 1048576 rows")


@pytest.mark.parametrize("dims", [(0,), (4, 0), (2**28 + 1,), (2**20, 2**20)])
def test_rejects_boxes_that_are_empty_or_too_large(dims):
    refused(identity(dims=dims), "a box is empty or too large")
    refused(changed(fractions=(Fractions(1, dims, one(ONE, UNMAPPED), ()),)), "a box is empty or too large")


@pytest.mark.parametrize("inner", [(0,), (2**28, 2**28), (1,) * 16])
def test_rejects_sums_that_are_empty_or_too_large(inner):
    refused(identity(Term(1, (Reading(ONE, UNMAPPED),), inner)), "a grid is empty or too large")


@pytest.mark.parametrize("count", [0, 3])
def test_rejects_terms_that_are_neither_linear_nor_products(count):
    refused(identity(Term(1, (Reading(W, ALONG),) * count)), "neither one reading nor two")


@pytest.mark.parametrize("coefficient", [0, 2, -2])
def test_rejects_numerators_other_than_plus_or_minus_a_reading(coefficient):
    fractions = Fractions(1, (4,), one(W, coefficient=coefficient), ())
    refused(changed(fractions=(fractions,)), "no reading times ±1")


@pytest.mark.parametrize(
    "term", [Term(1, (Reading(W, ALONG), Reading(C, ALONG))), Term(1, (Reading(ONE, UNMAPPED),), (2,)), Term(1, ())]
)
def test_rejects_fractions_that_sum_or_multiply(term):
    for numerator, columns in ((term, ()), (one(W), ((term,),))):
        refused(changed(fractions=(Fractions(1, (4,), numerator, columns),)), "sums or multiplies")


def test_rejects_too_many_leaves():
    large = Fractions(1, (2**28,), one(ONE, UNMAPPED), ())
    refused(changed(fractions=(large, *KEY.system.fractions)), "more than 268435456 leaves")


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (THREE, "a view has other elements"),
        (AffineMap((4,), (0,), ((1, 0),)), "does not fit a grid"),
        (AffineMap((2, 2), (0, 0), ((1,), (1,))), ""),
    ],
    ids=["another view", "another grid", "fine"],
)
def test_rejects_maps_that_do_not_fit(how, reason):
    raw = identity(one(W, how))
    if reason:
        refused(raw, reason)
    else:
        SumcheckKey.decode(raw)


def test_rejects_a_view_whose_product_is_only_right_modulo_a_word():
    how = AffineMap((2**31, 2**31, 4), (0, 0, 0), ((0,), (0,), (1,)))
    refused(identity(one(W, how)), "a view has other elements")


def test_rejects_a_reading_of_a_committed_tensor_without_elements():
    empty = len(KEY.system.tensors)
    nowhere = AffineMap((0,), (0,), ((1,),))
    system = System(added(Tensor(Kind.WITNESS, (0,))), (Identity((4,), (one(empty, nowhere),)),), KEY.system.fractions)
    refused(replace(KEY, system=system).encode(), "without elements")


def test_accepts_a_reading_of_a_public_tensor_without_elements():
    empty = len(KEY.system.tensors)
    nowhere = AffineMap((0,), (0,), ((1,),))
    system = System(added(Tensor(Kind.ONES, (0,))), (Identity((4,), (one(empty, nowhere),)),), KEY.system.fractions)
    SumcheckKey.decode(replace(KEY, system=system).encode())


def test_an_index_counts_like_any_other_tensor():
    system = replace(KEY.system, tensors=with_tensor(ROW, Tensor(Kind.IOTA, (2**25,))))
    refused(replace(KEY, system=system).encode(), "a view has other elements")


def test_accepts_what_is_as_large_as_it_may_be():
    sixteen = Identity((4,), (Term(1, (Reading(ONE, UNMAPPED),), (1,) * 15),))
    widest = Identity((2**18,), (Term(1, (Reading(ONE, UNMAPPED),), (2**18,)),))
    leaves = Fractions(1, (2**28,), one(ONE, UNMAPPED), ())
    for raw in (
        fitting(tensors=added(Tensor(Kind.ONES, (2**28,)))),
        fitting(tensors=added(*[Tensor(Kind.INPUT, (1,), 8)] * 254)),
        fitting(tensors=added(*[Tensor(Kind.OUTPUT, (1,), 8)] * 254)),
        fitting(identities=(*KEY.system.identities, sixteen, widest)),
        fitting(fractions=(leaves,)),
        fitting(28),
    ):
        assert SumcheckKey.decode(raw).encode() == raw


def test_rejects_a_grid_a_row_larger_than_it_may_be():
    larger = Identity((2**18,), (Term(1, (Reading(ONE, UNMAPPED),), (2**18 + 1,)),))
    refused(fitting(identities=(*KEY.system.identities, larger)), "a grid is empty or too large")
