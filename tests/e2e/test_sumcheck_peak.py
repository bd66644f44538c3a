"""The estimated peak against the one of a process that proves: programs for each phase that can be the largest."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sumcheck_programs import program

from circuits.program.file import save_program
from circuits.program.graph import Program
from circuits.program.ops import Contract, Linear, ReduceSum
from circuits.program.refs import AffineMap
from prover.sumcheck import estimate, make_plan, memory
from tests.programs import X, Y, const, constant, made

PROVE = """
import json, sys
from collections.abc import Callable
from pathlib import Path
import numpy as np
from circuits.program.file import load_program
from prover import sumcheck
from prover.key_cache import KeyCache

program = load_program(Path(sys.argv[1]))
keys = sumcheck.setup(sumcheck.make_plan(program), cache=KeyCache(Path(sys.argv[2])))
inputs = [np.full(port.dims, 1 << port.bits - 2, np.int64) for port in program.inputs]
made = [sumcheck.prove(program, inputs, keys).phases.as_list() for _ in range(int(sys.argv[3]))]
print(json.dumps(made))
"""


def proofs(whole: Program, count: int, folder: Path) -> list[dict[str, int]]:
    """The peaks after each phase of each proof, made one after the other in a process of their own."""
    save_program(whole, folder / "program")
    command = [sys.executable, "-c", PROVE, str(folder / "program"), str(folder / "cache"), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    return [{report["name"]: report["peak_memory_bytes"] for report in made} for made in json.loads(done.stdout)]


def many_lookups() -> Program:
    dims = (1 << 18,)
    return program([Linear((X,), (AffineMap.identity(dims),), dims, (), 16, 0, 8, False, (300,))], [dims])


def large_matrix() -> Program:
    rows, columns = 1 << 9, 1 << 12
    x, weights = AffineMap((columns,), (0,), ((0, 1),)), AffineMap.identity((rows, columns))
    values = np.arange(rows * columns).reshape(rows, columns) % 251 - 125
    op = Contract((X, const(0)), (x, weights), (rows,), (columns,), 16, 0, 12, False)
    return program([op], [(columns,)], [constant(values)])


def sum_of_a_long_input() -> Program:
    """Its elements have weight 1."""
    dims = (1_500_000,)
    how = AffineMap(dims, (0,), ((0, 1),))
    return program([ReduceSum((X,), (how,), (1,), dims, 32, 0, 8, False, 1)], [dims], bits=16)


def copy_of_a_long_input() -> Program:
    """eq weighs every element, of the input and of the output."""
    dims = (500_000,)
    return program([Linear((X,), (AffineMap.identity(dims),), dims, (), 16, 0, 0, False, (1,))], [dims], bits=16)


def far_out_of_bounds() -> Program:
    """Read in a box of 8·10^7 bytes by the executor, and once more for its remainder."""
    far = 10_000_000
    how = AffineMap((4,), (-far,), ((far,),))
    return program([Linear((X,), (how,), (2,), (), 16, 0, 3, False, (5,))], [(4,)])


def repeated_product() -> Program:
    """Σ_k a(k)·b(k) for 2 × 4096 outputs: the executor lays out a again for each of 4096."""
    size = 1 << 12
    how = AffineMap((size,), (0,), ((0, 0, 1),))
    return program([Contract((X, Y), (how, how), (2, size), (size,), 32, 0, 20, False)], [(size,), (size,)])


def column_of_a_flat_input() -> Program:
    side = 2_000
    how = AffineMap((side, side), (0, 1), ((1,), (0,)))
    return program([Linear((X,), (how,), (side,), (), 16, 0, 0, False, (1,))], [(side * side,)])


def long_chain() -> Program:
    """Its lowerings are a third of what it takes."""
    dims = (4,)
    ops = [
        Linear((made(n - 1) if n else X,), (AffineMap.identity(dims),), dims, (), 16, 0, 2, False, (3 + n % 5,))
        for n in range(2_000)
    ]
    return program(ops, [dims])


CASES = [
    (far_out_of_bounds, "witness"),
    (repeated_product, "witness"),
    (long_chain, "fractions"),
    (column_of_a_flat_input, "verify"),
    (many_lookups, "fractions"),
    (large_matrix, "evaluation"),
    (sum_of_a_long_input, "verify"),
    (copy_of_a_long_input, "verify"),
]


@pytest.mark.parametrize(("make", "phase"), CASES)
def test_a_process_that_proves_needs_what_was_estimated(
    make: Callable[[], Program], phase: str, tmp_path: Path
) -> None:
    whole = make()
    plan = make_plan(whole)
    assert memory(plan).peak_phase == phase
    (peaks,) = proofs(whole, 1, tmp_path)
    expected = estimate(plan).peak_memory_bytes
    assert 0.8 * expected < peaks[phase] < 1.2 * expected
    assert peaks["verify"] < 1.1 * peaks[phase]  # no later phase needs more


def test_later_proofs_of_a_process_need_what_the_first_one_did(tmp_path: Path) -> None:
    first, *later = (peaks["verify"] for peaks in proofs(large_matrix(), 8, tmp_path))
    assert max(later) < 1.08 * first
