"""`python -m bench SUITE --json FILE`: runs one suite, prints its figures as JSON and writes what it printed.

A suite is a module of this package with a function `run(say)` that returns its figures; `say` takes lines of progress.
A suite with options of its own has `add_options(parser)` too, and takes them as keyword arguments of `run`. Every ratio
is a key that ends in `ratio`, measured in one run.
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

NOT_SUITES = {"__main__", "machine", "models", "turns"}
PARTS = ("dispute_", "zk_")  # of the suite whose name comes before the underscore


def suites() -> list[str]:
    found = {module.name for module in pkgutil.iter_modules(bench.__path__)} - NOT_SUITES
    return sorted(name for name in found if not name.startswith(PARTS))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures one question.")
    parser.add_argument("suite", choices=suites())
    name = parser.parse_args(sys.argv[1:2]).suite
    suite = importlib.import_module(f"bench.{name}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    if hasattr(suite, "add_options"):
        suite.add_options(parser)
    options = vars(parser.parse_args())
    target = options.pop("json")
    del options["suite"]
    about = machine.describe()
    figures = suite.run(lambda line: print(line, file=sys.stderr, flush=True), **options)
    text = json.dumps({"suite": name, "machine": about, "figures": figures}, indent=1) + "\n"
    sys.stdout.write(text)
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
