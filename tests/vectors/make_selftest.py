"""Writes verifier/data/selftest.json: of tests/vectors/program.json, what a challenger tests its executor with.

Run from the repository root: `python -m tests.vectors.make_selftest`. The tests fail if the file is stale.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.vectors import make_program

PATH = Path(__file__).resolve().parents[2] / "verifier" / "data" / "selftest.json"
KEPT = ("graph", "constants", "constant_dims", "model_id", "cases")


def text() -> str:
    vectors = json.loads(make_program.PATH.read_text(encoding="utf-8"))
    kept = {name: {field: vector[field] for field in KEPT} for name, vector in vectors.items()}
    return json.dumps(kept, sort_keys=True, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
