"""Who may call, and what every route is given."""

from __future__ import annotations

import hashlib
import hmac
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from circuits.errors import InputError
from prover.service.handlers.deps import Deps

_bearer = HTTPBearer(auto_error=False, description="An API key, where the operator has set any.")


def deps_of(request: Request) -> Deps:
    deps: Deps = request.app.state.deps
    return deps


DepsOf = Annotated[Deps, Depends(deps_of)]


def owner_of(deps: DepsOf, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> str:
    """The key's fingerprint (never the key); raises InputError("unauthorized"). Empty where no keys are set."""
    keys = [key.get_secret_value().encode() for key in deps.settings.api_keys]
    if not keys:
        return ""
    presented = given.credentials.encode() if given else b""
    # Compared with every key, so that the time says nothing about which one was close.
    if sum(hmac.compare_digest(presented, key) for key in keys) == 0:
        raise InputError("unauthorized", "send one of the operator's API keys as `Authorization: Bearer KEY`")
    return hashlib.sha256(presented).hexdigest()[:32]


Owner = Annotated[str, Depends(owner_of)]
