"""Support vector machines: a kernel against every vector, then a linear model of what it gives."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from circuits.onnx.graph import Floats
from circuits.onnx.tabular_classes import completed, label, largest, transform_of, transformed
from circuits.onnx.tabular_parts import BOOLEAN, INTEGER, REAL, Parts, Refused

KERNELS = ("LINEAR", "POLY", "RBF", "SIGMOID")


def _kernel(p: Parts, vectors: int) -> str:
    """[rows, vectors]: the kernel of every row with every support vector."""
    x, rows, columns = p.table()
    kind = p.get.get("kernel_type", "LINEAR")
    if kind not in KERNELS:
        raise Refused(f"kernel_type={kind!r} is none of {', '.join(KERNELS)}")
    support = p.matrix("support_vectors", vectors)
    if support.shape[1] != columns:
        raise Refused(f"its support vectors have {support.shape[1]} features, its input {columns}")
    params = [float(v) for v in p.get.get("kernel_params", ())]
    gamma, start, degree = params if len(params) == 3 else (0.0, 0.0, 0.0)
    if kind == "POLY" and (degree != int(degree) or not 0 <= degree <= 16):
        raise Refused(f"a polynomial kernel of degree {degree:g}; only whole degrees up to 16 are supported")
    attributes = {"kernel": kind, "gamma": gamma, "start": start, "degree": int(degree), "support": support}
    return p.emit("Kernel", [x], (rows, vectors), **attributes)


def svm_regressor(p: Parts) -> None:
    vectors, rho = int(p.get.get("n_supports", 0)), np.asarray(p.get.get("rho", ()), np.float64)
    coefficients = np.asarray(p.get.get("coefficients", ()), np.float64)
    if not len(rho):
        raise Refused("it has no rho")
    if vectors > 0:
        x = _kernel(p, vectors)
    else:
        x, _, vectors = p.table()
    if len(coefficients) != vectors:
        raise Refused(f"it has {len(coefficients)} coefficients, {vectors} are needed")
    one_class = bool(p.get.get("one_class", 0))
    made = p.dense(x, coefficients[:, None], rho[:1], "" if one_class else p.node.output)
    if one_class:
        positive = p.emit("Greater", [made, p.constant([[0.0]])], p.shape(made), BOOLEAN)
        sides = [positive, p.constant([[1.0]]), p.constant([[-1.0]])]
        p.emit("Where", sides, p.shape(made), REAL, p.node.output)


def svm_classifier(p: Parts) -> None:
    labels = [int(v) for v in p.get.get("classlabels_ints", ())]
    each = [int(v) for v in p.get.get("vectors_per_class", ())]
    transform = transform_of(p)
    if len(labels) < 2:
        raise Refused(f"it has {len(labels)} classes, at least 2 are needed")
    if sum(each) == 0:
        _liblinear(p, labels, transform)
        return
    if len(each) != len(labels):
        raise Refused(f"it has {len(labels)} classes, vectors_per_class has {len(each)}")
    pairs = list(combinations(range(len(labels)), 2))
    rho = p.column_count("rho", len(pairs))
    scores = p.dense(_kernel(p, sum(each)), _pair_weights(p, each, pairs), rho)
    label(p, _most_votes(p, scores, len(labels), pairs), labels, p.node.outputs[0])
    _probabilities(p, scores, transform, len(labels))


def _pair_weights(p: Parts, each: list[int], pairs: list[tuple[int, int]]) -> Floats:
    """[vectors, pairs]: a class's coefficients against class j are in row j, or j − 1 if j comes after it."""
    coefficients = p.matrix("coefficients", len(each) - 1)
    ends = np.cumsum(each)
    if coefficients.shape[1] != ends[-1]:
        raise Refused(f"it has {coefficients.shape[1]} coefficients a row for {ends[-1]} support vectors")
    weights = np.zeros((int(ends[-1]), len(pairs)))
    for at, (i, j) in enumerate(pairs):
        of_i, of_j = (slice(ends[c] - each[c], ends[c]) for c in (i, j))
        weights[of_i, at] = coefficients[j - 1, of_i]
        weights[of_j, at] = coefficients[i, of_j]
    return weights


def _most_votes(p: Parts, scores: str, classes: int, pairs: list[tuple[int, int]]) -> str:
    """The class that wins most pairs: class i wins pair (i, j) if its score is over 0, else j."""
    rows = p.shape(scores)[0]
    won = p.emit("Greater", [scores, p.constant(0.0)], (rows, len(pairs)), BOOLEAN)
    votes = np.zeros((len(pairs), classes))
    for at, (i, j) in enumerate(pairs):
        votes[at, i], votes[at, j] = 1, -1
    losers = np.array([sum(j == c for _, j in pairs) for c in range(classes)], np.float64)
    return largest(p, p.dense(p.emit("Cast", [won], (rows, len(pairs)), REAL, to=REAL), votes, losers))


def _probabilities(p: Parts, scores: str, transform: str, classes: int) -> None:
    """The second output: scores of pairs, or with prob_a and prob_b probabilities."""
    rows, output = p.shape(scores)[0], p.node.outputs[1]
    if not p.get.get("prob_a"):
        if classes > 2:
            transformed(p, scores, transform, output)
        else:
            how = {"NONE": "opposite", "LOGISTIC": "logistic"}.get(transform, "complement")
            completed(p, scores, how, output)
        return
    if classes > 2:
        raise Refused("probabilities of over two classes are coupled by iteration; export without probability=True")
    a, b = (float(p.column_count(key, 1)[0]) for key in ("prob_a", "prob_b"))
    first = p.emit("Curve", [scores], (rows, 1), function="platt", a=a, b=b)
    if transform == "NONE":
        p.columns([first, p.emit("Sub", [p.constant([[1.0]]), first], (rows, 1))], rows, output)
    else:
        both = p.columns([first, p.emit("Sub", [p.constant([[1.0]]), first], (rows, 1))], rows)
        transformed(p, both, transform, output)


def _liblinear(p: Parts, labels: list[int], transform: str) -> None:
    """Without support vectors the coefficients are a score for each class, all with the first rho."""
    x, rows, columns = p.table()
    weights, rho = p.matrix("coefficients", len(labels)), np.asarray(p.get.get("rho", ()), np.float64)
    if weights.shape[1] != columns or not len(rho):
        raise Refused(f"it has {weights.shape[1]} coefficients for {columns} columns, and {len(rho)} rho")
    scores = p.dense(x, weights.T, np.resize(rho[:1], len(labels)))
    first, second = p.node.outputs
    if len(labels) == 2 and not p.get.get("prob_a"):
        # The class is 1 where the larger score is over the bound, whichever class it is of.
        bound = np.nextafter(0.5, 0) if (weights >= 0).all() else 0.0
        best = p.emit("ReduceMax", [scores, p.constant([1], np.int64)], (rows, 1), keepdims=1, noop_with_empty_axes=0)
        over = p.emit("Greater", [best, p.constant([[bound]])], (rows, 1), BOOLEAN)
        wins = p.reshape(p.emit("Cast", [over], (rows, 1), INTEGER, to=INTEGER), (rows,), INTEGER)
        label(p, p.emit("Max", [wins, largest(p, scores)], (rows,), INTEGER), labels, first)
    else:
        label(p, largest(p, scores), labels, first)
    transformed(p, scores, transform, second)
