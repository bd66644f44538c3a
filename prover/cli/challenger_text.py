"""Claims, challenges and moves in lines of text, in which no id is cut: they are there to be copied."""

from __future__ import annotations

from typing import Any

from prover.cli.plain_text import TERMS, Show, field_lines, game_time, gas, until, wei
from verifier.challenger import Plan
from verifier.challenger.planning import NOT_ON_CHAIN, OUR_CLOCK_RAN_OUT, PAUSED, THEIR_TURN, WITHOUT_SALT

VERDICTS = {
    "unchecked": "not checked yet",
    "right": "right by our own run",
    "wrong": "WRONG by our own run",
    "refused": "not to be judged here",
}
WAITING = {
    NOT_ON_CHAIN: "our commitment is not on the chain, or not confirmed",
    PAUSED: "the contract is paused, and so are all clocks",
    THEIR_TURN: "it is the defender's turn",
    WITHOUT_SALT: "this store has no salt for it: only the store that made the commitment can open it",
    OUR_CLOCK_RAN_OUT: "our clock ran out",
}
CREDITS: dict[str, Show] = dict.fromkeys(("credit", "at_stake", "gas", "balance", "withdrawn"), wei)
CHALLENGE: dict[str, Show] = {"bond": wei, "gas": gas}


def claim_lines(found: dict[str, Any], now: int) -> list[str]:
    """One of `report.claims`; `now` in game time."""
    verdict = VERDICTS[found["verdict"]] + (f" ({found['reason']})" if found["reason"] else "")
    count = found["open_challenges"]
    challenges = f"{count or 'no'} open challenge{'' if count == 1 else 's'}"
    return [
        f"claim {found['claim_id']}",
        f"  {found['status']}, {verdict}, {challenges}",
        f"  made in block {found['block']}, window until {until(now)(found['window_end'])}",
    ]


def claim_in_full(document: dict[str, Any]) -> list[str]:
    """What `report.show` made."""
    plain = {name: value for name, value in document.items() if name != "challenges"}
    lines = field_lines(plain, TERMS | {"window_end": until(document["game_time"]), "game_time": game_time})
    for shown in document["challenges"]:
        ours = " (ours)" if shown["ours"] else ""
        lines += [f"challenge {shown['challenge_id']}", f"  by {shown['challenger']}{ours}, at: {shown['position']}"]
        lines += [_turn(shown)] if "turn" in shown else []
    return lines


def clock_lines(found: dict[str, Any]) -> list[str]:
    """One of `report.clocks`."""
    return [f"challenge {found['challenge_id']}", f"  of claim {found['claim_id']}", _turn(found)]


def _turn(shown: dict[str, Any]) -> str:
    clocks = f"clocks: defender {shown['defender_clock']:,} s, challenger {shown['challenger_clock']:,} s"
    return f"  the {shown['turn']}'s turn, {shown['seconds_left']:,} s left; {clocks}"


def plan_lines(plan: Plan, document: dict[str, Any]) -> list[str]:
    """A plan, and the transaction that it led to if there is one in its document."""
    what = document["words"] or WAITING.get(plan.why, plan.why)
    if (sent := document.get("transaction")) is not None:
        what += f"; sent, {sent['state']}" + (f", {gas(sent['gas'])}" if sent["gas"] else "")
    left = f", {plan.deadline - plan.now:,} s left" if plan.deadline > plan.now and sent is None else ""
    return [f"challenge {document['challenge_id']}", f"  at: {document['position']}", f"  {what}{left}"]
