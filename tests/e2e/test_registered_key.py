"""Registering and auditing on a real chain through the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from circuits.program.file import save_program
from circuits.program.graph import Constant, Program
from circuits.program.ops import Linear
from circuits.program.refs import AffineMap, Output, Port, Ref, Source
from contracts.client.chain import Chain
from contracts.client.deploy import deploy_core
from contracts.client.devnet import DEV_KEYS, Devnet
from prover.cli.app import run_cli
from verifier.srs import DEVELOPMENT_S_G2


def shift_program(offset: int) -> Program:
    """y = (3x + offset + 2) >> 2 over two 8-bit integers."""
    dims = (2,)
    bias = Constant("b", np.array([offset, offset], np.int64), 8, 0)
    maps = (AffineMap.identity(dims), AffineMap.identity(dims))
    op = Linear((Ref(Source.INPUT, 0), Ref(Source.CONST, 0)), maps, dims, (), 16, 0, 2, False, (3,))
    port = Port("x", dims, 8, (0,))
    return Program((port,), (bias,), (op,), (Output(Ref(Source.OP, 0), Port("y", dims, 16, (0,))),))


@pytest.fixture(scope="module")
def on_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[str]]]:
    """A folder with a program and its key, and the options that name a chain with the core contracts."""
    folder = tmp_path_factory.mktemp("chain")
    save_program(shift_program(5), folder / "m.program")
    save_program(shift_program(6), folder / "other.program")
    for name in ("m", "other"):
        assert run_cli(["setup", str(folder / f"{name}.program"), "-o", str(folder / f"{name}.key")]) == 0
    with Devnet() as net:
        deploy_core(Chain(net.rpc_url, DEV_KEYS[0]), DEVELOPMENT_S_G2).save(folder / "deployment.json")
        yield folder, ["--rpc-url", net.rpc_url, "--deployment", str(folder / "deployment.json"), "--json"]


def answer(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = run_cli([str(a) for a in arguments])
    return code, json.loads(capsys.readouterr().out)


def test_audit_accepts_what_was_registered_and_refuses_another_program(
    on_chain: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, chain = on_chain
    program, key = folder / "m.program", folder / "m.key"
    code, listing = answer(capsys, "model", "register", program, "--key", key, "--dev-account", 1, *chain)
    assert code == 0
    assert set(listing["gas"]) == {"register_key", "register_model", "bind_key"}
    again, repeated = answer(capsys, "model", "register", program, "--key", key, "--dev-account", 1, *chain)
    assert (again, repeated["gas"]) == (0, {})  # what is done already is left as it is

    registration = ["--registration", listing["registration_id"]]
    code, audited = answer(capsys, "model", "audit", program, *registration, *chain)
    assert (code, audited["matches"], audited["key_digest"]) == (0, True, listing["key_digest"])
    assert [each["insecure_srs"] for each in audited["keys"]] == [True]
    code, audited = answer(capsys, "model", "audit", folder / "other.program", *registration, *chain)
    assert (code, audited["reason"]["code"]) == (1, "registration_of_another_model")


def test_register_without_account_is_one_clear_error(
    on_chain: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, chain = on_chain
    arguments = ["model", "register", folder / "m.program", "--key", folder / "m.key"]
    code, refusal = answer(capsys, *arguments, *chain)
    assert (code, refusal["error"]["code"]) == (3, "account_missing")
