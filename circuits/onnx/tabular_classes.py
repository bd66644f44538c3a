"""Classifiers of tables: from scores to a label and probabilities, as onnxruntime has them.

Where the standard is vague onnxruntime decides: one score for two classes is completed to two in different ways for
trees, linear models and support vectors; for trees the second class wins where the score is over 1/2 if no weight is
negative, else over 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from circuits.onnx.graph import Floats
from circuits.onnx.tabular_parts import BOOLEAN, INTEGER, REAL, Parts, Refused
from circuits.onnx.tabular_trees import TreeError, Trees, numbers, read_trees

TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")


def transform_of(p: Parts) -> str:
    """The node's post_transform by name; TreeEnsemble has numbers for them."""
    given = p.get.get("post_transform", "NONE")
    name = TRANSFORMS[given] if isinstance(given, int) and 0 <= given < len(TRANSFORMS) else given
    if name not in TRANSFORMS:
        raise Refused(f"post_transform={given!r} is none of {', '.join(TRANSFORMS)}")
    if name == "PROBIT":
        raise Refused("post_transform=PROBIT is not supported: its slope at 0 and 1 is infinite, and no error a bound")
    return str(name)


def transformed(p: Parts, scores: str, transform: str, output: str) -> None:
    """A row of at least two scores as probabilities, made as `output`."""
    shape = p.shape(scores)
    if transform == "NONE":
        p.emit("Identity", [scores], shape, REAL, output)
    elif transform == "LOGISTIC":
        p.emit("Curve", [scores], shape, REAL, output, function="logistic")
    elif transform == "SOFTMAX":
        p.emit("Softmax", [scores], shape, REAL, output, axis=-1)
    else:
        _softmax_zero(p, scores, output)


def _softmax_zero(p: Parts, scores: str, output: str) -> None:
    """A softmax over the scores that are not 0; those stay 0."""
    shape = p.shape(scores)
    one = (shape[0], 1)
    axes = p.constant([1], np.int64)
    largest = p.emit("ReduceMax", [scores, axes], one, keepdims=1, noop_with_empty_axes=0)
    exponent = p.emit("Exp", [p.emit("Sub", [scores, largest], shape)], shape)
    zero = p.emit("Equal", [scores, p.constant(0.0)], shape, BOOLEAN)
    counted = p.emit("Where", [zero, p.constant(0.0), exponent], shape)
    total = p.emit("ReduceSum", [counted, axes], one, keepdims=1, noop_with_empty_axes=0)
    p.emit("Div", [counted, total], shape, REAL, output)


def label(p: Parts, index: str, labels: Sequence[int], output: str) -> None:
    """The class at an index [rows]."""
    shape = p.shape(index)
    if list(labels) == list(range(len(labels))):
        p.emit("Identity", [index], shape, INTEGER, output)
    else:
        p.emit("Gather", [p.constant(labels, np.int64), index], shape, INTEGER, output, axis=0)


def largest(p: Parts, scores: str) -> str:
    """The index [rows] of the largest score, the lowest of equal ones."""
    return p.emit("ArgMax", [scores], p.shape(scores)[:1], INTEGER, axis=1, keepdims=0, select_last_index=0)


def index_of(p: Parts, positive: str) -> str:
    """A condition [rows, 1] as the index [rows] 0 or 1."""
    rows = p.shape(positive)[0]
    return p.reshape(p.emit("Cast", [positive], (rows, 1), INTEGER, to=INTEGER), (rows,), INTEGER)


def completed(p: Parts, score: str, how: str, output: str) -> None:
    """Two columns of one score [rows, 1]: `complement` [1 − s, s], `logistic` [σ(−s), σ(s)], `opposite` [−s, s]."""
    rows = p.shape(score)[0]
    if how == "logistic":
        score, how = p.emit("Curve", [score], (rows, 1), function="logistic"), "complement"
    if how == "complement":
        other = p.emit("Sub", [p.constant([[1.0]]), score], (rows, 1))
    else:
        other = p.emit("Neg", [score], (rows, 1))
    p.columns([other, score], rows, output)


def linear_classifier(p: Parts) -> None:
    x, rows, columns = p.table()
    labels, scores = list(p.get.get("classlabels_ints", ())), len(p.get.get("intercepts", ()))
    transform = transform_of(p)
    if not scores or scores not in (1, len(labels)) or len(labels) < 2:
        raise Refused(f"it has {scores} intercepts for {len(labels)} classes")
    weights = p.matrix("coefficients", scores)
    if weights.shape[1] != columns:
        raise Refused(f"it has {weights.shape[1]} coefficients for {columns} columns")
    bias = p.column_count("intercepts", scores)
    made = p.dense(x, weights.T, bias)
    first, second = p.node.outputs
    if scores > 1:
        label(p, largest(p, made), labels, first)
        transformed(p, made, transform, second)
        return
    if len(labels) != 2:
        raise Refused(f"it has one score for {len(labels)} classes")
    positive = p.emit("Greater", [made, p.constant([[0.0]])], (rows, 1), BOOLEAN)
    label(p, index_of(p, positive), labels, first)
    completed(p, made, "logistic" if transform == "LOGISTIC" else "complement", second)


@dataclass(frozen=True)
class TwoClasses:
    """What onnxruntime makes of an ensemble for two classes.

    `trees` score one target, or two with `base`; the class is 1 where target `decides` is over `bound`, or with `ties`
    at it. `complete` says how one score becomes two, "" where there are two.
    """

    trees: Trees
    base: tuple[float, ...]
    decides: int
    bound: float
    labels: tuple[int, int]
    complete: str
    ties: bool = False


def tree_classifier(p: Parts) -> None:
    x, rows, columns = p.table()
    try:
        trees = read_trees("TreeEnsembleClassifier", p.get)
    except TreeError as error:
        raise Refused(str(error)) from error
    require_features(trees, columns)
    labels, base, transform = list(p.get["classlabels_int64s"]), numbers(p.get, "base_values"), transform_of(p)
    if len(labels) < 2:
        raise Refused(f"it has {len(labels)} classes, at least 2 are needed")
    first, second = p.node.outputs
    if len(labels) > 2:
        _require_scores(trees, base)
        added = tuple(np.resize(np.append(base, np.zeros(len(labels))), len(labels)))
        scores = p.emit("Trees", [x], (rows, len(labels)), trees=trees, base=added)
        label(p, largest(p, scores), labels, first)
        transformed(p, scores, transform, second)
        return
    two = _two_classes(trees, base, labels, transform)
    made = (rows, two.trees.targets)
    scores, positive = p.emit_two(
        "Trees",
        [x],
        (made, REAL),
        ((rows, 1), BOOLEAN),
        trees=two.trees,
        base=two.base,
        decides=two.decides,
        bound=two.bound,
        ties=two.ties,
    )
    label(p, index_of(p, positive), two.labels, first)
    if two.complete:
        completed(p, scores, two.complete, second)
    else:
        transformed(p, scores, transform, second)


def require_features(trees: Trees, columns: int) -> None:
    most = trees.features()
    if most >= columns:
        raise Refused(f"it reads feature {most}, its input has {columns}")


def _require_scores(trees: Trees, base: Floats) -> None:
    """A class that no leaf of a row names takes no part in the choice, unless it has a base value."""
    if all(weight > 0 for _, weight in trees.weights()):
        return
    for target in range(len(base), trees.targets):
        if not trees.always_named(target):
            raise Refused(f"some rows get no weight for class {target}; which class then wins depends on that")


def _two_classes(trees: Trees, base: Floats, labels: Sequence[int], transform: str) -> TwoClasses:
    named = [target for target in (0, 1) if trees.ever_named(target)]
    positive = all(weight >= 0 for _, weight in trees.weights())
    both = (labels[0], labels[1])
    bound = 0.5 if positive else 0.0
    if len(base) > 2:
        raise Refused(f"it has {len(base)} base values for 2 classes")
    if named == [0] and len(base) < 2:
        complete = "logistic" if transform == "LOGISTIC" else "complement" if positive else "opposite"
        ties = positive and _half_is_over(trees)
        return TwoClasses(replace(trees, targets=1), (*base, 0.0)[:1], 0, bound, both, complete, ties)
    # A class without weights has no base value either.
    if named == [0]:
        return TwoClasses(trees, (base[0], 0.0), 0, bound, both, "")
    if len(base) == 2:
        raise Refused("of two base values onnxruntime ignores one, and all weights of class 1")
    if named == [1]:
        return TwoClasses(trees, (0.0, 0.0), 1, bound, both, "")
    if not trees.always_named(1):
        raise Refused("some rows get no weight for class 1; which class then wins depends on that")
    # With weights for both classes onnxruntime's label is 1 or 0, whatever the classes are called.
    return TwoClasses(trees, (*base, 0.0, 0.0)[:2], 1, 0.0, (0, 1), "")


def _half_is_over(trees: Trees) -> bool:
    """Whether equal weights that add up to 1/2 are over it in float32, as onnxruntime adds them: 10 of 1/20 are."""
    weights = {np.float32(weight) for _, weight in trees.weights() if weight}
    if len(weights) != 1:
        return False
    weight = weights.pop()
    count = round(0.5 / float(weight))
    if abs(count * float(weight) - 0.5) > 2.0**-20 or count > len(trees.trees):
        return False
    return bool(np.add.accumulate(np.full(count, weight, np.float32))[-1] > 0.5)
