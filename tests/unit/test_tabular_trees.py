"""Decision trees made by hand: every mode, aggregate and onnxruntime's own reading of two classes, against it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from circuits.execute import Executor
from circuits.program.ops import Gather
from circuits.quantize import CompileOptions, compile_model
from circuits.quantize.rules import tabular_trees
from tests.tabular_ensembles import COLUMNS, GRID, classifier, ensemble, numbered, regressor, rows, same_decisions
from tests.tabular_models import INTEGER, REAL, compared, model, node, refused


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("aggregate", ["SUM", "AVERAGE", "MIN", "MAX"])
def test_every_mode_decides_as_onnxruntime_does(tmp_path: Path, aggregate: str, seed: int) -> None:
    targets = 1 + seed % 2
    made = ensemble("regressor", targets, list(range(targets)), seed=seed) | {"aggregate_function": aggregate}
    made |= {"base_values": [0.5, -0.25][:targets]} if seed > 1 else {}
    found = compared(tmp_path, regressor(made), rows(), rows(40, seed + 9))
    assert found.error("y") < 1e-5


@pytest.mark.parametrize("aggregate", ["SUM", "AVERAGE", "MIN", "MAX"])
def test_a_walk_ends_where_all_questions_at_once_do(
    tmp_path: Path, aggregate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ensemble("regressor", 2, [0, 1], seed=5, depth=4) | {"aggregate_function": aggregate}
    made["base_values"] = [0.5, -0.25]
    at_once = compared(tmp_path, regressor(made), rows(), rows(40, 3))
    monkeypatch.setattr(tabular_trees, "MOST_AT_ONCE", 0)
    walk = compared(tmp_path, regressor(made), rows(), rows(40, 3))
    assert sum(isinstance(op, Gather) for op in walk.program.ops) > sum(
        isinstance(op, Gather) for op in at_once.program.ops
    )
    assert walk.error("y") < 1e-5
    assert at_once.error("y") < 1e-5


TRANSFORMS = ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"]


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "positive"])
@pytest.mark.parametrize("base", [[], [0.1], [0.2, -0.3]], ids=["no base", "one base", "two bases"])
@pytest.mark.parametrize("named", [[0], [1], [0, 1]], ids=["class 0", "class 1", "both"])
def test_two_classes_are_what_onnxruntime_makes_of_them(
    tmp_path: Path, named: list[int], base: list[float], signed: bool
) -> None:
    made = ensemble("classifier", 2, named, signed=signed)
    made |= {"base_values": base} if base else {}
    if 1 in named and len(base) == 2:
        assert "ignores one" in refused(tmp_path, classifier(made))
        return
    for transform in TRANSFORMS:
        same_decisions(compared(tmp_path, classifier(made | {"post_transform": transform}), rows(), rows(30, 2)))


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("base", [[], [0.1, -0.2, 0.3]], ids=["no base", "base"])
def test_three_classes_with_labels_of_their_own(tmp_path: Path, base: list[float], transform: str) -> None:
    made = ensemble("classifier", 3, [0, 1, 2]) | {"post_transform": transform, "classlabels_int64s": [7, -3, 12]}
    made |= {"base_values": base} if base else {}
    found = compared(tmp_path, classifier(made), rows(), rows(30, 2))
    same_decisions(found)
    assert set(np.unique(found.real["label"])) <= {7.0, -3.0, 12.0}


@pytest.mark.parametrize("trees", [10, 20, 50])
def test_an_undecided_forest_falls_to_the_side_of_onnxruntime(tmp_path: Path, trees: int) -> None:
    """Half of the trees say one class: in float32 ten times 1/20 is over 1/2, five times 1/10 is not."""
    count = trees // 2
    nodes = [(t, i) for t in range(trees) for i in range(3)]
    made = {
        "nodes_treeids": [t for t, _ in nodes],
        "nodes_nodeids": [i for _, i in nodes],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"] * trees,
        "nodes_featureids": [0] * len(nodes),
        "nodes_values": [v for t in range(trees) for v in (float(t), 0.0, 0.0)],
        "nodes_truenodeids": [1, 0, 0] * trees,
        "nodes_falsenodeids": [2, 0, 0] * trees,
        "class_treeids": [t for t in range(trees) for _ in range(2)],
        "class_nodeids": [1, 2] * trees,
        "class_ids": [0] * (2 * trees),
        "class_weights": [w for _ in range(trees) for w in (1 / trees, 0.0)],
        "classlabels_int64s": [0, 1],
    }
    x = np.zeros((5, COLUMNS), np.float32)
    x[:, 0] = trees - count + np.arange(-2, 3) - 0.5  # as many trees say yes as thresholds lie above
    found = compared(tmp_path, classifier(made), x, x)
    same_decisions(found)
    assert found.expected["scores"][2, 0, 1] == pytest.approx(0.5, abs=1e-6)


def test_integer_tables_are_compared_without_rounding(tmp_path: Path) -> None:
    """Thresholds of trees over whole numbers lie between them; a row may be any 32-bit integer."""
    made = ensemble("classifier", 3, [0, 1, 2], seed=3)
    made["nodes_modes"] = ["LEAF" if mode == "LEAF" else "BRANCH_LEQ" for mode in made["nodes_modes"]]
    made["nodes_values"] = [round(v * 4) + 0.5 for v in made["nodes_values"]]
    tree = node("TreeEnsembleClassifier", ["x"], ["label", "scores"], **made)
    outputs = {"label": (INTEGER, [None]), "scores": (REAL, [None, 3])}
    x = np.random.default_rng(0).integers(-8, 8, (60, COLUMNS))
    x[0] = 2**31 - 1
    found = compared(tmp_path, model([tree], {"x": (INTEGER, [None, COLUMNS])}, outputs), x, x)
    same_decisions(found)
    assert found.program.inputs[0].scales == (0,)


def test_thresholds_that_stand_for_always_and_never(tmp_path: Path) -> None:
    """They change neither the scale of their column nor any decision."""
    made = ensemble("regressor", 1, [0], seed=3)
    plain = compared(tmp_path, regressor(made), rows(), rows(40, 3))
    ends = [np.inf, -np.inf, 1e30, -3e38]
    values = [ends[i % 4] if i % 3 == 0 else v for i, v in enumerate(made["nodes_values"])]
    found = compared(tmp_path, regressor(made | {"nodes_values": values}), rows(), rows(40, 3))
    assert found.error("y") < 1e-5
    assert found.program.inputs[0].scales == plain.program.inputs[0].scales


def test_several_rows_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = ensemble("classifier", 2, [0], signed=False)
    tree = node("TreeEnsembleClassifier", ["x"], ["label", "scores"], **made)
    proto = model([tree], {"x": (REAL, [3, COLUMNS])}, {"label": (INTEGER, [3]), "scores": (REAL, [3, 2])})
    table = rows(90).reshape(30, 3, COLUMNS)
    same_decisions(compared(tmp_path, proto, table, table))
    monkeypatch.setattr(tabular_trees, "MOST_AT_ONCE", 0)
    same_decisions(compared(tmp_path, proto, table, table))


@pytest.mark.parametrize("most", [2**20, 0], ids=["at once", "walk"])
def test_opset_5_trees_with_sets_of_members(tmp_path: Path, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tabular_trees, "MOST_AT_ONCE", most)
    assert compared(tmp_path, numbered(), rows(), rows(60, 4)).error("y") < 1e-5


def test_input_bits_may_be_fewer(tmp_path: Path) -> None:
    """A route that passes thresholds as float32 asks for 24."""
    made = ensemble("regressor", 1, [0], seed=3)
    x = np.random.default_rng(1).choice(GRID, (60, COLUMNS))
    found = compared(tmp_path, regressor(made), x, x, CompileOptions(input_bits={"x": 24}))
    assert found.program.inputs[0].bits == 24
    thresholds = [c.values for c in found.program.constants if c.name.endswith("thresholds")]
    assert np.abs(thresholds).max() < 2**23
    assert found.error("y") < 1e-5


@pytest.mark.parametrize("mode", ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"])
def test_every_integer_around_a_threshold_is_decided_as_its_real_number(tmp_path: Path, mode: str) -> None:
    """Also where no calibration row came near: integers at, below and above each threshold of a column."""
    thresholds = [float(t) for t in np.float32([0.1, -0.7, 1 / 3, 1.7, -1.0, 0.5])]
    count = len(thresholds)
    made = {
        "nodes_treeids": [t for t in range(count) for _ in range(3)],
        "nodes_nodeids": [0, 1, 2] * count,
        "nodes_modes": [mode, "LEAF", "LEAF"] * count,
        "nodes_featureids": [t % COLUMNS for t in range(count) for _ in range(3)],
        "nodes_values": [v for t in thresholds for v in (t, 0.0, 0.0)],
        "nodes_truenodeids": [1, 0, 0] * count,
        "nodes_falsenodeids": [2, 0, 0] * count,
        "target_treeids": [t for t in range(count) for _ in range(2)],
        "target_nodeids": [1, 2] * count,
        "target_ids": [0] * (2 * count),
        "target_weights": [w for t in range(count) for w in (float(2**t), 0.0)],
        "n_targets": 1,
    }
    file = tmp_path / "model.onnx"
    onnx.save(regressor(made), file)
    program, _ = compile_model(file, {"x": rows()})
    scales, output = program.inputs[0].scales, program.outputs[0].port
    relation = {
        "BRANCH_LEQ": Fraction.__le__, "BRANCH_LT": Fraction.__lt__, "BRANCH_GTE": Fraction.__ge__,
        "BRANCH_GT": Fraction.__gt__, "BRANCH_EQ": Fraction.__eq__, "BRANCH_NEQ": Fraction.__ne__,
    }[mode]  # fmt: skip
    executor = Executor(program)
    for offset in (-2, -1, 0, 1, 2):
        for chosen in range(count):
            integers = [round(thresholds[(chosen + c) % count] * 2.0 ** scales[c]) + offset for c in range(COLUMNS)]
            (made_up,) = executor.run([np.array([integers], np.int64)])
            real = [Fraction(q) / Fraction(2) ** scale for q, scale in zip(integers, scales, strict=True)]
            wanted = sum(2**t for t in range(count) if relation(real[t % COLUMNS], Fraction(thresholds[t])))
            assert int(made_up[0, 0]) == wanted << output.scales[0]


def test_double_tables_keep_thresholds_of_double_precision(tmp_path: Path) -> None:
    made = ensemble("regressor", 1, [0], seed=3)
    tensors = {
        "nodes_values_as_tensor": made.pop("nodes_values"),
        "target_weights_as_tensor": made.pop("target_weights"),
        "base_values_as_tensor": [0.1],
    }
    made |= {key: numpy_helper.from_array(np.array(values, np.float64)) for key, values in tensors.items()}
    tree = node("TreeEnsembleRegressor", ["x"], ["y"], **made)
    proto = model([tree], {"x": (TensorProto.DOUBLE, [None, COLUMNS])}, {"y": (REAL, [None, 1])})
    table = rows().astype(np.float64)
    assert compared(tmp_path, proto, table, table).error("y") < 1e-5
