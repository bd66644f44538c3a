"""Reading a trace from where a claim says that it is published. Who made the claim chose the address and the answer.

So addresses are of the web unless the caller accepts more, nothing is followed elsewhere, every answer has a size, all
of them together a deadline, and what comes back is believed where it hashes to the claim's roots.
"""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlsplit

import fsspec
import httpx

from circuits.errors import EnvironmentFailure
from circuits.program.graph import Program
from circuits.statement import Hasher, keccak256
from verifier.challenger.claim_view import ClaimView
from verifier.dispute.trace_file import ReadBytes, TraceFile, TraceLayout, TraceStatement

WEB = frozenset({"http", "https"})
MAX_LOCATOR = 2048
READ_TIMEOUT_S = 10.0
# For everything that is read of one trace: whoever makes a challenger wait makes it late elsewhere.
PATIENCE_S = 20.0


def open_trace(
    locator: str,
    layout: TraceLayout,
    *,
    accept: frozenset[str] = WEB,
    hasher: Hasher = keccak256,
    patience_s: float = PATIENCE_S,
) -> TraceFile:
    """The trace of a program and a claim's statement, its roots checked.

    `accept` are URL schemes; those besides `http` and `https` are read by fsspec, with this process's rights.
    Raises DisputeError `trace_malformed`, EnvironmentFailure `trace_unreachable`; so do the file's own reads.
    """
    scheme = _scheme(locator)
    if scheme not in accept:
        raise _unreachable(locator, f"only {', '.join(sorted(accept))} addresses are read")
    read = _Web(locator, patience_s).read if scheme in WEB else _file(locator)
    return TraceFile(read, layout, hasher)


def read_published(
    view: ClaimView, program: Program, *, accept: frozenset[str] = WEB, hasher: Hasher = keccak256
) -> TraceFile | None:
    """What a claim's submitter publishes, as `open_trace`; None where the claim names no place."""
    if not view.locator:
        return None
    claim = view.claim
    statement = TraceStatement(view.key.model_id, claim.input_root, claim.output_root, claim.trace_tree)
    return open_trace(view.locator, TraceLayout.of(program, statement), accept=accept, hasher=hasher)


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


class _Web:
    """Reads ranges of one address, as long as `patience_s` lasts for all of them."""

    def __init__(self, locator: str, patience_s: float) -> None:
        self._locator, self._left_s = locator, patience_s

    def read(self, first: int, stop: int) -> bytes:
        if first == stop:
            return b""
        began = time.monotonic()
        try:
            found = asyncio.run(asyncio.wait_for(_range(self._locator, first, stop), self._left_s))
        except (httpx.HTTPError, httpx.InvalidURL, ExceptionGroup, OSError, ValueError) as error:
            raise _unreachable(self._locator, f"{type(error).__name__}") from error
        finally:
            self._left_s -= time.monotonic() - began
        return _whole(self._locator, found, stop - first)


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
