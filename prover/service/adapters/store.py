"""Artifacts by content: what a digest names is there whole, or not at all. Any fsspec URL."""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path

import fsspec

from circuits.errors import EnvironmentFailure

PREFIX = "sha256:"


class ArtifactStore:
    """`put` returns `sha256:<hex>`, `get` checks it.

    Errors: `artifact_missing`, `artifact_corrupt`, `store_unusable`.
    """

    def __init__(self, url: str, cache_dir: Path) -> None:
        try:
            self._fs, root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise EnvironmentFailure("store_unusable", f"no store at {url}: {error}") from error
        self._root = str(root).rstrip("/")
        self._local = "file" in self._fs.protocol
        self._cache_dir = cache_dir

    def put(self, content: bytes) -> str:
        digest = PREFIX + hashlib.sha256(content).hexdigest()
        try:
            self._write(self._path(digest), content)
        except OSError as error:
            raise EnvironmentFailure("store_unusable", f"the artifact store refused: {error}") from error
        return digest

    def get(self, digest: str) -> bytes:
        try:
            content = bytes(self._fs.cat_file(self._path(digest)))
        except FileNotFoundError as error:
            raise EnvironmentFailure("artifact_missing", f"artifact {digest} is not in the store") from error
        except OSError as error:
            raise EnvironmentFailure("store_unusable", f"the artifact store refused: {error}") from error
        if PREFIX + hashlib.sha256(content).hexdigest() != digest:
            raise EnvironmentFailure("artifact_corrupt", f"artifact {digest} has other bytes than its name says")
        return content

    def local_path(self, digest: str) -> Path:
        """The artifact as a file on this machine, checked; a remote one is copied into the cache once."""
        if self._local:
            self.get(digest)
            return Path(self._path(digest))
        cached = self._cache_dir / "artifacts" / digest.removeprefix(PREFIX)
        if not cached.exists():
            _replace(cached, self.get(digest))
        return cached

    def _path(self, digest: str) -> str:
        name = digest.removeprefix(PREFIX)
        return f"{self._root}/{name[:2]}/{name}"

    def _write(self, path: str, content: bytes) -> None:
        if self._local:
            _replace(Path(path), content)
        else:
            self._fs.pipe_file(path, content)  # object stores publish an object whole


def _replace(path: Path, content: bytes) -> None:
    """Writes beside the target, flushes to disk, renames: no reader ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
