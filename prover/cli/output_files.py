"""Files that a verb writes whole, and all together, or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from circuits.errors import InputError
from circuits.program.file import save_program
from circuits.program.graph import Program

# Not the file's own name, which may be as long as a name can be.
PREFIX = ".inferproof-"


def require_writable(paths: Sequence[Path], inputs: Sequence[Path] = ()) -> None:
    """Refuses, before minutes of work, what could not be written after it, or would take the place of an input."""
    read = {path.resolve() for path in inputs}
    for path in paths:
        if path.resolve() in read:
            raise unwritable(path, "it is one of the files that are read")
        _check_place(path)
    if len({path.resolve() for path in paths}) != len(paths):
        raise InputError("bad_option", f"each file needs a name of its own, got {', '.join(map(str, paths))}")


def write_all(program: Program, output: Path, others: Mapping[Path, bytes]) -> None:
    """The program and what goes with it; each file appears whole, once all of them could be written."""
    with ExitStack() as stack:
        for path, content in others.items():
            stack.enter_context(staged(path)).write_bytes(content)
        save_program(program, stack.enter_context(staged(output)))


def write_file(path: Path, content: bytes) -> None:
    with staged(path) as file:
        file.write_bytes(content)


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """A file beside `path` that takes its place when the block ends well; a disk that refuses is an InputError."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=PREFIX, delete=False) as file:
            beside = Path(file.name)
        try:
            yield beside
            beside.chmod(0o644)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(path, error.strerror or str(error)) from error


def _check_place(path: Path) -> None:
    """What can be known of a file's name and folder without touching the file."""
    try:
        if not path.parent.is_dir():
            raise unwritable(path, f"{path.parent} is no folder")
        if path.exists() and not path.is_file():  # a new file would take the place of a folder or a device
            raise unwritable(path, "it is no file")
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise unwritable(path, error.strerror or str(error)) from error


def unwritable(path: Path, why: str) -> InputError:
    return InputError("output_unwritable", f"{path} cannot be written: {why}", path=str(path))
