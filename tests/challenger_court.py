"""A wrong and a right claim, and the command line of a challenger that looks at them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from optimistic_market import Market

from prover.cli.app import run_cli
from prover.optimistic.defender import Defender

# Verbs that run programs, and so take them as options.
JUDGING = {"watch", "check", "challenge", "move", "next-moves", "explain", "export-evidence"}
# What no text for people may have: Python's own spelling of values.
PYTHON = re.compile(r"\bNone\b|\bTrue\b|\bFalse\b|[{\[]'|<\w+\.")


@dataclass
class Court:
    """A wrong and a right claim, their claimant, and the command line of one challenger."""

    market: Market
    folder: Path
    wrong: str
    right: str
    liar: Defender

    def command(self, verb: str, *arguments: object, store: Path | None = None, account: int = 2) -> list[str]:
        programs = ["--program", self.folder / "deep.program"] if verb in JUDGING else []
        chain = ["--rpc-url", self.market.chain.rpc_url, "--deployment", self.folder / "deployment.json"]
        memory = ["--store", store or self.folder / "challenger.db", "--confirmations", 0, "--dev-account", account]
        return [str(word) for word in ("challenger", verb, *arguments, *programs, *chain, *memory)]

    def call(
        self, capsys: pytest.CaptureFixture[str], *arguments: Any, store: Path | None = None
    ) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = run_cli([*self.command(*arguments, store=store), "--json"])
        return code, json.loads(capsys.readouterr().out)

    def text(self, capsys: pytest.CaptureFixture[str], *arguments: Any) -> str:
        capsys.readouterr()
        run_cli(self.command(*arguments))
        out = capsys.readouterr().out
        assert PYTHON.search(out) is None, out
        return out
