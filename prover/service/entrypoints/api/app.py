"""Puts the API together."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import Depends, FastAPI
from prometheus_client import CollectorRegistry

from prover.service.entrypoints.api import jobs, models, operations
from prover.service.entrypoints.api.access import owner_of
from prover.service.entrypoints.api.middleware import BodyLimit, RequestContext
from prover.service.entrypoints.api.problems import MEDIA_TYPE, Problem, install_problem_handlers
from prover.service.entrypoints.metrics import HttpMetrics, StateCollector
from prover.service.handlers.deps import Deps

PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "content": {MEDIA_TYPE: {}}, "description": "What was asked for cannot be done"},
    "5XX": {"model": Problem, "content": {MEDIA_TYPE: {}}, "description": "Something outside, or here, failed"},
}


def make_app(
    deps: Deps,
    checks: Mapping[str, operations.CheckFunction] | None = None,
    stopping: threading.Event | None = None,
) -> FastAPI:
    """The API over `deps`; `checks` are added to /ready, `stopping` ends event streams."""
    app = FastAPI(title="inferproof", version=_version(), responses=PROBLEMS)
    registry = CollectorRegistry()
    registry.register(StateCollector(deps))
    app.state.deps = deps
    app.state.checks = checks or {}
    app.state.stopping = stopping or threading.Event()
    app.state.registry = registry
    for guarded in (models.router, jobs.router):
        app.include_router(guarded, dependencies=[Depends(owner_of)])
    app.include_router(operations.router)
    install_problem_handlers(app)
    settings = deps.settings
    app.add_middleware(
        BodyLimit,
        upload_path=models.router.prefix,
        upload_bytes=settings.max_upload_bytes,
        other_bytes=settings.max_input_bytes,
    )
    app.add_middleware(RequestContext, metrics=HttpMetrics(registry))
    return app


def _version() -> str:
    try:
        return version("inferproof")
    except PackageNotFoundError:
        return "0"
