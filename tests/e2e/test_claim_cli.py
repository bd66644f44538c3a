"""`inferproof setup`, `model register`, `request` and `claim` for the optimistic route, on a local chain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from halo2_programs import convolution, gemm_relu
from optimistic_market import TERMS, Market, an_input, let_pass, running_market

from circuits.errors import InputError
from circuits.program.file import save_program
from circuits.program.interpreter import run
from contracts.client.chain import Chain
from contracts.client.devnet import DEV_KEYS
from contracts.client.types import Status
from prover.cli.app import run_cli
from prover.cli.chain_options import DEFAULT_CONFIRMATIONS
from prover.cli.optimistic_key import ASSUMED_PACE
from prover.service.adapters.claim_chain import ClaimClient
from prover.service.adapters.hub_chain import HubClient
from prover.service.settings import Settings
from verifier.challenger.pace import PACE_BLOCKS, measured_pace

pytestmark = pytest.mark.slow

SHORT = ("--min-extension", TERMS.extension)


@pytest.fixture(scope="module")
def market() -> Iterator[Market]:
    with running_market(convolution()) as opened:
        yield opened


def run_json(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = run_cli([str(a) for a in (*arguments, "--json")])
    return code, json.loads(capsys.readouterr().out)


def test_from_setup_to_delivery_by_the_command_line(
    market: Market, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    program, key = tmp_path / "m.program", tmp_path / "m.key"
    save_program(gemm_relu(), program)
    (tmp_path / "in.json").write_text(json.dumps({"inputs": {"x": [[1, -2, 3, 4, -5, 6]]}}))
    market.deployment.save(tmp_path / "deployment.json")
    chain = ["--rpc-url", market.chain.rpc_url, "--deployment", tmp_path / "deployment.json"]

    terms = ["--window", 600, "--clock", 400, "--extension", 60, "--prove-time", 300, "--claim-bond", 2 * 10**16]
    code, made = run_json(capsys, "setup", program, "--route", "optimistic", "-o", key, *terms)
    assert (code, made["terms"]["window"], made["terms"]["challenge_bond"]) == (0, 600, 10**16)
    register = ["model", "register", program, "--key", key, "--dev-account", 3, *chain]
    code, listing = run_json(capsys, *register)
    assert (code, listing["route"], set(listing["gas"])) == (
        0,
        "optimistic",
        {"register_key", "register_model", "bind_key"},
    )
    assert run_json(capsys, *register)[1]["gas"] == {}
    refuses_another_key(market, capsys, tmp_path, chain)
    audit = ["model", "audit", program, "--registration", listing["registration_id"], *chain]
    code, audited = run_json(capsys, *audit)
    assert (code, audited["keys"]) == (0, [{"route": "optimistic", "key_digest": listing["key_digest"]}])
    assert run_json(capsys, "model", "audit", program, "--key", key)[0] == 0

    registration = ["--registration", listing["registration_id"], "--dev-account", 3, "--wait", 0]
    code, asked = run_json(capsys, "request", program, tmp_path / "in.json", *registration, *chain)
    assert code == 0
    claim = [
        "claim",
        asked["request_id"],
        program,
        "--dev-account",
        1,
        "--confirmations",
        0,
        "--min-extension",
        60,
        *chain,
    ]
    code, rehearsed = run_json(capsys, *claim, "--dry-run")
    assert (code, "claim_id" in rehearsed) == (0, False)
    public = ["--public-url", "https://traces.example"]
    code, claimed = run_json(capsys, *claim, "--publish", tmp_path / "traces", *public)
    assert (code, claimed["status"], set(claimed["gas"])) == (0, "pending", {"assign", "claim"})
    assert claimed["locator"].startswith("https://traces.example/")
    assert (tmp_path / "traces" / claimed["locator"].rsplit("/", 1)[1]).is_file()
    assert claimed["trace_tree"] == rehearsed["trace_tree"]
    code, again = run_json(capsys, *claim)
    assert (code, again["claim_id"], again["made_before"]) == (0, claimed["claim_id"], True)
    assert (again["locator"], again["gas"]) == (claimed["locator"], {"claim": claimed["gas"]["claim"]})

    let_pass(market.chain, 600)
    code, ended = run_json(capsys, *claim, "--defend")
    assert (code, ended["outcome"]["status"], ended["outcome"]["delivered"]) == (0, "final", True)
    assert (ended["status"], ended["locator"], ended["gas"]) == ("final", again["locator"], again["gas"])
    assert run_cli([str(word) for word in (*claim, "--defend")]) == 0
    told = capsys.readouterr()
    assert f"status: final\nmade_before: yes\nwindow_end: {ended['window_end']} s of game time\n" in told.out
    assert f"gas:\n  claim: {claimed['gas']['claim']:,} gas\n" in told.out
    assert f"defending: claim {claimed['claim_id']}\n" in told.err
    assert "{" not in told.out + told.err
    expected = run(gemm_relu(), [np.array([[1, -2, 3, 4, -5, 6]])])[0]
    assert ended["outputs"]["y"]["integers"] == expected.reshape(-1).tolist()


def refuses_another_key(market: Market, capsys: pytest.CaptureFixture[str], folder: Path, chain: list[object]) -> None:
    """A key is write-once for an account, a program and a route; the refusal comes before any gas is spent."""
    setup = ["setup", folder / "m.program", "--route", "optimistic", "--window", 601, "-o", folder / "other.key"]
    assert run_json(capsys, *setup)[0] == 0
    owner = Chain(market.chain.rpc_url, DEV_KEYS[3])
    before = owner.mined_nonce()
    register = ["model", "register", folder / "m.program", "--key", folder / "other.key", "--dev-account", 3, *chain]
    code, refused = run_json(capsys, *register)
    assert (code, refused["error"]["code"], owner.mined_nonce()) == (2, "key_already_bound", before)
    assert "another account" in refused["error"]["message"]
    register[register.index("--dev-account") + 1] = 4
    code, listing = run_json(capsys, *register)
    assert (code, set(listing["gas"])) == (0, {"register_key", "register_model", "bind_key"})


def test_register_warns_of_an_extension_too_short_at_the_chains_own_pace(
    market: Market, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    save_program(market.program, tmp_path / "m.program")
    market.deployment.save(tmp_path / "deployment.json")
    for _ in range(PACE_BLOCKS):
        let_pass(market.chain, 30)
    needed = measured_pace(market.chain, DEFAULT_CONFIRMATIONS).shortest_turn_s()
    chain = ["--rpc-url", market.chain.rpc_url, "--deployment", tmp_path / "deployment.json", "--dev-account", 5]
    key = tmp_path / "m.key"
    assert (
        run_json(capsys, "setup", tmp_path / "m.program", "--route", "optimistic", "--extension", 60, "-o", key)[0] == 0
    )
    code, listing = run_json(capsys, "model", "register", tmp_path / "m.program", "--key", key, *chain)
    assert code == 0
    unclaimed, unplayed = listing["warnings"]
    assert "an extension of 60 s is less than the 600 s that an answer may take" in unclaimed
    assert needed > 60
    assert f"At this chain's pace the shortest that they play is {needed} s" in unplayed


def test_setup_warns_of_an_extension_that_default_challengers_do_not_play(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    save_program(gemm_relu(), tmp_path / "m.program")
    needed = ASSUMED_PACE.shortest_turn_s()
    setup = ["setup", tmp_path / "m.program", "--route", "optimistic", "-o", tmp_path / "m.key", "--extension"]
    assert len(run_json(capsys, *setup, needed)[1]["warnings"]) == 1
    code, made = run_json(capsys, *setup, needed - 1)
    assert code == 0
    _, warning = made["warnings"]
    assert f"the shortest that they play is {needed} s" in warning
    run_cli([str(word) for word in (*setup, needed - 1)])
    told = capsys.readouterr()
    assert warning in told.err
    assert f"extension: {needed - 1} s\n" in told.out


def test_claim_refuses_a_fee_limit_under_the_base_fee_before_it_sends(
    market: Market, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    save_program(market.program, tmp_path / "m.program")
    market.deployment.save(tmp_path / "deployment.json")
    chain = ["--rpc-url", market.chain.rpc_url, "--deployment", tmp_path / "deployment.json", "--dev-account", 1]
    request_id = market.request(an_input(market.program), nonce=2)
    claim = [
        "claim",
        "0x" + request_id.hex(),
        tmp_path / "m.program",
        "--max-stake",
        10**19,
        "--max-fee",
        0,
        *SHORT,
        *chain,
    ]
    code, refused = run_json(capsys, *claim)
    assert (code, refused["error"]["code"]) == (2, "max_fee_below_base_fee")
    assert market.contracts(market.chain).hub.status(request_id) is Status.OPEN


def test_claim_refuses_a_stake_over_the_limit(
    market: Market, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    save_program(market.program, tmp_path / "m.program")
    market.deployment.save(tmp_path / "deployment.json")
    chain = ["--rpc-url", market.chain.rpc_url, "--deployment", tmp_path / "deployment.json", "--dev-account", 1]
    request_id = market.request(an_input(market.program), nonce=1)
    code, refused = run_json(
        capsys, "claim", "0x" + request_id.hex(), tmp_path / "m.program", "--max-stake", 10**18, *SHORT, *chain
    )
    assert (code, refused["error"]["code"]) == (2, "stake_too_high")
    assert market.contracts(market.chain).hub.status(request_id) is Status.OPEN


def test_setup_refuses_options_of_another_route(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    save_program(gemm_relu(), tmp_path / "m.program")
    setup = ["setup", tmp_path / "m.program", "-o", tmp_path / "m.key"]
    for arguments in (["--route", "optimistic", "--params", "hashed"], ["--route", "halo2", "--window", 5]):
        code, refused = run_json(capsys, *setup, *arguments)
        assert (code, refused["error"]["code"]) == (2, "bad_option")
    code, refused = run_json(capsys, *setup, "--route", "optimistic", "--window", 30 * 86_400)
    assert (code, refused["error"]["code"]) == (2, "terms_invalid")


def test_claim_refuses_terms_by_which_an_honest_claimant_is_robbed(
    market: Market, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Who asks owns the key: with a second for every answer it challenges, and takes half of the claim's bond."""
    save_program(market.program, tmp_path / "m.program")
    market.deployment.save(tmp_path / "deployment.json")
    chain = ["--rpc-url", market.chain.rpc_url, "--deployment", tmp_path / "deployment.json", "--dev-account", 1]
    request_id = market.request(an_input(market.program), nonce=3)
    claim = ["claim", "0x" + request_id.hex(), tmp_path / "m.program", "--max-stake", 10**19, "--dry-run", *chain]
    floors: dict[str, list[object]] = {
        "extension_too_short": [],
        "challenge_bond_too_low": [*SHORT, "--min-challenge-bond", TERMS.challenge_bond + 1],
    }
    for expected, options in floors.items():
        code, refused = run_json(capsys, *claim, *options)
        assert (code, refused["error"]["code"]) == (2, expected)
    assert run_json(capsys, *claim, *SHORT, "--min-challenge-bond", TERMS.challenge_bond)[0] == 0


def test_service_refuses_terms_by_which_an_honest_claimant_is_robbed(market: Market) -> None:
    request_id = market.request(an_input(market.program), nonce=4)
    account, head = Chain(market.chain.rpc_url, DEV_KEYS[1]), market.chain.block_number()
    (found,) = HubClient(account, market.deployment).requested(head, head)
    assert found.request_id == "0x" + request_id.hex()
    careful = ClaimClient(account, market.deployment, Settings(max_bond_wei=10**19))
    with pytest.raises(InputError) as refused:
        careful.examine(found, market.program)
    assert refused.value.code == "extension_too_short"
    ready = ClaimClient(account, market.deployment, Settings(max_bond_wei=10**19, min_extension_s=TERMS.extension))
    ready.examine(found, market.program)
