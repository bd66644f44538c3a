"""A slow second prover of docs/protocol/sumcheck.md, written from the note: dense tables, plain integers, a known tau.

It proves what it is given, true or not, and `tell` lets a test change any message before it is absorbed, so that what
follows is as convincing as an honest continuation can be.
"""

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import kzg_reference as kzg
import numpy as np
from sumcheck_rounds import Summand, fold, interpolate_coefficients

from circuits.lower.sumcheck.layout import fraction_layout, layout, padded_strides
from circuits.lower.sumcheck.system import Kind, System
from circuits.program.indexing import strided_view
from circuits.statement import Statement, input_root, output_root
from verifier.claims import (
    Functional,
    Terms,
    axis_points,
    extra_coordinates,
    factor_positions,
    product_instances,
    weighed,
)
from verifier.field import MODULUS, eq_index, eq_table, powers, scalar_bytes
from verifier.forms import Form, identity_form, leaf_forms
from verifier.srs import DEVELOPMENT_S_G2, Accepted, srs_digest
from verifier.sumcheck_key import SumcheckKey
from verifier.sumcheck_proof import LayerProof, ProofShape, SumcheckProof, points_bytes
from verifier.transcript import Tag, Transcript

ACCEPTED = Accepted(frozenset({DEVELOPMENT_S_G2}))

Tell = Callable[[Tag, tuple[int, ...]], Sequence[int]]


def truthful(tag: Tag, values: tuple[int, ...]) -> Sequence[int]:
    return values


@dataclass
class Prover:
    """`values` are the elements of every tensor of the system, ONES and IOTA too."""

    system: System
    key: SumcheckKey
    values: list[np.ndarray]
    tell: Tell = truthful
    transcript: Transcript = field(default_factory=Transcript)
    noise: dict[int, int] = field(default_factory=dict)  # what else is in W, by cell

    def __post_init__(self) -> None:
        self.p = self.transcript.modulus
        self.table = layout(self.system, self.key.row_bits)
        self.products = product_instances(self.system)

    def cells(self) -> list[int]:
        cells = dense_table(self.system, self.table, self.values)
        return [(self.noise.get(number, 0) + cell) % self.p for number, cell in enumerate(cells)]

    def public(self, kind: Kind) -> tuple[np.ndarray, ...]:
        return tuple(self.values[index] for index in self.system.of_kind(kind))

    def statement(self) -> Statement:
        return Statement(self.key.model_id, input_root(self.public(Kind.INPUT)), output_root(self.public(Kind.OUTPUT)))

    def say(self, tag: Tag, values: Sequence[int]) -> tuple[int, ...]:
        told = tuple(self.tell(tag, tuple(value % self.p for value in values)))
        self.transcript.absorb(tag, scalar_bytes(told))
        return told

    def proof(self) -> SumcheckProof:
        claimed = self.statement()
        rows = commit_rows(self.cells(), self.table, self.table.witness_rows)
        words = (self.key.srs_digest, self.key.digest(), claimed.input_root, claimed.output_root)
        self.transcript.absorb(Tag.STATEMENT, b"".join(words))
        self.transcript.absorb(Tag.WITNESS_ROWS, points_bytes(rows))
        beta, alpha = self.transcript.challenge(Tag.BETA), self.transcript.challenge(Tag.ALPHA)
        top, layers, zeta = self.fractions(*self.leaves(alpha, beta))
        zeta += [self.transcript.challenge(Tag.ZETA) for _ in range(extra_coordinates(self.system, len(zeta)))]
        forms = leaf_forms(self.system, fraction_layout(self.system), zeta, (alpha, beta), self.p)
        gamma = self.transcript.challenge(Tag.GAMMA)
        total, product_rounds, factors, factor_values = self.multiply(zeta, gamma)
        forms = (*forms, identity_form(self.system.identities, gamma, self.p))
        evaluation_rounds, x, evaluation = self.evaluate([*(self.committed(form, zeta) for form in forms), *factors])
        opening = self.open(x)
        return SumcheckProof(
            ProofShape.of(self.system, self.table),
            self.public(Kind.INPUT),
            self.public(Kind.OUTPUT),
            rows,
            top,
            layers,
            total,
            product_rounds,
            factor_values,
            evaluation_rounds,
            evaluation,
            opening,
        )

    def grid_values(self, tensor: int, how, grid) -> np.ndarray:
        return strided_view(self.values[tensor].reshape(-1), how, grid).astype(object)

    def committed(self, form: Form, zeta: Sequence[int]) -> Terms:
        read = [(reading.functional(zeta), coefficient) for reading, coefficient in form.readings.items()]
        return tuple(part for part in read if self.system.tensors[part[0].tensor].kind.committed)

    def leaves(self, alpha: int, beta: int) -> tuple[list[int], list[int]]:
        places = fraction_layout(self.system)
        numerators, denominators = [0] * (1 << places.depth), [1] * (1 << places.depth)
        for fractions, block in zip(self.system.fractions, places.blocks, strict=True):
            denominators[block.offset : block.end] = [alpha] * (1 << block.bits)
            top = self.on_box((fractions.numerator,), fractions.dims)
            columns = [self.on_box(column, fractions.dims) for column in fractions.columns]
            strides = padded_strides(fractions.dims)
            for point in itertools.product(*map(range, fractions.dims)):
                leaf = block.offset + sum(s * i for s, i in zip(strides, point, strict=True))
                numerators[leaf] = int(top[point]) % self.p
                print_ = fractions.tag + sum(pow(beta, j + 1, self.p) * c[point] for j, c in enumerate(columns))
                denominators[leaf] = int(alpha - print_) % self.p
        return numerators, denominators

    def on_box(self, terms, dims) -> np.ndarray:
        total = np.zeros(dims, dtype=object)
        for term in terms:
            total = total + term.coefficient * self.grid_values(term.readings[0].tensor, term.readings[0].how, dims)
        return np.asarray(total, dtype=object)

    def fractions(self, numerators: list[int], denominators: list[int]):
        """Steps 2 and 3: (top, layers, ζ so far)."""
        p, tree = self.p, [(numerators, denominators)]
        while len(tree[-1][0]) > 2:
            (a, b), half = tree[-1], len(tree[-1][0]) // 2
            pairs = list(zip(a[:half], b[:half], a[half:], b[half:], strict=True))
            tree.append(
                ([(pl * qr + pr * ql) % p for pl, ql, pr, qr in pairs], [ql * qr % p for _, ql, _, qr in pairs])
            )
        (p0, p1), (q0, q1) = tree.pop()
        top = self.say(Tag.LAYER_VALUES, (p0, p1, q0, q1))
        point, layers = [self.transcript.challenge(Tag.LAYER_CHILD)], []
        while tree:
            layer, point = self.layer(point, *tree.pop())
            layers.append(layer)
        return top, tuple(layers), point

    def layer(self, point, numerators, denominators):
        """Each round by its values at 0, 1 and 2, without eq of the variables that are bound or being bound."""
        combiner, half, p = self.transcript.challenge(Tag.LAYER_COMBINER), len(numerators) // 2, self.p
        tables = [numerators[:half], numerators[half:], denominators[:half], denominators[half:]]
        rounds, reached = [], []
        for bound in range(len(point)):
            weights = eq_table(point[bound + 1 :], modulus=p)
            values = []
            for x in range(3):
                cells = zip(weights, *(fold(table, x, p) for table in tables), strict=True)
                values.append(sum(w * (p0 * q1 + p1 * q0 + combiner * q0 * q1) for w, p0, p1, q0, q1 in cells))
            rounds.append(self.say(Tag.LAYER_ROUND, interpolate_coefficients(values, p)[1:]))
            reached.append(self.transcript.challenge(Tag.LAYER_CHALLENGE))
            tables = [fold(table, reached[-1], p) for table in tables]
        values = self.say(Tag.LAYER_VALUES, [table[0] for table in tables])
        return LayerProof(tuple(rounds), values), [*reached, self.transcript.challenge(Tag.LAYER_CHILD)]

    def sumcheck(self, sums: Sequence[Summand], rounds: int, degree: int, tags: tuple[Tag, Tag]):
        sent, point = [], []
        for _ in range(rounds):
            values = [sum(each.at(x, self.p) for each in sums) for x in range(degree + 1)]
            constant, _linear, *higher = interpolate_coefficients(values, self.p)
            sent.append(self.say(tags[0], (constant, *higher)))
            point.append(self.transcript.challenge(tags[1]))
            for each in sums:
                each.bind(point[-1], self.p)
        return tuple(sent), point

    def multiply(self, zeta, gamma):
        """Steps 5 to 7."""
        if not self.products:
            return None, (), [], ()
        scales = powers(gamma, len(self.system.identities), self.p)
        sums = [self.instance(product, zeta, scales[product.identity]) for product in self.products]
        true = sum(each.scalar * sum(math.prod(cells) for cells in zip(*each.tables, strict=True)) for each in sums)
        (total,) = self.say(Tag.PRODUCT_SUM, [true])
        most = max(product.rounds for product in self.products)
        rounds, rho = self.sumcheck(sums, most, 3, (Tag.PRODUCT_ROUND, Tag.RHO))
        positions = factor_positions(self.system, self.products)
        values = self.say(Tag.FACTORS, [sums[number].tables[1 + which][0] for number, which in positions])
        return total, rounds, [((self.products[n].functional(w, zeta, rho), 1),) for n, w in positions], values

    def instance(self, product, zeta, scale) -> Summand:
        """Over the grid of shared axes, padded; everything else summed here by the definition."""
        points, grid, box = axis_points(product.box, zeta), product.grid, len(product.box)
        outer = [eq_table(points[axis], grid[axis], self.p) for axis in range(box)]
        weights = outer + [[1] * size for size in grid[box:]]
        free = set(range(len(grid))) - set(product.shared) - set(product.summed[0]) - set(product.summed[1])
        factor = math.prod(sum(weights[axis]) for axis in free) * product.coefficient * scale
        tables = [self.padded(product, self.factor(product, which, weights)) for which in (0, 1)]
        # eq over padding too: A and B are 0 there, and eq is an extension in all the shared variables.
        full = [
            eq_table(points[axis], modulus=self.p) if axis < box else [1] * (1 << (grid[axis] - 1).bit_length())
            for axis in product.shared
        ]
        eq_cells = [math.prod(cells) % self.p for cells in itertools.product(*full)]
        return Summand(factor % self.p, [eq_cells, *tables])

    def factor(self, product, which: int, weights) -> np.ndarray:
        """A or B on the shared axes, summed with weights over the axes that only it depends on."""
        reading = product.readings[which]
        values = self.grid_values(reading.tensor, reading.how, product.grid)
        for axis in range(len(product.grid) - 1, -1, -1):
            if axis in product.summed[which]:
                values = np.tensordot(values, np.array(weights[axis], dtype=object), axes=([axis], [0]))
            elif axis not in product.shared:
                values = values.take(0, axis=axis)
        return np.asarray(values, dtype=object)

    def padded(self, product, values: np.ndarray) -> list[int]:
        sizes = tuple(1 << (size - 1).bit_length() for size in values.shape)
        box = np.zeros(sizes, dtype=object)
        box[tuple(slice(size) for size in values.shape)] = values
        return [int(cell) % self.p for cell in box.reshape(-1)]

    def evaluate(self, claims: Sequence[Terms]):
        """Steps 8 and 9."""
        weights = [0] * (1 << self.table.variables)
        self.delta = self.transcript.challenge(Tag.DELTA)
        scales = powers(self.delta, len(claims), self.p)
        for functional, scale in weighed(claims, scales, self.p).items():
            for cell, weight in self.cell_weights(functional):
                weights[cell] = (weights[cell] + scale * weight) % self.p
        sums = [Summand(1, [self.cells(), weights])]
        tags = (Tag.EVALUATION_ROUND, Tag.EVALUATION_CHALLENGE)
        rounds, x = self.sumcheck(sums, self.table.variables, 2, tags)
        (evaluation,) = self.say(Tag.EVALUATION, [sums[0].tables[0][0]])
        return rounds, x, evaluation

    def cell_weights(self, functional: Functional):
        """Cells of W and their weights, one point of the grid at a time."""
        dims = self.system.tensors[functional.tensor].dims
        numbers = np.zeros(dims, dtype=np.int64)
        for cell, point in enumerate(itertools.product(*map(range, dims))):
            offset = sum(s * i for s, i in zip(padded_strides(dims), point, strict=True))
            numbers.reshape(-1)[cell] = self.table.blocks[functional.tensor].offset + offset + 1
        read = strided_view(numbers.reshape(-1), functional.how, functional.grid)
        weights = grid_weights(functional, self.p)
        return [(int(c) - 1, int(w)) for c, w in zip(read.reshape(-1), weights.reshape(-1), strict=True) if c]

    def open(self, x: Sequence[int]):
        """Steps 10 to 13."""
        cells, inside, above = 1 << self.table.row_bits, x[: self.table.row_bits], x[self.table.row_bits :]
        whole, combined = self.cells(), [0] * cells
        for row in (*self.table.setup_rows, *self.table.witness_rows):
            weight = eq_index(above, row)
            combined = kzg.add(combined, whole[row * cells : (row + 1) * cells], weight)
        return kzg.prove(combined, inside, self.transcript)


def grid_weights(functional: Functional, p: int) -> np.ndarray:
    total = np.ones((), dtype=object)
    for size, weight in zip(functional.grid, functional.weights, strict=True):
        axis = [1] * size if weight is None else eq_table(weight, modulus=p)[:size]
        total = np.multiply.outer(total, np.array(axis, dtype=object))
    return np.asarray(total, dtype=object).reshape(functional.grid)


def dense_table(system: System, table, values) -> list[int]:
    """W, cell by cell."""
    cells = [0] * (1 << table.variables)
    for index, block in table.blocks.items():
        dims = system.tensors[index].dims
        for element, point in zip(values[index].reshape(-1), itertools.product(*map(range, dims)), strict=True):
            cells[block.offset + sum(s * i for s, i in zip(padded_strides(dims), point, strict=True))] = int(element)
    return cells


def commit_rows(cells: Sequence[int], table, rows: Sequence[int]):
    size = 1 << table.row_bits
    return tuple(_commit(tuple(cell % MODULUS for cell in cells[row * size : (row + 1) * size])) for row in rows)


_commit = functools.lru_cache(kzg.commit)  # most tests commit to the same rows


def key_of(system: System, values, row_bits: int = 4, model_id: bytes = bytes(32)) -> SumcheckKey:
    table = layout(system, row_bits)
    commitments = commit_rows(dense_table(system, table, values), table, table.setup_rows)
    return SumcheckKey(model_id, srs_digest(DEVELOPMENT_S_G2), row_bits, commitments, system)
