"""A claim is judged by its own program under its own key, or not at all."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from unittest.mock import MagicMock

import numpy as np
import pytest
from dispute_model import mixed_program
from dispute_programs import wide_index
from test_challenger_evidence import MINE, TERMS, view_of

from circuits.errors import InputError
from circuits.lower.optimistic import term_count, work
from circuits.program.graph import Program
from circuits.program.interpreter import trace
from verifier.challenger import judging
from verifier.challenger.claim_view import ClaimView, require_same_model
from verifier.challenger.engine import Engine, LoadedProgram
from verifier.challenger.errors import ChallengerError
from verifier.challenger.judging import Judge
from verifier.challenger.records import Verdict
from verifier.challenger.watch import Mode, Notice, Watcher
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.types import key_digest

PROGRAM = mixed_program()
LOADED = LoadedProgram(PROGRAM, Engine())
VIEW = view_of(MINE)


def keyed(view: ClaimView, model_id: bytes) -> ClaimView:
    """The same claim under the key of another model."""
    claim = replace(view.claim, key_digest=key_digest(model_id, TERMS))
    return replace(view, claim=claim, key=replace(view.key, model_id=model_id))


def refusal(act: Callable[[], object]) -> ChallengerError:
    with pytest.raises(ChallengerError) as refused:
        act()
    return refused.value


def test_claim_of_this_model_is_judged() -> None:
    require_same_model(VIEW, LOADED.committed, LOADED.header)
    assert Judge(lambda *_: PROGRAM, Engine()).judge(VIEW).verdict is Verdict.RIGHT


def test_programs_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "PROGRAMS_KEPT", 1)
    judge = Judge(lambda *_: PROGRAM, Engine())
    judge._programs[b"another"] = LOADED
    assert judge.judge(VIEW).verdict is Verdict.RIGHT
    assert list(judge._programs) == [VIEW.key.model_id]


def test_claim_of_another_model_is_refused() -> None:
    refused = refusal(lambda: require_same_model(keyed(VIEW, b"\7" * 32), LOADED.committed, LOADED.header))
    assert refused.code == "claim_of_another_model"


@pytest.mark.parametrize("version", [0, 2, 255])
def test_claim_of_another_opset_version_is_refused_by_name(version: int) -> None:
    theirs = replace(LOADED.header, opset_version=version).model_id()
    refused = refusal(lambda: require_same_model(keyed(VIEW, theirs), LOADED.committed, LOADED.header))
    assert refused.code == "opset_version_mismatch"
    assert refused.details == {"claimed": version, "known": LOADED.header.opset_version}


@pytest.mark.parametrize(
    "change",
    [
        lambda key: replace(key, num_ops=key.num_ops + 1),
        lambda key: replace(key, graph_tree=b"\1" * 32),
        lambda key: replace(key, weights_root=b"\1" * 32),
        lambda key: replace(key, terms=replace(key.terms, clock=key.terms.clock + 1)),
    ],
    ids=["ops", "graph", "weights", "terms"],
)
def test_key_that_is_not_its_models_is_refused(change: Callable[..., object]) -> None:
    view = replace(VIEW, key=change(VIEW.key))  # type: ignore[arg-type]
    refused = refusal(lambda: require_same_model(view, LOADED.committed, LOADED.header))
    assert refused.code == "claim_of_another_model"


def test_program_that_nobody_holds_is_a_loud_refusal() -> None:
    refused = refusal(lambda: Judge(lambda *_: None, Engine()).judge(VIEW))
    assert refused.code == "program_unavailable"
    assert refused.details["model_id"] == "0x" + VIEW.key.model_id.hex()


def test_claim_that_could_not_be_disputed_is_never_judged_right() -> None:
    wide = wide_index(101)
    inputs = [np.zeros((1,) * 8, np.int64)]
    honest = CommittedTrace(wide, inputs, trace(wide, inputs))
    view = replace(keyed(VIEW, wide.model_id()), inputs=tuple(inputs), top=honest.top)
    key = replace(
        view.key, graph_tree=honest.committed.graph.root, weights_root=honest.committed.weights.root, num_ops=1
    )
    view = replace(view, key=key, claim=replace(view.claim, trace_tree=honest.trace_tree))
    judge = Judge(lambda *_: wide, Engine())
    for _ in range(2):
        with pytest.raises(InputError) as refused:
            judge.judge(view)
        assert (refused.value.code, refused.value.details["op"]) == ("op_too_large_to_dispute", 0)


def test_program_that_takes_too_much_is_read_once_and_never_run(monkeypatch: pytest.MonkeyPatch) -> None:
    size, asked = work(PROGRAM), []
    assert size == sum(math.prod(op.dims) * term_count(op) for op in PROGRAM.ops) > len(PROGRAM.ops)

    def find(model_id: bytes, _locator: str) -> Program:
        asked.append(model_id)
        return PROGRAM

    assert Judge(find, Engine(), size).judge(VIEW).verdict is Verdict.RIGHT
    monkeypatch.setattr(judging, "LoadedProgram", None)  # nothing is hashed or run
    judge = Judge(find, Engine(), size - 1)
    for _ in range(3):
        refused = refusal(lambda: judge.judge(VIEW))
        assert (refused.code, refused.details["work"], refused.details["limit"]) == (
            "program_too_large_to_check",
            size,
            size - 1,
        )
    assert len(asked) == 2


def test_finder_that_hands_out_another_program_is_not_believed() -> None:
    first = PROGRAM.constants[0]
    other = replace(PROGRAM, constants=(replace(first, values=first.values + 1), *PROGRAM.constants[1:]))
    assert refusal(lambda: Judge(lambda *_: other, Engine()).judge(VIEW)).code == "claim_of_another_model"


def test_a_program_too_large_for_this_machine_ends_no_watcher() -> None:
    def too_large() -> None:
        raise MemoryError

    told: list[Notice] = []
    Watcher(MagicMock(), Mode.WATCHTOWER, told.append)._guarded(VIEW.claim_id, b"", too_large)
    assert [(notice.code, notice.claim_id) for notice in told] == [("out_of_memory", VIEW.claim_id)]
