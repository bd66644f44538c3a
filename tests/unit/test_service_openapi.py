"""The API keeps what its OpenAPI document promises, whatever is thrown at it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from service_fakes import make_deps

from prover.service.entrypoints.api import make_app

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

_folder = tempfile.TemporaryDirectory(prefix="inferproof-fuzz-")
app = make_app(make_deps(Path(_folder.name), max_upload_bytes=1 << 20))
schema = schemathesis.openapi.from_asgi("/openapi.json", app)


@schema.parametrize()
@settings(max_examples=10, derandomize=True, suppress_health_check=list(HealthCheck))
def test_keeps_its_openapi_promises(case: Any) -> None:
    if case.path == "/ready":
        return  # 503 without a worker, as it should be
    case.call_and_validate(checks=CHECKS)


def test_every_route_that_touches_data_is_behind_the_key() -> None:
    document = app.openapi()
    guarded = {
        path: all("security" in op for op in operations.values()) for path, operations in document["paths"].items()
    }
    assert {path for path, locked in guarded.items() if not locked} == {"/health", "/ready", "/metrics"}
