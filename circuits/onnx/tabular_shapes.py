"""Shapes and element types of what ai.onnx.ml operators make, which onnx's shape inference mostly leaves out.

As onnxruntime makes them: a table of rank 1 is one row, labels are one for each row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto

Shape = tuple[int, ...]
Made = tuple[Shape, int]
Get = Mapping[str, Any]


def made_by(op: str, get: Get, shapes: Sequence[Shape], types: Sequence[int]) -> list[Made]:
    """(shape, element type) of every output of an ai.onnx.ml operator; none where nothing is known of it.

    `get` are the node's attributes, `shapes` and `types` its inputs'.
    """
    rule = RULES.get(op)
    if rule is None or not shapes or not shapes[0]:
        return []
    made = rule(get, shapes, types)
    return made if all(size >= 0 for shape, _ in made for size in shape) else []


def rows_of(shape: Shape) -> int:
    return 1 if len(shape) == 1 else shape[0]


def classes_of(get: Get) -> int:
    """How many classes a classifier has."""
    return max(len(get.get(key, ())) for key in ("classlabels_int64s", "classlabels_ints", "classlabels_strings"))


def _classified(rows: int, columns: int) -> list[Made]:
    return [((rows,), TensorProto.INT64), ((rows, columns), TensorProto.FLOAT)]


def _tree_classifier(get: Get, shapes: Sequence[Shape], types: Sequence[int]) -> list[Made]:
    return _classified(rows_of(shapes[0]), classes_of(get))


def _linear_classifier(get: Get, shapes: Sequence[Shape], types: Sequence[int]) -> list[Made]:
    scores = len(get.get("intercepts", ()))
    columns = 2 if scores == 1 and classes_of(get) == 2 else scores
    return _classified(rows_of(shapes[0]), columns)


def _svm_classifier(get: Get, shapes: Sequence[Shape], types: Sequence[int]) -> list[Made]:
    classes = classes_of(get)
    by_pairs = sum(get.get("vectors_per_class", ())) > 0 and not get.get("prob_a") and classes > 2
    return _classified(rows_of(shapes[0]), classes * (classes - 1) // 2 if by_pairs else classes)


def _targets(key: str) -> Callable[[Get, Sequence[Shape], Sequence[int]], list[Made]]:
    """A regressor that says under `key` how many numbers it makes for a row."""

    def rule(get: Get, shapes: Sequence[Shape], types: Sequence[int]) -> list[Made]:
        return [((rows_of(shapes[0]), int(get.get(key, 1))), TensorProto.FLOAT)]

    return rule


def _svm_regressor(get: Get, shapes: Sequence[Shape], types: Sequence[int]) -> list[Made]:
    return [((rows_of(shapes[0]), 1), TensorProto.FLOAT)]


def _ensemble(get: Get, shapes: Sequence[Shape], types: Sequence[int]) -> list[Made]:
    return [((rows_of(shapes[0]), int(get.get("n_targets", 1))), types[0])]


def _same_shape(get: Get, shapes: Sequence[Shape], types: Sequence[int]) -> list[Made]:
    return [(shapes[0], TensorProto.FLOAT)]


def _same(get: Get, shapes: Sequence[Shape], types: Sequence[int]) -> list[Made]:
    return [(shapes[0], types[0])]


def _extractor(get: Get, shapes: Sequence[Shape], types: Sequence[int]) -> list[Made]:
    taken = math.prod(shapes[1])
    lead = (1,) if len(shapes[0]) == 1 else shapes[0][:-1]
    return [((*lead, taken), types[0])]


def _encoder(get: Get, shapes: Sequence[Shape], types: Sequence[int]) -> list[Made]:
    if "values_tensor" in get:
        values = np.asarray(get["values_tensor"])
        kind = {"i": TensorProto.INT64, "f": TensorProto.FLOAT}.get(values.dtype.kind, TensorProto.UNDEFINED)
    elif get.get("values_floats"):
        kind = TensorProto.FLOAT
    else:
        kind = TensorProto.INT64
    return [(shapes[0], kind)]


def _one_hot(get: Get, shapes: Sequence[Shape], types: Sequence[int]) -> list[Made]:
    return [((*shapes[0], len(get.get("cats_int64s", ()))), TensorProto.FLOAT)]


def _vectorizer(get: Get, shapes: Sequence[Shape], types: Sequence[int]) -> list[Made]:
    return [((rows_of(shapes[0]), sum((1, *shape)[-1] for shape in shapes)), TensorProto.FLOAT)]


RULES: dict[str, Callable[[Get, Sequence[Shape], Sequence[int]], list[Made]]] = {
    "TreeEnsembleClassifier": _tree_classifier,
    "TreeEnsembleRegressor": _targets("n_targets"),
    "TreeEnsemble": _ensemble,
    "LinearClassifier": _linear_classifier,
    "LinearRegressor": _targets("targets"),
    "SVMClassifier": _svm_classifier,
    "SVMRegressor": _svm_regressor,
    "Scaler": _same_shape,
    "Normalizer": _same_shape,
    "Binarizer": _same,
    "Imputer": _same,
    "ArrayFeatureExtractor": _extractor,
    "LabelEncoder": _encoder,
    "OneHotEncoder": _one_hot,
    "FeatureVectorizer": _vectorizer,
}
