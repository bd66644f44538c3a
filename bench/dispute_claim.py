"""How much more than running a program is running it so that the run can be claimed, and how quickly is it reopened?

*run* is the executor with the prover's kernel, as in `executor`; *claim* runs, keeps every op's output, and hashes what
a claim says: all tensor roots, the trace tree, its top, the outputs' root and paths. Both take turns in one process.
*commit* is the kernel's call alone, over activations of 4 bytes an element. Memory is by how much the peak of a child
process rises that has run a program of a few large tensors, when it claims: against what is kept and two such tensors.
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

import onnx

from bench import models
from bench.turns import take_turns
from circuits.execute import Executor
from circuits.lower.optimistic import SEGMENT_TERMS, element_count, term_count
from circuits.program.graph import Program
from circuits.program.values import quantize_input
from circuits.quantize import compile_model
from prover.kernels import narrow_product, trace_roots
from prover.optimistic.trace import Tracer
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.openings import open_terms
from verifier.dispute.types import Phase, Position

Say = Callable[[str], None]
COMPARED = ("credit-3.4m", "lenet", "mlp91k", "block128", "lstm")
CALIBRATION_SAMPLES = 64
ALTERNATING_ROUNDS = 60
REPEATED_ROUNDS, REPEATED_CALLS, WARM_UPS = 15, 20, 3
LARGE_OPS, LARGE_ELEMENTS = 8, 2**22

MEMORY = """
import json, sys
import numpy as np
from circuits.program.graph import Output, Port, Program
from circuits.program.ops import Linear
from circuits.program.refs import AffineMap, Ref, Source
from prover.optimistic.trace import Tracer
from prover.peak_memory import peak_memory_bytes

ops, dims = int(sys.argv[1]), (int(sys.argv[2]),)
refs = [Ref(Source.INPUT, 0), *(Ref(Source.OP, i) for i in range(ops))]
chain = [Linear((ref,), (AffineMap.identity(dims),), dims, (), 16, 0, 0, False, (1,)) for ref in refs[:-1]]
program = Program((Port("x", dims, 16, (0,)),), (), tuple(chain), (Output(refs[-1], Port("y", dims, 16, (0,))),))
tracer, inputs = Tracer(program), [np.arange(dims[0]) % 2**15]
tracer.executor.run(inputs)
before = peak_memory_bytes()
trace = tracer.trace(inputs)
trace.trace_tree, trace.output_root
rise, kept = peak_memory_bytes() - before, sum(made.nbytes for made in trace.made)
print(json.dumps({"peak_rises_bytes": rise, "kept_bytes": kept, "largest_two_bytes": 2 * 8 * dims[0]}))
"""


def run(say: Say) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        rows = [_compare(name, Path(folder), say) for name in COMPARED]
    return {"compared_with": "the executor's plain run", "models": rows, "memory": _memory(say)}


def _compare(name: str, folder: Path, say: Say) -> dict[str, Any]:
    path = folder / f"{name}.onnx"
    onnx.save(models.build(name), path)
    calibration = models.calibration(name, CALIBRATION_SAMPLES)
    program, _ = compile_model(path, calibration)
    integers = [quantize_input(program.inputs[0], calibration["input"][:1].reshape(program.inputs[0].dims))]
    executor, tracer = Executor(program, narrow_product), Tracer(program)
    trace = tracer.trace(integers)
    _require_exact(program, trace)
    activation_bytes = sum(made.nbytes for made in trace.made)
    contenders: dict[str, Callable[[], object]] = {
        "claim": lambda: _claim(tracer, integers),
        "run": lambda: executor.run(integers),
        "commit": lambda: trace_roots(trace.made),
    }
    alternating = _figures(take_turns(contenders, ALTERNATING_ROUNDS, calls=1, warm_ups=0), activation_bytes)
    repeated = _figures(take_turns(contenders, REPEATED_ROUNDS, REPEATED_CALLS, WARM_UPS), activation_bytes)
    reopened = _reopened(tracer, trace)
    for way, figures in (("alternating", alternating), ("repeated", repeated), ("reopened", reopened)):
        say(f"{name}, {way}: " + ", ".join(f"{key} {value}" for key, value in figures.items()))
    return {
        "model": name,
        "ops": len(program.ops),
        "activation_bytes": activation_bytes,
        "alternating": alternating,
        "repeated": repeated,
        "reopened": reopened,
    }


def _claim(tracer: Tracer, integers: list[Any]) -> object:
    """Everything that `claim` sends, but for the outputs' bytes."""
    trace = tracer.trace(integers)
    return trace.trace_tree, trace.top, trace.output_root, trace.output_paths


def _require_exact(program: Program, trace: CommittedTrace) -> None:
    """A fast claim that is not the one in plain Python measures nothing."""
    plain = CommittedTrace(program, trace.inputs, Executor(program).trace(trace.inputs))
    if (plain.trace_tree, plain.output_root) != (trace.trace_tree, trace.output_root):
        raise AssertionError("the claim is not that of the plain trace")


def _figures(medians: dict[str, float], activation_bytes: int) -> dict[str, float]:
    times = {f"{contender}_us": round(seconds * 1e6, 1) for contender, seconds in medians.items()}
    return times | {
        "claim_over_run_ratio": round(medians["claim"] / medians["run"], 2),
        "commit_mb_per_s": round(activation_bytes / medians["commit"] / 1e6),
    }


def _reopened(tracer: Tracer, trace: CommittedTrace) -> dict[str, float]:
    """Milliseconds until a fresh trace shows: the largest tensor's tree, the longest sum, one segment's operands."""
    ops = trace.program.ops
    largest = max(range(len(ops)), key=lambda op: element_count(ops[op]))
    longest = max(range(len(ops)), key=lambda op: term_count(ops[op]))
    terms = term_count(ops[longest])
    segment = (terms - min(SEGMENT_TERMS, terms), terms)
    fresh = CommittedTrace(tracer.committed, trace.inputs, trace.made, roots=trace.tensor_roots)
    return {
        "tree_ms": _milliseconds(lambda: fresh.chunk_tree(largest).root),
        "sums_ms": _milliseconds(lambda: fresh.reveal_body(Position(Phase.SUM, 0, 0, longest, 0, 0, terms))),
        "first_segment_ms": _milliseconds(lambda: open_terms(fresh, longest, 0, *segment)),
        "next_segment_ms": _milliseconds(lambda: open_terms(fresh, longest, 0, *segment)),
    }


def _milliseconds(once: Callable[[], object]) -> float:
    started = time.perf_counter()
    once()
    return round((time.perf_counter() - started) * 1e3, 3)


def _memory(say: Say) -> dict[str, Any]:
    command = [sys.executable, "-c", MEMORY, str(LARGE_OPS), str(LARGE_ELEMENTS)]
    child = subprocess.run(command, capture_output=True, text=True, check=True)
    figures = json.loads(child.stdout.splitlines()[-1])
    allowed = figures["kept_bytes"] + figures["largest_two_bytes"]
    figures["peak_over_kept_and_largest_two_ratio"] = round(figures["peak_rises_bytes"] / allowed, 2)
    say("memory: " + ", ".join(f"{key} {value}" for key, value in figures.items()))
    return {"ops": LARGE_OPS, "elements_each": LARGE_ELEMENTS, **figures}
