"""`inferproof setup`, `model register`, `request` and `claim` for the optimistic route, on a local chain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from halo2_programs import convolution, gemm_relu
from optimistic_market import Market, an_input, let_pass

from circuits.program.file import save_program
from circuits.program.interpreter import run
from contracts.client.chain import Chain
from contracts.client.deploy import deploy_core
from contracts.client.devnet import DEV_KEYS, Devnet
from contracts.client.types import Status
from prover.cli.app import run_cli
from verifier.srs import DEVELOPMENT_S_G2

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def market() -> Iterator[Market]:
    with Devnet() as net:
        chain = Chain(net.rpc_url, DEV_KEYS[0])
        yield Market.open(chain, deploy_core(chain, DEVELOPMENT_S_G2), convolution())


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

    terms = ["--window", 600, "--clock", 400, "--extension", 60, "--prove-time", 300, "--claim-bond", 10**15]
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
    audit = ["model", "audit", program, "--registration", listing["registration_id"], *chain]
    code, audited = run_json(capsys, *audit)
    assert (code, audited["keys"]) == (0, [{"route": "optimistic", "key_digest": listing["key_digest"]}])
    assert run_json(capsys, "model", "audit", program, "--key", key)[0] == 0

    registration = ["--registration", listing["registration_id"], "--dev-account", 3, "--wait", 0]
    code, asked = run_json(capsys, "request", program, tmp_path / "in.json", *registration, *chain)
    assert code == 0
    claim = ["claim", asked["request_id"], program, "--dev-account", 1, "--confirmations", 0, *chain]
    code, rehearsed = run_json(capsys, *claim, "--dry-run")
    assert (code, "claim_id" in rehearsed) == (0, False)
    public = ["--public-url", "https://traces.example"]
    code, claimed = run_json(capsys, *claim, "--publish", tmp_path / "traces", *public)
    assert (code, claimed["status"], set(claimed["gas"])) == (0, "pending", {"assign", "claim"})
    assert claimed["locator"].startswith("https://traces.example/")
    assert (tmp_path / "traces" / claimed["locator"].rsplit("/", 1)[1]).is_file()
    assert claimed["trace_tree"] == rehearsed["trace_tree"]
    code, again = run_json(capsys, *claim)
    assert (code, again["claim_id"], again["gas"]) == (0, claimed["claim_id"], {})

    let_pass(market.chain, 600)
    code, ended = run_json(capsys, *claim, "--defend")
    assert (code, ended["outcome"]["status"], ended["outcome"]["delivered"]) == (0, "final", True)
    expected = run(gemm_relu(), [np.array([[1, -2, 3, 4, -5, 6]])])[0]
    assert ended["outputs"]["y"]["integers"] == expected.reshape(-1).tolist()


def test_claim_refuses_a_stake_over_the_limit(
    market: Market, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    save_program(market.program, tmp_path / "m.program")
    market.deployment.save(tmp_path / "deployment.json")
    chain = ["--rpc-url", market.chain.rpc_url, "--deployment", tmp_path / "deployment.json", "--dev-account", 1]
    request_id = market.request(an_input(market.program), nonce=1)
    code, refused = run_json(
        capsys, "claim", "0x" + request_id.hex(), tmp_path / "m.program", "--max-stake", 10**18, *chain
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
