"""Errors as problem+json (RFC 9457): a status, a stable code, words, values, and the request's id."""

from __future__ import annotations

import json
import math
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from circuits.errors import EnvironmentFailure, InferproofError
from prover.service.domain.errors import Conflict, NotFound
from prover.service.entrypoints.api.middleware import UploadTooLarge

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"

STATUS_BY_CODE = {
    "upload_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "model_too_large": HTTPStatus.UNPROCESSABLE_ENTITY,
    "unauthorized": HTTPStatus.UNAUTHORIZED,
    "chain_not_configured": HTTPStatus.UNPROCESSABLE_ENTITY,
}


class Problem(BaseModel):
    """What every error looks like."""

    type: str = Field(examples=["urn:inferproof:error:job_not_found"])
    title: str
    status: int
    code: str
    detail: str
    details: dict[str, Any]
    request_id: str


def status_of(error: InferproofError) -> HTTPStatus:
    if error.code in STATUS_BY_CODE:
        return STATUS_BY_CODE[error.code]
    if isinstance(error, NotFound):
        return HTTPStatus.NOT_FOUND
    if isinstance(error, Conflict):
        return HTTPStatus.CONFLICT
    if isinstance(error, EnvironmentFailure):
        return HTTPStatus.SERVICE_UNAVAILABLE
    return HTTPStatus.UNPROCESSABLE_ENTITY


def problem(request: Request, status: HTTPStatus, code: str, detail: str, details: Any = None) -> Response:
    body = Problem(
        type=f"urn:inferproof:error:{code}",
        title=status.phrase,
        status=int(status),
        code=code,
        detail=detail,
        details=finite(details or {}),
        request_id=getattr(request.state, "request_id", ""),
    )
    headers = {"X-Request-Id": body.request_id}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(json.dumps(body.model_dump()), int(status), headers, MEDIA_TYPE)


def finite(value: Any) -> Any:
    """JSON has no NaN and no infinity; an error about one must still be JSON."""
    if isinstance(value, dict):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def install_problem_handlers(app: FastAPI) -> None:
    """Every error that leaves the API goes through here."""

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, InferproofError)
        return problem(request, status_of(error), error.code, error.message, error.details)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        found = [{"where": list(e["loc"]), "problem": e["msg"]} for e in error.errors()]
        detail = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, "request_invalid", detail, {"errors": found})

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = HTTPStatus(error.status_code)
        code = error.code if isinstance(error, UploadTooLarge) else status.name.lower()
        response = problem(request, status, code, str(error.detail))
        response.headers.update(error.headers or {})
        return response

    async def database(request: Request, error: Exception) -> Response:
        log.error("database_error", error=str(error))
        detail = "the database did not answer; try again"
        return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, "database_unusable", detail)

    async def internal(request: Request, error: Exception) -> Response:
        detail = "the service failed in a way it should not have; its log has the details under this request id"
        return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", detail)

    app.add_exception_handler(InferproofError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(SQLAlchemyError, database)
    app.add_exception_handler(Exception, internal)
