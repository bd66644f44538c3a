"""Closed forms over the first cells of an axis against their definitions, for every length, in a field small enough to
see through (docs/protocol/sumcheck.md sections 1 and 5)."""

import random

import pytest

from verifier.field import (
    MODULUS,
    eq,
    eq_index,
    eq_prefix,
    eq_prefix_dot,
    eq_prefix_index,
    eq_table,
    evaluate,
    powers,
    round_at,
    scalar_bytes,
)
from verifier.transcript import Tag, Transcript

P = 97
RANDOM = random.Random(1)


def point(variables):
    return [RANDOM.randrange(P) for _ in range(variables)]


LENGTHS = [(variables, count) for variables in range(6) for count in range((1 << variables) + 1)]


@pytest.mark.parametrize("variables", range(6))
def test_eq_of_bits_is_one_only_for_the_same_index(variables):
    for i in range(1 << variables):
        bits = [i >> j & 1 for j in range(variables)]
        assert eq_table(bits, modulus=P) == [int(i == j) for j in range(1 << variables)]
        z = point(variables)
        assert eq_index(z, i, P) == eq(z, bits, P)


@pytest.mark.parametrize(("variables", "count"), LENGTHS)
def test_sums_over_the_first_cells_are_those_of_the_definition(variables, count):
    z, y = point(variables), point(variables)
    cells = [eq_index(z, t, P) for t in range(count)]
    assert eq_table(z, count, P) == cells
    assert eq_prefix(z, count, P) == sum(cells) % P
    assert eq_prefix_index(z, count, P) == sum(t * cell for t, cell in enumerate(cells)) % P
    assert eq_prefix_dot(z, y, count, P) == sum(c * eq_index(y, t, P) for t, c in enumerate(cells)) % P


@pytest.mark.parametrize("call", [eq_table, eq_prefix, eq_prefix_index, lambda z, n: eq_prefix_dot(z, z, n)])
@pytest.mark.parametrize("count", [-1, 9])
def test_refuses_cells_that_the_variables_do_not_have(call, count):
    with pytest.raises(ValueError, match="variables have no"):
        call([1, 2, 3], count)


def test_refuses_an_index_beyond_the_point():
    with pytest.raises(ValueError, match="more than 2 bits"):
        eq_index([5, 6], 4)


def test_refuses_points_of_different_lengths():
    with pytest.raises(ValueError, match="zip"):
        eq([1], [1, 2])
    with pytest.raises(ValueError, match="zip"):
        eq_prefix_dot([1], [1, 2], 1)


@pytest.mark.parametrize("sent", [(3, 5), (3, 5, 7)])
def test_a_round_adds_up_to_its_claim_whatever_was_sent(sent):
    for claim in range(P):
        assert (round_at(claim, sent, 0, P) + round_at(claim, sent, 1, P)) % P == claim
        linear = (claim - 2 * sent[0] - sum(sent[1:])) % P
        assert round_at(claim, sent, 11, P) == evaluate([sent[0], linear, *sent[1:]], 11, P)


def test_powers_start_at_one():
    assert powers(5, 4, P) == [1, 5, 25, 28]
    assert powers(5, 0, P) == []


def test_scalars_are_32_bytes_from_the_highest():
    assert scalar_bytes([1, MODULUS - 1]) == bytes(31) + b"\x01" + (MODULUS - 1).to_bytes(32, "big")


def test_the_transcript_is_the_notes_chain_of_hashes():
    hashed = []

    def hasher(data):
        hashed.append(data)
        return bytes([len(hashed)]) * 32

    transcript = Transcript(hasher)
    transcript.absorb(Tag.WITNESS_ROWS, b"rows")
    drawn = transcript.challenge(Tag.BETA)
    start, absorbed = b"inferproof-sumcheck-1", b"\x01" * 32 + b"\x02" + b"\x00\x00\x00\x04" + b"rows"
    assert hashed == [start, absorbed, b"\x02" * 32 + b"\x03"]
    assert drawn == int.from_bytes(b"\x03" * 32, "big") % MODULUS


def test_what_is_drawn_depends_on_every_message_its_tag_and_its_border():
    def drawn(*messages):
        transcript = Transcript()
        for tag, data in messages:
            transcript.absorb(tag, data)
        return transcript.challenge(Tag.BETA)

    different = [
        (),
        ((Tag.PRODUCT_SUM, b""),),
        ((Tag.PRODUCT_SUM, b"ab"),),
        ((Tag.FACTORS, b"ab"),),
        ((Tag.PRODUCT_SUM, b"a"), (Tag.PRODUCT_SUM, b"b")),
        ((Tag.PRODUCT_SUM, b"b"), (Tag.PRODUCT_SUM, b"a")),
        ((Tag.PRODUCT_SUM, b"ab"), (Tag.PRODUCT_SUM, b"")),
    ]
    assert len({drawn(*messages) for messages in different}) == len(different)


def test_the_tags_are_the_notes():
    assert list(Tag) == list(range(1, 27))
