"""ezkl's witness of a lowered program is the interpreter's output, element for element; its constraints hold."""

from __future__ import annotations

import json
from pathlib import Path

import halo2_programs
import numpy as np
import pytest

from circuits.lower.halo2 import lower
from circuits.program.graph import Program
from circuits.program.interpreter import run
from circuits.program.validate import validate
from prover.halo2.estimate import PROBE_LOGROWS, choose_logrows
from prover.halo2.options import run_args
from prover.halo2.phase import run_phase
from verifier.halo2_key import InputMode, ParamMode
from verifier.halo2_values import SCALAR_MODULUS


def field_hex(value: int) -> str:
    return (value % SCALAR_MODULUS).to_bytes(32, "little").hex()


def signed(word: str) -> int:
    value = int.from_bytes(bytes.fromhex(word), "little")
    return value - SCALAR_MODULUS if value > SCALAR_MODULUS // 2 else value


def witness(
    program: Program,
    inputs: list[np.ndarray],
    folder: Path,
    *,
    digit_bits: int,
    parameters: ParamMode = ParamMode.FIXED,
    mode: InputMode = InputMode.PUBLIC,
    salt: tuple[int, ...] = (),
) -> list[list[int]]:
    """Lowers, compiles, computes ezkl's witness and checks every constraint; returns the outputs."""
    lowered = lower(program, salted=mode is not InputMode.PUBLIC, digit_bits=digit_bits)
    names = ("onnx", "settings", "circuit", "input", "witness")
    request = {name: str(folder / f"{digit_bits}.{name}") for name in names}
    Path(request["onnx"]).write_bytes(lowered.model)
    probe = run_args(lowered, parameters, mode, PROBE_LOGROWS)
    run_phase("settings", {**request, "run_args": probe})
    logrows = choose_logrows(json.loads(Path(request["settings"]).read_text()))
    run_phase("settings", {**request, "run_args": {**probe, "logrows": logrows}})
    elements = [int(value) for tensor in inputs for value in tensor.reshape(-1)] + list(salt)
    Path(request["input"]).write_text(json.dumps({"input_data": [[field_hex(value) for value in elements]]}))
    for phase in ("compile", "witness", "mock"):
        run_phase(phase, request)
    found = json.loads(Path(request["witness"]).read_text())["outputs"]
    return [[signed(word) for word in row] for row in found]


@pytest.mark.parametrize("digit_bits", [8, 12])
@pytest.mark.parametrize("name", sorted(halo2_programs.ONE_PER_OP))
def test_witness_is_the_interpreters_output(name: str, digit_bits: int, tmp_path: Path) -> None:
    program = halo2_programs.ONE_PER_OP[name]()
    validate(program)
    for seed, extreme in ((1, False), (2, True)):
        inputs = halo2_programs.random_inputs(program, seed, extreme=extreme)
        expected = [[int(v) for v in tensor.reshape(-1)] for tensor in run(program, inputs)]
        assert witness(program, inputs, tmp_path, digit_bits=digit_bits) == expected


@pytest.mark.parametrize("seed", range(12))
def test_witness_of_random_programs_is_the_interpreters_output(seed: int, tmp_path: Path) -> None:
    program = halo2_programs.random_chain(seed)
    validate(program)
    inputs = halo2_programs.random_inputs(program, seed, extreme=seed % 3 == 0)
    expected = [[int(v) for v in tensor.reshape(-1)] for tensor in run(program, inputs)]
    assert witness(program, inputs, tmp_path, digit_bits=(8, 10, 12, 14)[seed % 4]) == expected


@pytest.mark.parametrize("name", ["gemm_relu", "reduce_and_lookup", "convolution"])
def test_hashing_changes_no_output_and_a_range_violation_is_counted(name: str, tmp_path: Path) -> None:
    program = halo2_programs.ONE_PER_OP[name]()
    inputs = halo2_programs.random_inputs(program, 7)
    expected = [[int(v) for v in tensor.reshape(-1)] for tensor in run(program, inputs)]
    hashed = {"digit_bits": 10, "parameters": ParamMode.HASHED, "mode": InputMode.HASHED, "salt": tuple(range(8))}
    assert witness(program, inputs, tmp_path, **hashed) == [*expected, [0]]
    flat = inputs[0].reshape(-1)
    flat[0], flat[-1] = 2**15 + 4, -(2**15) - 30
    assert witness(program, inputs, tmp_path, **hashed)[-1] == [5 + 30]
