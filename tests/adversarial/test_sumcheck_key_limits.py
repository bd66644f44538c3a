"""Keys whose readings would cost a verifier too much (docs/protocol/sumcheck.md section 10)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from sumcheck_key_cases import KEY, added, changed, fitting, identity, refused
from tiny_systems import ONE, C, W, X, Y, one

from circuits.lower.sumcheck.system import Fractions, Identity, Kind, Reading, Tensor, Term
from circuits.program.refs import UNMAPPED, AffineMap
from verifier.sumcheck_key import SumcheckKey


def test_rejects_a_reading_that_couples_too_many_points() -> None:
    diagonal = AffineMap((4,), (0,), ((1, 1),))
    refused(identity(one(W, diagonal), dims=(2**13, 2**13)), "couples over 16777216 points")


def test_rejects_readings_that_couple_too_many_points_together() -> None:
    """Each passes alone, and a reading counts once however often it stands there."""
    diagonals = [one(W, AffineMap((4,), (offset,), ((1, 1),))) for offset in range(4)]
    SumcheckKey.decode(identity(*diagonals[:3], dims=(2**12, 2**12)))
    SumcheckKey.decode(identity(*diagonals[:1] * 5, dims=(2**12, 2**12)))
    refused(identity(*diagonals, dims=(2**12, 2**12)), "couple over 67108864 points in all")


def test_rejects_a_reading_that_is_weighed_too_often_beside_different_partners() -> None:
    """Its weights are others for each set of axes that it shares with the other factor."""
    large, dims = len(KEY.system.tensors), (1 << 6,) * 4
    coupled = Reading(large, AffineMap((1 << 24,), (1,), ((1 << 18, 1 << 12, 1 << 6, 1),)))
    partners = [
        Reading(W, AffineMap((4,), (0,), (tuple(int(axis in kept) for axis in range(4)),)))
        for kept in ((0,), (1,), (2,), (0, 1), (0, 2))
    ]

    def raw(partners: list[Reading]) -> bytes:
        terms = tuple(Term(1, (coupled, partner)) for partner in partners)
        system = replace(KEY.system, tensors=added(Tensor(Kind.IOTA, (1 << 24,))), identities=(Identity(dims, terms),))
        return replace(KEY, system=system).encode()

    refused(raw(partners), "couple over 67108864 points in all")
    SumcheckKey.decode(raw(partners[:3]))
    SumcheckKey.decode(raw(partners[:1] * 5))


def test_rejects_a_reading_that_is_weighed_too_often_over_different_boxes() -> None:
    """Its weights are others for each split of one grid into a box and inner points."""
    grid = (1 << 8,) * 3
    diagonal = one(W, AffineMap((4,), (0,), ((1, 1, 1),)))

    def raw(boxes: Iterable[int]) -> bytes:
        split = tuple(Identity(grid[:axes], (replace(diagonal, inner=grid[axes:]),)) for axes in boxes)
        return changed(identities=(*KEY.system.identities, *split))

    refused(raw(range(4)), "couple over 67108864 points in all")
    SumcheckKey.decode(raw(range(3)))
    SumcheckKey.decode(raw((2,) * 5))


@pytest.mark.parametrize("kind", [Kind.INPUT, Kind.OUTPUT, Kind.ONES])
def test_rejects_inputs_and_outputs_whose_elements_are_summed_too_often(kind: Kind) -> None:
    """Each time one by one, however small the groups; ones are no elements."""
    large, dims = len(KEY.system.tensors), (1 << 10, 1 << 10)
    term = one(large, AffineMap.identity(dims))

    def raw(count: int) -> bytes:
        tensor, sums = Tensor(kind, dims, 0 if kind is Kind.ONES else 8), (Identity(dims, (term,) * count),)
        return replace(KEY, system=replace(KEY.system, tensors=added(tensor), identities=sums)).encode()

    SumcheckKey.decode(raw(63))
    if kind is Kind.ONES:
        SumcheckKey.decode(raw(65))
    else:
        refused(raw(65), "couple over 67108864 points in all")


def test_rejects_a_reading_whose_group_has_too_many_cells() -> None:
    long = len(KEY.system.tensors)
    system = replace(KEY.system, tensors=added(Tensor(Kind.ONES, (2**25,))))
    term = one(long, AffineMap((2**25,), (0,), ((1,),)))
    system = replace(system, identities=(Identity((1,), (term,)),))
    refused(replace(KEY, system=system).encode(), "couples over 16777216 points")


@pytest.mark.parametrize("is_numerator", [True, False])
def test_readings_of_fractions_count_like_those_of_identities(is_numerator: bool) -> None:
    diagonals = [one(W, AffineMap((4,), (offset,), ((1, 1),))) for offset in range(4)]
    constant = one(ONE, UNMAPPED)

    def raw(terms: list[Term], dims: tuple[int, ...]) -> bytes:
        added = [Fractions(1, dims, t, ()) if is_numerator else Fractions(1, dims, constant, ((t,),)) for t in terms]
        return fitting(fractions=(*KEY.system.fractions, *added))

    refused(raw(diagonals[:1], (2**13, 2**13)), "couples over 16777216 points")
    refused(raw(diagonals, (2**12, 2**12)), "couple over 67108864 points in all")
    SumcheckKey.decode(raw(diagonals[:3], (2**12, 2**12)))


def test_committed_tensors_that_are_read_alike_count_once() -> None:
    """A verifier weighs them once, whether the key commits to them or the proof; four such readings are too many."""
    diagonal = AffineMap((4,), (0,), ((1, 1),))
    alike = [one(number, diagonal) for number in (X, Y, C, W)]
    SumcheckKey.decode(identity(*alike, dims=(2**12, 2**12)))
