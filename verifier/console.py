"""How every verb speaks: a table for people, one JSON document for programs, progress and noise on stderr.

Exit codes: 0 yes, 1 the answer is no, 2 bad usage or input, 3 something outside failed, 130 interrupted, 141 nobody
reads stdout any more.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from circuits.errors import EnvironmentFailure, InferproofError

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, everything else on stderr.")]

INTERRUPTED = 130
UNREAD = 128 + signal.SIGPIPE

stdout = Console(soft_wrap=True)
stderr = Console(stderr=True, soft_wrap=True)


def emit(as_json: bool, document: dict[str, Any], lines: Sequence[str | Table] | Table = ()) -> None:
    """Prints the document with `--json`, else the lines and tables."""
    if as_json:
        sys.stdout.write(json.dumps(document, indent=2, sort_keys=True) + "\n")
    elif isinstance(lines, Table):
        stdout.print(lines)
    else:
        for line in lines:
            stdout.print(line if isinstance(line, Table) else _in_lines(line), highlight=False, markup=False)


def warn(message: str) -> None:
    stderr.print(_in_lines(message), style="bold yellow", highlight=False, markup=False)


def printable(text: str) -> str:
    """Text that may be a stranger's, for a terminal: what moves its cursor or hides its letters is spelled out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _in_lines(text: str) -> str:
    return "\n".join(printable(line) for line in text.split("\n"))


@contextmanager
def progress_bar() -> Iterator[Callable[[str, float | None], None]]:
    """A callback (phase, fraction or None) that draws one bar a phase on stderr."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=stderr, transient=False) as bars:
        tasks: dict[str, Any] = {}

        def update(phase: str, fraction: float | None) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase, total=None if fraction is None else 1.0)
            if fraction is not None:
                bars.update(tasks[phase], total=1.0, completed=fraction)

        yield update


def run(app: typer.Typer, arguments: Sequence[str] | None = None) -> int:
    """Runs a Typer app; its exit code. Ends quietly when the reader of stdout has gone, as `head` does."""
    try:
        code = _outcome(app, list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()  # Python would at its end, where nobody can catch what that raises
        return code
    except BrokenPipeError:
        return _unread()
    except SystemExit as ended:  # Typer's own answer to a broken pipe is 1, which is a verb's answer "no"
        if not isinstance(ended.__context__, BrokenPipeError):
            raise
        return _unread()


def _unread() -> int:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still in its buffer
    return UNREAD


def _outcome(app: typer.Typer, argv: list[str]) -> int:
    """Maps what the app raises to an exit code; the one place where errors become output."""
    try:
        outcome = app(args=argv, standalone_mode=False)
        return outcome if isinstance(outcome, int) else 0
    except InferproofError as error:
        _report("--json" in argv, error.as_dict())
        return error.exit_code
    except MemoryError as error:
        failure = EnvironmentFailure("out_of_memory", f"this takes more memory than there is: {error}".rstrip(": "))
        _report("--json" in argv, failure.as_dict())
        return failure.exit_code
    except typer.Exit as error:
        return error.exit_code
    except typer.TyperException as error:
        message = error.format_message().replace("Value error, ", "")  # Pydantic's words, by way of Typer
        if message:  # without a message the help has been printed instead
            _report("--json" in argv, {"code": "usage", "message": message, "details": {}})
        return 2
    except (typer.Abort, KeyboardInterrupt):
        _report("--json" in argv, {"code": "interrupted", "message": "interrupted", "details": {}})
        return INTERRUPTED


def _report(as_json: bool, error: dict[str, Any]) -> None:
    if as_json:
        sys.stdout.write(json.dumps({"error": error}, indent=2, sort_keys=True, default=str) + "\n")
        return
    message = _in_lines(f"error: {error['message']}  [{error['code']}]")
    stderr.print(message, style="bold red", highlight=False, markup=False)
    for key, value in error["details"].items():
        stderr.print(f"  {key}: {printable(str(value))}", highlight=False, markup=False)
