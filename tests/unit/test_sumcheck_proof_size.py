"""What a proof of a real model weighs follows from its program: no proof is made here."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from bench.models import build, calibration
from circuits.quantize import compile_model
from prover.sumcheck import make_plan
from verifier.sumcheck_proof import ProofShape


@pytest.mark.parametrize(
    ("name", "most"),
    [("lenet", 32_000), ("credit-3.4m", 64_000), ("block128", 64_000), ("gpt1m", 64_000)],
)
def test_proofs_stay_small(name: str, most: int, tmp_path: Path) -> None:
    onnx.save(build(name), tmp_path / "model.onnx")
    program, _ = compile_model(tmp_path / "model.onnx", calibration(name, 4))
    plan = make_plan(program)
    assert ProofShape.of(plan.lowering.system, plan.layout).length < most
