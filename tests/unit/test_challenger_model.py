"""A claim is judged by its own program under its own key, or not at all."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from challenger_world import Inline, kept_program
from dispute_model import mixed_program
from dispute_programs import wide_index
from test_challenger_evidence import MINE, TERMS, view_of

from circuits.errors import InputError
from circuits.lower.optimistic import term_count, work
from circuits.program.graph import Program
from circuits.program.interpreter import trace
from verifier.challenger import case
from verifier.challenger.child import Limits
from verifier.challenger.claim_view import ClaimView, require_same_model
from verifier.challenger.engine import Engine, LoadedProgram
from verifier.challenger.errors import ChallengerError
from verifier.challenger.judging import CHILDREN_KEPT, OWN, Found, Judge
from verifier.challenger.records import Verdict
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


def judge_of(program: Program, folder: Path, limits: Limits = OWN) -> Judge:
    """One that is told that this is the program of every model."""
    return Judge(partial(handing_out, Found(kept_program(program, folder))), Engine(), limits, child=Inline)


def handing_out(found: Found, _model_id: bytes, _locator: str) -> Found:
    return found


def test_claim_of_this_model_is_judged(tmp_path: Path) -> None:
    require_same_model(VIEW, LOADED.committed, LOADED.header)
    assert judge_of(PROGRAM, tmp_path).judge(VIEW).verdict is Verdict.RIGHT


def test_children_kept_are_bounded(tmp_path: Path) -> None:
    judge = judge_of(PROGRAM, tmp_path)
    for number in range(2 * CHILDREN_KEPT):
        named = number.to_bytes(32, "big")
        assert judge.judge(replace(VIEW, claim_id=named)).verdict is Verdict.RIGHT
        assert list(judge._seats)[-1] == named
    assert len(judge._seats) == CHILDREN_KEPT


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
    refused = refusal(lambda: Judge(lambda *_: None, Engine(), child=Inline).judge(VIEW))
    assert refused.code == "program_unavailable"
    assert refused.details["model_id"] == "0x" + VIEW.key.model_id.hex()


def test_claim_that_could_not_be_disputed_is_never_judged_right(tmp_path: Path) -> None:
    wide = wide_index(101)
    inputs = [np.zeros((1,) * 8, np.int64)]
    honest = CommittedTrace(wide, inputs, trace(wide, inputs))
    view = replace(keyed(VIEW, wide.model_id()), inputs=tuple(inputs), top=honest.top)
    key = replace(
        view.key, graph_tree=honest.committed.graph.root, weights_root=honest.committed.weights.root, num_ops=1
    )
    view = replace(view, key=key, claim=replace(view.claim, trace_tree=honest.trace_tree))
    judge = judge_of(wide, tmp_path)
    for _ in range(2):
        with pytest.raises(InputError) as refused:
            judge.judge(view)
        assert (refused.value.code, refused.value.details["op"]) == ("op_too_large_to_dispute", 0)


def test_program_that_takes_too_much_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = work(PROGRAM)
    assert size == sum(math.prod(op.dims) * term_count(op) for op in PROGRAM.ops) > len(PROGRAM.ops)
    assert judge_of(PROGRAM, tmp_path, Limits(size, 60)).judge(VIEW).verdict is Verdict.RIGHT
    monkeypatch.setattr(case, "LoadedProgram", None)  # nothing is hashed or run
    judge = judge_of(PROGRAM, tmp_path, Limits(size - 1, 60))
    for _ in range(2):
        refused = refusal(lambda: judge.judge(VIEW))
        assert refused.code == "program_too_large_to_check"
        assert refused.details == {"what": "terms", "took": size, "limit": size - 1}


def test_finder_that_hands_out_another_program_is_not_believed(tmp_path: Path) -> None:
    first = PROGRAM.constants[0]
    other = replace(PROGRAM, constants=(replace(first, values=first.values + 1), *PROGRAM.constants[1:]))
    path = kept_program(other, tmp_path)
    for fetched, code in ((False, "claim_of_another_model"), (True, "program_unavailable")):
        judge = Judge(partial(handing_out, Found(path, fetched)), Engine(), child=Inline)
        assert refusal(partial(judge.judge, VIEW)).code == code
    assert not path.exists()  # what a stranger's server said is asked for again


@pytest.mark.parametrize("raw", [b"", b"this is no program"])
def test_fetched_file_that_is_no_program_is_asked_for_again(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "m.program"
    path.write_bytes(raw)
    judge = Judge(lambda *_: Found(path, fetched=True), Engine(), child=Inline)
    assert refusal(lambda: judge.judge(VIEW)).code == "program_unavailable"
    assert not path.exists()
