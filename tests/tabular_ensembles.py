"""Ensembles of decision trees for tests: random ones of all modes, and one of opset 5."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from tests.tabular_models import INTEGER, REAL, Compared, model, node

COLUMNS = 4
MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")
# Thresholds are among the values of rows: a row is often exactly at one. 0.3 is no binary fraction.
GRID = np.array([-1, -0.5, 0, 0.25, 0.3, 0.5, 1, 1.7], np.float32)


def rows(count: int = 60, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    near = np.nextafter(GRID[GRID != 0], np.float32(9), dtype=np.float32)
    return rng.choice(np.concatenate([GRID, near, np.float32([-2, 0.1, 2])]), (count, COLUMNS)).astype(np.float32)


def ensemble(
    kind: str, targets: int, named: list[int], *, signed: bool = True, trees: int = 3, depth: int = 3, seed: int = 0
) -> dict[str, Any]:
    """Attributes of random trees of all modes; every leaf has a weight for the targets `named`."""
    rng = np.random.default_rng(seed)
    nodes: list[list[Any]] = []
    weights: list[list[Any]] = []

    def grow(tree: int, first: int, left: int) -> int:
        at = len(nodes)
        nodes.append([])
        place = at - first
        if left == 0 or (left < depth and rng.random() < 0.15):
            nodes[at] = [tree, place, "LEAF", 0, 0.0, 0, 0]
            for target in named:
                weight = rng.normal() if signed else rng.random()
                weights.append([tree, place, target, float(weight / trees)])
            return place
        mode, feature, value = str(rng.choice(MODES)), int(rng.integers(COLUMNS)), float(rng.choice(GRID))
        nodes[at] = [tree, place, mode, feature, value, grow(tree, first, left - 1), grow(tree, first, left - 1)]
        return place

    for tree in range(trees):
        grow(tree, len(nodes), depth)
    keys = ("treeids", "nodeids", "modes", "featureids", "values", "truenodeids", "falsenodeids")
    made = {f"nodes_{key}": list(column) for key, column in zip(keys, zip(*nodes, strict=True), strict=True)}
    prefix = "class" if kind == "classifier" else "target"
    keys = ("treeids", "nodeids", "ids", "weights")
    made |= {f"{prefix}_{key}": list(column) for key, column in zip(keys, zip(*weights, strict=True), strict=True)}
    return made | ({"classlabels_int64s": list(range(targets))} if kind == "classifier" else {"n_targets": targets})


def classifier(attributes: dict[str, Any]) -> onnx.ModelProto:
    classes = len(attributes["classlabels_int64s"])
    made = node("TreeEnsembleClassifier", ["x"], ["label", "scores"], **attributes)
    return model(
        [made], {"x": (REAL, [None, COLUMNS])}, {"label": (INTEGER, [None]), "scores": (REAL, [None, classes])}
    )


def regressor(attributes: dict[str, Any]) -> onnx.ModelProto:
    made = node("TreeEnsembleRegressor", ["x"], ["y"], **attributes)
    return model([made], {"x": (REAL, [None, COLUMNS])}, {"y": (REAL, [None, attributes["n_targets"]])})


def numbered(**changed: Any) -> onnx.ModelProto:
    """TreeEnsemble (opset 5): x0 ≤ 0.5 ? (x1 in {1, 0.3} ? leaf 0 : leaf 1) : (x2 ≥ 0.25 ? leaf 2 : leaf 3)."""
    tensor = numpy_helper.from_array
    made: dict[str, Any] = {
        "n_targets": 2,
        "aggregate_function": 1,
        "post_transform": 0,
        "tree_roots": [0],
        "nodes_featureids": [0, 1, 2],
        "nodes_modes": tensor(np.array([0, 6, 2], np.uint8)),
        "nodes_splits": tensor(np.array([0.5, 0, 0.25], np.float32)),
        "nodes_truenodeids": [1, 0, 2],
        "nodes_trueleafs": [0, 1, 1],
        "nodes_falsenodeids": [2, 1, 3],
        "nodes_falseleafs": [0, 1, 1],
        "leaf_targetids": [0, 1, 0, 1],
        "leaf_weights": tensor(np.array([1.5, -2.25, 0.7, 3.1], np.float32)),
        "membership_values": tensor(np.array([1, 0.3, np.nan], np.float32)),
    }
    tree = node("TreeEnsemble", ["x"], ["y"], **{k: v for k, v in (made | changed).items() if v is not None})
    return model([tree], {"x": (REAL, [None, COLUMNS])}, {"y": (REAL, [None, 2])}, ml_opset=5)


def same_decisions(found: Compared) -> None:
    np.testing.assert_array_equal(found.real["label"], found.expected["label"])
    assert found.error("scores") < 1e-3
