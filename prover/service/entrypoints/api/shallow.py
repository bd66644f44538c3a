"""JSON bodies that are not too deep to be parsed.

web3 raises Python's recursion limit to 100,000 for the whole process, and below that the parser overflows the C
stack: 100 kB of `[` from anybody, before any API key is looked at, would end the service.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

MAX_DEPTH = 32  # a tensor has at most 8 axes
BAD_REQUEST = 400

# A whole string, in which brackets do not count, or one bracket. An unclosed string runs to the end.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)


def is_shallow(body: bytes) -> bool:
    depth = 0
    for token in _TOKEN.finditer(body):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(token[0], 0)
        if depth > MAX_DEPTH:
            return False
    return True


class ShallowRoute(APIRoute):
    """A route whose body is measured before FastAPI parses it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def measured(request: Request) -> Response:
            if not is_shallow(await request.body()):
                raise HTTPException(BAD_REQUEST, f"the body is nested more than {MAX_DEPTH} deep")
            return await handle(request)

        return measured
