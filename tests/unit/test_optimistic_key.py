"""The optimistic route's key file: its digest, and everything that is refused."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from dispute_programs import wide_index
from halo2_programs import gemm_relu

from circuits.errors import InputError
from circuits.lower.optimistic import MAX_DESCRIPTOR_BYTES, longest_game, ops_too_large
from circuits.program.refs import Visibility
from circuits.statement import graph_root, keccak256
from prover.optimistic.claim import CLOSING_MOVES, finality_s, needed_window_s
from prover.optimistic.key import DEFAULT_TERMS, OptimisticKey, is_optimistic, is_worth_copying, read_key

PROGRAM = gemm_relu()


def written(folder: Path, **changes: Any) -> Path:
    body = json.loads(OptimisticKey.of(PROGRAM, DEFAULT_TERMS).to_json()) | changes
    path = folder / "m.key"
    path.write_text(json.dumps(body))
    return path


def refused(path: Path) -> str:
    with pytest.raises(InputError) as refusal:
        read_key(path, PROGRAM)
    return refusal.value.code


def test_a_key_comes_back_from_its_file(tmp_path: Path) -> None:
    key = OptimisticKey.of(PROGRAM, replace(DEFAULT_TERMS, window=77))
    (tmp_path / "m.key").write_bytes(key.to_json())
    assert read_key(tmp_path / "m.key", PROGRAM) == key
    assert is_optimistic(tmp_path / "m.key")


def test_the_digest_is_the_notes() -> None:
    """Section 1, from plain bytes."""
    terms = DEFAULT_TERMS
    bonds = terms.claim_bond.to_bytes(16, "big") + terms.challenge_bond.to_bytes(16, "big")
    times = b"".join(t.to_bytes(4, "big") for t in (terms.window, terms.prove_time, terms.clock, terms.extension))
    expected = keccak256(b"\x0b" + PROGRAM.model_id() + bonds + times)
    assert OptimisticKey.of(PROGRAM, terms).digest() == expected


def test_the_graph_tree_is_the_one_inside_the_graph_root() -> None:
    key = OptimisticKey.of(PROGRAM, DEFAULT_TERMS)
    root = keccak256(b"\x05" + key.num_ops.to_bytes(4, "big") + key.graph_tree)
    assert root == graph_root([op.encode() for op in PROGRAM.ops])


def test_needed_window_outlasts_the_longest_game() -> None:
    terms = DEFAULT_TERMS
    game = 2 * terms.clock + longest_game(PROGRAM) * terms.extension
    assert finality_s(PROGRAM, terms) == terms.window + game
    assert needed_window_s(PROGRAM, terms) == terms.window + game + CLOSING_MOVES * terms.extension
    slow_proof = replace(terms, prove_time=30 * 86_400)
    assert finality_s(PROGRAM, slow_proof) == terms.window + 30 * 86_400


def test_default_terms_do_not_pay_whoever_stakes_on_everything() -> None:
    assert not is_worth_copying(DEFAULT_TERMS)
    bond = DEFAULT_TERMS.challenge_bond
    assert not is_worth_copying(replace(DEFAULT_TERMS, claim_bond=62 * bond - 1))
    assert is_worth_copying(replace(DEFAULT_TERMS, claim_bond=62 * bond))


@pytest.mark.parametrize("field", ["model_id", "graph_tree"])
def test_rejects_key_of_another_program(tmp_path: Path, field: str) -> None:
    assert refused(written(tmp_path, **{field: "0x" + "12" * 32})) == "key_for_another_model"


def test_rejects_key_with_another_number_of_ops(tmp_path: Path) -> None:
    assert refused(written(tmp_path, num_ops=4)) == "key_for_another_model"


@pytest.mark.parametrize(
    "change",
    [{"extra": 1}, {"terms": [1]}, {"terms": {"window": 1}}, {"terms": {**asdict(DEFAULT_TERMS), "clock": 1.5}}],
)
def test_rejects_malformed_key(tmp_path: Path, change: dict[str, Any]) -> None:
    assert refused(written(tmp_path, **change)) == "file_malformed"


def test_rejects_terms_given_as_booleans(tmp_path: Path) -> None:
    assert refused(written(tmp_path, terms={**asdict(DEFAULT_TERMS), "clock": True})) == "file_malformed"


@pytest.mark.parametrize(
    ("term", "value"),
    [
        ("claim_bond", 0),
        ("challenge_bond", 0),
        ("claim_bond", 2**128),
        ("window", 0),
        ("prove_time", -1),
        ("clock", 30 * 86_400 + 1),
        ("extension", 2**32),
    ],
)
def test_rejects_terms_that_the_contract_refuses(tmp_path: Path, term: str, value: int) -> None:
    assert refused(written(tmp_path, terms={**asdict(DEFAULT_TERMS), term: value})) == "terms_invalid"


def test_rejects_a_file_that_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "m.key").write_bytes(b"{")
    assert refused(tmp_path / "m.key") == "file_malformed"
    assert not is_optimistic(tmp_path / "m.key")
    assert refused(tmp_path / "none.key") == "file_unreadable"


def test_rejects_programs_whose_input_a_dispute_could_not_show() -> None:
    with pytest.raises(InputError) as refusal:
        OptimisticKey.of(gemm_relu(Visibility.HASHED), DEFAULT_TERMS)
    assert refusal.value.code == "input_is_hashed"


@pytest.mark.parametrize(("times", "code"), [(0, "program_without_ops"), (30_000, "program_too_long")])
def test_rejects_programs_that_no_key_can_be_registered_for(times: int, code: str) -> None:
    with pytest.raises(InputError) as refusal:
        OptimisticKey.of(replace(PROGRAM, ops=PROGRAM.ops * times), DEFAULT_TERMS)
    assert refusal.value.code == code


def test_rejects_an_op_whose_moves_would_not_fit_a_transaction(tmp_path: Path) -> None:
    """A node's pool takes 128 KiB; the fault in such an op could never be shown."""
    fits, wide = wide_index(100), wide_index(101)
    key = OptimisticKey.of(fits, DEFAULT_TERMS)
    assert ops_too_large(fits) == []
    size = len(wide.ops[0].encode())
    assert len(fits.ops[0].encode()) <= MAX_DESCRIPTOR_BYTES < size
    assert ops_too_large(wide) == [(0, size)]
    details = {"op": 0, "opcode": "index", "bytes": size, "limit": MAX_DESCRIPTOR_BYTES}
    (tmp_path / "m.key").write_bytes(key.to_json())
    for act in (lambda: OptimisticKey.of(wide, DEFAULT_TERMS), lambda: read_key(tmp_path / "m.key", wide)):
        with pytest.raises(InputError) as refusal:
            act()
        assert (refusal.value.code, refusal.value.details) == ("op_too_large_to_dispute", details)
