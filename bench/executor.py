"""How much slower exact integers are than floats: the executor against onnxruntime, on the same model in one run.

All answer one input at a time, given as they want it (integers, floats), and take turns, so that a busy machine slows
all. Measured in two ways. *Alternating*: one call each, after a pause in which the others' threads stop spinning; each
finds the caches as the others left them, as a service does that has other work between two requests. *Repeated*: many
calls of one without a pause, its weights in the cache if they fit. The figures are medians. Compiling is measured in a
child process of its own, with its memory. The executor has the prover's kernel for large matrices; what it is in NumPy
alone, as a verifier has it, is measured beside.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from bench import models
from bench.turns import take_turns
from circuits.execute import Executor
from circuits.program import interpreter
from circuits.program.graph import Program
from circuits.program.values import quantize_input
from circuits.quantize import compile_model
from prover.kernels import narrow_product

Say = Callable[[str], None]
COMPARED = ("credit-3.4m", "lenet", "mlp91k", "block128", "lstm")
COMPILED = "credit-3.4m"
COMPILED_ROWS = 256
CALIBRATION_SAMPLES = 64
ALTERNATING_ROUNDS = 60
REPEATED_ROUNDS, REPEATED_CALLS, WARM_UPS = 15, 20, 3

COMPILE = """
import json, sys, time
import numpy as np
from circuits.program.file import save_program
from circuits.quantize import compile_model
from prover.peak_memory import peak_memory_bytes
with np.load(sys.argv[2]) as stored:
    data = {name: stored[name] for name in stored.files}
start = time.perf_counter()
program, _ = compile_model(sys.argv[1], data)
compile_s = time.perf_counter() - start
save_program(program, sys.argv[3])
told = {"compile_s": compile_s, "with_saving_s": time.perf_counter() - start}
print(json.dumps({**told, "peak_rss_gb": peak_memory_bytes() / 1e9}))
"""


def run(say: Say) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        compiled = _compile(Path(folder), say)
        rows = [_compare(name, Path(folder), say) for name in COMPARED]
    return {"compared_with": "onnxruntime, float32, batch of 1", "models": rows, "compile": compiled}


def _compile(folder: Path, say: Say) -> dict[str, Any]:
    """Seconds and peak memory of compiling, fidelity report included; imports are in the memory, not in the time."""
    model, data = folder / "compiled.onnx", folder / "calibration.npz"
    onnx.save(models.build(COMPILED), model)
    np.savez(data, **models.calibration(COMPILED, COMPILED_ROWS))
    command = [sys.executable, "-c", COMPILE, str(model), str(data), str(folder / "compiled.program")]
    child = subprocess.run(command, capture_output=True, text=True, check=True)
    figures = {name: round(value, 2) for name, value in json.loads(child.stdout.splitlines()[-1]).items()}
    say(f"{COMPILED}, {COMPILED_ROWS} rows: compiled in {figures['compile_s']} s, {figures['peak_rss_gb']} GB")
    return {"model": COMPILED, "calibration_rows": COMPILED_ROWS, **figures}


def _compare(name: str, folder: Path, say: Say) -> dict[str, Any]:
    path = folder / f"{name}.onnx"
    onnx.save(models.build(name), path)
    calibration = models.calibration(name, CALIBRATION_SAMPLES)
    program, _ = compile_model(path, calibration)
    sample = calibration["input"][:1]
    started = time.perf_counter()
    executor = Executor(program, narrow_product)
    planning_s = time.perf_counter() - started
    alone_in_numpy = Executor(program)
    integers = [quantize_input(program.inputs[0], sample.reshape(program.inputs[0].dims))]
    _require_exact(program, executor, integers)
    _require_exact(program, alone_in_numpy, integers)
    both, alone = _session(path, 0), _session(path, 1)
    contenders: dict[str, Callable[[], object]] = {
        "executor": lambda: executor.run(integers),
        "onnxruntime": lambda: both.run(None, {"input": sample}),
        "onnxruntime_1_thread": lambda: alone.run(None, {"input": sample}),
        "executor_in_numpy": lambda: alone_in_numpy.run(integers),
    }
    alternating = _figures(take_turns(contenders, ALTERNATING_ROUNDS, calls=1, warm_ups=0))
    repeated = _figures(take_turns(contenders, REPEATED_ROUNDS, REPEATED_CALLS, WARM_UPS))
    for way, figures in (("alternating", alternating), ("repeated", repeated)):
        say(f"{name}, {way}: " + ", ".join(f"{key} {value}" for key, value in figures.items()))
    return {
        "model": name,
        "ops": len(program.ops),
        "planning_s": round(planning_s, 4),
        "alternating": alternating,
        "repeated": repeated,
    }


def _figures(medians: dict[str, float]) -> dict[str, float]:
    ours, *others = medians
    times = {f"{contender}_us": round(seconds * 1e6, 1) for contender, seconds in medians.items()}
    return times | {f"{ours}_over_{other}_ratio": round(medians[ours] / medians[other], 2) for other in others}


def _require_exact(program: Program, executor: Executor, integers: list[Any]) -> None:
    """A fast executor that is not the interpreter measures nothing."""
    for defined, got in zip(interpreter.run(program, integers), executor.run(integers), strict=True):
        np.testing.assert_array_equal(got, defined)


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """0 threads: as many as onnxruntime takes by itself."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
