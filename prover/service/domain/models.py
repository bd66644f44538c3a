"""A model the service holds, and what it costs to prove."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from circuits.errors import InputError
from circuits.statement import Route
from prover.backend import Estimate
from prover.service.domain.errors import model_too_large, route_not_served
from prover.service.domain.jobs import Failure


class ModelSource(StrEnum):
    ONNX = "onnx"
    PROGRAM = "program"


@dataclass(frozen=True)
class HeldModel:
    """A program in the artifact store, by its modelId (0x-hex). By a route's name: `estimates` of those that
    took it, and `refusals`, why others did not when it was uploaded last."""

    model_id: str
    artifact: str
    source: ModelSource
    name: str
    ports: Mapping[str, Any]
    estimates: Mapping[str, Estimate]
    fidelity: Mapping[str, Any] | None
    created_at: float
    refusals: Mapping[str, Failure] = field(default_factory=dict)


def admit(model: HeldModel, route: Route, memory_limit_bytes: int) -> None:
    """Refuses what would not fit, before anything starts and for no work, since anybody may ask as often as he likes.

    Raises InputError `model_too_large`, what the route had against the program, or else `route_not_served`.
    """
    name = route.name.lower()
    if name in model.refusals:
        refusal = model.refusals[name]
        raise InputError(refusal.code, refusal.message, **refusal.details)
    if name not in model.estimates:
        raise route_not_served(name, model.model_id)
    require_memory(model.estimates[name], memory_limit_bytes)


def require_memory(estimate: Estimate, memory_limit_bytes: int) -> None:
    """Raises InputError("model_too_large")."""
    if estimate.peak_memory_bytes > memory_limit_bytes:
        raise model_too_large(estimate, memory_limit_bytes)
