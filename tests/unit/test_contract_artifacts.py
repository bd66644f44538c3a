"""The committed contract artifacts: deployable anywhere, and only what the exporter writes."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = sorted((ROOT / "contracts/client/abi").glob("*.json"))
EXPORTER = runpy.run_path(str(ROOT / "contracts/script/export_abi.py"))

EIP_170_CODE_BYTES = 24_576
EIP_3860_INIT_CODE_BYTES = 49_152


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def code_bytes(code: str) -> int:
    return (len(code) - len("0x")) // 2


@pytest.mark.parametrize("path", ARTIFACTS, ids=lambda p: p.stem)
def test_every_contract_is_deployable_under_eip_170_and_eip_3860(path: Path) -> None:
    artifact = load(path)
    assert 0 < code_bytes(artifact["deployedBytecode"]) < EIP_170_CODE_BYTES
    assert code_bytes(artifact["deployedBytecode"]) < code_bytes(artifact["bytecode"]) < EIP_3860_INIT_CODE_BYTES


@pytest.mark.parametrize("path", ARTIFACTS, ids=lambda p: p.stem)
def test_bytecode_is_linked(path: Path) -> None:
    artifact = load(path)
    for key in ("bytecode", "deployedBytecode"):
        bytes.fromhex(artifact[key].removeprefix("0x"))  # a placeholder of an unlinked library is no hex


def test_every_deployable_contract_has_an_artifact_and_no_other_exists() -> None:
    assert {path.stem for path in ARTIFACTS} == set(EXPORTER["deployables"]())


def test_the_hub_gives_nobody_a_privilege() -> None:
    """No owner, no pause, no sweep: every state-changing function is one of the protocol's own."""
    functions = {e["name"] for e in load(ROOT / "contracts/client/abi/InferenceHub.json")["abi"] if _changes_state(e)}
    assert functions == {
        "request",
        "requestSigned",
        "assign",
        "fulfil",
        "expire",
        "cancel",
        "voidAssignment",
        "retryCallback",
        "cancelNonce",
        "deposit",
        "withdraw",
    }


def test_exporter_refuses_to_guess_when_nothing_was_built(tmp_path: Path) -> None:
    with pytest.raises(EXPORTER["ExportError"], match="forge build"):
        EXPORTER["rendered"](tmp_path / "Missing.json")


def test_exported_form_is_deterministic(tmp_path: Path) -> None:
    artifact = tmp_path / "A.json"
    parts = {
        "bytecode": {"object": "0x01"},
        "deployedBytecode": {"object": "0x02"},
        "abi": [{"b": 1, "a": 2}],
        "ast": {},
    }
    artifact.write_text(json.dumps(parts), encoding="utf-8")
    first = EXPORTER["rendered"](artifact)
    artifact.write_text(json.dumps(dict(reversed(parts.items()))), encoding="utf-8")
    assert EXPORTER["rendered"](artifact) == first
    assert first == '{"abi":[{"a":2,"b":1}],"bytecode":"0x01","deployedBytecode":"0x02"}\n'


def _changes_state(entry: dict[str, Any]) -> bool:
    return entry["type"] == "function" and entry["stateMutability"] in ("nonpayable", "payable")
