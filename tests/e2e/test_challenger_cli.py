"""The challenger's command line against a wrong claim on a local chain, from the first look to the money."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from challenger_court import PYTHON, Court
from optimistic_market import TERMS, Market, an_input, deep_program, honest_trace, let_pass, running_market
from test_service_delivers import wait_until

from circuits.program.file import save_program
from contracts.client.chain import Chain
from contracts.client.devnet import DEV_KEYS
from prover.cli.app import run_cli
from prover.optimistic.claim import Made, examine, find_request, make_claim
from prover.optimistic.defender import Defender
from prover.optimistic.policy import Policy
from prover.optimistic.sender import Sender
from prover.optimistic.standing import ClaimReader, OpenChallenge
from verifier.challenger.log_reader import LogReader
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.types import ClaimStatus

pytestmark = pytest.mark.slow

WRONG_OP, WRONG_ELEMENT = 2, 1
POLICY = Policy(10**19, min_extension=TERMS.extension)


def corrupted(market: Market) -> CommittedTrace:
    """One element of one op's output is one too high, and everything after it follows from that."""
    honest = honest_trace(market.program, an_input(market.program))
    made = [array.copy() for array in honest.made]
    for array in made[WRONG_OP:]:
        array.reshape(-1)[WRONG_ELEMENT] += 1
    return CommittedTrace(market.program, honest.inputs, made)


def claimed(market: Market, trace: CommittedTrace, nonce: int) -> tuple[Made, Defender]:
    chain = Chain(market.chain.rpc_url, DEV_KEYS[1])
    contracts, logs = market.contracts(chain), LogReader()
    request_id = market.request(an_input(market.program), nonce=nonce)
    event = find_request(contracts.hub, request_id, market.deployment.start_block, logs)
    sender = Sender(chain, poll_s=0.02)
    made = make_claim(contracts, examine(contracts, event, market.program, POLICY, logs), trace, sender)
    reader = ClaimReader(contracts.claims, made.defended.claim_id, event.at.block_number, logs)
    return made, Defender(made.defended, reader, contracts.hub, sender)


@pytest.fixture(scope="module")
def court(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Court]:
    folder = tmp_path_factory.mktemp("court")
    with running_market(deep_program()) as market:
        market.deployment.save(folder / "deployment.json")
        save_program(market.program, folder / "deep.program")
        wrong, liar = claimed(market, corrupted(market), 1)
        right, _ = claimed(market, honest_trace(market.program, an_input(market.program)), 2)
        ids = ("0x" + made.defended.claim_id.hex() for made in (wrong, right))
        yield Court(market, folder, *ids, liar)


def test_check_tells_a_wrong_claim_from_a_right_one(court: Court, capsys: pytest.CaptureFixture[str]) -> None:
    code, answer = court.call(capsys, "check", court.wrong)
    assert (code, answer["right"], answer["output_differs"]) == (1, False, True)
    assert answer["first_op"] <= WRONG_OP <= answer["last_op"]
    code, answer = court.call(capsys, "check", court.right)
    assert (code, answer["right"]) == (0, True)


def test_check_keeps_its_verdict_and_a_watcher_still_tells_of_the_wrong_claim(
    court: Court, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Of two that share a store the first finds it; an alarm that hangs on the second must go off all the same."""
    store = tmp_path / "checked.db"
    for claim in (court.wrong, court.right):
        court.call(capsys, "check", claim, store=store)
    _, listed = court.call(capsys, "claims", store=store)
    assert {c["claim_id"]: c["verdict"] for c in listed["claims"]} == {court.wrong: "wrong", court.right: "right"}
    assert run_cli([*court.command("watch", "--once", store=store), "--json"]) == 1
    notices = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(n["code"], n["claim_id"]) for n in notices] == [("claim_wrong", court.wrong)]


def test_watching_once_is_a_no_as_long_as_a_wrong_claim_stands(
    court: Court, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    once = court.command("watch", "--once", store=tmp_path / "w.db")
    assert [run_cli(once), run_cli(once)] == [1, 1]


def test_ids_are_whole_in_text(
    court: Court, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    listed = court.text(capsys, "claims").splitlines()
    assert {f"claim {court.wrong}", f"claim {court.right}"} <= set(listed)
    shown = court.text(capsys, "show", court.wrong)
    assert f"claim_id: {court.wrong}\n" in shown
    assert "  challenge_bond: 100,000,000,000,000,000 wei (0.1 ETH)\n  window: 600 s\n" in shown


def test_a_claim_is_named_by_its_first_digits(court: Court, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    fresh = tmp_path / "fresh.db"  # the chain's log knows it, if the store does not
    code, answer = court.call(capsys, "show", court.wrong[:10], store=fresh)
    assert (code, answer["claim_id"]) == (0, court.wrong)
    assert court.call(capsys, "show", court.wrong[2:12], store=fresh)[1]["claim_id"] == court.wrong
    other = "0x" + "12" * 4
    for short, expected in ((other, "claim_unknown"), (court.wrong[:9], "hex_malformed")):
        code, answer = court.call(capsys, "show", short, store=fresh)
        assert (code, answer["error"]["code"]) == (2, expected)


def test_a_fee_limit_under_the_base_fee_is_refused_before_anything_is_sent(
    court: Court, capsys: pytest.CaptureFixture[str]
) -> None:
    base = court.market.chain.base_fee()
    code, answer = court.call(capsys, "challenge", court.wrong, "--max-fee", (base - 1) / 10**9)
    assert (code, answer["error"]["code"]) == (2, "max_fee_below_base_fee")
    assert answer["error"]["details"] == {"max_fee_wei": base - 1, "base_fee_wei": base}
    assert court.call(capsys, "credits")[1]["gas"] == 0
    exactly = court.call(capsys, "challenge", court.wrong, "--max-fee", base / 10**9, "--dry-run")
    assert (exactly[0], exactly[1]["dry_run"]["max_fee"]) == (0, base)


def test_check_without_the_program_fails_loudly(court: Court, capsys: pytest.CaptureFixture[str]) -> None:
    chain = ["--rpc-url", court.market.chain.rpc_url, "--deployment", str(court.folder / "deployment.json")]
    capsys.readouterr()
    code = run_cli(["challenger", "check", court.wrong, *chain, "--confirmations", "0", "--json"])
    assert (code, json.loads(capsys.readouterr().out)["error"]["code"]) == (2, "program_unavailable")


def test_check_runs_no_program_over_the_limit(court: Court, capsys: pytest.CaptureFixture[str]) -> None:
    code, answer = court.call(capsys, "check", court.wrong, "--max-work", 1_000)
    assert (code, answer["error"]["code"]) == (2, "program_too_large_to_check")
    assert answer["error"]["details"]["limit"] == 1_000


def test_an_unknown_claim_is_refused(court: Court, capsys: pytest.CaptureFixture[str]) -> None:
    code, answer = court.call(capsys, "show", "0x" + "12" * 32)
    assert (code, answer["error"]["code"]) == (2, "claim_unknown")


def test_a_challenge_of_a_right_claim_is_refused_before_money_moves(
    court: Court, capsys: pytest.CaptureFixture[str]
) -> None:
    code, answer = court.call(capsys, "challenge", court.right)
    assert (code, answer["error"]["code"]) == (2, "claim_is_right")
    assert court.call(capsys, "credits")[1]["at_stake"] == 0


def test_a_right_claim_has_nothing_to_explain(court: Court, capsys: pytest.CaptureFixture[str]) -> None:
    code, answer = court.call(capsys, "explain", court.right)
    assert (code, answer["right"]) == (0, True)


def test_a_wrong_claim_is_overturned_from_the_command_line(
    court: Court, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _, listed = court.call(capsys, "claims")
    assert {c["claim_id"] for c in listed["claims"]} == {court.wrong, court.right}
    code, stopped = court.call(capsys, "challenge", court.wrong, "--dry-run")
    assert (code, stopped["dry_run"]["call"], stopped["dry_run"]["value"]) == (0, "commit", TERMS.challenge_bond)
    assert court.call(capsys, "show", court.wrong)[1]["challenges"] == []
    code, early = court.call(capsys, "export-evidence", court.wrong, "-o", tmp_path / "evidence.json")
    assert (code, early["error"]["code"]) == (2, "evidence_unavailable")

    assert "would send commit with 100,000,000,000,000,000 wei (0.1 ETH), for up to" in court.text(
        capsys, "challenge", court.wrong, "--dry-run"
    )
    code, made = court.call(capsys, "challenge", court.wrong)
    assert (code, made["bond"], made["transaction"]["state"]) == (0, TERMS.challenge_bond, "confirmed")
    named = made["challenge_id"]
    played = []
    while True:
        _, moves = court.call(capsys, "next-moves")
        (due,) = moves["moves"]
        if due["move"] is None:
            assert due["why_none"] == "their_turn"
            break
        code, moved = court.call(capsys, "move", named)
        assert (code, moved["transaction"]["state"]) == (0, "confirmed")
        played.append(moved["move"])
        court.liar.once()
    # The liar cannot show a sum that starts at 0, ends at its element and is the op's.
    assert played == ["open", "pickNode", "pickElement"]
    shown = court.call(capsys, "show", court.wrong)[1]["challenges"][0]
    assert (shown["ours"], shown["phase"], shown["turn"]) == (True, "sum", "defender")
    assert court.call(capsys, "clocks")[1]["clocks"][0]["seconds_left"] > 0
    assert f"challenge {named}\n  of claim {court.wrong}\n  the defender's turn" in court.text(capsys, "clocks")
    assert "it is the defender's turn" in court.text(capsys, "move", named[:10])
    assert f"challenge {named}\n" in court.text(capsys, "show", court.wrong)
    assert "at_stake: 100,000,000,000,000,000 wei (0.1 ETH)\n" in court.text(capsys, "credits")
    explained(court, capsys, tmp_path)

    let_pass(court.market.chain, TERMS.clock + TERMS.extension)
    code, ended = court.call(capsys, "move", named)
    assert (code, ended["move"]) == (0, "timeout")
    assert court.call(capsys, "show", court.wrong)[1]["status"] == "killed"
    code, money = court.call(capsys, "credits", "--withdraw")
    assert (code, money["withdrawn"]) == (0, TERMS.claim_bond // 2 + TERMS.challenge_bond)
    assert court.call(capsys, "credits")[1]["credit"] == 0


def explained(court: Court, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, told = court.call(capsys, "explain", court.wrong)
    assert (code, told["element"], told["claimed"] - told["true"]) == (1, WRONG_ELEMENT, 1)
    text = court.text(capsys, "explain", court.wrong)
    assert f"op {WRONG_OP} of" in text
    assert "✗" in text
    assert str(told["claimed"]) in text

    evidence = folder / "evidence.json"
    assert court.call(capsys, "export-evidence", court.wrong, "-o", evidence)[0] == 0
    capsys.readouterr()
    assert run_cli(["challenger", "replay", str(evidence), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["holds"], shown["claim_id"], shown["op"]) == (True, court.wrong, WRONG_OP)
    body = json.loads(evidence.read_text())
    body["claim"]["output_root"] = "0x" + "12" * 32
    evidence.write_text(json.dumps(body))
    assert run_cli(["challenger", "replay", str(evidence), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["holds"] is False


def test_watching_once_tells_of_every_claim(court: Court, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    capsys.readouterr()
    # The wrong one is overturned by now, so nothing that stands is wrong.
    assert run_cli([*court.command("watch", "--once", store=tmp_path / "other.db"), "--json"]) == 0
    notices = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert ("claim_right", court.right) in {(n["code"], n["claim_id"]) for n in notices}
    assert court.wrong in {n["claim_id"] for n in notices}


def test_an_active_watcher_overturns_a_wrong_claim_and_ends_when_told(court: Court, tmp_path: Path) -> None:
    """The daemon as an operator runs it; its claimant answers nothing."""
    made, _ = claimed(court.market, corrupted(court.market), 3)
    named, claims = made.defended.claim_id, court.market.contracts(court.market.chain).claims
    options = ("--mode", "active", "--interval", 0.2, "--json")
    watch = court.command("watch", *options, store=tmp_path / "watch.db", account=3)
    command = [sys.executable, "-m", "prover", *watch]
    with (tmp_path / "out").open("wb") as out, (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=out, stderr=log)
        try:
            wait_until(lambda: any(e.defenders for e in challenges(court, named)))
            let_pass(court.market.chain, TERMS.clock + TERMS.extension)
            wait_until(lambda: claims.claim_of(named).status is ClaimStatus.KILLED)
            # The next pass says so.
            wait_until(lambda: b'"won"' in (tmp_path / "out").read_bytes())
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0, (tmp_path / "log").read_text()
    codes = [json.loads(line)["code"] for line in (tmp_path / "out").read_text().splitlines()]
    assert {"claim_wrong", "challenged", "open", "timeout", "claim_killed", "won"} <= set(codes)
    logged = [json.loads(line)["event"] for line in (tmp_path / "log").read_text().splitlines()]
    assert "challenged" in logged


def test_a_watcher_speaks_in_words_unless_asked_for_json(
    court: Court, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made, _ = claimed(court.market, corrupted(court.market), 4)
    capsys.readouterr()
    assert run_cli(court.command("watch", "--once", "--mode", "active", store=tmp_path / "w.db", account=4)) == 1
    said = capsys.readouterr()
    assert f"challenged  0x{made.defended.claim_id.hex()}" in said.out
    assert "Z challenged: claim id " in said.err
    assert not any(line.startswith("{") for line in said.err.splitlines())
    assert PYTHON.search(said.out + said.err) is None


def challenges(court: Court, claim_id: bytes) -> tuple[OpenChallenge, ...]:
    claims = court.market.contracts(court.market.chain).claims
    return ClaimReader(claims, claim_id, court.market.deployment.start_block, LogReader()).read().challenges


def test_the_picture_is_drawn_where_matplotlib_is(court: Court) -> None:
    pytest.importorskip("matplotlib")
    from prover.cli.challenger_plot import plot_finding

    told = {"words": ["one"], "picture": ["  ✓ op0 mul [3]", "  ✗ op1 mul [3]", "  ? op2 mul [3]"]}
    assert plot_finding(told, "svg").startswith(b"<?xml")
    assert plot_finding(told, "png").startswith(b"\x89PNG")
