"""Proving a program: its run, the witness, comparison with the interpreter, proof (docs/protocol/sumcheck.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from circuits.errors import EnvironmentFailure, InputError
from circuits.lower.sumcheck.system import Kind, System
from circuits.program.graph import Program
from circuits.program.interpreter import run
from circuits.statement import Route, Statement, input_root, output_root
from prover.backend import Phases, Progress, silent
from prover.kernels import fast_hasher, narrow_product
from prover.sumcheck.argument import Argument
from prover.sumcheck.keys import SumcheckKeys
from prover.sumcheck.measuring import Stopwatch
from verifier.messages import ProofFile

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ProofResult:
    """A proof and what it is a proof of. `unbound` is empty: this route leaves nothing of the statement open."""

    proof_file: ProofFile
    statement: Statement
    outputs: list[Integers]
    phases: Phases
    unbound: list[str]


def prove(program: Program, inputs: Sequence[Integers], keys: SumcheckKeys, progress: Progress = silent) -> ProofResult:
    """Proves `program`, whose keys `keys` are, on integer inputs: int64 of the ports' dims.

    Raises `witness_differs` if the witness says anything but the interpreter's integers.
    """
    if program is not keys.lowering.program and program.model_id(fast_hasher) != keys.key.model_id:
        message = "these keys belong to another program"
        raise InputError("key_for_another_model", message, keys=keys.key.model_id.hex())
    phases = Phases()
    with Stopwatch("witness", phases, progress):
        outputs = run(program, inputs)
        made = keys.executor.trace(inputs)
        assignment = keys.lowering.assign(inputs, made, narrow_product)
        _compare_outputs(keys.lowering.system, assignment, outputs)
    roots = input_root(inputs, fast_hasher), output_root(outputs, fast_hasher)
    statement = Statement(keys.key.model_id, *roots)
    proof = Argument(keys.proving, assignment, phases, progress).prove(statement)
    file = ProofFile(Route.SUMCHECK, statement, keys.proving.digest, keys.key.srs_digest, proof)
    return ProofResult(file, statement, outputs, phases, [])


def _compare_outputs(system: System, assignment: Sequence[Integers], outputs: Sequence[Integers]) -> None:
    """The honest prover's check; what makes a dishonest one fail is the protocol's argument."""
    for output, (tensor, expected) in enumerate(zip(system.of_kind(Kind.OUTPUT), outputs, strict=True)):
        if not np.array_equal(assignment[tensor], expected):
            message = "the witness is not the program's output; this is a defect of the lowering, please report it"
            raise EnvironmentFailure("witness_differs", message, output=output)
