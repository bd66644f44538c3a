"""The development string is what it says, and every way of corrupting a file is refused with its own code."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from eth_hash.auto import keccak
from other_srs import write_other_srs
from py_ecc import optimized_bn128 as bn128

from circuits.errors import EnvironmentFailure, InferproofError, InputError
from circuits.statement import keccak256
from prover import srs
from prover.kernels import reference
from verifier.srs import DEVELOPMENT_S_G2, G2Point, srs_digest, srs_fields

K = 5
POINTS = 1 << K
MONOMIAL = srs.HEADER_BYTES
LAGRANGE = MONOMIAL + POINTS * srs.G1_BYTES
G2 = LAGRANGE + POINTS * srs.G1_BYTES
S_G2 = G2 + srs.G2_BYTES


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("srs") / "dev.srs"
    srs.generate_dev_srs(K, path)
    return path.read_bytes()


def write(folder: Path, data: bytes) -> Path:
    path = folder / "some.srs"
    path.write_bytes(data)
    return path


def replaced(data: bytes, offset: int, by: bytes) -> bytes:
    return data[:offset] + by + data[offset + len(by) :]


def code_of(path: Path, **options: str) -> str:
    with pytest.raises(InputError) as refused:
        srs.verify_srs(path, **options)
    assert str(path) in refused.value.message
    return refused.value.code


def test_development_tau_is_the_documented_digest() -> None:
    digest = keccak256(b"inferproof development SRS, INSECURE: tau is public")
    assert int.from_bytes(digest, "big") % bn128.curve_order == srs.DEVELOPMENT_TAU
    assert (bn128.field_modulus, bn128.curve_order) == (srs.P, srs.R)


@pytest.mark.parametrize("k", [1, 2, 7])
def test_generated_file_passes_its_own_check_and_is_reported_insecure(tmp_path: Path, k: int) -> None:
    path = tmp_path / "new" / "dev.srs"
    generated = srs.generate_dev_srs(k, path)
    assert path.stat().st_size == srs.srs_size(k) == generated.size_bytes
    assert srs.verify_srs(path, expected_digest=generated.sha256) == generated
    assert generated.insecure
    assert generated.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert srs.srs_k(path) == k
    assert [p.name for p in path.parent.iterdir()] == ["dev.srs"]


def test_chunked_generation_equals_generation_at_once(
    tmp_path: Path, whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(srs, "POINTS_AT_ONCE", 7)
    srs.generate_dev_srs(K, tmp_path / "chunked.srs")
    assert (tmp_path / "chunked.srs").read_bytes() == whole
    assert srs.verify_srs(tmp_path / "chunked.srs").k == K


def test_g2_words_are_tau_times_the_generator_in_the_order_of_the_pairing_precompile(
    tmp_path: Path, whole: bytes
) -> None:
    point = bn128.normalize(bn128.multiply(bn128.G2, srs.DEVELOPMENT_TAU))
    x, y = ([int(c) for c in coordinate.coeffs] for coordinate in point)
    assert srs.srs_g2(write(tmp_path, whole)) == (x[1], x[0], y[1], y[0])


@pytest.mark.parametrize("count", [1, 3, POINTS])
def test_powers_are_the_first_points_of_the_monomial_half(tmp_path: Path, whole: bytes, count: int) -> None:
    assert srs.read_powers(write(tmp_path, whole), count) == whole[4 : 4 + 64 * count]


def test_refuses_to_read_more_powers_than_there_are(tmp_path: Path, whole: bytes) -> None:
    with pytest.raises(InputError) as refused:
        srs.read_powers(write(tmp_path, whole), POINTS + 1)
    assert refused.value.code == "srs_too_small"


def test_verifier_knows_the_development_string_by_the_same_point(tmp_path: Path, whole: bytes) -> None:
    """The verifier may not import the prover, so it holds the point as a constant."""
    assert srs.srs_g2(write(tmp_path, whole)) == DEVELOPMENT_S_G2


def test_lagrange_half_interpolates_the_powers(whole: bytes) -> None:
    """The sum of L_i is 1 and the sum of omega^i L_i is tau: which basis and which order, by definition."""
    points = [reference.read_g1(whole[LAGRANGE + 64 * i : LAGRANGE + 64 * (i + 1)], i) for i in range(POINTS)]
    omega = reference.root_of_unity(K)
    total, weighted = bn128.Z1, bn128.Z1
    for i, point in enumerate(points):
        total = bn128.add(total, point)
        weighted = bn128.add(weighted, bn128.multiply(point, pow(omega, i, srs.R)))
    assert bn128.eq(total, bn128.G1)
    assert bn128.eq(weighted, bn128.multiply(bn128.G1, srs.DEVELOPMENT_TAU))


def test_string_of_another_tau_is_valid_and_of_unknown_origin(tmp_path: Path) -> None:
    report = srs.verify_srs(write_other_srs(3, tmp_path / "other.srs"))
    assert (report.origin, report.insecure) == ("unknown", False)


CORRUPTIONS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "empty": ("srs_truncated", lambda data: b""),
    "half a header": ("srs_truncated", lambda data: data[:3]),
    "last byte missing": ("srs_truncated", lambda data: data[:-1]),
    "k larger than the file": ("srs_truncated", lambda data: bytes([K + 1]) + data[1:]),
    "byte appended": ("srs_trailing_bytes", lambda data: data + b"\0"),
    "k smaller than the file": ("srs_trailing_bytes", lambda data: bytes([K - 1]) + data[1:]),
    "k zero": ("srs_unreadable", lambda data: bytes(4) + data[4:]),
    "another kind of file": ("srs_unreadable", lambda data: b"PK\x03\x04" + data[4:]),
    "bit flipped in a power": ("srs_not_on_curve", lambda data: replaced(data, MONOMIAL + 64 * 9, b"\x01\x02")),
    "bit flipped in the Lagrange half": ("srs_not_on_curve", lambda data: replaced(data, LAGRANGE + 64, b"\x01\x02")),
    "power at infinity": ("srs_not_on_curve", lambda data: replaced(data, MONOMIAL + 64 * 3, bytes(64))),
    "coordinate not reduced": ("srs_not_on_curve", lambda data: replaced(data, MONOMIAL + 64 * 3, b"\xff" * 32)),
    "bit flipped in s·G2": ("srs_not_on_curve", lambda data: replaced(data, S_G2, b"\x01\x02")),
    "two powers swapped": (
        "srs_not_powers",
        lambda d: replaced(
            d, MONOMIAL + 64 * 4, d[MONOMIAL + 64 * 5 : MONOMIAL + 64 * 6] + d[MONOMIAL + 64 * 4 :][:64]
        ),
    ),
    "one power repeated": ("srs_not_powers", lambda d: replaced(d, MONOMIAL + 64 * 31, d[MONOMIAL + 64 * 30 :][:64])),
    "s·G2 of another secret": ("srs_not_powers", lambda d: d[:S_G2] + reference.g2_pair((7).to_bytes(32, "big"))[128:]),
    "another generator of G2": (
        "srs_not_powers",
        lambda d: replaced(d, G2, reference.g2_pair((7).to_bytes(32, "big"))[128:]),
    ),
    "Lagrange points in another order": (
        "srs_bases_disagree",
        lambda d: replaced(d, LAGRANGE, d[LAGRANGE + 64 : LAGRANGE + 128] + d[LAGRANGE : LAGRANGE + 64]),
    ),
    "powers in place of the Lagrange half": (
        "srs_bases_disagree",
        lambda d: replaced(d, LAGRANGE, d[MONOMIAL:LAGRANGE]),
    ),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_rejects_corrupted_file(tmp_path: Path, whole: bytes, name: str) -> None:
    code, corrupt = CORRUPTIONS[name]
    path = write(tmp_path, corrupt(whole))
    assert path.read_bytes() != whole
    assert code_of(path) == code


def test_rejects_every_single_byte_changed_anywhere(tmp_path: Path) -> None:
    """Even without a digest to compare with: no byte of a file is left unchecked."""
    path = tmp_path / "dev.srs"
    srs.generate_dev_srs(1, path)
    right = path.read_bytes()
    for offset in range(len(right)):
        path.write_bytes(replaced(right, offset, bytes([right[offset] ^ 0x10])))
        assert code_of(path).startswith("srs_"), offset


def test_names_the_half_and_the_index_of_a_bad_point_beyond_the_first_read(
    tmp_path: Path, whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(srs, "POINTS_AT_ONCE", 8)
    path = write(tmp_path, replaced(whole, LAGRANGE + 64 * 21, b"\x01\x02"))
    with pytest.raises(InputError) as refused:
        srs.verify_srs(path)
    assert refused.value.details["basis"] == "lagrange"
    assert refused.value.details["index"] == 21


def test_rejects_valid_file_with_another_digest_than_expected(tmp_path: Path, whole: bytes) -> None:
    path = write(tmp_path, whole)
    right = hashlib.sha256(whole).hexdigest()
    assert srs.verify_srs(path, expected_digest="0x" + right.upper()).sha256 == right
    assert code_of(path, expected_digest=srs.ceremony_digests()[K]) == "srs_digest_mismatch"


def test_unreadable_paths_have_one_stable_code(tmp_path: Path) -> None:
    assert code_of(tmp_path / "absent.srs") == "srs_unreadable"
    assert code_of(tmp_path) == "srs_unreadable"
    with pytest.raises(InputError) as refused:
        srs.srs_g2(tmp_path / "absent.srs")
    assert refused.value.code == "srs_unreadable"


@pytest.mark.parametrize("k", [-1, 0, 27, 1000])
def test_refuses_k_outside_the_domain_and_writes_nothing(tmp_path: Path, k: int) -> None:
    for attempt in (srs.generate_dev_srs, srs.fetch_srs):
        with pytest.raises(InputError) as refused:
            attempt(k, tmp_path / "dev.srs")
        assert refused.value.code == "srs_k_out_of_range"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("target", "kind", "code"),
    [
        (".", InputError, "srs_target"),
        ("file/dev.srs", EnvironmentFailure, "srs_write_failed"),
        ("n" * 300, EnvironmentFailure, "srs_write_failed"),
    ],
)
def test_unwritable_target_is_one_clear_error(
    tmp_path: Path, target: str, kind: type[InferproofError], code: str
) -> None:
    (tmp_path / "file").write_bytes(b"in the way")
    with pytest.raises(kind) as refused:
        srs.generate_dev_srs(2, tmp_path / target)
    assert refused.value.code == code
    assert os.listdir(tmp_path) == ["file"]


def test_interrupted_generation_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = write(tmp_path, b"old")

    def interrupt(phase: str, fraction: float | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        srs.generate_dev_srs(2, path, interrupt)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == [path.name]


def test_progress_of_every_phase_ends_at_one(tmp_path: Path) -> None:
    told: list[tuple[str, float | None]] = []
    srs.generate_dev_srs(3, tmp_path / "dev.srs", lambda *update: told.append(update))
    assert told == [("monomial", 1.0), ("lagrange", 1.0)]
    told.clear()
    srs.verify_srs(tmp_path / "dev.srs", progress=lambda *update: told.append(update))
    assert told == [("digest", None), ("digest", 1.0), ("monomial", 1.0), ("lagrange", 1.0)]


def test_every_ceremony_file_up_to_the_largest_has_a_digest() -> None:
    digests = srs.ceremony_digests()
    assert list(digests) == list(range(1, srs.MAX_K + 1))
    assert all(len(bytes.fromhex(digest)) == 32 for digest in digests.values())
    assert len(set(digests.values())) == srs.MAX_K


# As the pairing precompile takes it.
WORDS = "".join(f"{coordinate:064x}" for coordinate in DEVELOPMENT_S_G2)


def test_a_reference_string_is_named_by_keccak_of_its_four_words() -> None:
    assert srs_digest(DEVELOPMENT_S_G2) == keccak(bytes.fromhex(WORDS))


@pytest.mark.parametrize("place", range(4))
def test_the_name_binds_every_coordinate(place: int) -> None:
    words = list(DEVELOPMENT_S_G2)
    words[place] += 1
    other: G2Point = (words[0], words[1], words[2], words[3])
    assert srs_digest(other) != srs_digest(DEVELOPMENT_S_G2)
    assert srs_fields(srs_digest(other))["insecure_srs"] is False
    assert srs_fields(srs_digest(DEVELOPMENT_S_G2))["insecure_srs"] is True
