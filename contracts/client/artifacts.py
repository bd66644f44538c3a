"""The committed contract interfaces: abi/<Contract>.json holds ABI and bytecode."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from circuits.statement import keccak256


@dataclass(frozen=True)
class Artifact:
    """One compiled contract."""

    name: str
    abi: list[dict[str, Any]]
    bytecode: str
    deployed_bytecode: str


def artifact_names() -> list[str]:
    folder = resources.files("contracts.client").joinpath("abi")
    return sorted(item.name.removesuffix(".json") for item in folder.iterdir() if item.name.endswith(".json"))


@cache
def load_artifact(name: str) -> Artifact:
    text = resources.files("contracts.client").joinpath("abi", f"{name}.json").read_text()
    body = json.loads(text)
    return Artifact(name, body["abi"], body["bytecode"], body["deployedBytecode"])


def abi_type(entry: dict[str, Any]) -> str:
    """The canonical type of an ABI parameter, structs spelled out."""
    if not entry["type"].startswith("tuple"):
        return str(entry["type"])
    inner = ",".join(abi_type(c) for c in entry["components"])
    return f"({inner}){entry['type'].removeprefix('tuple')}"


@cache
def error_abis() -> dict[bytes, dict[str, Any]]:
    """Every custom error of every contract, by its 4-byte selector."""
    errors = {}
    for name in artifact_names():
        for entry in load_artifact(name).abi:
            if entry["type"] == "error":
                signature = f"{entry['name']}({','.join(abi_type(i) for i in entry['inputs'])})"
                errors[keccak256(signature.encode())[:4]] = entry
    return errors
