"""Programs by their model id, from files, folders, and where their owners registered them."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import structlog

from circuits.errors import EnvironmentFailure, InferproofError
from circuits.program.file import load_program
from circuits.program.graph import Program
from prover.kernels import fast_hasher
from prover.optimistic.estimate import estimate

log = structlog.get_logger()

_AT_ONCE = threading.Semaphore(4)

SUFFIX = ".program"
MAX_DOWNLOAD_BYTES = 2**30
TIMEOUT_S = 30.0
DEADLINE_S = 600.0
RETRY_S = 2 * DEADLINE_S
WEB = ("http", "https")
# Of a program that a stranger registered, for one run while the deadlines of open challenges pass.
STRANGERS_RUN_S = 10.0
STRANGERS_MEMORY_BYTES = 2**32


class ProgramFinder:
    """What `verifier.challenger.judging.FindProgram` takes.

    Args:
        paths: program files, and folders of them; looked through again when a model is not found.
        downloads: where programs fetched from a registration's locator are kept; None: none are fetched.
        background: fetch while the caller goes on, who finds the program when it asks again. The locator is its owner's
            choice, and so is how slowly it answers: a watcher has deadlines to keep. For the same reason a fetched
            program that takes too long to run, or too much memory, is not handed out; its operator may give the file.
    """

    def __init__(self, paths: Sequence[Path], downloads: Path | None = None, *, background: bool = False) -> None:
        self._paths = paths
        self._downloads = downloads
        self._background = background
        self._tried: dict[Path, float] = {}
        self._seen: dict[tuple[Path, int, int], bytes] = {}
        self._too_costly: set[Path] = set()

    def __call__(self, model_id: bytes, locator: str) -> Program | None:
        kept = None if self._downloads is None else self._downloads / (model_id.hex() + SUFFIX)
        for path in self._files():
            found = self._load(path, model_id)
            if found is not None:
                return found
        if kept is not None and kept in self._too_costly:
            return None
        if kept is not None and kept.is_file():
            found = self._load(kept, model_id)
            if found is not None:
                return found if self._affordable(found, kept) else None
            kept.unlink()  # what a stranger's server says is worth no second look
        if kept is None or urlsplit(locator).scheme not in WEB:
            return None
        if self._background:
            self._fetch_later(locator, kept)
            return None
        _fetch(locator, kept)
        found = self._load(kept, model_id)
        if found is None:
            kept.unlink()
        return found

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

    def _affordable(self, program: Program, kept: Path) -> bool:
        cost = estimate(program)
        seconds = cost.setup_s + cost.prove_s
        if not self._background or (seconds <= STRANGERS_RUN_S and cost.peak_memory_bytes <= STRANGERS_MEMORY_BYTES):
            return True
        log.warning("program_too_costly", path=str(kept), seconds=seconds, memory_bytes=cost.peak_memory_bytes)
        self._too_costly.add(kept)
        return False

    def _files(self) -> list[Path]:
        return [file for path in self._paths for file in (sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path])]

    def _load(self, path: Path, model_id: bytes) -> Program | None:
        """The file's program if it is the wanted one. One that cannot be read is passed over, aloud."""
        try:
            stored = path.stat()
            file = (path, stored.st_mtime_ns, stored.st_size)
            if self._seen.get(file, model_id) != model_id:
                return None
            program = load_program(path)
        except OSError as error:
            log.warning("program_unreadable", path=str(path), code="file_unreadable", message=str(error))
            return None
        except InferproofError as error:
            log.warning("program_unreadable", path=str(path), **error.as_dict())
            return None
        self._seen[file] = program.model_id(fast_hasher)
        return program if self._seen[file] == model_id else None


def _fetch(locator: str, target: Path) -> None:
    """Raises EnvironmentFailure `program_unreachable`. Redirects are not followed: the owner named this address."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    deadline = time.monotonic() + DEADLINE_S
    try:
        with httpx.stream("GET", locator, timeout=TIMEOUT_S) as answer, partial.open("wb") as file:
            answer.raise_for_status()
            for piece in answer.iter_bytes():
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
