"""JSON bodies that are not too deep to be parsed.

web3 raises Python's recursion limit to 100,000 for the whole process, and below that the parser overflows the C
stack: 100 kB of `[` from anybody, before any API key is looked at, would end the service.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from circuits.strict_json import MAX_DEPTH, is_shallow

BAD_REQUEST = 400


class ShallowRoute(APIRoute):
    """A route whose body is measured before FastAPI parses it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def measured(request: Request) -> Response:
            if not is_shallow(await request.body()):
                raise HTTPException(BAD_REQUEST, f"the body is nested more than {MAX_DEPTH} deep")
            return await handle(request)

        return measured
