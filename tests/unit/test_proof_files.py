"""Proof and key files: what is written is read back, everything else is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from circuits.errors import InputError
from circuits.statement import Route, Statement
from verifier import messages
from verifier.errors import VerificationError
from verifier.messages import KeyFile, ProofFile

PROOF = ProofFile(
    Route.HALO2, Statement(b"\x01" * 32, b"\x02" * 32, b"\x03" * 32), b"\x04" * 32, b"\x05" * 32, b"\x06\x07"
)
KEY = KeyFile(Route.SUMCHECK, b"\x09" * 40)
READERS: tuple[tuple[Any, Callable[[bytes], Any]], ...] = ((PROOF, ProofFile.from_json), (KEY, KeyFile.from_json))


def changed(**fields: Any) -> bytes:
    document = {**json.loads(PROOF.to_json()), **fields}
    return json.dumps({name: value for name, value in document.items() if value is not ...}).encode()


def test_files_are_read_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "proof.json"
    path.write_bytes(PROOF.to_json())
    assert ProofFile.load(path) == PROOF
    assert KeyFile.from_json(KEY.to_json()) == KEY


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
        (changed(format="inferproof-proof-2"), "file_wrong_format"),
        (changed(format=None), "file_wrong_format"),
        (changed(route="halo3"), "file_malformed"),
        (changed(proof="0x0"), "file_malformed"),
        (changed(proof="0xab cd"), "file_malformed"),
        (changed(proof="0x0xab"), "file_malformed"),
        (changed(proof="0x\uff11\uff12"), "file_malformed"),
        (changed(proof="0x\ud800"), "file_malformed"),
        (changed(proof=["0x00"]), "file_malformed"),
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


def test_a_file_that_is_not_there_is_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(InputError) as missing:
        KeyFile.load(tmp_path / "none.json")
    assert missing.value.code == "file_unreadable"


def document(file: ProofFile | KeyFile) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(file.to_json())
    return fields


def refused(read: Callable[[bytes], object], fields: object, code: str = "file_malformed") -> None:
    with pytest.raises(VerificationError) as caught:
        read(json.dumps(fields).encode())
    assert caught.value.code == code


def test_a_document_names_each_word_of_the_statement() -> None:
    words = {"model_id": "0x" + "01" * 32, "input_root": "0x" + "02" * 32, "output_root": "0x" + "03" * 32}
    assert document(PROOF)["statement"] == words
    assert ProofFile.from_json(json.dumps(document(PROOF)).encode()).statement == PROOF.statement


@pytest.mark.parametrize("word", ["0x", "0x" + "01" * 31, "0x" + "01" * 33, "0x" + "00" + "01" * 32])
def test_refuses_words_of_another_length(word: str) -> None:
    for name in ("key_digest", "srs_digest"):
        refused(ProofFile.from_json, document(PROOF) | {name: word})
    for name in document(PROOF)["statement"]:
        refused(ProofFile.from_json, document(PROOF) | {"statement": document(PROOF)["statement"] | {name: word}})


def test_refuses_fields_that_are_unknown_or_missing_at_every_level() -> None:
    for file, read in READERS:
        refused(read, document(file) | {"valid": True})
        for name in document(file):
            refused(read, {other: value for other, value in document(file).items() if other != name})
    statement = document(PROOF)["statement"]
    refused(ProofFile.from_json, document(PROOF) | {"statement": statement | {"valid": True}})
    for name in statement:
        cut = {other: value for other, value in statement.items() if other != name}
        refused(ProofFile.from_json, document(PROOF) | {"statement": cut})


@pytest.mark.parametrize("route", ["SUMCHECK", "Halo2", " halo2", "", None, 1, ["halo2"]])
def test_refuses_a_route_in_another_spelling(route: object) -> None:
    for file, read in READERS:
        refused(read, document(file) | {"route": route})


@pytest.mark.parametrize("text", ["0XAB", "0xAB", "ab", "0x a", "0xabc", "", None, 7])
def test_refuses_bytes_in_another_spelling(text: object) -> None:
    refused(ProofFile.from_json, document(PROOF) | {"proof": text})
    refused(KeyFile.from_json, document(KEY) | {"key": text})


def test_neither_file_is_taken_for_the_other() -> None:
    refused(KeyFile.from_json, document(PROOF), "file_wrong_format")
    refused(ProofFile.from_json, document(KEY), "file_wrong_format")


@pytest.mark.parametrize("file", [PROOF, KEY])
def test_a_file_is_read_up_to_the_limit_and_refused_above_it(
    file: ProofFile | KeyFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, raw = tmp_path / "file", file.to_json()
    monkeypatch.setattr(messages, "MAX_FILE_BYTES", len(raw))
    path.write_bytes(raw)
    assert type(file).load(path) == file
    for longer in (raw + b" ", raw + b"}"):
        path.write_bytes(longer)
        with pytest.raises(VerificationError, match="over") as caught:
            type(file).load(path)
        assert caught.value.code == "file_malformed"


@pytest.mark.parametrize("size", [(1 << 24) + 1, 1 << 40], ids=["a byte too many", "more than there is memory"])
@pytest.mark.parametrize("kind", [ProofFile, KeyFile])
def test_no_more_of_a_file_is_read_than_its_limit(
    kind: type[ProofFile] | type[KeyFile], size: int, tmp_path: Path
) -> None:
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(size)  # sparse
    with pytest.raises(VerificationError, match="over") as caught:
        kind.load(huge)
    assert caught.value.code == "file_malformed"


@pytest.mark.parametrize("statement", [None, [], 7, True, "model_id", ["model_id", "input_root", "output_root"]])
def test_refuses_a_statement_that_is_no_object(statement: object) -> None:
    refused(ProofFile.from_json, document(PROOF) | {"statement": statement})


@pytest.mark.parametrize("code", [None, 7, True, ["job_unknown"], {"job_unknown": 1}])
def test_refuses_what_only_resembles_an_error_document(code: object) -> None:
    for file, read in READERS:
        refused(read, document(file) | {"code": code, "detail": "no such job"})
