"""Around every request: an id, a size limit, a log line, two metrics."""

from __future__ import annotations

import re
import time
import uuid

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from prover.service.entrypoints.metrics import HttpMetrics

log = structlog.get_logger()

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CONTENT_TOO_LARGE = 413


class UploadTooLarge(HTTPException):
    """Raised while the body is still coming in."""

    code = "upload_too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(CONTENT_TOO_LARGE, f"the body is over {limit_bytes} bytes")


class RequestContext:
    """Takes the caller's X-Request-Id, or makes one; binds it to every log line of the request."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        status, started = 500, time.perf_counter()

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, answer)
            finally:
                seconds = time.perf_counter() - started
                route = getattr(scope.get("route"), "path", "unknown")
                # A method is the caller's word; as a label, every new one would be a new time series.
                method = scope["method"] if scope["method"] in METHODS else "other"
                self._metrics.observe(method, route, status, seconds)
                log.info("request", method=method, route=route, status=status, seconds=round(seconds, 4))


class BodyLimit:
    """Counts what arrives; what a Content-Length claims is only the earlier of two chances to refuse."""

    def __init__(self, app: ASGIApp, upload_path: str, upload_bytes: int, other_bytes: int) -> None:
        self.app = app
        self._upload_path = upload_path
        self._limits = (upload_bytes, other_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self._limits[scope["path"] != self._upload_path]
        declared = Headers(scope=scope).get("content-length", "0")
        received = int(declared) if declared.isdecimal() and int(declared) > limit else 0

        async def limited() -> Message:
            nonlocal received
            if received > limit:
                raise UploadTooLarge(limit)
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise UploadTooLarge(limit)
            return message

        await self.app(scope, limited, send)
