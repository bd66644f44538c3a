"""Programs by their model id, from files, folders, and where their owners registered them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import structlog

from circuits.errors import EnvironmentFailure, InferproofError
from circuits.program.file import load_program
from prover.kernels import fast_hasher
from verifier.challenger.judging import Found

log = structlog.get_logger()

_AT_ONCE = threading.Semaphore(4)

SUFFIX = ".program"
MAX_DOWNLOAD_BYTES = 2**30
# Of all that is kept, beside what is on its way: whoever lists many programs must not fill the disk.
MAX_KEPT_BYTES = 2**33
TIMEOUT_S = 30.0
DEADLINE_S = 600.0
RETRY_S = 2 * DEADLINE_S
WEB = ("http", "https")


class ProgramFinder:
    """What `verifier.challenger.judging.FindProgram` takes.

    Args:
        paths: program files, and folders of them; looked through again when a model is not found.
        downloads: where programs fetched from a registration's locator are kept, those used last up to
            MAX_KEPT_BYTES; None: none are fetched. Nothing else may be in that folder.
        background: fetch while the caller goes on, who finds the program when it asks again. The locator is its owner's
            choice, and so is how slowly it answers: a watcher has deadlines to keep.
    """

    def __init__(self, paths: Sequence[Path], downloads: Path | None = None, *, background: bool = False) -> None:
        self._paths = paths
        self._downloads = downloads
        self._background = background
        self._tried: dict[Path, float] = {}
        self._seen: dict[tuple[Path, int, int], bytes] = {}

    def __call__(self, model_id: bytes, locator: str) -> Found | None:
        for path in self._files():
            if self._is_wanted(path, model_id):
                return Found(path)
        if self._downloads is None:
            return None
        # Of what was fetched only the child that runs it looks at more than the name.
        kept = self._downloads / (model_id.hex() + SUFFIX)
        if not kept.is_file():
            if urlsplit(locator).scheme not in WEB:
                return None
            if self._background:
                self._fetch_later(locator, kept)
                return None
            _fetch(locator, kept)
        else:
            _mark_used(kept)
        return Found(kept, fetched=True)

    def _fetch_later(self, locator: str, kept: Path) -> None:
        """One attempt at a time, and not again for a while."""
        now = time.monotonic()
        if now < self._tried.get(kept, -RETRY_S) + RETRY_S:
            return
        self._tried[kept] = now

        def fetch() -> None:
            with _AT_ONCE:
                try:
                    _fetch(locator, kept)
                except EnvironmentFailure as error:
                    log.warning("program_not_fetched", **error.as_dict())

        threading.Thread(target=fetch, name="fetch-program", daemon=True).start()

    def _files(self) -> list[Path]:
        return [file for path in self._paths for file in (sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path])]

    def _is_wanted(self, path: Path, model_id: bytes) -> bool:
        """Whether the operator's file holds this program. One that cannot be read is passed over, aloud."""
        try:
            stored = path.stat()
            file = (path, stored.st_mtime_ns, stored.st_size)
            if file not in self._seen:
                self._seen[file] = load_program(path).model_id(fast_hasher)
        except OSError as error:
            log.warning("program_unreadable", path=str(path), code="file_unreadable", message=str(error))
            return False
        except InferproofError as error:
            log.warning("program_unreadable", path=str(path), **error.as_dict())
            return False
        return self._seen[file] == model_id


def _mark_used(kept: Path) -> None:
    with suppress(OSError):  # another process may have made room
        os.utime(kept)


def _make_room(folder: Path) -> None:
    """Removes what was not used for longest, and what a process that was killed left, until one more has room."""
    found = []
    for file in folder.iterdir():
        with suppress(OSError):
            found.append((file.stat().st_mtime_ns, file.stat().st_size, file))
    total = sum(size for _, size, _ in found)
    for _, size, file in sorted(found):
        if total + MAX_DOWNLOAD_BYTES <= MAX_KEPT_BYTES:
            return
        file.unlink(missing_ok=True)
        total -= size


def _fetch(locator: str, target: Path) -> None:
    """Raises EnvironmentFailure `program_unreachable`. Redirects are not followed: the owner named this address.

    What comes is counted and kept as it comes: a few kilobytes may decompress to more than there is memory.
    """
    partial = target.with_suffix(".partial")
    deadline = time.monotonic() + DEADLINE_S
    request = httpx.stream("GET", locator, timeout=TIMEOUT_S, headers={"accept-encoding": "identity"})
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _make_room(target.parent)
        with request as answer, partial.open("wb") as file:
            answer.raise_for_status()
            for piece in answer.iter_raw():
                if file.tell() + len(piece) > MAX_DOWNLOAD_BYTES or time.monotonic() > deadline:
                    message = f"{locator}: over {MAX_DOWNLOAD_BYTES} bytes, or {DEADLINE_S:.0f} s"
                    raise EnvironmentFailure("program_unreachable", message, locator=locator)
                file.write(piece)
        partial.replace(target)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        message = f"no program at {locator}: {error}"
        raise EnvironmentFailure("program_unreachable", message, locator=locator) from error
    finally:
        partial.unlink(missing_ok=True)
