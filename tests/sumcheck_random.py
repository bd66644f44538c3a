"""Systems at random, satisfied: sums and products of readings of every kind, and look-ups that balance."""

import random

import numpy as np

from circuits.lower.sumcheck.system import Fractions, Identity, Kind, Reading, System, Tensor, Term
from circuits.program.indexing import strided_view
from circuits.program.refs import AffineMap


class Maker:
    """Adds tensors, identities and fractions one by one, keeping an assignment that satisfies them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.tensors: list[Tensor] = []
        self.values: list[np.ndarray] = []
        self.identities: list[Identity] = []
        self.fractions: list[Fractions] = []

    def dims(self, most: int = 3, size: int = 6) -> tuple[int, ...]:
        return tuple(self.random.randrange(1, size) for _ in range(self.random.randrange(most + 1)))

    def tensor(self, kind: Kind, values: np.ndarray) -> int:
        bits = 32 if kind in (Kind.INPUT, Kind.OUTPUT) else 0
        self.tensors.append(Tensor(kind, values.shape, bits))
        self.values.append(np.asarray(values, np.int64))
        return len(self.tensors) - 1

    def integers(self, dims: tuple[int, ...]) -> np.ndarray:
        cells = [self.random.randrange(-20, 21) for _ in range(int(np.prod(dims)))]
        return np.array(cells, np.int64).reshape(dims)

    def start(self) -> None:
        for kind in (Kind.INPUT, Kind.INPUT, Kind.SETUP, Kind.SETUP, Kind.WITNESS):
            self.tensor(kind, self.integers(self.dims()))
        self.tensor(Kind.ONES, np.ones(self.dims(), np.int64))
        self.tensor(Kind.IOTA, np.arange(self.random.randrange(1, 20)))

    def reading(self, grid: tuple[int, ...]) -> Reading:
        """Any tensor, seen as it is, flat or with its axes joined in pairs, anywhere near its bounds."""
        number = self.random.randrange(len(self.tensors))
        dims = self.tensors[number].dims
        view = self.random.choice([dims, (int(np.prod(dims)),), (*dims[:-2], int(np.prod(dims[-2:])))])
        strides = tuple(tuple(self.random.choice([0, 0, 1, 1, 2, -1]) for _ in grid) for _ in view)
        return Reading(number, AffineMap(view, tuple(self.random.randrange(-1, 3) for _ in view), strides))

    def read(self, reading: Reading, grid: tuple[int, ...]) -> np.ndarray:
        return strided_view(self.values[reading.tensor].reshape(-1), reading.how, grid).astype(np.int64)

    def term(self, box: tuple[int, ...]) -> Term:
        inner = self.dims(2, 4)
        readings = tuple(self.reading(box + inner) for _ in range(self.random.choice([1, 2, 2])))
        return Term(self.random.choice([-3, -1, 1, 2]), readings, inner)

    def total(self, terms, box: tuple[int, ...]) -> np.ndarray:
        total = np.zeros(box, np.int64)
        for term in terms:
            grid = np.ones(box + term.inner, np.int64)
            for reading in term.readings:
                grid = grid * self.read(reading, box + term.inner)
            total += term.coefficient * grid.sum(axis=tuple(range(len(box), grid.ndim)))
        return total

    def identity(self, kind: Kind = Kind.WITNESS) -> None:
        """A sum that a new tensor is equal to."""
        box = self.dims()
        terms = tuple(self.term(box) for _ in range(self.random.randrange(1, 4)))
        sums = self.total(terms, box)
        made = Reading(self.tensor(kind, sums % 1000), AffineMap.identity(box))
        # What is over, in a tensor of its own, so that products do not grow from one identity to the next.
        rest = Reading(self.tensor(Kind.WITNESS, sums // 1000), AffineMap.identity(box))
        self.identities.append(Identity(box, (*terms, Term(-1, (made,)), Term(-1000, (rest,)))))

    def lookup(self) -> None:
        """What is looked up at every point in bounds of some map, and a table of the different tuples."""
        box, tag = self.dims(), self.random.randrange(1, 3)
        columns = [
            (Term(2, (self.reading(box),)), Term(1, (self.reading(box),))) for _ in range(self.random.randrange(1, 3))
        ]
        numerator = Term(
            1, (Reading(self.ones_of(box), self.random.choice([AffineMap.identity(box), self.shifted(box)])),)
        )
        counts = self.total((numerator,), box).reshape(-1)
        tuples = np.stack([self.total(column, box).reshape(-1) for column in columns], axis=-1)
        rows, where = np.unique(tuples, axis=0, return_inverse=True)
        uses = np.bincount(where.reshape(-1), weights=counts, minlength=len(rows)).astype(np.int64)
        plain = AffineMap.identity((len(rows),))
        offered = [(Term(1, (Reading(self.tensor(Kind.WITNESS, row), plain),)),) for row in rows.T]
        used = Term(-1, (Reading(self.tensor(Kind.WITNESS, uses), plain),))
        self.fractions.append(Fractions(tag, box, numerator, tuple(columns)))
        self.fractions.append(Fractions(tag, (len(rows),), used, tuple(offered)))

    def ones_of(self, box: tuple[int, ...]) -> int:
        return self.tensor(Kind.ONES, np.ones(box, np.int64))

    def shifted(self, box: tuple[int, ...]) -> AffineMap:
        return AffineMap(box, tuple(self.random.randrange(2) for _ in box), AffineMap.identity(box).strides)


def random_system(seed: int) -> tuple[System, list[np.ndarray]]:
    """Up to six identities and three look-ups; every tensor of a few cells."""
    maker = Maker(seed)
    maker.start()
    for _ in range(maker.random.randrange(4)):
        maker.random.choice([maker.identity, maker.identity, maker.lookup])()
    maker.identity(Kind.OUTPUT)
    for _ in range(maker.random.randrange(3)):
        maker.random.choice([maker.identity, maker.lookup])()
    return System(tuple(maker.tensors), tuple(maker.identities), tuple(maker.fractions)), maker.values
