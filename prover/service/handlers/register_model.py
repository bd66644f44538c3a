"""Takes an upload and holds it as a program, by its modelId."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from circuits.errors import EnvironmentFailure, InferproofError, InputError
from circuits.program.graph import Program
from circuits.statement import Route
from prover.backend import Estimate
from prover.service.adapters.ports import CompileRequest, Prover
from prover.service.domain.jobs import Failure
from prover.service.domain.models import HeldModel, ModelSource, require_memory
from prover.service.handlers.deps import Deps
from prover.service.handlers.tensors import describe_ports


@dataclass(frozen=True)
class ModelUpload:
    """A `.program`, or an ONNX file with its options, already on this machine's disk."""

    name: str
    source: ModelSource
    path: Path
    calibration: Path | None = None
    bits: int = 16
    weight_bits: int = 16


def register_model(deps: Deps, upload: ModelUpload) -> tuple[HeldModel, bool]:
    """The model, and whether it is new (False: the same program was held already). Compiles if need be, estimates,
    refuses what is too large, stores."""
    program, fidelity = _program(deps, upload)
    if not program.inputs or not program.outputs:
        raise InputError("model_without_ports", "a model needs at least one input and one output")
    model_id = "0x" + program.model_id().hex()
    with deps.database.transaction() as work:
        held = work.models.find(model_id)
    known = held is not None and all(_name(prover) in held.estimates for prover in deps.provers)
    estimates, refusals = ({}, {}) if known else _asked(deps, program)
    if held is not None:
        with deps.database.transaction() as work:
            return work.models.completed(model_id, estimates, refusals, fidelity), False
    artifact = deps.store.put(_file_bytes(deps, program))
    model = HeldModel(
        model_id=model_id,
        artifact=artifact,
        source=upload.source,
        name=upload.name[:255],
        ports=describe_ports(program),
        estimates=estimates,
        refusals=refusals,
        fidelity=fidelity,
        created_at=deps.clock(),
    )
    with deps.database.transaction() as work:
        return work.models.add(model), True


def _asked(deps: Deps, program: Program) -> tuple[dict[str, Estimate], dict[str, Failure]]:
    """Estimates of the routes that take the program and have the memory for it, and why the others do not. Where none
    does, raises what the first one says."""
    found: dict[str, Estimate] = {}
    refused: dict[str, InferproofError] = {}
    for prover in deps.provers:
        try:
            estimate = prover.estimate(program)
            require_memory(estimate, deps.settings.memory_limit_bytes)
        except EnvironmentFailure:
            raise  # says nothing about the program
        except InferproofError as error:
            refused[_name(prover)] = error
        else:
            found[_name(prover)] = estimate
    if not found:
        raise next(iter(refused.values()))
    return found, {name: Failure(error.code, error.message, error.details) for name, error in refused.items()}


def _name(prover: Prover) -> str:
    return Route(prover.route).name.lower()


def _program(deps: Deps, upload: ModelUpload) -> tuple[Program, dict[str, Any] | None]:
    if upload.source is ModelSource.PROGRAM:
        return deps.load_program(upload.path), None
    return deps.compiler.compile(CompileRequest(upload.path, upload.calibration, upload.bits, upload.weight_bits))


def _file_bytes(deps: Deps, program: Program) -> bytes:
    """Our own serialisation of what was parsed: nothing else of an uploaded file is kept."""
    with tempfile.TemporaryDirectory(prefix="inferproof-") as folder:
        path = Path(folder) / "model.program"
        deps.save_program(program, path)
        return path.read_bytes()
