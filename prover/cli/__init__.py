"""The `inferproof` program: nouns, then verbs. Each verb parses, calls one function below, and prints."""

from __future__ import annotations

import sys

from prover.cli.app import run_cli


def main() -> None:
    sys.exit(run_cli(sys.argv[1:]))


__all__ = ["main"]
