"""verifier/data/halo2_reusable.hex is what ezkl generates, compiled as foundry.toml says."""

from __future__ import annotations

import asyncio
import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import ezkl
import pytest

from verifier.evm import reusable_verifier_code

CONTRACTS = Path(__file__).parents[2] / "contracts"
SOURCE = CONTRACTS / "src" / "verifiers" / "generated" / "Halo2VerifierReusable.sol"


async def _generate(keys: Any, target: Path) -> None:
    # It writes the file and then fails, because it wants to download a compiler.
    with pytest.raises(RuntimeError):
        await ezkl.create_evm_verifier(
            vk_path=str(keys.file("vk")),
            settings_path=str(keys.file("settings.json")),
            sol_code_path=str(target),
            abi_path=str(target.with_suffix(".abi")),
            srs_path=str(keys.srs),
            reusable=True,
        )


def test_committed_source_is_what_ezkl_generates(halo2_case: Any, tmp_path: Path) -> None:

    target = tmp_path / "verifier.sol"
    asyncio.run(_generate(halo2_case.keys, target))
    assert target.read_bytes() == SOURCE.read_bytes()


def test_committed_bytecode_is_the_committed_source_compiled() -> None:
    profile = tomllib.loads((CONTRACTS / "foundry.toml").read_text())["profile"]["default"]
    request = {
        "language": "Solidity",
        "sources": {SOURCE.name: {"content": SOURCE.read_text()}},
        "settings": {
            "optimizer": {"enabled": profile["optimizer"], "runs": profile["optimizer_runs"]},
            "evmVersion": profile["evm_version"],
            "metadata": {"bytecodeHash": profile["bytecode_hash"], "appendCBOR": profile["cbor_metadata"]},
            "outputSelection": {"*": {"*": ["evm.deployedBytecode.object"]}},
        },
    }
    compiler = [str(CONTRACTS / "script" / "solc"), "--standard-json"]
    done = subprocess.run(compiler, input=json.dumps(request), capture_output=True, text=True, check=True)
    contract = json.loads(done.stdout)["contracts"][SOURCE.name]["Halo2VerifierReusable"]
    assert bytes.fromhex(contract["evm"]["deployedBytecode"]["object"]) == reusable_verifier_code()
