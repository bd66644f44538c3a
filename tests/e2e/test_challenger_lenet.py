"""LeNet-5 with one wrong number in it: overturned on a local chain, within the gas and the moves that are promised."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest
from challenger_world import Liar, Process, gas_of, lying_claim, play_out, publishing
from dispute_table import Table
from optimistic_market import running_market

from bench import models
from circuits.execute import Executor
from circuits.program.graph import Program
from circuits.program.values import quantize_input
from circuits.quantize import CompileOptions, compile_model
from prover.kernels import chunk_levels, fast_hasher, narrow_product, trace_roots
from verifier.challenger import Engine, replay, report
from verifier.dispute.types import ClaimStatus

pytestmark = pytest.mark.slow

ENGINE = Engine(narrow_product, fast_hasher, chunk_levels, trace_roots)
FIRST_CONVOLUTION, SECOND_CONVOLUTION, FIRST_DENSE = 0, 3, 6


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    path = tmp_path_factory.mktemp("lenet") / "lenet.onnx"
    onnx.save(models.build("lenet"), path)
    return compile_model(path, models.calibration("lenet", 32), CompileOptions())[0]


@pytest.fixture(scope="module")
def table(program: Program) -> Iterator[Table]:
    with running_market(program) as market:
        yield Table(market)


def corrupted(table: Table, op: int) -> Liar:
    """A claim whose op has its middle element one too large."""
    program = table.market.program
    drawn = models.calibration("lenet", 32)
    inputs = [quantize_input(port, drawn[port.name][0].reshape(port.dims)) for port in program.inputs]
    made = Executor(program).trace(inputs)
    middle = made[op].reshape(-1)
    middle[middle.size // 2] += 1
    return lying_claim(table, inputs, made)


def overturned(table: Table, liar: Liar, process: Process) -> list[str]:
    play_out(process, liar, lambda: table.claims.claim_of(liar.claimed.claim_id).status is ClaimStatus.KILLED)
    return [purpose for purpose, _ in gas_of(process)]


@pytest.mark.parametrize("op", [FIRST_CONVOLUTION, SECOND_CONVOLUTION, FIRST_DENSE])
def test_withheld_trace_of_lenet_is_overturned_within_the_promised_gas(table: Table, tmp_path: Path, op: int) -> None:
    liar = corrupted(table, op)
    process = Process(table, tmp_path / "c.db", engine=ENGINE)
    moves = overturned(table, liar, process)
    ours = sum(gas for _, gas in gas_of(process))
    assert len(moves) + len(liar.revealed) <= 13
    assert ours <= 1_000_000
    assert ours + liar.gas <= 2_000_000
    shown = replay(report.evidence(process.challenger, liar.claimed.claim_id))
    assert (shown.op, shown.claimed) == (op, shown.true + 1)


@pytest.mark.parametrize("op", [FIRST_CONVOLUTION, SECOND_CONVOLUTION, FIRST_DENSE])
def test_published_trace_of_lenet_is_overturned_by_two_transactions(table: Table, tmp_path: Path, op: int) -> None:
    liar = corrupted(table, op)
    process = Process(table, tmp_path / "c.db", engine=ENGINE, read_trace=publishing(liar))
    assert overturned(table, liar, process) == ["commit", "proveFault"]
    assert sum(gas for _, gas in gas_of(process)) <= 1_500_000
