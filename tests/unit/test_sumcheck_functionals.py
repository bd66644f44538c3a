"""Functionals and their extensions against the definition, point by point, for maps of every kind
(docs/protocol/sumcheck.md sections 1, 7 and 8)."""

import itertools
import math
import random
from dataclasses import dataclass

import numpy as np
import pytest

from circuits.lower.sumcheck.layout import axis_bits, box_bits, layout, padded_strides
from circuits.lower.sumcheck.reading import groups
from circuits.lower.sumcheck.system import Kind, System, Tensor
from circuits.program.indexing import strided_view
from circuits.program.refs import UNMAPPED, AffineMap
from verifier.claims import Functional
from verifier.field import eq_index, eq_table
from verifier.functionals import Functionals

P = 97


@dataclass
class Case:
    dims: tuple[int, ...]
    how: AffineMap
    grid: tuple[int, ...]


def case(dims, offsets, *strides, grid, view=None):
    return Case(dims, AffineMap(view or dims, tuple(offsets), strides), grid)


CASES = {
    "one element": case((), (), grid=()),
    "one element, everywhere": case((1, 1), (0, 0), (0, 0), (0, 0), grid=(3, 2)),
    "as it stands": case((3, 5), (0, 0), (1, 0), (0, 1), grid=(3, 5)),
    "full powers of two": case((4, 8), (0, 0), (1, 0), (0, 1), grid=(4, 8)),
    "transposed": case((3, 5), (0, 0), (0, 1), (1, 0), grid=(5, 3)),
    "repeated": case((3, 1), (0, 0), (1, 0), (0, 0), grid=(3, 4)),
    "only the first rows": case((7, 5), (0, 0), (1, 0), (0, 1), grid=(2, 5)),
    "from an offset": case((7,), (3,), (1,), grid=(4,)),
    "every other": case((7,), (0,), (2,), grid=(4,)),
    "backwards": case((6,), (5,), (-1,), grid=(6,)),
    "partly out of bounds": case((5,), (-2,), (1,), grid=(9,)),
    "never in bounds": case((5,), (7,), (1,), grid=(3,)),
    "one place of a long axis": case((300,), (287,), (0,), grid=(2,)),
    "a place that there is not": case((3, 2), (0, 2), (1,), (0,), grid=(3,)),
    "a convolution": case(
        (2, 6, 7), (0, -1, -1), (1, 0, 0, 0, 0), (0, 2, 0, 1, 0), (0, 0, 2, 0, 1), grid=(2, 3, 3, 3, 3)
    ),
    "a diagonal": case((4, 4), (0, 0), (1,), (1,), grid=(4,)),
    "flattened": case((3, 5), (0,), (1,), grid=(15,), view=(15,)),
    "flattened, of powers of two": case((4, 8), (0,), (1,), grid=(32,), view=(32,)),
    "split, of powers of two": case(
        (3, 32), (0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), grid=(3, 4, 8), view=(3, 4, 8)
    ),
    "split by strides": case((32,), (0,), (8, 1), grid=(4, 8)),
    "split by strides, the first of 3": case((32,), (0,), (8, 1), grid=(3, 8)),
    "split by strides, the last of 3": case((30,), (0,), (3, 1), grid=(5, 3)),
    "heads": case((5, 12), (0, 0, 0), (0, 1, 0), (1, 0, 0), (0, 0, 1), grid=(3, 5, 4), view=(5, 3, 4)),
    "a view that cuts across": case((6, 4), (0, 0), (1, 0), (0, 1), grid=(8, 3), view=(8, 3)),
    "axes of size one": case((1, 3, 1, 2), (0, 0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 0), (0, 0, 1), grid=(1, 3, 2)),
    "read by a sum": case((9,), (0,), (1, 1, 1), grid=(3, 4, 2)),
    "unused axes": case((3,), (0,), (0, 1, 0), grid=(4, 3, 5)),
}


def weighed(found: Case, generator: random.Random, kind: Kind = Kind.WITNESS) -> tuple[System, Functional]:
    weights = tuple(
        None if generator.random() < 0.3 else tuple(generator.randrange(P) for _ in range(axis_bits(size)))
        for size in found.grid
    )
    # Another tensor before it, so that its block does not begin at 0.
    system = System((Tensor(kind, (9,)), Tensor(kind, found.dims)), (), ())
    return system, Functional(1, found.how, found.grid, weights)


def point_weights(functional: Functional) -> np.ndarray:
    tables = [
        [1] * size if weight is None else eq_table(weight, size, P)
        for size, weight in zip(functional.grid, functional.weights, strict=True)
    ]
    return np.array([math.prod(cells) % P for cells in itertools.product(*tables)], dtype=object)


def by_definition(functional: Functional, elements: np.ndarray) -> int:
    read = strided_view(elements.reshape(-1), functional.how, functional.grid).reshape(-1)
    return int((read.astype(object) * point_weights(functional)).sum()) % P


def elements_of(kind: Kind, dims, generator: random.Random) -> np.ndarray:
    size = math.prod(dims)
    if kind is Kind.ONES:
        return np.ones(dims, np.int64)
    if kind is Kind.IOTA:
        return np.arange(size).reshape(dims)
    return np.array([generator.randrange(-50, 50) for _ in range(size)], np.int64).reshape(dims)


@pytest.mark.parametrize("kind", [Kind.INPUT, Kind.ONES, Kind.IOTA])
@pytest.mark.parametrize("name", CASES)
def test_a_known_tensors_value_is_the_definitions(name, kind):
    generator = random.Random(name)
    for _ in range(5):
        system, functional = weighed(CASES[name], generator, kind)
        elements = elements_of(kind, CASES[name].dims, generator)
        functionals = Functionals(system, {1: elements}, P)
        assert functionals.known_value(functional) == by_definition(functional, elements)
        assert functionals.known_value(functional) == by_definition(functional, elements)  # from what it keeps


@pytest.mark.parametrize("name", CASES)
def test_the_extension_of_the_weights_is_the_definitions(name):
    generator = random.Random(name)
    dims = CASES[name].dims
    offsets = [
        sum(s * i for s, i in zip(padded_strides(dims), cell, strict=True))
        for cell in itertools.product(*map(range, dims))
    ]
    for _ in range(5):
        system, functional = weighed(CASES[name], generator)
        table = layout(system, 4)
        block = table.blocks[1]
        x = [generator.randrange(P) for _ in range(table.variables)]
        cells = np.array([eq_index(x, block.offset + offset, P) for offset in offsets], dtype=np.int64)
        assert Functionals(system, {}, P).extension(functional, block, x) == by_definition(functional, cells)


def test_the_cases_have_groups_of_every_kind():
    sizes = {name: [len(g.axes) for g in groups(c.dims, c.how, c.grid)] for name, c in CASES.items()}
    assert sizes["a convolution"] == [1, 2, 2]
    assert sizes["heads"] == [1, 2]
    assert sizes["a place that there is not"] == [1, 0]
    assert sizes["a view that cuts across"] == [2]


def test_random_maps_agree_with_the_definition():
    generator = random.Random(5)
    for _ in range(300):
        rank, axes = generator.randrange(4), generator.randrange(4)
        dims = tuple(generator.randrange(1, 6) for _ in range(rank))
        grid = tuple(generator.randrange(1, 5) for _ in range(axes))
        how = AffineMap(
            dims,
            tuple(generator.randrange(-2, 3) for _ in dims),
            tuple(tuple(generator.choice([-1, 0, 0, 1, 1, 2]) for _ in grid) for _ in dims),
        )
        system, functional = weighed(Case(dims, how, grid), generator)
        elements = elements_of(Kind.INPUT, dims, generator)
        known = System((system.tensors[0], Tensor(Kind.INPUT, dims, 8)), (), ())
        assert Functionals(known, {1: elements}, P).known_value(functional) == by_definition(functional, elements)
        block = layout(system, 4).blocks[1]
        assert block.bits == box_bits(dims)
        x = [generator.randrange(P) for _ in range(layout(system, 4).variables)]
        strides = padded_strides(dims)
        cells = [
            eq_index(x, block.offset + sum(s * i for s, i in zip(strides, cell, strict=True)), P)
            for cell in itertools.product(*map(range, dims))
        ]
        found = Functionals(system, {}, P).extension(functional, block, x)
        assert found == by_definition(functional, np.array(cells, np.int64))


def test_a_tensor_or_a_grid_without_elements_weighs_nothing():
    system = System((Tensor(Kind.INPUT, (0, 3), 8), Tensor(Kind.INPUT, (3,), 8), Tensor(Kind.WITNESS, (3,))), (), ())
    functionals = Functionals(system, {0: np.zeros((0, 3), np.int64), 1: np.ones(3, np.int64)}, P)
    empty = Functional(0, AffineMap((0, 3), (0, 0), ((1,), (0,))), (2,), (None,))
    assert functionals.known_value(empty) == 0
    nowhere = AffineMap((3,), (0,), ((1,),))
    assert functionals.known_value(Functional(1, nowhere, (0,), (None,))) == 0
    assert functionals.extension(Functional(2, nowhere, (0,), (None,)), layout(system, 4).blocks[2], [3] * 4) == 0


# Of equal dims, and two more that are read otherwise.
KINDS = (Kind.INPUT, Kind.INPUT, Kind.OUTPUT, Kind.ONES, Kind.IOTA, Kind.SETUP, Kind.WITNESS)
MIXED = (*(Tensor(kind, (4,), 8 * (kind < 2)) for kind in KINDS), Tensor(Kind.ONES, ()), Tensor(Kind.ONES, (3,)))
PUBLIC = {0: np.array([5, 6, 7, 8]), 1: np.array([1, -2, 3, -4]), 2: np.array([9, 9, 8, 7])}


def alike() -> list[Functional]:
    """Functionals that differ in one thing each: tensor, map, grid, weights."""
    maps = [AffineMap((4,), (offset,), ((stride,),)) for offset, stride in ((0, 1), (1, 1), (3, -1), (0, 2))]
    read = [*itertools.product(range(7), maps), (7, UNMAPPED), (8, AffineMap((3,), (0,), ((1,),)))]
    over = itertools.product((3, 4), [(10, 20), (10, 21), None])
    return [Functional(*which, (size,), (weight,)) for which, (size, weight) in itertools.product(read, over)]


@pytest.mark.parametrize("order", [1, -1])
def test_what_is_computed_once_is_what_is_asked_for(order):
    system = System(MIXED, (), ())
    table, together = layout(system, 4), Functionals(system, PUBLIC, P)

    def value(own: Functionals, functional: Functional, x: tuple[int, ...]) -> int:
        if MIXED[functional.tensor].kind.committed:
            return own.extension(functional, table.blocks[functional.tensor], x)
        return own.known_value(functional)

    points = [tuple(range(2 + k, 2 + k + table.variables)) for k in (0, 1)]
    for functional, x in itertools.product(alike()[::order], points):
        assert value(together, functional, x) == value(Functionals(system, PUBLIC, P), functional, x)
