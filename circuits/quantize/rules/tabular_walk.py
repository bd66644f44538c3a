"""A large ensemble as a walk: where each tree stands, one step down at a time (docs/decisions/0076)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from circuits.onnx.graph import Floats
from circuits.onnx.tabular_trees import Inner, Tree, Trees
from circuits.program.errors import ProgramError
from circuits.program.limits import MAX_BITS
from circuits.program.ops import Compare, Relation
from circuits.quantize.arithmetic import plus_constant
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.choices import gathered
from circuits.quantize.moves import axes_map
from circuits.quantize.rules.tabular_questions import Question, Scales, columns_at, extreme, leaf_scale
from circuits.quantize.scales import Exact, integers_at
from circuits.quantize.sums import sum_over

# Six ops a step, of 2^16 that a program may have.
MAX_DEPTH = 2**13


@dataclass
class _Tables:
    """Every node of every tree in one numbering. A leaf's children are the leaf itself."""

    targets: int
    features: list[int] = field(default_factory=list)
    most: list[int] = field(default_factory=list)
    children: list[list[int]] = field(default_factory=list)  # [where x is above, where it is at most]
    weights: list[list[float]] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)
    depth: int = 0

    def _add(self, question: Question = (0, 0)) -> int:
        at = len(self.features)
        self.features.append(question[0])
        self.most.append(question[1])
        self.children.append([at, at])
        self.weights.append([0.0] * self.targets)
        return at

    def add_tree(self, tree: Tree, scales: Scales) -> None:
        """From the leaves up: a node comes after its parent in `tree`."""
        known: dict[int, tuple[int, int]] = {}
        for at in reversed(range(len(tree.nodes))):
            node = tree.nodes[at]
            if isinstance(node, Inner):
                known[at] = self._add_inner(node, scales, known[node.yes], known[node.no])
            else:
                known[at] = self._add(), 0
                for target, weight in node.weights:
                    self.weights[known[at][0]][target] = weight
        self.roots.append(known[0][0])
        self.depth = max(self.depth, known[0][1])

    def _add_inner(self, node: Inner, scales: Scales, yes: tuple[int, int], no: tuple[int, int]) -> tuple[int, int]:
        """Its place, and how many steps it is above its deepest leaf."""
        questions = [question for question, _ in scales.questions(node)]
        if len(questions) == 1:
            at = self._add(questions[0])
            self.children[at] = [no[0], yes[0]]
            return at, 1 + max(yes[1], no[1])
        # One of some numbers: at most q and not at most q − 1, or another of them.
        place, depth = no
        for upper, lower in zip(questions[::2], questions[1::2], strict=True):
            below, at = self._add(lower), self._add(upper)
            self.children[below], self.children[at] = [yes[0], place], [place, below]
            place, depth = at, 2 + max(yes[1], depth)
        return place, depth


def walked(b: Builder, name: str, ensemble: Trees, scales: Scales, x: Tensor, base: Floats) -> Tensor:
    """Scores [rows, targets]."""
    tables = _Tables(ensemble.targets)
    for tree in ensemble.trees:
        tables.add_tree(tree, scales)
    if tables.depth > MAX_DEPTH:
        raise ProgramError(
            "program_too_large",
            f"a tree is {tables.depth} steps deep, at most {MAX_DEPTH} can be walked",
            depth=tables.depth,
        )
    place = _end(b, name, tables, x)
    real = np.array(tables.weights) / (len(tables.roots) if ensemble.aggregate == "AVERAGE" else 1)
    peak = float(np.abs(real).max(initial=0.0))
    scale = leaf_scale(peak, peak * len(tables.roots) + float(np.abs(base).max()))
    weights = b.constant(f"{name}.leaves", integers_at(real, scale, MAX_BITS), scale)
    how = axes_map(real.shape, (0, 0), [(3, 1), (2, 1)], 4)
    read = place.ref, axes_map(place.dims, (0, 0), [(0, 1), (1, 1)], 3)
    reached = gathered(b, weights, how, read, (*place.dims, ensemble.targets), (len(real),))
    if ensemble.aggregate in ("MIN", "MAX"):
        return extreme(b, reached, ensemble.aggregate, base)
    total = sum_over(b, reached, [1], Exact(), keepdims=False)
    return plus_constant(b, total, base, Exact()) if base.any() else total


def _end(b: Builder, name: str, tables: _Tables, x: Tensor) -> Tensor:
    """[rows, trees]: the leaf where each tree ends."""

    def table(kind: str, values: object) -> Tensor:
        return b.constant(f"{name}.{kind}", np.array(values, np.int64).reshape(-1), 0)

    features, most, children = (
        table(kind, values)
        for kind, values in (("features", tables.features), ("most", tables.most), ("children", tables.children))
    )
    dims = (x.dims[0], len(tables.roots))
    place = table("roots", tables.roots)

    def at(values: Tensor, positions: Tensor) -> Tensor:
        how = axes_map(values.dims, (0,), [(2, 1)], 3)
        return gathered(b, values, how, positions.broadcast(dims), dims, values.dims)

    for _ in range(tables.depth):
        value, limit = columns_at(b, x, at(features, place), dims), at(most, place)
        readings = (value.broadcast(dims)[1], limit.broadcast(dims)[1])
        answer = b.fitting(Compare((value.ref, limit.ref), readings, dims, (), MAX_BITS, 0, Relation.LESS_OR_EQUAL))
        place = at(children, b.linear([(2, place), (1, answer)], dims, 0, Exact()))
    return place
