"""Proving a program: its run, the witness, the proof, and a look at it as others will (docs/protocol/sumcheck.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from circuits.errors import EnvironmentFailure, InputError
from circuits.program.graph import Program
from circuits.statement import Route, Statement, input_root, output_root
from prover.backend import Phases, Progress, silent
from prover.kernels import fast_hasher, field, narrow_product
from prover.sumcheck.argument import Argument
from prover.sumcheck.keys import SumcheckKeys
from prover.sumcheck.measuring import Stopwatch
from verifier.errors import VerificationError
from verifier.messages import ProofFile
from verifier.srs import Accepted
from verifier.sumcheck import verify

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

    Raises `witness_differs` if the proof does not verify: a run that is not the interpreter's has none.
    """
    if program is not keys.lowering.program and program.model_id(fast_hasher) != keys.key.model_id:
        message = "these keys belong to another program"
        raise InputError("key_for_another_model", message, keys="0x" + keys.key.model_id.hex())
    phases = Phases()
    with Stopwatch("witness", phases, progress):
        made = keys.executor.trace(inputs)
        assignment = keys.lowering.assign(inputs, made, narrow_product)
    outputs = [made[output.ref.index] for output in program.outputs]
    roots = input_root(inputs, fast_hasher), output_root(outputs, fast_hasher)
    statement = Statement(keys.key.model_id, *roots)
    proof = Argument(keys.proving, assignment, phases, progress).prove(statement)
    with Stopwatch("verify", phases, progress):
        _require_accepted(keys, statement, proof)
    file = ProofFile(Route.SUMCHECK, statement, keys.proving.digest, keys.key.srs_digest, proof)
    return ProofResult(file, statement, outputs, phases, [])


def _require_accepted(keys: SumcheckKeys, statement: Statement, proof: bytes) -> None:
    """The honest prover's check that its run was the program's: a system has no other output (section 4)."""
    try:
        verify(statement, keys.key, proof, Accepted(frozenset([keys.s_g2])), field, fast_hasher)
    except VerificationError as refusal:
        message = "the proof does not verify: the witness is not the program's run; a defect, please report it"
        raise EnvironmentFailure("witness_differs", message, reason=refusal.code) from refusal
