"""`python -m bench SUITE --json FILE`: runs one suite, prints its figures as JSON and writes what it printed.

A suite is a module of this package with a function `run(say)` that returns its figures; `say` takes lines of progress.
Every ratio is a key that ends in `ratio`, measured in one run.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from pathlib import Path

import bench
from bench import machine

NOT_SUITES = {"__main__", "dispute_claim", "dispute_game", "dispute_liar", "machine", "models", "turns"}


def suites() -> list[str]:
    return sorted({module.name for module in pkgutil.iter_modules(bench.__path__)} - NOT_SUITES)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures one question.")
    parser.add_argument("suite", choices=suites())
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    arguments = parser.parse_args()
    suite = importlib.import_module(f"bench.{arguments.suite}")
    about = machine.describe()
    figures = suite.run(lambda line: print(line, file=sys.stderr, flush=True))
    text = json.dumps({"suite": arguments.suite, "machine": about, "figures": figures}, indent=1) + "\n"
    sys.stdout.write(text)
    if arguments.json is not None:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
