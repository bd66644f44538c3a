"""Ensembles that are no trees, or that no program holds: refused by what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from circuits.program.errors import ProgramError
from circuits.quantize import compile_model
from tests.tabular_ensembles import classifier, ensemble, numbered, regressor, rows
from tests.tabular_models import refused


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"nodes_values": [0.0]}, "values for them"),
        ({"nodes_featureids": [9] * 99}, "entries"),
        ({"base_values": [0.1, 0.2, 0.3]}, "base values"),
        ({"post_transform": "PROBIT"}, "PROBIT"),
        ({"post_transform": "SOFTPLUS"}, "is none of"),
        ({"classlabels_int64s": [0]}, "at least 2"),
    ],
)
def test_refuses_a_classifier_by_what_is_wrong_with_it(tmp_path: Path, changed: dict[str, Any], reason: str) -> None:
    made = ensemble("classifier", 2, [0])
    message = refused(tmp_path, classifier(made | changed))
    assert "ai.onnx.ml::TreeEnsembleClassifier" in message
    assert reason in message


def test_refuses_trees_that_are_no_trees(tmp_path: Path) -> None:
    made = ensemble("regressor", 1, [0])
    inner = [i for i, mode in enumerate(made["nodes_modes"]) if mode != "LEAF" and made["nodes_treeids"][i] == 0]
    cycle = [0 if i == inner[1] else at for i, at in enumerate(made["nodes_truenodeids"])]
    assert "over and over" in refused(tmp_path, regressor(made | {"nodes_truenodeids": cycle}))
    nowhere = [999 if i == 0 else at for i, at in enumerate(made["nodes_truenodeids"])]
    assert "has no node 999" in refused(tmp_path, regressor(made | {"nodes_truenodeids": nowhere}))
    many = [77 if i == 0 else at for i, at in enumerate(made["nodes_featureids"])]
    assert "reads feature 77" in refused(tmp_path, regressor(made | {"nodes_featureids": many}))
    assert "is none of" in refused(tmp_path, regressor(made | {"aggregate_function": "MEDIAN"}))
    assert "points to" in refused(tmp_path, numbered(tree_roots=[99]))
    assert "at most 6" in refused(
        tmp_path, numbered(nodes_modes=numpy_helper.from_array(np.array([0, 7, 2], np.uint8)))
    )


def test_refuses_a_tree_too_deep_to_walk(tmp_path: Path) -> None:
    """A list of questions: asked all at once it would be too large, walked too long."""
    depth = 9000
    made = {
        "nodes_treeids": [0] * (2 * depth + 1),
        "nodes_nodeids": list(range(2 * depth + 1)),
        "nodes_modes": ["BRANCH_LEQ", "LEAF"] * depth + ["LEAF"],
        "nodes_featureids": [0] * (2 * depth + 1),
        "nodes_values": [float(i) for i in range(2 * depth + 1)],
        "nodes_truenodeids": [i + 1 for i in range(2 * depth)] + [0],
        "nodes_falsenodeids": [min(i + 2, 2 * depth) for i in range(2 * depth)] + [0],
        "target_treeids": [0] * (depth + 1),
        "target_nodeids": [*range(1, 2 * depth, 2), 2 * depth],
        "target_ids": [0] * (depth + 1),
        "target_weights": [1.0] * (depth + 1),
        "n_targets": 1,
    }
    file = tmp_path / "model.onnx"
    onnx.save(regressor(made), file)
    with pytest.raises(ProgramError) as refusal:
        compile_model(file, {"x": rows()})
    assert refusal.value.code == "program_too_large"
    assert refusal.value.details["depth"] == depth


def test_refuses_a_least_that_some_leaves_have_no_part_in(tmp_path: Path) -> None:
    made = ensemble("regressor", 2, [0, 1]) | {"aggregate_function": "MIN"}
    kept = [i for i in range(len(made["target_ids"])) if i != 0]
    made |= {
        f"target_{key}": [made[f"target_{key}"][i] for i in kept] for key in ("treeids", "nodeids", "ids", "weights")
    }
    assert "MIN is wanted" in refused(tmp_path, regressor(made))
