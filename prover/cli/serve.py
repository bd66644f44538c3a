"""`inferproof serve` and `inferproof worker`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from prover.service.settings import Settings
from verifier.console import stderr, warn

DataDir = Annotated[Path | None, typer.Option(help="Database, queue and artifacts. Default: INFERPROOF_DATA_DIR.")]


def serve(
    host: Annotated[str | None, typer.Option(help="Default: INFERPROOF_HOST, else loopback.")] = None,
    port: Annotated[int | None, typer.Option(help="Default: INFERPROOF_PORT; 0 takes a free one.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Serves the API with one worker, and answers a hub's requests where a chain is configured."""
    from prover.service.entrypoints.serve import run_serve  # a web server that no other verb should wait for

    settings = _settings(host=host, port=port, data_dir=data_dir)
    raise typer.Exit(run_serve(settings, lambda url: stderr.print(f"serving on {url}; Ctrl-C ends it")))


def worker(
    queues: Annotated[str, typer.Option(help="Comma-separated queues to take jobs from.")] = "cpu",
    data_dir: DataDir = None,
) -> None:
    """Runs one more worker over the same database, broker and store."""
    from prover.service.entrypoints.worker import run_worker

    settings = _settings(data_dir=data_dir)
    raise typer.Exit(run_worker(settings, [name.strip() for name in queues.split(",") if name.strip()]))


def _settings(**given: Any) -> Settings:
    """The environment's settings, with what was given on the command line in their place."""
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    if settings.srs is None and settings.allow_insecure_srs:
        warn("INSECURE: the development SRS; anybody can forge proofs over it.")
    return settings
