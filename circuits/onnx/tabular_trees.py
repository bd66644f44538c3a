"""Decision trees as plain arrays, whatever operator they came in.

TreeEnsembleClassifier and TreeEnsembleRegressor list nodes and leaf weights by (tree, node); TreeEnsemble (opset 5)
lists inner nodes and leaves apart. Both become `Trees`, whose nodes only ask whether a feature is at most a threshold,
below it, or one of some numbers: the other modes are these with true and false swapped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np

from circuits.onnx.graph import Floats

Get = Mapping[str, Any]


class TreeError(ValueError):
    """Attributes that are no trees, or trees that no program holds; says why."""


class Ask(Enum):
    """What an inner node asks of its feature."""

    AT_MOST = "<="
    BELOW = "<"
    ONE_OF = "in"


@dataclass(frozen=True)
class Inner:
    """An inner node: where a row goes on, by position in `Tree.nodes`."""

    feature: int
    ask: Ask
    values: tuple[float, ...]
    yes: int
    no: int


@dataclass(frozen=True)
class Leaf:
    """What a row that ends here adds: (target, weight) for each target that the leaf names."""

    weights: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Tree:
    """Nodes, the root first. Every node but the root is reached from exactly one other."""

    nodes: tuple[Inner | Leaf, ...]

    @property
    def leaves(self) -> list[Leaf]:
        return [node for node in self.nodes if isinstance(node, Leaf)]


@dataclass(frozen=True)
class Trees:
    """An ensemble: trees, the number of targets, and how a target's weights over the trees become one number."""

    trees: tuple[Tree, ...]
    targets: int
    aggregate: str = "SUM"

    def weights(self) -> Iterator[tuple[int, float]]:
        """(target, weight) of every leaf."""
        return (weight for tree in self.trees for leaf in tree.leaves for weight in leaf.weights)

    def always_named(self, target: int) -> bool:
        """Whether every row gets a weight for `target`, whichever leaves it reaches."""
        return any(all(target in dict(leaf.weights) for leaf in tree.leaves) for tree in self.trees)

    def complete(self) -> bool:
        """Whether every leaf has a weight for every target."""
        return all(len(leaf.weights) == self.targets for tree in self.trees for leaf in tree.leaves)

    def ever_named(self, target: int) -> bool:
        return any(target == named for named, _ in self.weights())

    def unscaled(self, factors: Floats, summands: Floats) -> Trees:
        """The same trees of columns x where these are of x · factor + summand; no factor is 0."""

        def node(n: Inner | Leaf) -> Inner | Leaf:
            if isinstance(n, Leaf):
                return n
            factor, summand = float(factors[n.feature]), float(summands[n.feature])
            values = tuple((value - summand) / factor for value in n.values)
            if factor > 0 or n.ask is Ask.ONE_OF:
                return replace(n, values=values)
            # x·k ≤ t with a negative k is t/k ≤ x: not x below t/k.
            ask = Ask.BELOW if n.ask is Ask.AT_MOST else Ask.AT_MOST
            return replace(n, values=values, ask=ask, yes=n.no, no=n.yes)

        return replace(self, trees=tuple(Tree(tuple(map(node, tree.nodes))) for tree in self.trees))

    def features(self) -> int:
        """The largest feature that is read, -1 for none."""
        read = (node.feature for tree in self.trees for node in tree.nodes if isinstance(node, Inner))
        return max(read, default=-1)


# Mode: what it asks, and whether true and false are swapped for it.
MODES = {
    "BRANCH_LEQ": (Ask.AT_MOST, False),
    "BRANCH_LT": (Ask.BELOW, False),
    "BRANCH_GTE": (Ask.BELOW, True),
    "BRANCH_GT": (Ask.AT_MOST, True),
    "BRANCH_EQ": (Ask.ONE_OF, False),
    "BRANCH_NEQ": (Ask.ONE_OF, True),
}
# The numbers that TreeEnsemble has for modes and aggregates.
NUMBERED_MODES = (*MODES, "BRANCH_MEMBER")
AGGREGATES = ("AVERAGE", "SUM", "MIN", "MAX")


def read_trees(op: str, get: Get) -> Trees:
    """The trees of a node. Raises TreeError."""
    if op == "TreeEnsemble":
        return _numbered(get)
    prefix, key = ("class", "classlabels_int64s") if op == "TreeEnsembleClassifier" else ("target", "n_targets")
    targets = len(get[key]) if prefix == "class" else int(get.get(key, 1))
    aggregate = get.get("aggregate_function", "SUM") if prefix == "target" else "SUM"
    if aggregate not in AGGREGATES:
        raise TreeError(f"aggregate_function={aggregate!r} is none of {', '.join(AGGREGATES)}")
    return Trees(_listed(get, prefix, targets), targets, aggregate)


def numbers(get: Get, key: str) -> Floats:
    """An attribute of numbers, given as floats or as a tensor `key`_as_tensor (which may be double)."""
    tensor = get.get(f"{key}_as_tensor")
    return np.asarray(get.get(key, ()) if tensor is None else tensor, np.float64).reshape(-1)


def _column(get: Get, key: str, length: int) -> Sequence[Any]:
    column = get.get(key, ())
    if len(column) != length:
        raise TreeError(f"{key} has {len(column)} entries, {length} are needed")
    return list(column)


def _listed(get: Get, prefix: str, targets: int) -> tuple[Tree, ...]:
    """Trees of nodes that name their tree, in order of first occurrence; a tree's first node is its root."""
    ids = get.get("nodes_nodeids", ())
    count = len(ids)
    tree_of, mode, feature = (_column(get, f"nodes_{k}", count) for k in ("treeids", "modes", "featureids"))
    yes, no = (_column(get, f"nodes_{k}", count) for k in ("truenodeids", "falsenodeids"))
    value = numbers(get, "nodes_values")
    if len(value) != count or not count:
        raise TreeError(f"it has {count} nodes and {len(value)} values for them")
    place = {(tree_of[i], ids[i]): i for i in range(count)}
    if len(place) != count:
        raise TreeError("two nodes of a tree have the same id")
    weights = _leaf_weights(get, prefix, targets)

    def node(i: int) -> Inner | Leaf:
        if mode[i] == "LEAF":
            return Leaf(weights.get((tree_of[i], ids[i]), ()))
        if mode[i] not in MODES:
            raise TreeError(f"nodes_modes has {mode[i]!r}, which is none of {', '.join(MODES)}, LEAF")
        ask, swapped = MODES[mode[i]]
        try:
            branches = [place[tree_of[i], side[i]] for side in (yes, no)]
        except KeyError as error:
            raise TreeError(
                f"tree {error.args[0][0]} has no node {error.args[0][1]}, which another points to"
            ) from error
        if swapped:
            branches.reverse()
        return Inner(int(feature[i]), ask, (float(value[i]),), *branches)

    nodes = [node(i) for i in range(count)]
    roots = [i for i in range(count) if i == 0 or tree_of[i] != tree_of[i - 1]]
    if len(roots) != len(set(tree_of)):
        raise TreeError("the nodes of a tree do not stand together")
    return tuple(_from_root(nodes, root) for root in roots)


def _leaf_weights(get: Get, prefix: str, targets: int) -> dict[tuple[int, int], tuple[tuple[int, float], ...]]:
    """(target, weight) pairs by (tree, node)."""
    named = get.get(f"{prefix}_ids", ())
    tree_of, node_of = (_column(get, f"{prefix}_{key}", len(named)) for key in ("treeids", "nodeids"))
    weight = numbers(get, f"{prefix}_weights")
    if len(weight) != len(named):
        raise TreeError(f"{prefix}_ids has {len(named)} entries, {prefix}_weights {len(weight)}")
    found: dict[tuple[int, int], dict[int, float]] = {}
    for tree, node, target, value in zip(tree_of, node_of, named, weight, strict=True):
        leaf = found.setdefault((tree, node), {})
        if target in leaf or not 0 <= target < targets:
            raise TreeError(
                f"node {node} of tree {tree} has two weights for target {target}, or there is no such target"
            )
        leaf[target] = float(value)
    return {place: tuple(leaf.items()) for place, leaf in found.items()}


def _numbered(get: Get) -> Trees:
    """Trees of TreeEnsemble: inner nodes first, then the leaves, in one numbering."""
    feature = get.get("nodes_featureids", ())
    count, targets = len(feature), int(get.get("n_targets", 1))
    yes, no, yes_leaf, no_leaf = (
        _column(get, f"nodes_{key}", count) for key in ("truenodeids", "falsenodeids", "trueleafs", "falseleafs")
    )
    mode, split = (np.asarray(get.get(f"nodes_{key}", ())).reshape(-1) for key in ("modes", "splits"))
    weight, target = np.asarray(get.get("leaf_weights", ()), np.float64).reshape(-1), get.get("leaf_targetids", ())
    if not len(mode) == len(split) == count or len(weight) != len(target) or not count:
        raise TreeError("its attributes for nodes, or for leaves, are not of one length")
    members = _members(np.asarray(get.get("membership_values", ()), np.float64).reshape(-1))

    def node(i: int) -> Inner | Leaf:
        if not 0 <= int(mode[i]) < len(NUMBERED_MODES):
            raise TreeError(f"nodes_modes has {int(mode[i])}, at most {len(NUMBERED_MODES) - 1}")
        name = NUMBERED_MODES[int(mode[i])]
        ask, swapped = MODES.get(name, (Ask.ONE_OF, False))
        values = next(members, ()) if name == "BRANCH_MEMBER" else (float(split[i]),)
        branches = [int(side[i]) + (count if is_leaf[i] else 0) for side, is_leaf in ((yes, yes_leaf), (no, no_leaf))]
        if swapped:
            branches.reverse()
        return Inner(int(feature[i]), ask, values, *branches)

    if any(not 0 <= t < targets for t in target):
        raise TreeError(f"leaf_targetids is not within [0, {targets})")
    nodes: list[Inner | Leaf] = [node(i) for i in range(count)]
    nodes += [Leaf(((int(t), float(w)),)) for t, w in zip(target, weight, strict=True)]
    aggregate = int(get.get("aggregate_function", 1))
    if not 0 <= aggregate < len(AGGREGATES):
        raise TreeError(f"aggregate_function={aggregate} is not within [0, {len(AGGREGATES)})")
    trees = tuple(_from_root(nodes, int(root)) for root in get.get("tree_roots", ()))
    return Trees(trees, targets, AGGREGATES[aggregate])


def _members(values: Floats) -> Iterator[tuple[float, ...]]:
    """The sets of a list that NaN divides."""
    ends = [*np.flatnonzero(np.isnan(values)), len(values)]
    starts = [0, *(end + 1 for end in ends[:-1])]
    return (tuple(values[start:end]) for start, end in zip(starts, ends, strict=True))


def _from_root(nodes: Sequence[Inner | Leaf], root: int) -> Tree:
    """The nodes below `root`, the root first. A node that two others point to is there twice; a cycle is refused."""
    order: list[int] = []
    place: dict[tuple[int, bool], int] = {}
    waiting = [(root, -1, False)]
    while waiting:
        at, parent, side = waiting.pop()
        if not 0 <= at < len(nodes):
            raise TreeError(f"a node points to {at}, there are {len(nodes)}")
        if len(order) > 2 * len(nodes):
            raise TreeError("its nodes are no trees: some are reached over and over")
        place[parent, side] = len(order)
        node = nodes[at]
        if isinstance(node, Inner):
            waiting += [(node.no, len(order), False), (node.yes, len(order), True)]
        order.append(at)
    return Tree(tuple(_placed(nodes[at], place, here) for here, at in enumerate(order)))


def _placed(node: Inner | Leaf, place: Mapping[tuple[int, bool], int], here: int) -> Inner | Leaf:
    if isinstance(node, Inner):
        if node.feature < 0 or np.isnan(node.values).any():
            raise TreeError(f"a node compares feature {node.feature} with {node.values}")
        return replace(node, yes=place[here, True], no=place[here, False])
    if not node.weights:
        raise TreeError("a leaf has no weight")
    return node
