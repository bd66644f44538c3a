"""ezkl's witness of a lowered program is the interpreter's output, element for element; its constraints hold."""

from __future__ import annotations

import json
import tempfile
from functools import partial
from pathlib import Path

import halo2_choices
import halo2_programs
import numpy as np
import pytest
from halo2_exact import provable
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from random_programs import inputs_of, programs

from circuits.lower.halo2 import lower
from circuits.program.graph import Program
from circuits.program.interpreter import run, trace
from circuits.program.ops import Argmax, Compare, Divide, Gather, Rsqrt, Select
from circuits.program.validate import validate
from prover.halo2.estimate import PROBE_LOGROWS, choose_logrows
from prover.halo2.options import run_args
from prover.halo2.phase import run_phase
from verifier.halo2_key import InputMode, ParamMode
from verifier.halo2_values import SCALAR_MODULUS

EVERY_OP = {**halo2_programs.ONE_PER_OP, **halo2_choices.ONE_PER_OP}


def field_hex(value: int) -> str:
    return (value % SCALAR_MODULUS).to_bytes(32, "little").hex()


def signed(word: str) -> int:
    value = int.from_bytes(bytes.fromhex(word), "little")
    return value - SCALAR_MODULUS if value > SCALAR_MODULUS // 2 else value


def compiled(
    program: Program,
    folder: Path,
    digit_bits: int,
    parameters: ParamMode = ParamMode.FIXED,
    mode: InputMode = InputMode.PUBLIC,
) -> dict[str, str]:
    """Lowers the program and compiles ezkl's circuit; the files of later phases."""
    lowered = lower(program, salted=mode is not InputMode.PUBLIC, digit_bits=digit_bits)
    names = ("onnx", "settings", "circuit", "input", "witness")
    request = {name: str(folder / f"{digit_bits}.{name}") for name in names}
    Path(request["onnx"]).write_bytes(lowered.model)
    probe = run_args(lowered, parameters, mode, PROBE_LOGROWS)
    run_phase("settings", {**request, "run_args": probe})
    logrows = choose_logrows(json.loads(Path(request["settings"]).read_text()))
    run_phase("settings", {**request, "run_args": {**probe, "logrows": logrows}})
    run_phase("compile", request)
    return request


def witness(request: dict[str, str], inputs: list[np.ndarray], salt: tuple[int, ...] = ()) -> list[list[int]]:
    """Computes ezkl's witness and checks every constraint; returns the outputs."""
    elements = [int(value) for tensor in inputs for value in tensor.reshape(-1)] + list(salt)
    Path(request["input"]).write_text(json.dumps({"input_data": [[field_hex(value) for value in elements]]}))
    for phase in ("witness", "mock"):
        run_phase(phase, request)
    found = json.loads(Path(request["witness"]).read_text())["outputs"]
    return [[signed(word) for word in row] for row in found]


def check(program: Program, folder: Path, digit_bits: int, *several: list[np.ndarray]) -> None:
    """Each of `several` inputs has the interpreter's outputs as its witness."""
    request = compiled(program, folder, digit_bits)
    for inputs in several:
        expected = [[int(v) for v in tensor.reshape(-1)] for tensor in run(program, inputs)]
        assert witness(request, inputs) == expected


@pytest.mark.parametrize("digit_bits", [8, 12])
@pytest.mark.parametrize("name", sorted(EVERY_OP))
def test_witness_is_the_interpreters_output(name: str, digit_bits: int, tmp_path: Path) -> None:
    program = EVERY_OP[name]()
    validate(program)
    several = [halo2_programs.random_inputs(program, seed, extreme=seed == 2) for seed in (1, 2)]
    check(program, tmp_path, digit_bits, *several)


@pytest.mark.parametrize("seed", range(12))
def test_witness_of_random_programs_is_the_interpreters_output(seed: int, tmp_path: Path) -> None:
    program = halo2_programs.random_chain(seed)
    validate(program)
    inputs = halo2_programs.random_inputs(program, seed, extreme=seed % 3 == 0)
    check(program, tmp_path, (8, 10, 12, 14)[seed % 4], inputs)


@settings(max_examples=20)
@given(st.data())
def test_witness_of_random_choices_and_quotients_is_the_interpreters_output(data: st.DataObject) -> None:
    kinds = [Argmax, Compare, Select, Gather, Divide, Rsqrt]
    program, _ = provable(data.draw(programs(kinds, most=3, empty_axes=False)))
    assume(program is not None)
    for op in program.ops:
        event(type(op).__name__)
    with tempfile.TemporaryDirectory() as folder:
        digit_bits = data.draw(st.sampled_from([8, 10, 12, 14]))
        check(program, Path(folder), digit_bits, *(data.draw(inputs_of(program)) for _ in range(2)))


LEAST, LARGEST = -(2**15), 2**15 - 1
LEAST_32, LARGEST_32 = -(2**31), 2**31 - 1
# What decides: ties, neighbours and ends; divisors and arguments of 1; and the outputs that they must give.
EDGES = {
    "tied maxima": (
        halo2_choices.argmaxes,
        [[7] * 5, [-3, 9, 9, -9, 9], [LEAST] * 5, [LEAST, LARGEST, 0, LARGEST, LARGEST]],
        {0: [0, 1, 0, 1]},
    ),
    "equal and neighbours": (
        halo2_choices.comparisons,
        [[LEAST_32, LEAST_32, -1, 0, LARGEST_32, 5], [LARGEST_32, LEAST_32, 0, -1, LARGEST_32, 5]],
        {0: [1, 0, 1, 0, 0, 0], 3: [1, 1, 1, 0, 1, 1], 6: [0, 1, 0, 0, 1, 1]},
    ),
    "division by 1, to a half, saturating": (
        partial(halo2_choices.quotients, 6),
        [[LEAST, LARGEST, 1, -1, LEAST, -3], [1, LARGEST, 2, 2, -5, 2]],
        {1: [LEAST, 1, 1, 0, LEAST, -1], 2: [LEAST, LARGEST, 2**14, -(2**14), LEAST, LEAST]},
    ),
    "roots of 1 and of the largest": (
        partial(halo2_choices.roots, 6),
        [LEAST_32, 1, LARGEST_32, 2, 4, 3],
        {2: [1, 1, 0, 1, 1, 1], 5: [2**30, 2**30, 23170, 759250125, 2**29, 619925131]},
    ),
}


@pytest.mark.parametrize("name", sorted(EDGES))
def test_witness_at_ties_and_ends_is_the_interpreters_output(name: str, tmp_path: Path) -> None:
    make, rows, expected = EDGES[name]
    program, inputs = make(), [np.array(rows, np.int64)]
    made = trace(program, inputs)
    assert {index: made[index].tolist() for index in expected} == expected
    check(program, tmp_path, 10, inputs)


@pytest.mark.parametrize("name", ["gemm_relu", "reduce_and_lookup", "convolution", "attention"])
def test_hashing_changes_no_output_and_a_range_violation_is_counted(name: str, tmp_path: Path) -> None:
    program = EVERY_OP[name]()
    inputs = halo2_programs.random_inputs(program, 7)
    expected = [[int(v) for v in tensor.reshape(-1)] for tensor in run(program, inputs)]
    request, salt = compiled(program, tmp_path, 10, ParamMode.HASHED, InputMode.HASHED), tuple(range(8))
    assert witness(request, inputs, salt) == [*expected, [0]]
    flat = inputs[0].reshape(-1)
    flat[0], flat[-1] = 2**15 + 4, -(2**15) - 30
    assert witness(request, inputs, salt)[-1] == [5 + 30]
