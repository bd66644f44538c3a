"""ONNX's own node tests: each passes or is refused with a stable code and a reason, none is wrong; so says the page."""

from __future__ import annotations

import pytest

from tests.onnx_node_tests import DISCONTINUOUS, Outcome, outcomes
from tests.onnx_page import PAGE, known, page

REFUSALS = {
    "calibration_not_finite",
    "input_not_finite",
    "onnx_bad_constant",
    "onnx_constant_output",
    "onnx_dynamic_shape",
    "onnx_unsupported_input",
    "onnx_unsupported_ops",
    "onnxruntime_cannot_run",
    "program_range_overflow",
    "quantization_too_coarse",
}


@pytest.fixture(scope="module")
def found() -> tuple[Outcome, ...]:
    return outcomes()


def test_none_is_wrong(found: tuple[Outcome, ...]) -> None:
    wrong = {outcome.name: outcome.reason for outcome in found if outcome.result == "wrong"}
    assert {name: reason for name, reason in wrong.items() if name not in DISCONTINUOUS} == {}
    assert wrong.keys() == DISCONTINUOUS.keys()


def test_every_refusal_has_a_stable_code_and_a_reason(found: tuple[Outcome, ...]) -> None:
    refused = [outcome for outcome in found if outcome.result == "refused"]
    assert {outcome.code for outcome in refused} <= REFUSALS
    assert all(outcome.reason for outcome in refused)
    assert all(outcome.nodes for outcome in refused if outcome.code == "onnx_unsupported_ops")


def test_nodes_of_supported_operators_are_rarely_refused(found: tuple[Outcome, ...]) -> None:
    """Apart from types that no program has and outputs that are constant."""
    outcomes = [outcome for outcome in found if known(outcome.operators)]
    passed = sum(outcome.result == "passed" for outcome in outcomes)
    refused = sum(outcome.code == "onnx_unsupported_ops" for outcome in outcomes)
    assert passed >= 10 * refused > 0, (passed, refused)


def test_page_is_current(found: tuple[Outcome, ...]) -> None:
    assert PAGE.read_text() == page(found), "run `make fixtures`"
