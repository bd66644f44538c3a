"""Where setups are kept: one folder an entry, named by what it was made from, never half-written.

An entry is built in a folder of its own under a lock and takes its name at the end, so whoever sees the name sees a
whole entry, and two processes that want the same one build it once. A manifest of digests tells a damaged entry.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from circuits.errors import EnvironmentFailure

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Entry:
    """A complete entry, and whether it was already there."""

    folder: Path
    cached: bool


class KeyCache:
    """Folders by (kind, digest) under `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._checked: set[tuple[str, int, int]] = set()

    def path(self, kind: str, digest: str) -> Path:
        return self.root / kind / digest

    def entry(self, kind: str, digest: str, build: Callable[[Path], None], names: Collection[str]) -> Entry:
        """The entry, built by `build(folder)` if it is not there. Raises `key_corrupt` for a damaged one, and for one
        without a file of `names`."""
        folder = self.path(kind, digest)
        if not folder.exists():
            with self._lock(folder):
                if not folder.exists():
                    self._build(folder, build)
                    return Entry(folder, cached=False)
        self._check(folder, names)
        return Entry(folder, cached=True)

    @contextmanager
    def _lock(self, folder: Path) -> Iterator[None]:
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{folder}.lock"):
                yield
        except OSError as error:
            message = f"cannot write the key cache {self.root}: {error.strerror or error}"
            raise EnvironmentFailure("cache_unwritable", message, path=str(self.root)) from error

    def _build(self, folder: Path, build: Callable[[Path], None]) -> None:
        """Under the lock, so a partial folder found here was left by a process that died."""
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            build(partial)
            files = sorted(path for path in partial.iterdir() if path.is_file())
            manifest = {path.name: {"bytes": path.stat().st_size, "sha256": _sha256(path)} for path in files}
            (partial / MANIFEST).write_text(json.dumps(manifest, indent=2))
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _check(self, folder: Path, names: Collection[str]) -> None:
        """Compares every file with the manifest; the content once in a process, as long as size and time stay."""
        try:
            manifest = json.loads((folder / MANIFEST).read_text())
            if not set(names) <= manifest.keys():
                raise _corrupt(folder, MANIFEST)
            for name, expected in manifest.items():
                path = folder / name
                state = path.stat()
                if state.st_size != expected["bytes"]:
                    raise _corrupt(folder, name)
                seen = (str(path), state.st_mtime_ns, state.st_size)
                if seen not in self._checked:
                    if _sha256(path) != expected["sha256"]:
                        raise _corrupt(folder, name)
                    self._checked.add(seen)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise _corrupt(folder, MANIFEST) from error


def _corrupt(folder: Path, name: str) -> EnvironmentFailure:
    message = f"the cached key in {folder} is damaged ({name} is not what was written); delete the folder and run again"
    return EnvironmentFailure("key_corrupt", message, path=os.fspath(folder), file=name)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
