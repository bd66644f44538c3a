"""docs/protocol/statement.md: the vectors are current, and what has no encoding is refused with its values."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from circuits import statement as s
from tests.vectors import make_statement


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(make_statement.PATH.read_text(encoding="utf-8"))
    return loaded


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def test_committed_vectors_are_what_the_script_writes() -> None:
    assert make_statement.PATH.read_text(encoding="utf-8") == make_statement.text()


def test_keccak_is_the_evms() -> None:
    empty = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert s.keccak256(b"").hex() == empty


def test_tensor_roots_follow_the_note_step_by_step(vectors: dict[str, Any]) -> None:
    """An independent spelling of section 3, so that script and library cannot be wrong together."""
    for vector in vectors["tensors"]:
        width, dims = vector["width"], vector["dims"]
        data = b"".join(v.to_bytes(width, "big", signed=True) for v in vector["values"])
        assert data == unhex(vector["data"])
        chunks = [data[i : i + 256].ljust(256, b"\0") for i in range(0, len(data), 256)] or [bytes(256)]
        level = [s.keccak256(b"\x00" + chunk) for chunk in chunks]
        while len(level) & (len(level) - 1):
            level.append(bytes(32))
        while len(level) > 1:
            level = [s.keccak256(b"\x01" + a + b) for a, b in zip(level[::2], level[1::2], strict=True)]
        shape = bytes([2, width, len(dims)]) + b"".join(d.to_bytes(4, "big") for d in dims)
        assert s.keccak256(shape + level[0]) == unhex(vector["root"]), vector["name"]


def test_ids_follow_the_note_step_by_step(vectors: dict[str, Any]) -> None:
    model, registration = vectors["model"], vectors["registration"]
    digest = s.keccak256(b"\x09" + unhex(model["io_spec"]))
    body = unhex(model["graph_root"]) + unhex(model["weights_root"]) + digest + (1).to_bytes(4, "big")
    assert s.keccak256(b"\x06" + body) == unhex(model["model_id"])
    owner = unhex(registration["registry"]) + unhex(registration["owner"])
    body = (31337).to_bytes(32, "big") + owner + unhex(registration["model_id"])
    assert s.keccak256(b"\x07" + body) == unhex(registration["registration_id"])


def test_every_vector_root_is_distinct(vectors: dict[str, Any]) -> None:
    roots = [v["root"] for v in vectors["tensors"]] + [v["root"] for v in vectors["merkle"]]
    roots += [v[key] for v in vectors["io_roots"] for key in ("input_root", "output_root")]
    assert len(set(roots)) == len(roots)


def test_root_depends_on_shape_width_and_every_element() -> None:
    values = np.arange(6, dtype=np.int64)
    roots = {s.tensor_root(values), s.tensor_root(values.reshape(2, 3)), s.tensor_root(values, 8)}
    for i in range(6):
        changed = values.copy()
        changed[i] += 1
        roots.add(s.tensor_root(changed))
    assert len(roots) == 9


def test_zero_padding_is_not_data() -> None:
    assert s.tensor_root(np.zeros(63, np.int64)) != s.tensor_root(np.zeros(64, np.int64))


def test_row_major_whatever_the_memory_layout() -> None:
    values = np.arange(12, dtype=np.int64).reshape(3, 4)
    assert s.tensor_root(np.asfortranarray(values)) == s.tensor_root(values)


def test_hasher_is_an_argument() -> None:
    calls: list[bytes] = []

    def counting(data: bytes) -> bytes:
        calls.append(data)
        return s.keccak256(data)

    values = np.arange(65, dtype=np.int64)
    assert s.tensor_root(values, hasher=counting) == s.tensor_root(values)
    assert len(calls) == 4  # two leaves, one node, the tensor


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1])
def test_rejects_a_value_that_does_not_fit_4_bytes(value: int) -> None:
    with pytest.raises(s.StatementError, match=str(value)):
        s.tensor_root(np.array([value], np.int64))


@pytest.mark.parametrize("width", [0, 1, 2, 16])
def test_rejects_element_width_other_than_4_or_8(width: int) -> None:
    with pytest.raises(s.StatementError, match=f"got {width}"):
        s.tensor_root(np.zeros(1, np.int64), width)


@pytest.mark.parametrize("dtype", [np.float32, np.uint32, np.bool_])
def test_rejects_anything_but_signed_integers(dtype: Any) -> None:
    with pytest.raises(s.StatementError, match="signed integers"):
        s.tensor_root(np.zeros(1, dtype))


def test_rejects_rank_9() -> None:
    with pytest.raises(s.StatementError, match="rank 9"):
        s.tensor_root(np.zeros((1,) * 9, np.int64))


def test_rejects_a_dim_over_32_bits() -> None:
    with pytest.raises(s.StatementError, match="32 bits"):
        s.shape_header(4, [2**32])


def test_rejects_256_tensors() -> None:
    with pytest.raises(s.StatementError, match="256 tensors"):
        s.input_root([np.zeros(1, np.int64)] * 256)


@pytest.mark.parametrize(("registry", "owner", "model"), [(19, 20, 32), (20, 21, 32), (20, 20, 31)])
def test_rejects_ids_of_the_wrong_length(registry: int, owner: int, model: int) -> None:
    with pytest.raises(s.StatementError, match="20-byte"):
        s.registration_id(1, bytes(registry), bytes(owner), bytes(model))
