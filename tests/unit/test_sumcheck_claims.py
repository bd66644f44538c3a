"""The order in which values are sent, and the axes of products, as docs/protocol/sumcheck.md sections 7 and 8 say:
what prover and verifier share, checked by hand."""

import pytest
import sumcheck_toy as toy

from circuits.lower.sumcheck.layout import Block, FractionLayout, fraction_layout
from circuits.lower.sumcheck.system import Fractions, Identity, Kind, Reading, System, Tensor, Term
from circuits.program.refs import AffineMap
from verifier.claims import (
    Functional,
    LinearReading,
    Product,
    axis_points,
    extra_coordinates,
    factor_positions,
    product_instances,
)
from verifier.field import MODULUS
from verifier.forms import identity_form, leaf_forms

NAMES = list(toy.TENSORS)


def test_forms_read_once_what_fractions_and_identities_read_in_order_of_first_appearance():
    system, places = toy.SYSTEM, fraction_layout(toy.SYSTEM)
    numerator, denominator = leaf_forms(system, places, list(range(1, 9)), (3, 5))
    read = [
        [(NAMES[linear.reading.tensor], linear.box) for linear in form.readings] for form in (numerator, denominator)
    ]
    assert read == [
        [("ones", (3, 5)), ("ones", (3, 5)), ("uses_low", (16,)), ("uses_square", (16,))],
        [("low", (3, 5)), ("square", (3, 5)), ("iota16", (16,)), ("squares", (16,))],
    ]
    identities = identity_form(toy.IDENTITIES, 7)
    assert [NAMES[linear.reading.tensor] for linear in identities.readings][:4] == ["y", "conv", "ones", "flat"]


def test_the_same_map_on_another_box_or_with_other_inner_axes_is_another_reading():
    everywhere = AffineMap((), (), ())
    identities = tuple(
        Identity(dims, (Term(1, (Reading(0, everywhere),), inner), Term(2, (Reading(0, everywhere),), inner)))
        for dims, inner in (((2,), ()), ((3,), ()), ((2,), (3,)), ((2, 3), ()), ((2,), ()))
    )
    found = [(linear.box, linear.inner, c) for linear, c in identity_form(identities, 10).readings.items()]
    assert found == [((2,), (), 30003), ((3,), (), 30), ((2,), (3,), 300), ((2, 3), (), 3000)]


def test_leaves_outside_blocks_are_nothing_over_one_and_padding_is_nothing_over_alpha():
    fractions = Fractions(9, (3,), Term(-1, (Reading(0, AffineMap.identity((3,))),)), ())
    system = System((Tensor(Kind.WITNESS, (3,)),), (), (fractions,))
    places = FractionLayout(3, (Block(0, 2),))
    for leaf in range(8):
        numerator, denominator = leaf_forms(system, places, [leaf >> j & 1 for j in range(3)], (1000, 7))
        assert (numerator.constant, list(numerator.readings.values())) == (0, [-1 % MODULUS if leaf < 4 else 0])
        assert denominator.constant == (1 if leaf >= 4 else 1000 - 9 * (leaf < 3))


def test_products_are_the_terms_of_two_readings_and_send_the_factors_of_committed_tensors():
    products = product_instances(toy.SYSTEM)
    assert [(product.identity, product.coefficient) for product in products] == [
        (0, 1),
        (1, 1),
        (2, 2),
        (4, 1),
        (7, 1),
        (7, -1),
    ]
    sent = [
        (number, NAMES[products[number].readings[which].tensor])
        for number, which in factor_positions(toy.SYSTEM, products)
    ]
    assert sent == [
        (0, "w"),
        (1, "filter"),
        (2, "conv"),
        (2, "conv"),
        (3, "y"),
        (3, "w"),
        (4, "low"),
        (5, "low"),
    ]


def product(*strides_of_both: tuple[tuple[int, ...], tuple[int, ...]]) -> Product:
    """On the box (5, 3) with inner axes (4, 2); one pair of strides for each of the four axes."""
    maps = [AffineMap((1 << 20,), (0,), (tuple(strides[which] for strides in strides_of_both),)) for which in (0, 1)]
    term = Term(3, (Reading(0, maps[0]), Reading(1, maps[1])), (4, 2))
    return Product(0, term, (5, 3))


ZETA = (11, 12, 13, 14, 15, 99)  # the last axis of the box, of size 3, has 11 and 12; the first one 13, 14 and 15


@pytest.mark.parametrize(
    ("found", "shared", "summed", "unused", "rounds", "eq_point"),
    [
        (product((1, 1), (1, 1), (1, 1), (1, 1)), (0, 1, 2, 3), ((), ()), ((), 1), 8, (11, 12, 13, 14, 15)),
        (product((1, 0), (0, 1), (1, 1), (1, 1)), (2, 3), ((0,), (1,)), ((), 1), 3, ()),
        (product((1, 1), (0, 0), (0, 1), (0, 0)), (0,), ((), (2,)), ((1,), 2), 3, (13, 14, 15)),
        (product((0, 0), (1, 1), (1, 0), (1, 1)), (1, 3), ((2,), ()), ((0,), 1), 3, (11, 12)),
        (product((0, 0), (0, 0), (0, 0), (0, 0)), (), ((), ()), ((0, 1), 8), 0, ()),
    ],
)
def test_the_axes_of_a_product_are_the_notes_table(found, shared, summed, unused, rounds, eq_point):
    assert found.shared == shared
    assert found.summed == summed
    assert found.unused() == unused
    assert found.rounds == rounds
    assert found.eq_point(ZETA) == eq_point


def test_a_factor_is_weighed_by_rho_on_shared_axes_and_by_zeta_or_one_on_its_own():
    found = product((1, 0), (1, 1), (1, 1), (0, 1))
    rho = (21, 22, 23, 24)  # shared: the box's axis of 3 above the inner axis of 4
    (first, second) = (found.functional(which, ZETA, rho) for which in (0, 1))
    assert first == Functional(0, found.readings[0].how, (5, 3, 4, 1), ((13, 14, 15), (23, 24), (21, 22), None))
    assert second == Functional(1, found.readings[1].how, (1, 3, 4, 2), (None, (23, 24), (21, 22), None))
    assert found.summed_weights(0, ZETA) == {0: (13, 14, 15)}
    assert found.summed_weights(1, ZETA) == {3: None}


def test_a_linear_reading_is_weighed_by_zeta_on_its_box_and_by_one_inside():
    linear = LinearReading(Reading(0, AffineMap((30,), (0,), ((6, 2, 1),))), (5, 3), (2,))
    assert linear.functional(ZETA).weights == ((13, 14, 15), (11, 12), None)
    assert linear.functional(ZETA).grid == (5, 3, 2)


def test_the_last_axis_has_the_lowest_coordinates():
    assert axis_points((3, 1, 5), (1, 2, 3, 4, 5, 6)) == [(4, 5), (), (1, 2, 3)]
    assert axis_points((), (1, 2)) == []
    with pytest.raises(ValueError, match="a point of 4 coordinates for a box of 5 variables"):
        axis_points((3, 1, 5), (1, 2, 3, 4))


def test_zeta_is_extended_to_the_widest_identity():
    assert extra_coordinates(toy.SYSTEM, 7) == 2  # (20, 10) has 5 + 4 variables
    assert extra_coordinates(toy.SYSTEM, 9) == extra_coordinates(toy.SYSTEM, 12) == 0
    assert extra_coordinates(System((), (), ()), 1) == 0
