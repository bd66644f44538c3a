"""The tree of verbs."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from prover.cli.late_verbs import Verb, late_group
from verifier.console import run, stdout

VERBS = {
    "demo": Verb(
        "A lending market's risk parameter: moved by a proof that a local chain verifies, and by no lie.",
        "prover.cli.demo",
        "demo",
    ),
    "doctor": Verb("Checks the installation; exit code 1 when something is missing.", "prover.cli.doctor", "doctor"),
    "model": Verb("Compile, run and look into programs; list them on a chain.", "prover.cli.model", "app"),
    "srs": Verb("Generate, fetch and verify SRS files in the format ezkl reads.", "prover.cli.srs", "app"),
    "setup": Verb("Makes the program's keys", "prover.cli.setup", "setup"),
    "prove": Verb("Proves the program on one input.", "prover.cli.proofs", "prove"),
    "commit": Verb(
        "Prints what a request for a hidden input carries in inputRoot's place.", "prover.cli.proofs", "commit"
    ),
    "verify": Verb("Checks a proof against what is asked for", "prover.cli.verify", "verify"),
    "request": Verb("Opens a request with its fee in escrow", "prover.cli.request", "request"),
    "claim": Verb(
        "Runs the program on a request's input, commits to every op's output, and claims the result under bond.",
        "prover.cli.claim",
        "claim",
    ),
    "challenger": Verb(
        "Check claims of the optimistic route, and overturn wrong ones.", "prover.cli.challenger", "app"
    ),
    "serve": Verb("Serves the API with one worker", "prover.cli.serve", "serve"),
    "worker": Verb("Runs one more worker over the same database, broker and store.", "prover.cli.serve", "worker"),
    "devnet": Verb("A local chain for development.", "prover.cli.devnet", "app"),
}


def _tell_version(wanted: bool) -> None:
    if wanted:
        stdout.print(version("inferproof"), highlight=False, markup=False)
        raise typer.Exit


def _program(
    _version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """What the program does without a verb."""


ABOUT = "Verifiable inference: a contract consumes a neural network's output that the chain itself has checked."

app = late_group(VERBS, ABOUT)
app.callback()(_program)


def run_cli(arguments: Sequence[str]) -> int:
    """Runs one command line; the exit code."""
    return run(app, arguments)
