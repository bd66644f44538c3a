"""The search finds what trying every setting finds, in fewer tries; and says so where nothing is near enough."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from circuits.errors import InputError
from circuits.program.graph import Program
from circuits.quantize import CompileOptions, FidelityReport, compile_model, search
from circuits.quantize.search import SearchReport, Setting, cost_of, search_model

NEVER = bool  # bool() is False: time never runs out
DATA = {"x": np.random.default_rng(0).uniform(-1, 1, (30, 1, 4))}
PINNED_TABLES = frozenset({"table_bits"})


def network(path: Path, activation: str = "Relu") -> Path:
    rng = np.random.default_rng(3)
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["h"]),
        helper.make_node(activation, ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "w2"], ["y"]),
    ]
    constants = {"w1": rng.normal(size=(4, 8)), "b1": rng.normal(size=8), "w2": rng.normal(size=(8, 3))}
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 4))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 3))],
        [numpy_helper.from_array(values.astype(np.float32), name) for name, values in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


def find(
    path: Path, max_error: float, *, options: CompileOptions | None = None, pinned: frozenset[str] = frozenset()
) -> tuple[Program, FidelityReport, SearchReport]:
    return search_model(path, DATA, options or CompileOptions(), max_error, pinned, NEVER, lambda phase, done: None)


@pytest.mark.parametrize("max_error", [0.3, 0.03, 0.002])
def test_nothing_cheaper_is_near_enough(max_error: float, tmp_path: Path) -> None:
    path = network(tmp_path / "m.onnx")
    program, report, found = find(path, max_error)
    assert report.max_abs_error <= max_error
    assert found.complete
    every = list(itertools.product(search.AXES["bits"], search.AXES["weight_bits"]))
    near = {}
    for bits, weight_bits in every:
        other, measured = compile_model(path, DATA, CompileOptions(bits=bits, weight_bits=weight_bits))
        if measured.max_abs_error <= max_error:
            near[bits, weight_bits] = cost_of(other)
    assert cost_of(program) == min(near.values())
    assert len(found.trials) < len(every) / 3


def test_the_chosen_setting_alone_makes_the_same_program(tmp_path: Path) -> None:
    path = network(tmp_path / "m.onnx", "Tanh")
    program, report, found = find(path, 0.01)
    again, measured = compile_model(path, DATA, replace(CompileOptions(), **asdict(found.chosen)))
    assert again.model_id() == program.model_id()
    assert measured == report
    (trial,) = [trial for trial in found.trials if trial.setting == found.chosen]
    assert (trial.max_abs_error, trial.cost) == (report.max_abs_error, cost_of(program))
    assert find(path, 0.01)[2] == found


def test_pinned_bits_stay_as_they_are(tmp_path: Path) -> None:
    path = network(tmp_path / "m.onnx")
    _, _, found = find(path, 0.05, options=CompileOptions(weight_bits=11), pinned=frozenset({"weight_bits"}))
    assert {trial.setting.weight_bits for trial in found.trials} == {11}
    assert found.chosen.bits < 16


def test_without_tables_only_the_given_table_bits_are_tried(tmp_path: Path) -> None:
    assert {trial.setting.table_bits for trial in find(network(tmp_path / "m.onnx"), 0.01)[2].trials} == {12}


def test_the_frontier_is_cheapest_first_and_ever_nearer(tmp_path: Path) -> None:
    found = find(network(tmp_path / "m.onnx"), 0.01)[2]
    frontier = found.frontier()
    assert len(frontier) > 1
    for before, after in itertools.pairwise(frontier):
        assert (before.cost or 0) <= (after.cost or 0)
        assert (before.max_abs_error or 0) > (after.max_abs_error or 0)
    for trial in found.trials:
        assert any(
            (f.cost or 0) <= (trial.cost or 0) and (f.max_abs_error or 0) <= (trial.max_abs_error or 0)
            for f in frontier
        )
    assert json.loads(json.dumps(found.as_dict()))["chosen"] == asdict(found.chosen)


def test_an_index_has_to_be_equal(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("ArgMax", ["h"], ["y"], axis=1)]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 4))],
        [helper.make_tensor_value_info("y", TensorProto.INT64, (1, 1))],
        [numpy_helper.from_array(rng.normal(size=(4, 20)).astype(np.float32), "w")],
    )
    path = tmp_path / "class.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    data = {"x": rng.normal(size=(200, 1, 4))}
    coarse = compile_model(path, data, CompileOptions(bits=8, weight_bits=8))[1]
    assert any(output.mismatches for output in coarse.outputs)
    options, silent = CompileOptions(), lambda phase, done: None
    _, report, found = search_model(path, data, options, 0.9, PINNED_TABLES, NEVER, silent)
    assert [output.mismatches for output in report.outputs] == [0, 0]
    assert found.chosen.bits < 16


def test_settings_too_wide_for_exact_integers_are_passed_over(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).normal(size=(2048, 2)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 2048))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 2))],
        [numpy_helper.from_array(weights, "w")],
    )
    path = tmp_path / "wide.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    data = {"x": np.random.default_rng(1).normal(size=(10, 1, 2048))}
    options = CompileOptions(bits=24, weight_bits=24)
    _, report, found = search_model(path, data, options, 0.01, PINNED_TABLES, NEVER, lambda phase, done: None)
    assert found.trials[0].max_abs_error is None
    assert found.trials[0].setting == Setting(24, 24, 12)
    assert report.max_abs_error <= 0.01


def test_says_how_near_it_came_where_nothing_is_near_enough(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        find(network(tmp_path / "m.onnx"), 1e-9)
    error = caught.value
    assert error.code == "max_error_not_met"
    nearest = Setting(**error.details["nearest"])
    assert nearest.text() in error.message
    _, measured = compile_model(tmp_path / "m.onnx", DATA, replace(CompileOptions(), **asdict(nearest)))
    assert measured.max_abs_error == error.details["nearest_error"] > 1e-9
    assert error.details["complete"]


def test_without_time_the_first_setting_is_the_answer_or_the_nearest(tmp_path: Path) -> None:
    path, usual = network(tmp_path / "m.onnx"), CompileOptions()
    arguments = (frozenset[str](), lambda: True, lambda phase, done: None)
    _, _, found = search_model(path, DATA, usual, 0.1, *arguments)
    assert (found.chosen, len(found.trials), found.complete) == (Setting.of(usual), 1, False)
    with pytest.raises(InputError) as caught:
        search_model(path, DATA, usual, 1e-9, *arguments)
    assert caught.value.details["complete"] is False
    assert "--time-budget" in caught.value.message


@pytest.mark.parametrize("max_error", [0.0, -1.0, float("nan"), float("inf")])
def test_rejects_an_error_that_is_none(max_error: float, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        find(network(tmp_path / "m.onnx"), max_error)
    assert caught.value.code == "bad_option"


def test_the_float_model_does_not_run_again_for_every_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from circuits.onnx.reference import FloatModel

    path, runs, original = network(tmp_path / "m.onnx"), [], FloatModel.run

    def counted(self: FloatModel, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        runs.append(1)
        return original(self, inputs)

    monkeypatch.setattr(FloatModel, "run", counted)
    found = find(path, 0.01)[2]
    assert len(found.trials) > 3
    # One to see that it runs at all, then once for all settings, and once for the report, which looks inside.
    assert len(runs) == 1 + 2 * len(DATA["x"])
