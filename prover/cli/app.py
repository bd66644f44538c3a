"""The tree of verbs. A verb imports what it needs when it is named, so that none waits for another's libraries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from verifier.console import run, stdout


def _model(app: typer.Typer) -> None:
    from prover.cli import audit, listing, model

    model.app.command("register")(listing.register)
    model.app.command("audit")(audit.audit)
    app.add_typer(model.app, name="model")


def _model_alone(app: typer.Typer) -> None:
    """Without the verbs that talk to a chain, whose libraries take longer to import than a program to run."""
    from prover.cli import model

    app.add_typer(model.app, name="model")


def _srs(app: typer.Typer) -> None:
    from prover.cli import srs

    app.add_typer(srs.app, name="srs")


def _setup(app: typer.Typer) -> None:
    from prover.cli.setup import setup

    app.command("setup")(setup)


def _prove(app: typer.Typer) -> None:
    from prover.cli.proofs import prove

    app.command("prove")(prove)


def _commit(app: typer.Typer) -> None:
    from prover.cli.proofs import commit

    app.command("commit")(commit)


def _verify(app: typer.Typer) -> None:
    from prover.kernels import fast_hasher, field
    from verifier.cli import verify_command

    app.command("verify")(verify_command(field, fast_hasher))


def _request(app: typer.Typer) -> None:
    from prover.cli.request import request

    app.command("request")(request)


def _claim(app: typer.Typer) -> None:
    from prover.cli.claim import claim

    app.command("claim")(claim)


def _challenger(app: typer.Typer) -> None:
    from prover.cli import challenger

    app.add_typer(challenger.app, name="challenger")


def _serve(app: typer.Typer) -> None:
    from prover.cli.serve import serve

    app.command("serve")(serve)


def _worker(app: typer.Typer) -> None:
    from prover.cli.serve import worker

    app.command("worker")(worker)


def _devnet(app: typer.Typer) -> None:
    from prover.cli import devnet

    app.add_typer(devnet.app, name="devnet")


def _demo(app: typer.Typer) -> None:
    from prover.cli.demo import demo

    app.command("demo")(demo)


def _doctor(app: typer.Typer) -> None:
    from prover.cli.doctor import doctor

    app.command("doctor")(doctor)


VERBS: dict[str, Callable[[typer.Typer], None]] = {
    "demo": _demo,
    "doctor": _doctor,
    "model": _model,
    "srs": _srs,
    "setup": _setup,
    "prove": _prove,
    "commit": _commit,
    "verify": _verify,
    "request": _request,
    "claim": _claim,
    "challenger": _challenger,
    "serve": _serve,
    "worker": _worker,
    "devnet": _devnet,
}


VERSION = "--version"
MODEL_VERBS = {"check", "compile", "inspect", "run"}


def make_app(words: Sequence[str]) -> typer.Typer:
    """The program with the verb that `words` begin with, or with all of them where they begin with none."""
    app = typer.Typer(name="inferproof", no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback()(_program)
    for add in _wanted(words[0] if words else None):
        add = _model_alone if add is _model and words[1:2] and words[1] in MODEL_VERBS else add
        add(app)
    return app


def _wanted(word: str | None) -> Sequence[Callable[[typer.Typer], None]]:
    if word == VERSION:
        return []
    return [VERBS[word]] if word in VERBS else list(VERBS.values())


def _tell_version(wanted: bool) -> None:
    if wanted:
        stdout.print(version("inferproof"), highlight=False, markup=False)
        raise typer.Exit


def _program(
    _version: Annotated[
        bool, typer.Option(VERSION, callback=_tell_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Verifiable inference: a contract consumes a neural network's output that the chain itself has checked."""


def run_cli(arguments: Sequence[str]) -> int:
    """Runs one command line; the exit code."""
    return run(make_app(arguments), arguments)
