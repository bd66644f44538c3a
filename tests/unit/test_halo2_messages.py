"""Proof and key files: what is written is read back, everything else is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from circuits.errors import InputError
from circuits.statement import Route, Statement
from verifier.errors import VerificationError
from verifier.messages import KeyFile, ProofFile

PROOF = ProofFile(
    Route.HALO2, Statement(b"\x01" * 32, b"\x02" * 32, b"\x03" * 32), b"\x04" * 32, b"\x05" * 32, b"\x06\x07"
)


def changed(**fields: Any) -> bytes:
    document = {**json.loads(PROOF.to_json()), **fields}
    return json.dumps({name: value for name, value in document.items() if value is not ...}).encode()


def test_files_are_read_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "proof.json"
    path.write_bytes(PROOF.to_json())
    assert ProofFile.load(path) == PROOF
    key = KeyFile(Route.HALO2, b"\x09" * 40)
    assert KeyFile.from_json(key.to_json()) == key


def test_a_proof_is_read_through_a_pipe() -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, PROOF.to_json())
        os.close(writing)
        assert ProofFile.load(Path(f"/dev/fd/{reading}")) == PROOF
    finally:
        os.close(reading)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (changed(extra=1), "file_malformed"),
        (changed(proof=...), "file_malformed"),
        (changed(format="inferproof-proof-2"), "file_wrong_format"),
        (changed(format=None), "file_wrong_format"),
        (changed(route="halo3"), "file_malformed"),
        (changed(route=1), "file_malformed"),
        (changed(proof="0x0"), "file_malformed"),
        (changed(proof="0xAB"), "file_malformed"),
        (changed(proof="0xab cd"), "file_malformed"),
        (changed(proof="0x0xab"), "file_malformed"),
        (changed(proof="0x\uff11\uff12"), "file_malformed"),
        (changed(proof="0x\ud800"), "file_malformed"),
        (changed(proof="ab"), "file_malformed"),
        (changed(proof=["0x00"]), "file_malformed"),
        (changed(key_digest="0x00"), "file_malformed"),
        (changed(statement=[]), "file_malformed"),
        (changed(statement={"model_id": "0x" + "00" * 32}), "file_malformed"),
        (b"[]", "file_malformed"),
        (b"{", "file_malformed"),
        (b"\xff\xfe", "file_malformed"),
        (b"[" * 100_000, "file_malformed"),
        (PROOF.to_json().replace(b'"route"', b'"proof": "0x", "route"'), "file_malformed"),
    ],
)
def test_refuses_anything_else(raw: bytes, code: str) -> None:
    with pytest.raises(VerificationError) as caught:
        ProofFile.from_json(raw)
    assert caught.value.code == code


def test_refuses_a_missing_and_an_oversized_file(tmp_path: Path) -> None:
    with pytest.raises(InputError) as missing:  # a typo is no verdict
        KeyFile.load(tmp_path / "none.json")
    assert missing.value.code == "file_unreadable"
    big = tmp_path / "big.json"
    with big.open("wb") as file:
        file.truncate((1 << 24) + 1)
    with pytest.raises(VerificationError) as caught:
        KeyFile.load(big)
    assert caught.value.code == "file_malformed"
