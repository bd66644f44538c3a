"""Reading a trace from where a claim says that it is published. Who made the claim chose the address and the answer.

So addresses are of the web unless the caller accepts more, nothing is followed elsewhere, every answer has a size and a
deadline, and what comes back is believed where it hashes to the claim's roots.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import fsspec
import httpx

from circuits.errors import EnvironmentFailure
from circuits.statement import Hasher, keccak256
from verifier.challenger.claim_view import ClaimView
from verifier.dispute.errors import DisputeError
from verifier.dispute.trace_file import ReadBytes, TraceFile, TraceStatement

WEB = frozenset({"http", "https"})
MAX_LOCATOR = 2048
READ_TIMEOUT_S = 10.0
DEADLINE_S = 60.0


def open_trace(
    locator: str,
    statement: TraceStatement,
    ops: int,
    *,
    accept: frozenset[str] = WEB,
    hasher: Hasher = keccak256,
    deadline_s: float = DEADLINE_S,
) -> TraceFile:
    """The trace of a claim's statement, its roots checked.

    `accept` are URL schemes; those besides `http` and `https` are read by fsspec, with this process's rights.
    Raises DisputeError `trace_malformed`, EnvironmentFailure `trace_unreachable`; so do the file's own reads.
    """
    scheme = _scheme(locator)
    if scheme not in accept:
        raise _unreachable(locator, f"only {', '.join(sorted(accept))} addresses are read")
    read = _web(locator, deadline_s) if scheme in WEB else _file(locator)
    return TraceFile(read, statement, ops, hasher)


def read_published(view: ClaimView, *, accept: frozenset[str] = WEB, hasher: Hasher = keccak256) -> TraceFile | None:
    """What `verifier.challenger.fault` takes: None where nothing is to be had, for then there is the other path."""
    claim = view.claim
    statement = TraceStatement(view.key.model_id, claim.input_root, claim.output_root, claim.trace_tree)
    try:
        return open_trace(view.locator, statement, view.key.num_ops, accept=accept, hasher=hasher)
    except (DisputeError, EnvironmentFailure):
        return None


def _scheme(locator: str) -> str:
    """Empty for what is no address that may be read."""
    if len(locator) > MAX_LOCATOR:
        return ""
    try:
        parts = urlsplit(locator)
        port = parts.port  # refused here, where it is out of range
    except ValueError:
        return ""
    chained = "::" in locator and parts.scheme not in WEB  # fsspec would read one address through another
    return "" if chained or port == 0 else parts.scheme


def _unreachable(locator: str, reason: str) -> EnvironmentFailure:
    shown = locator[:MAX_LOCATOR]
    return EnvironmentFailure("trace_unreachable", f"no trace at {shown!r}: {reason}", locator=shown, reason=reason)


def _file(locator: str) -> ReadBytes:
    def read(first: int, stop: int) -> bytes:
        try:
            system, path = fsspec.core.url_to_fs(locator)
            found = bytes(system.cat_file(path, start=first, end=stop))
        except (ImportError, OSError, ValueError) as error:
            raise _unreachable(locator, f"{type(error).__name__}") from error
        return _whole(locator, found, stop - first)

    return read


def _web(locator: str, deadline_s: float) -> ReadBytes:
    def read(first: int, stop: int) -> bytes:
        if first == stop:
            return b""
        try:
            found = asyncio.run(asyncio.wait_for(_range(locator, first, stop), deadline_s))
        except (httpx.HTTPError, httpx.InvalidURL, ExceptionGroup, OSError, ValueError) as error:
            raise _unreachable(locator, f"{type(error).__name__}") from error
        return _whole(locator, found, stop - first)

    return read


async def _range(locator: str, first: int, stop: int) -> bytes:
    """Bytes first <= i < stop, fewer where there are fewer. A server may send the whole file instead."""
    headers = {"range": f"bytes={first}-{stop - 1}", "accept-encoding": "identity"}
    received = bytearray()
    async with (
        httpx.AsyncClient(timeout=READ_TIMEOUT_S, follow_redirects=False) as client,
        client.stream("GET", locator, headers=headers) as response,
    ):
        if response.status_code not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
            raise _unreachable(locator, f"the server answered {response.status_code}")
        skipped = first if response.status_code == httpx.codes.OK else 0
        async for piece in response.aiter_raw():
            received += piece[skipped:]
            skipped = max(0, skipped - len(piece))
            if len(received) >= stop - first:
                break
    return bytes(received[: stop - first])


def _whole(locator: str, found: bytes, size: int) -> bytes:
    if len(found) != size:
        raise _unreachable(locator, f"{len(found)} bytes where {size} are wanted")
    return found
