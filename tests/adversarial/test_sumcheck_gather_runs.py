"""A gather whose tuples hold runs of a row's elements: what is in them is one run, of one row, in its own place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from circuits.lower.sumcheck.lowering import lower
from circuits.lower.sumcheck.moves import Runs
from circuits.lower.sumcheck.tables import MAX_RESULTS
from circuits.program.graph import Program
from circuits.program.interpreter import run, trace
from circuits.program.ops import Gather, Lookup
from circuits.program.refs import UNMAPPED, AffineMap
from prover.key_cache import KeyCache
from tests.programs import X, const, constant, made, ports, program_of
from tests.sumcheck_forging import Forger, check
from tests.sumcheck_search import assignments, outputs
from tests.sumcheck_traces import beside, require_only

ROWS, WIDTH, RUN = 3, 6, 2
EMBEDDING = np.arange(10, 10 + ROWS * WIDTH).reshape(ROWS, WIDTH)
TOKENS = constant((np.arange(256) - 128) % ROWS)
TOKEN_OF_ROW = AffineMap((2,), (0,), ((1, 0, 0),))


@pytest.fixture(autouse=True)
def in_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a table as small as these it would not pay."""
    monkeypatch.setattr(Runs, "cost", lambda runs, entries: abs(runs.width - RUN))


def token() -> Lookup:
    return Lookup((X, const(0)), (AffineMap.identity((2,)), UNMAPPED), (2,), (), 8, 0, -128)


def embedding(table: np.ndarray = EMBEDDING) -> Program:
    """Of each of two tokens its row: x is read at (token of o, second axis of o), the token at o's first axis."""
    rows = AffineMap(table.shape, (0, 0), ((0, 0, 1), (0, 1, 0)))
    gather = Gather((const(1), made(0)), (rows, TOKEN_OF_ROW), (2, table.shape[1]), (ROWS,), 8, 0)
    return program_of(ports([(2,)], 8), [TOKENS, constant(table)], [token(), gather])


def batch() -> Program:
    """Of each of two matrices of 3 by 4 the row that its own token says: o' numbers matrices and runs."""
    own = AffineMap((2, 3, 4), (0, 0, 0), ((1, 0, 0), (0, 0, 1), (0, 1, 0)))
    rows = Gather((const(1), made(0)), (own, TOKEN_OF_ROW), (2, 4), (ROWS,), 8, 0)
    return program_of(ports([(2,)], 8), [TOKENS, constant(np.arange(24).reshape(2, ROWS, 4))], [token(), rows])


def columns(program: Program) -> int:
    return max(len(fractions.columns) for fractions in lower(program).system.fractions)


@pytest.mark.parametrize("name", ["embedding", "batch"])
def test_only_the_rows_of_the_tokens_can_be_gathered(name: str) -> None:
    program = {"embedding": embedding, "batch": batch}[name]()
    lowering = lower(program)
    assert columns(program) == 1 + RUN
    for tokens in ((0, 1), (2, 2), (-128, 127)):
        inputs = [np.array(tokens)]
        right = tuple(run(program, inputs)[0].reshape(-1).tolist())
        assert outputs(lowering.system, inputs, lowering.setup_values()) == {right}


def claimed(*rows: Sequence[int]) -> list[int]:
    return [int(element) for row in rows for element in row]


def moved(row: int, start: int) -> np.ndarray:
    """A row with its first run taken from elsewhere in the flat table."""
    flat = EMBEDDING.reshape(-1)
    return np.concatenate((flat[row * WIDTH + start : row * WIDTH + start + RUN], EMBEDDING[row, RUN:]))


# For tokens 0 and 1; what a tuple without its place, without its row, or with elements of its own would let pass.
FORGED = {
    "another row": claimed(EMBEDDING[2], EMBEDDING[1]),
    "rows exchanged": claimed(EMBEDDING[1], EMBEDDING[0]),
    "the next run of the row": claimed(moved(0, RUN), EMBEDDING[1]),
    "a run that begins within one": claimed(moved(0, 1), EMBEDDING[1]),
    "the run before, of the row before": claimed(EMBEDDING[0], moved(1, -RUN)),
    "half of one row, half of another": claimed([*EMBEDDING[0, :4], *EMBEDDING[1, 4:]], EMBEDDING[1]),
    "a run with an element of another row": claimed(
        [EMBEDDING[0, 0], EMBEDDING[1, 1], *EMBEDDING[0, 2:]], EMBEDDING[1]
    ),
    "a run turned around": claimed([*EMBEDDING[0, 1::-1], *EMBEDDING[0, 2:]], EMBEDDING[1]),
}


@pytest.mark.parametrize("attack", FORGED)
def test_rejects_rows_that_are_not_the_tables(attack: str, embedded: Forger) -> None:
    """Neither with any witness at all, nor from the honest prover with multiplicities that fit best."""
    system, setup = embedded.lowering.system, embedded.lowering.setup_values()
    found = assignments(system, embedded.inputs, setup, FORGED[attack])
    assert not all(len(column) for column in found.values())
    forged = embedded.continued(1, np.array(FORGED[attack]).reshape(2, WIDTH))
    assert {violation.kind for violation in embedded.violations(forged)} == {"fractions"}
    assert embedded.rejected(forged) == "fraction_sum_not_zero"


@pytest.fixture
def embedded(tmp_path, in_runs: None) -> Forger:
    return Forger.of(embedding(), [np.array([0, 1])], KeyCache(tmp_path / "cache"))


def test_accepts_the_rows_themselves(embedded: Forger) -> None:
    assert embedded.violations(embedded.honest) == []
    check(embedded.statement(embedded.honest), embedded.keys.key, embedded.argue(embedded.honest))


@pytest.mark.parametrize("to", [(1, 0), (0, 1), (0, 2)], ids=["another run", "another row", "a row not looked up"])
def test_rejects_a_multiplicity_moved(embedded: Forger, to: tuple[int, int]) -> None:
    """The numerators still add up to 0; those of each tuple do not."""
    (tensor,) = [
        f.numerator.readings[0].tensor
        for f in embedded.lowering.system.fractions
        if f.numerator.coefficient < 0 and len(f.columns) == 1 + RUN
    ]
    forged = [values.copy() for values in embedded.honest]
    assert forged[tensor].tolist() == [[1, 1, 0]] * (WIDTH // RUN)
    forged[tensor][0, 0] -= 1
    forged[tensor][to] += 1
    assert {violation.kind for violation in embedded.violations(forged)} == {"fractions"}
    assert embedded.rejected(forged) == "fraction_sum_not_zero"


@pytest.mark.parametrize("width", [5, 9])
def test_runs_leave_no_element_of_a_row_over(width: int) -> None:
    """Neither 5 nor 9 is cut in two: one is cut in one run of 5, the other in three of 3."""
    source, inputs = embedding(np.arange(ROWS * width).reshape(ROWS, width)), [np.array([1, 2])]
    lowering, values = lower(source), trace(source, inputs)
    right = tuple(values[-1].reshape(-1).tolist())
    assert outputs(lowering.system, inputs, lowering.setup_values()) == {right}
    require_only(source, inputs, beside(values, [1]))


@pytest.mark.parametrize(("width", "widest"), [(MAX_RESULTS, MAX_RESULTS), (2 * MAX_RESULTS, MAX_RESULTS), (131, 1)])
def test_a_run_is_no_longer_than_soundness_counts_on(width: int, widest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much a longer one would save; 131 is a prime."""
    monkeypatch.setattr(Runs, "cost", lambda runs, entries: -runs.width)
    assert columns(embedding(np.arange(ROWS * width).reshape(ROWS, width) % 128)) == 1 + widest
