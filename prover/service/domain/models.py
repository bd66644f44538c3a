"""A model the service holds, and what it costs to prove."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from circuits.statement import Route
from prover.backend import Estimate
from prover.service.domain.errors import model_too_large, route_not_served


class ModelSource(StrEnum):
    ONNX = "onnx"
    PROGRAM = "program"


@dataclass(frozen=True)
class HeldModel:
    """A program in the artifact store, by its modelId (0x-hex). `estimates` are of the routes that take it, by name."""

    model_id: str
    artifact: str
    source: ModelSource
    name: str
    ports: Mapping[str, Any]
    estimates: Mapping[str, Estimate]
    fidelity: Mapping[str, Any] | None
    created_at: float


def admit(model: HeldModel, route: Route, memory_limit_bytes: int) -> None:
    """Refuses what would not fit, before anything starts; raises InputError `model_too_large` or `route_not_served`."""
    name = route.name.lower()
    if name not in model.estimates:
        raise route_not_served(name, model.model_id)
    require_memory(model.estimates[name], memory_limit_bytes)


def require_memory(estimate: Estimate, memory_limit_bytes: int) -> None:
    """Raises InputError("model_too_large")."""
    if estimate.peak_memory_bytes > memory_limit_bytes:
        raise model_too_large(estimate, memory_limit_bytes)
