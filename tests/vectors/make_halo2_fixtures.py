"""Writes contracts/test/fixtures/halo2/*.json: real proofs of small programs, for forge (`make fixtures`).

Proofs are randomised, so every run writes other bytes that say the same; keys and statements do not change. Everything
stands on the INSECURE development SRS, but for the case that shows a key over another one.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import ezkl
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import halo2_programs  # noqa: E402

from circuits.program.graph import Program  # noqa: E402
from circuits.program.refs import Visibility  # noqa: E402
from circuits.statement import Statement, input_commitment, output_root, tensor_bytes  # noqa: E402
from prover.halo2 import Halo2Keys, Halo2Options, KeyCache, prove, setup  # noqa: E402
from prover.halo2.process import run_in_child  # noqa: E402
from prover.halo2.proving import field_elements, phase_request, read_proof  # noqa: E402
from verifier.halo2_key import ParamMode  # noqa: E402
from verifier.halo2_values import Halo2Proof, open_instances  # noqa: E402

FOLDER = ROOT / "contracts" / "test" / "fixtures" / "halo2"
SALT = tuple(range(100_001, 100_009))


def tensors(arrays: Sequence[np.ndarray]) -> list[dict[str, object]]:
    return [{"dims": list(a.shape), "data": "0x" + tensor_bytes(a, 4).hex()} for a in arrays]


def write(name: str, keys: Halo2Keys, statement: Statement, outputs: Sequence[np.ndarray], proof: bytes) -> None:
    document = {
        "srsG2": [f"0x{word:064x}" for word in keys.s_g2],
        "keyDigest": "0x" + keys.key.digest().hex(),
        "key": "0x" + keys.key.encode().hex(),
        "statement": {
            "modelId": "0x" + statement.model_id.hex(),
            "inputRoot": "0x" + statement.input_root.hex(),
            "outputRoot": "0x" + statement.output_root.hex(),
        },
        "outputs": tensors(outputs),
        "proof": "0x" + proof.hex(),
    }
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes, logrows {keys.plan.logrows}")


def honest(name: str, program: Program, options: Halo2Options, cache: KeyCache, *, seed: int = 3) -> None:
    keys = setup(program, options, cache)
    salt = SALT if keys.plan.lowered.salt_size else None
    result = prove(program, halo2_programs.random_inputs(program, seed), keys, salt=salt)
    write(name, keys, result.statement, result.outputs, result.proof_file.proof)


def out_of_range(name: str, program: Program, cache: KeyCache) -> None:
    """A hidden input with one element beyond its port's 16 bits: ezkl proves it, with a violation that is not 0."""
    keys = setup(program, Halo2Options(), cache)
    inputs = halo2_programs.random_inputs(program, 3)
    inputs[0].reshape(-1)[0] = 40_000
    with tempfile.TemporaryDirectory() as scratch:
        request = phase_request(keys, Path(scratch))
        Path(request["input"]).write_text(json.dumps({"input_data": [field_elements(inputs, SALT)]}))
        for phase in ("witness", "prove", "verify"):
            run_in_child(phase, request)
        proof: Halo2Proof = read_proof(Path(request["proof"]))
    if proof.instances[-1] != 40_000 - 32_767:
        raise RuntimeError(f"the violation is {proof.instances[-1]}")
    outputs = open_instances(keys.key, proof.instances).outputs
    root = input_commitment(proof.instances[0])
    write(name, keys, Statement(program.model_id(), root, output_root(outputs)), outputs, proof.encode())


async def another_srs(path: Path, k: int) -> Path:
    """An SRS whose secret nobody here knows."""
    ezkl.gen_srs(str(path), k)
    return path


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    public, hidden = halo2_programs.gemm_relu(), halo2_programs.gemm_relu(Visibility.HASHED)
    fixed, hashed = Halo2Options(), Halo2Options(parameters=ParamMode.HASHED)
    with tempfile.TemporaryDirectory() as folder:
        cache = KeyCache(Path(folder) / "cache")
        other = asyncio.run(another_srs(Path(folder) / "other.srs", 10))
        honest("gemm_relu", public, fixed, cache)
        honest("gemm_relu_other_input", public, fixed, cache, seed=4)
        honest("gemm_relu_other_model", halo2_programs.gemm_relu(seed=2), fixed, cache)
        honest("gemm_relu_other_srs", public, Halo2Options(srs=other), cache)
        honest("gemm_relu_hashed_input", hidden, fixed, cache)
        honest("gemm_relu_hashed_parameters", public, hashed, cache)
        honest("wide1024", halo2_programs.wide(1024), fixed, cache)
        out_of_range("gemm_relu_input_out_of_range", hidden, cache)


if __name__ == "__main__":
    main()
