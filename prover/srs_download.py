"""Downloads one file of a known size over HTTP, with retries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import tenacity

from circuits.errors import EnvironmentFailure, InputError
from prover.backend import Progress

ATTEMPTS = 4
CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 60.0
CHUNK_BYTES = 1 << 20
HEADERS = {"accept-encoding": "identity"}  # the length that the server declares is the file's
RETRIED_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


class _Transient(Exception):
    """A failure that another attempt may not meet; the message says what it was."""


def download(url: str, target: Path, size: int, progress: Progress, *, retry_wait_s: float = 1.0) -> None:
    """Writes the `size` bytes at `url` to `target`.

    Raises EnvironmentFailure: `srs_download_failed` where the server refuses or the last attempt fails,
    `srs_download_size` where it declares or sends another size. Raises InputError `srs_url` for no HTTP address.
    """
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_exponential_jitter(multiplier=retry_wait_s, jitter=retry_wait_s),
        retry=tenacity.retry_if_exception_type(_Transient),
        reraise=True,
    )
    try:
        retrying(_attempt, url, target, size, progress)
    except _Transient as failure:
        raise EnvironmentFailure(
            "srs_download_failed",
            f"could not download {url}: {failure}; check the network or give another --url",
            url=url,
            attempts=ATTEMPTS,
            reason=str(failure),
        ) from failure


def _attempt(url: str, target: Path, size: int, progress: Progress) -> None:
    timeout = httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
    try:
        with httpx.stream("GET", url, headers=HEADERS, timeout=timeout, follow_redirects=True) as response:
            _check_response(response, url, size)
            received = _write(response.iter_raw(CHUNK_BYTES), target, size, progress)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise InputError("srs_url", f"{url!r} is no http or https address: {error}", url=url) from error
    except httpx.HTTPError as error:
        raise _Transient(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__) from error
    if received != size:
        raise _wrong_size(url, size, received)


def _check_response(response: httpx.Response, url: str, size: int) -> None:
    status = response.status_code
    if status in RETRIED_STATUS:
        raise _Transient(f"the server answered {status}")
    if status != httpx.codes.OK:
        raise EnvironmentFailure("srs_download_failed", f"{url}: the server answered {status}", url=url, status=status)
    declared = response.headers.get("content-length", str(size))
    if declared != str(size):
        raise _wrong_size(url, size, declared)


def _write(pieces: Iterator[bytes], target: Path, size: int, progress: Progress) -> int:
    """Writes the pieces; stops after the first byte too many, so that a server cannot fill the disk."""
    received = 0
    with target.open("wb") as file:
        for piece in pieces:
            received += len(piece)
            if received > size:
                break
            file.write(piece)
            progress("download", received / size)
    return received


def _wrong_size(url: str, size: int, got: int | str) -> EnvironmentFailure:
    message = f"{url} holds {got} bytes, not the {size} of the file asked for"
    return EnvironmentFailure("srs_download_size", message, url=url, expected=size, got=str(got))
