"""A model the service holds, and what it costs to prove."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from prover.backend import Estimate
from prover.service.domain.errors import model_too_large


class ModelSource(StrEnum):
    ONNX = "onnx"
    PROGRAM = "program"


@dataclass(frozen=True)
class HeldModel:
    """A program in the artifact store, by its modelId (0x-hex)."""

    model_id: str
    artifact: str
    source: ModelSource
    name: str
    ports: Mapping[str, Any]
    estimate: Estimate
    fidelity: Mapping[str, Any] | None
    created_at: float


def admit(estimate: Estimate, memory_limit_bytes: int) -> None:
    """Refuses what would not fit, before anything starts; raises InputError("model_too_large")."""
    if estimate.peak_memory_bytes > memory_limit_bytes:
        raise model_too_large(estimate, memory_limit_bytes)
