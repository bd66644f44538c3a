"""Catches wrong claims of the optimistic route and overturns them (docs/protocol/optimistic.md).

    chain = ClaimsOnChain(Chain(rpc_url, private_key), deployment)
    store = Store(path)
    judge = Judge(find_program, Engine(), patient=False)
    challenger = Challenger(chain, judge, store, Sender(chain.chain, store, Budgets()))
    Watcher(challenger, Mode.ACTIVE, notify).run(stopping, interval_s=5)  # under `if __name__ == "__main__"`

`Challenger` has the verbs that act (`check`, `challenge`, `next_moves`, `move`); `report` has the documents that the
others print. Names are looked up when they are used: children import this package too, and what talks to a chain would
take them seconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from verifier.challenger.case import Judgement
    from verifier.challenger.challenger import Challenger, Staked
    from verifier.challenger.child import Limits
    from verifier.challenger.claim_view import ClaimView
    from verifier.challenger.claims_on_chain import ClaimsOnChain
    from verifier.challenger.engine import Engine
    from verifier.challenger.errands import Notice
    from verifier.challenger.errors import ChallengerError
    from verifier.challenger.evidence import Replay, replay
    from verifier.challenger.fault import PublishedTrace, ReadTrace
    from verifier.challenger.judging import OWN, STRANGERS, FindProgram, Found, Judge
    from verifier.challenger.planning import Plan
    from verifier.challenger.preflight import self_test
    from verifier.challenger.records import Verdict
    from verifier.challenger.sender import Sender
    from verifier.challenger.stakes import Budgets
    from verifier.challenger.store import Store
    from verifier.challenger.watch import Mode, Watcher

__all__ = [
    "OWN",
    "STRANGERS",
    "Budgets",
    "Challenger",
    "ChallengerError",
    "ClaimView",
    "ClaimsOnChain",
    "Engine",
    "FindProgram",
    "Found",
    "Judge",
    "Judgement",
    "Limits",
    "Mode",
    "Notice",
    "Plan",
    "PublishedTrace",
    "ReadTrace",
    "Replay",
    "Sender",
    "Staked",
    "Store",
    "Verdict",
    "Watcher",
    "replay",
    "self_test",
]

_NAMES = {
    "case": "Judgement",
    "challenger": "Challenger Staked",
    "child": "Limits",
    "claim_view": "ClaimView",
    "claims_on_chain": "ClaimsOnChain",
    "engine": "Engine",
    "errands": "Notice",
    "errors": "ChallengerError",
    "evidence": "Replay replay",
    "fault": "PublishedTrace ReadTrace",
    "judging": "OWN STRANGERS FindProgram Found Judge",
    "planning": "Plan",
    "preflight": "self_test",
    "records": "Verdict",
    "sender": "Sender",
    "stakes": "Budgets",
    "store": "Store",
    "watch": "Mode Watcher",
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"{__name__} has no {name}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
