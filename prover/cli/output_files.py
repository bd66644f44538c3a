"""Files that a verb writes all together, or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from circuits.errors import InputError
from circuits.program.file import save_program
from circuits.program.graph import Program


def require_writable(paths: Sequence[Path], inputs: Sequence[Path] = ()) -> None:
    """Refuses, before minutes of work, what could not be written after it, or would take the place of an input."""
    read = {path.resolve() for path in inputs}
    for path in paths:
        if path.resolve() in read:
            raise _unwritable(path, "it is one of the files that are read")
        if not path.parent.is_dir():
            raise _unwritable(path, f"{path.parent} is no folder")
        if path.exists() and not path.is_file():  # a new file would take the place of a folder or a device
            raise _unwritable(path, "it is no file")
    if len({path.resolve() for path in paths}) != len(paths):
        raise InputError("bad_option", f"each file needs a name of its own, got {', '.join(map(str, paths))}")


def write_all(program: Program, output: Path, others: Mapping[Path, bytes]) -> None:
    """The program and what goes with it; each file appears whole, once all of them could be written."""
    try:
        with ExitStack() as stack:
            for path, content in others.items():
                stack.enter_context(_staged(path)).write_bytes(content)
            save_program(program, stack.enter_context(_staged(output)))
    except OSError as error:
        raise _unwritable(output, error.strerror or str(error)) from error


@contextmanager
def _staged(path: Path) -> Iterator[Path]:
    """A file beside `path` that takes its place when the block ends well."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        staged = Path(file.name)
    try:
        yield staged
        staged.chmod(0o644)
        staged.replace(path)
    finally:
        staged.unlink(missing_ok=True)


def _unwritable(path: Path, why: str) -> InputError:
    return InputError("output_unwritable", f"{path} cannot be written: {why}", path=str(path))
