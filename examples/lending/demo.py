"""The main job, end to end, in two acts: a proof moves a lending market, and a lie does not.

`inferproof demo` runs this on a local chain. Every claim is checked, and one that does not hold ends the demo with an
error.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.client.devnet import Devnet
from examples.lending import disputed_act, proven_act
from examples.lending.ledger import Announce, Ledger
from examples.lending.market import load_prices
from examples.lending.stage import set_up

FIRST_DAY = "2018-12-17"  # the day before oil fell by 7%: what the second act is about


@dataclass(frozen=True)
class DemoResult:
    """What the demo showed, act by act."""

    proven: proven_act.Proven
    disputed: disputed_act.Disputed
    model_id: bytes

    def as_dict(self) -> dict[str, Any]:
        acts = {"proven": self.proven.as_dict(), "disputed": self.disputed.as_dict()}
        return {
            "model_id": "0x" + self.model_id.hex(),
            "acts": acts,
            "seconds": sum(act["seconds"] for act in acts.values()),
            "gas": sum(act["gas"] for act in acts.values()),
        }


def run_demo(cache_dir: Path, announce: Announce) -> DemoResult:
    """Runs the whole story; raises InferproofError where anything is not as claimed."""
    known, longer = load_prices().split_after(FIRST_DAY)
    first, second = Ledger(announce), Ledger(announce)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="inferproof-demo-")))
        with first.step("start a local chain"):
            net = stack.enter_context(Devnet(timestamp=known.next_midnight + 600))
        stage = set_up(first, net, folder, cache_dir, known)
        proven = proven_act.play(first, stage, cache_dir)
        disputed = disputed_act.play(second, stage, longer)
    return DemoResult(proven, disputed, stage.program.model_id())
