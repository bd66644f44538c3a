"""Before money is staked: whatever computes or hashes wrongly is caught, and named."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from circuits.execute import executor
from circuits.execute.executor import Executor
from circuits.program.ops import Opcode
from circuits.statement import keccak256
from prover.kernels import chunk_levels, fast_hasher, narrow_product, trace_roots
from tests.vectors import make_selftest
from verifier.challenger.engine import Engine, LoadedProgram
from verifier.challenger.errors import ChallengerError
from verifier.challenger.preflight import _program, confirm_run, golden_vectors, self_test

Made = npt.NDArray[np.int32]


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(ChallengerError) as refused:
        act()
    return refused.value.code


def test_bundled_vectors_are_those_of_the_tests() -> None:
    assert make_selftest.PATH.read_text(encoding="utf-8") == make_selftest.text()


def test_vectors_show_every_op() -> None:
    shown = {op["op"] for vector in golden_vectors().values() for op in vector["graph"]["ops"]}
    assert shown == {opcode.name.lower() for opcode in Opcode}


@pytest.mark.parametrize(
    "engine", [Engine(), Engine(narrow_product, fast_hasher, chunk_levels, trace_roots)], ids=["plain", "native"]
)
def test_engines_of_this_project_pass(engine: Engine) -> None:
    assert self_test(engine) > 100


def test_wrong_hasher_is_caught() -> None:
    assert code_of(lambda: self_test(Engine(hasher=lambda data: keccak256(data + b"\0")))) == "selftest_failed"


def test_wrong_roots_are_caught() -> None:
    def roots(tensors: object) -> list[bytes]:
        return [bytes(32) for _ in tensors]  # type: ignore[attr-defined]

    assert code_of(lambda: self_test(Engine(roots=roots))) == "selftest_failed"


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("op", sorted(executor.PLANS, key=lambda cls: cls.__name__), ids=lambda cls: cls.__name__)
def test_error_in_any_op_of_the_executor_is_caught(op: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first element, one too large."""
    planned = executor.PLANS[op]

    def wrong(node: object, tensors: object) -> object:
        made, steps = planned(node, tensors)  # type: ignore[arg-type]

        def spoil() -> None:
            if made.size:
                made.reshape(-1)[0] += 1

        return made, [*steps, spoil]

    monkeypatch.setitem(executor.PLANS, op, wrong)  # type: ignore[arg-type]
    assert code_of(lambda: self_test(Engine())) == "selftest_failed"


def test_run_that_the_interpreter_does_not_confirm_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    vector = golden_vectors()["dense_relu"]
    loaded = LoadedProgram(_program(vector), Engine())
    inputs = [np.array(vector["cases"][0]["inputs"][0], np.int64)]
    confirm_run(loaded.run(inputs), 0, 1)
    right = Executor.trace_into

    def wrong(self: Executor, given: list[npt.NDArray[np.int64]], into: list[Made]) -> None:
        right(self, given, into)
        into[1].reshape(-1)[-1] ^= 1

    monkeypatch.setattr(Executor, "trace_into", wrong)
    assert code_of(lambda: confirm_run(loaded.run(inputs), 0, 1)) == "executor_differs"
    assert code_of(lambda: confirm_run(loaded.run(inputs), 1, 1)) == "executor_differs"
    confirm_run(loaded.run(inputs), 0, 0)  # a dispute about this op would not come to the other
