"""ezkl itself takes the generated string: keys, proof and verification on a tiny model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from other_srs import write_other_srs

from prover import srs

LOGROWS = 8

# In a child that leaves without finalising Python: ezkl's threads may abort an interpreter that is shutting down.
SCRIPT = """
import asyncio, inspect, json, os, sys
import ezkl

async def call(function, *arguments, **named):
    result = function(*arguments, **named)
    return await result if inspect.isawaitable(result) else result

async def main():
    args = ezkl.PyRunArgs()
    args.input_scale = args.param_scale = 0
    args.input_visibility = args.output_visibility = "public"
    args.param_visibility = "fixed"
    args.decomp_base, args.decomp_legs, args.logrows = 32, 3, int(sys.argv[1])
    await call(ezkl.gen_settings, "m.onnx", "s.json", py_run_args=args)
    await call(ezkl.compile_circuit, "m.onnx", "m.compiled", "s.json")
    await call(ezkl.gen_witness, "in.json", "m.compiled", "w.json")
    await call(ezkl.setup, "m.compiled", "vk", "pk", "dev.srs", witness_path="w.json")
    await call(ezkl.prove, "w.json", "m.compiled", "pk", "p.json", "dev.srs")
    await call(ezkl.create_evm_vka, vk_path="vk", settings_path="s.json", vka_path="vka", srs_path="dev.srs")
    found = {"dev": await call(ezkl.verify, "p.json", "s.json", "vk", "dev.srs")}
    try:
        found["other"] = await call(ezkl.verify, "p.json", "s.json", "vk", "other.srs")
    except RuntimeError:
        found["other"] = False
    print(json.dumps(found), flush=True)

asyncio.run(main())
os._exit(0)
"""


def write_model(folder: Path) -> None:
    weights = np.arange(12).reshape(4, 3).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])],
        [numpy_helper.from_array(weights, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), folder / "m.onnx")
    (folder / "in.json").write_text(json.dumps({"input_data": [[1, -2, 3, -4]]}), encoding="utf-8")


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("ezkl")
    write_model(folder)
    srs.generate_dev_srs(LOGROWS, folder / "dev.srs")
    write_other_srs(LOGROWS, folder / "other.srs")
    command = [sys.executable, "-c", SCRIPT, str(LOGROWS)]
    child = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert child.returncode == 0, child.stderr
    found: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    return folder, found


def test_ezkl_proves_and_verifies_over_the_development_string(proven: tuple[Path, dict[str, Any]]) -> None:
    assert proven[1]["dev"] is True


def test_ezkl_rejects_the_same_proof_over_another_string(proven: tuple[Path, dict[str, Any]]) -> None:
    assert proven[1]["other"] is False


def test_key_artifact_carries_the_strings_own_g2_negated(proven: tuple[Path, dict[str, Any]]) -> None:
    """What an adapter compares at registration: x1, x0, -y1, -y0 of s·G2, each a 32-byte word, one after the other."""
    x1, x0, y1, y0 = srs.srs_g2(proven[0] / "dev.srs")
    words = b"".join(word.to_bytes(32, "big") for word in (x1, x0, srs.P - y1, srs.P - y0))
    artifact = (proven[0] / "vka").read_bytes()
    assert artifact.count(words) == 1
    other = srs.srs_g2(proven[0] / "other.srs")
    assert other[0].to_bytes(32, "big") not in artifact


def test_string_that_ezkl_generated_passes_the_check(tmp_path: Path) -> None:
    script = "import ezkl, os; ezkl.gen_srs('theirs.srs', 6); os._exit(0)"
    child = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, timeout=120, check=False)
    assert child.returncode == 0, child.stderr
    report = srs.verify_srs(tmp_path / "theirs.srs")
    assert (report.k, report.origin) == (6, "unknown")
