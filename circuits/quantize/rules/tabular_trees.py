"""Ensembles of decision trees (docs/decisions/0076): all questions at once, or for large ones a walk.

At once: each distinct question is one comparison; a leaf is hit where all questions on its path have the answer that
leads there, which is a sum of answers that reaches 0; the weights of the leaves that are hit are added up.
"""

from __future__ import annotations

import math

import numpy as np

from circuits.onnx.graph import FloatNode, Floats
from circuits.onnx.tabular_trees import Inner, Tree, Trees
from circuits.program.limits import MAX_BITS
from circuits.program.ops import Compare, Contract, Relation
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.choices import TRUTH
from circuits.quantize.moves import axes_map, rearranged
from circuits.quantize.rules.tabular_questions import Question, Scales, columns_at, extreme, leaf_scale
from circuits.quantize.rules.tabular_walk import walked
from circuits.quantize.scales import Exact, integers_at

# How much the paths of an ensemble may be at once: trees, times leaves and questions of the largest.
MOST_AT_ONCE = 2**20


def trees(b: Builder, node: FloatNode) -> None:
    """Scores [rows, targets]; with a second output also whether target `decides` is over `bound`."""
    ensemble: Trees = node.attributes["trees"]
    x = b.values[node.input(0)]
    base = np.array(node.attributes["base"], np.float64)
    scales = Scales(x.scales)
    questions = max(1, *(len(scales.asked(tree)) for tree in ensemble.trees))
    leaves = max(len(tree.leaves) for tree in ensemble.trees)
    if questions * leaves * len(ensemble.trees) <= MOST_AT_ONCE:
        scores = _AtOnce(b, node.output, ensemble, scales).scores(x, base)
    else:
        scores = walked(b, node.output, ensemble, scales, x, base)
    b.values[node.output] = scores
    if len(node.outputs) > 1:
        b.values[node.outputs[1]] = _over(b, node, scores, len(ensemble.trees))


def _over(b: Builder, node: FloatNode, scores: Tensor, count: int) -> Tensor:
    """Whether a score is over the bound. Where it differs from the bound by no more than rounding `count` weights can
    make of it, it counts as equal: forests of pure leaves are undecided often, and then `ties` says what they are."""
    bound = node.attributes["bound"]
    integer = math.floor(bound * 2.0**scores.scale + 0.5)
    if bound:
        integer += -count if node.attributes["ties"] else count
    limit = b.constant(f"{node.output}.bound", np.array(integer, np.int64), scores.scale)
    dims = (scores.dims[0], 1)
    column = axes_map(scores.dims, (0, node.attributes["decides"]), [(0, 1), None], 2)
    maps = (limit.broadcast(dims)[1], column)
    return b.fitting(Compare((limit.ref, scores.ref), maps, dims, (), MAX_BITS, 0, Relation.LESS))


class _AtOnce:
    """`paths` [trees, leaves, questions] says which answers lead to each leaf, `wanted` how many of them are yes."""

    def __init__(self, b: Builder, name: str, ensemble: Trees, scales: Scales) -> None:
        self._b, self._name, self._ensemble, self._scales = b, name, ensemble, scales
        asked = [scales.asked(tree) for tree in ensemble.trees]
        self._questions = sorted({question for tree in asked for question in tree}) or [(0, 0)]
        count, leaves = len(asked), max(len(tree.leaves) for tree in ensemble.trees)
        each = max(1, *(len(tree) for tree in asked))
        place = {question: i for i, question in enumerate(self._questions)}
        self._places = np.zeros((count, each), np.int64)
        self._paths = np.zeros((count, leaves, each), np.int64)
        # A leaf that is not there wants one yes of no question: it is never hit.
        self._wanted = np.ones((count, leaves), np.int64)
        self._weights = np.zeros((ensemble.targets, count, leaves))
        for t, (tree, own) in enumerate(zip(ensemble.trees, asked, strict=True)):
            self._places[t, : len(own)] = [place[question] for question in own]
            self._fill(t, tree, {question: i for i, question in enumerate(own)})

    def _fill(self, t: int, tree: Tree, column: dict[Question, int]) -> None:
        """One tree's paths and weights."""
        waiting: list[tuple[int, tuple[tuple[Inner, bool], ...]]] = [(0, ())]
        leaf = 0
        while waiting:
            at, path = waiting.pop()
            node = tree.nodes[at]
            if isinstance(node, Inner):
                waiting += [(node.no, (*path, (node, False))), (node.yes, (*path, (node, True)))]
                continue
            for inner, yes in path:
                for question, sign in self._scales.questions(inner):
                    self._paths[t, leaf, column[question]] += sign if yes else -sign
            self._wanted[t, leaf] = sum(yes for _, yes in path)
            for target, weight in node.weights:
                self._weights[target, t, leaf] = weight
            leaf += 1

    def scores(self, x: Tensor, base: Floats) -> Tensor:
        hits = self._hits(self._answers(x))
        if self._ensemble.aggregate in ("MIN", "MAX"):
            return extreme(self._b, self._by_tree(hits), self._ensemble.aggregate, base)
        return self._summed(hits, base)

    def _answers(self, x: Tensor) -> Tensor:
        """[rows, trees, questions of a tree]: 1 for yes."""
        b, rows = self._b, x.dims[0]
        features, most = (np.array(part, np.int64) for part in zip(*self._questions, strict=True))
        dims = (rows, len(features))
        asked = columns_at(b, x, b.constant(f"{self._name}.features", features, 0), dims)
        limits = b.constant(f"{self._name}.thresholds", most, 0)
        maps = (asked.broadcast(dims)[1], limits.broadcast(dims)[1])
        relation = Relation.LESS_OR_EQUAL
        answers = b.fitting(Compare((asked.ref, limits.ref), maps, dims, (), MAX_BITS, 0, relation))
        first = np.arange(rows, dtype=np.int64)[:, None, None] * len(features)
        return rearranged(b, answers, first + self._places)

    def _hits(self, answers: Tensor) -> Tensor:
        """[rows, trees, leaves]: 1 at the leaf of each tree where the row ends."""
        b, (count, leaves, each) = self._b, self._paths.shape
        paths = b.constant(f"{self._name}.paths", self._paths, 0)
        wanted = b.constant(f"{self._name}.wanted", -self._wanted, 0, width=8)
        readings = [
            (answers.ref, axes_map(answers.dims, (0, 0, 0), [(0, 1), (1, 1), (3, 1)], 4)),
            (paths.ref, axes_map(paths.dims, (0, 0, 0), [(1, 1), (2, 1), (3, 1)], 4)),
            (wanted.ref, axes_map(wanted.dims, (0, 0), [(1, 1), (2, 1)], 4)),
        ]
        dims = (answers.dims[0], count, leaves)
        missed = b.accumulate(Contract, readings, dims, 0, Exact(), inner=(each,))
        low, high = b.interval(missed).lo, b.interval(missed).hi
        table = b.constant(f"{self._name}.hit", (np.arange(low, high + 1) == 0).astype(np.int64), 0)
        shadow = (b.shadow(missed) == 0).astype(np.float64)
        return b.lookup(missed, table, low, b.resolve(Exact(), shadow, 0, TRUTH), shadow)

    def _summed(self, hits: Tensor, base: Floats) -> Tensor:
        """[rows, targets]: the weights of the leaves that are hit, added up."""
        b, (targets, count, leaves) = self._b, self._weights.shape
        real = self._weights / (count if self._ensemble.aggregate == "AVERAGE" else 1)
        # Intervals do not know that one leaf of a tree is hit: for them all may be.
        reach = np.abs(real).sum(axis=(1, 2)) + np.abs(base)
        scale = leaf_scale(float(np.abs(real).max()), float(reach.max()))
        weights = b.constant(f"{self._name}.leaves", integers_at(real, scale, MAX_BITS), scale)
        added = b.bias(f"{self._name}.base", base, scale)
        readings = [
            (hits.ref, axes_map(hits.dims, (0, 0, 0), [(0, 1), (2, 1), (3, 1)], 4)),
            (weights.ref, axes_map(weights.dims, (0, 0, 0), [(1, 1), (2, 1), (3, 1)], 4)),
            (added.ref, axes_map(added.dims, (0,), [(1, 1)], 4)),
        ]
        return b.accumulate(Contract, readings, (hits.dims[0], targets), scale, Exact(), inner=(count, leaves))

    def _by_tree(self, hits: Tensor) -> Tensor:
        """[rows, trees, targets]: what each tree says."""
        b, (targets, count, leaves) = self._b, self._weights.shape
        scale = leaf_scale(float(np.abs(self._weights).max()), float(np.abs(self._weights).sum(axis=2).max()))
        weights = b.constant(f"{self._name}.leaves", integers_at(self._weights, scale, MAX_BITS), scale)
        readings = [
            (hits.ref, axes_map(hits.dims, (0, 0, 0), [(0, 1), (1, 1), (3, 1)], 4)),
            (weights.ref, axes_map(weights.dims, (0, 0, 0), [(2, 1), (1, 1), (3, 1)], 4)),
        ]
        return b.accumulate(Contract, readings, (hits.dims[0], count, targets), scale, Exact(), inner=(leaves,))
