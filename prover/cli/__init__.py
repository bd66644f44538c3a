"""The `inferproof` program: nouns, then verbs. Each verb parses, calls one function below, and prints."""

from __future__ import annotations

import sys


def main() -> None:
    from prover.cli.app import app
    from verifier.console import run

    sys.exit(run(app))


__all__ = ["main"]
