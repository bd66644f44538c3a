"""Writes contracts/client/abi/<Contract>.json from forge's artifacts, for every deployable contract in contracts/src.

Run `forge build --root contracts` first. `--check` writes nothing and exits 1 if a committed file is stale, missing or
left over.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES, ARTIFACTS, TARGET = ROOT / "src", ROOT / "out", ROOT / "client" / "abi"

DEPLOYABLE = re.compile(r"^contract\s+(\w+)", re.MULTILINE)


class ExportError(Exception):
    """Why the files cannot be written, with what to do."""


def deployables() -> dict[str, Path]:
    """Contract name -> its artifact."""
    found: dict[str, Path] = {}
    for source in sorted(SOURCES.rglob("*.sol")):
        for name in DEPLOYABLE.findall(source.read_text(encoding="utf-8")):
            if name in found:
                raise ExportError(f"two contracts are called {name}")
            found[name] = ARTIFACTS / source.name / f"{name}.json"
    return found


def rendered(artifact: Path) -> str:
    """The committed form: compact, sorted, one line."""
    if not artifact.is_file():
        raise ExportError(f"{artifact} is missing: run `forge build --root contracts` first")
    loaded = json.loads(artifact.read_text(encoding="utf-8"))
    kept = {
        "abi": loaded["abi"],
        "bytecode": loaded["bytecode"]["object"],
        "deployedBytecode": loaded["deployedBytecode"]["object"],
    }
    return json.dumps(kept, sort_keys=True, separators=(",", ":")) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 if the committed files are not current")
    check = parser.parse_args().check
    try:
        wanted = {TARGET / f"{name}.json": rendered(artifact) for name, artifact in deployables().items()}
    except ExportError as error:
        print(error, file=sys.stderr)
        return 2
    present = {path: path.read_text(encoding="utf-8") for path in TARGET.glob("*.json")}
    stale = sorted(path for path in wanted.keys() | present.keys() if wanted.get(path) != present.get(path))
    for path in stale:
        if check:
            print(f"stale: {path.name}", file=sys.stderr)
        elif path in wanted:
            path.write_text(wanted[path], encoding="utf-8")
        else:
            path.unlink()
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
