"""KZG reference strings (SRS) of the routes that pair: generate, fetch, check.

A file is k as u32 little-endian, then 2^k G1 points tau^i G, 2^k G1 points L_i(tau) G (the Lagrange basis over
halo2's roots of unity), the generator of G2 and tau times it; points are raw little-endian Montgomery limbs, 64 and
128 bytes. This is what ezkl reads.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, Literal

from circuits.errors import EnvironmentFailure, InputError
from circuits.statement import keccak256
from prover import kernels
from prover.backend import Progress, silent

P = 0x30644E72E131A029B85045B68181585D97816A916871CA8D3C208C16D87CFD47  # BN254's base field
R = 0x30644E72E131A029B85045B68181585D2833E84879B9709143E1F593F0000001  # BN254's scalar field
MAX_K = 26
HEADER_BYTES, G1_BYTES, G2_BYTES = 4, 64, 128
POINTS_AT_ONCE = 1 << 16

# Anybody can compute it, so anybody can forge proofs over a string made from it: for development only.
DEVELOPMENT_TAU = int.from_bytes(keccak256(b"inferproof development SRS, INSECURE: tau is public"), "big") % R

# Where ezkl 23 itself fetches the Perpetual Powers of Tau from, one file a k; srs_digests.json says which is right.
CEREMONY_URL = "https://kzg.ezkl.xyz"

Origin = Literal["development", "ceremony", "unknown"]


@dataclass(frozen=True)
class SrsReport:
    """What a file is. `s_g2` are the four words of s·G2 as the EVM's pairing precompile takes them."""

    k: int
    size_bytes: int
    sha256: str
    s_g2: tuple[int, int, int, int]
    origin: Origin

    @property
    def insecure(self) -> bool:
        """Whether everybody knows the string's tau."""
        return self.origin == "development"

    def as_dict(self) -> dict[str, Any]:
        """`s_g2` as one string, which is what verifiers take."""
        s_g2 = "0x" + "".join(f"{word:064x}" for word in self.s_g2)
        return {**asdict(self), "s_g2": s_g2, "insecure": self.insecure}


def srs_size(k: int) -> int:
    """Bytes of a file of 2^k points."""
    return HEADER_BYTES + (2 * G1_BYTES << k) + 2 * G2_BYTES


def generate_dev_srs(k: int, path: str | Path, progress: Progress = silent) -> SrsReport:
    """Writes the INSECURE development string of 2^k points; the same bytes every time."""
    _check_k(k)
    path = Path(path)
    tau = DEVELOPMENT_TAU.to_bytes(32, "big")
    string = kernels.KnownTauSrs(k, tau)
    digest = hashlib.sha256()
    with _atomically(path) as partial, _writing(partial) as file:

        def put(data: bytes) -> None:
            digest.update(data)
            file.write(data)

        put(k.to_bytes(HEADER_BYTES, "little"))
        for phase, points in (("monomial", string.monomial), ("lagrange", string.lagrange)):
            for start, count in _ranges(1 << k):
                put(points(start, count))
                progress(phase, (start + count) / (1 << k))
        put(kernels.g2_pair(tau))
    return SrsReport(k, srs_size(k), digest.hexdigest(), srs_g2(path), "development")


def fetch_srs(
    k: int,
    path: str | Path,
    base_url: str = CEREMONY_URL,
    progress: Progress = silent,
    *,
    retry_wait_s: float = 1.0,
) -> SrsReport:
    """Downloads the public ceremony's file of 2^k points and puts it at `path` once its digest and pairings hold."""
    from prover.srs_download import download  # whose HTTP library nobody else here needs

    _check_k(k)
    url = f"{base_url.rstrip('/')}/kzg{k}"
    with _atomically(Path(path)) as partial:
        download(url, partial, srs_size(k), progress, retry_wait_s=retry_wait_s)
        return _verify(partial, url, ceremony_digests()[k], progress)


def verify_srs(path: str | Path, *, expected_digest: str | None = None, progress: Progress = silent) -> SrsReport:
    """Checks everything about a file that can be checked, and says what it is.

    Length and header; the SHA-256, where one is expected; every point canonical, finite, on the curve and in its
    group; consecutive powers from the generator by a pairing; the Lagrange half against the powers. The last two hold
    for a wrong file with probability below 2^k / r. That nobody knows tau cannot be checked: that is what the digest
    of a ceremony is for.

    Raises InputError: srs_unreadable, srs_truncated, srs_trailing_bytes, srs_digest_mismatch, srs_not_on_curve,
    srs_not_powers, srs_bases_disagree.
    """
    return _verify(Path(path), str(path), expected_digest, progress)


def srs_g2(path: str | Path) -> tuple[int, int, int, int]:
    """s·G2 as the EVM's pairing precompile takes it: x1, x0, y1, y0, where a coordinate is c0 + c1·i."""
    with _reading(Path(path), str(path)) as (file, _):
        file.seek(-G2_BYTES, os.SEEK_END)
        return _evm_words(file.read(G2_BYTES))


def read_powers(path: str | Path, count: int) -> bytes:
    """The first `count` points of the monomial half."""
    with _reading(Path(path), str(path)) as (file, k):
        if count > 1 << k:
            raise InputError("srs_too_small", f"{path} has 2^{k} points, {count} are needed", k=k, needed=count)
        return _read_exactly(file, count * G1_BYTES, str(path))


def srs_k(path: str | Path) -> int:
    """k of a file whose header and length agree."""
    with _reading(Path(path), str(path)) as (_, k):
        return k


@cache
def ceremony_digests() -> dict[int, str]:
    """SHA-256 of the public ceremony's files by k; the source is named in srs_digests.json."""
    document = json.loads((files("prover") / "srs_digests.json").read_text(encoding="utf-8"))
    return {int(k): digest for k, digest in document["sha256"].items()}


def _check_k(k: int) -> None:
    if not 1 <= k <= MAX_K:
        raise InputError("srs_k_out_of_range", f"k must be between 1 and {MAX_K}, got {k}", k=k, max=MAX_K)


def _ranges(size: int) -> Iterator[tuple[int, int]]:
    for start in range(0, size, POINTS_AT_ONCE):
        yield start, min(POINTS_AT_ONCE, size - start)


@contextmanager
def _reading(path: Path, name: str) -> Iterator[tuple[BufferedReader, int]]:
    """The open file and its k, once header and length agree."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            yield file, _parse_header(name, file.read(HEADER_BYTES), size)
    except OSError as error:
        message = f"cannot read the SRS file {name}: {error.strerror or error}"
        raise InputError("srs_unreadable", message, source=name) from error


def _parse_header(name: str, header: bytes, size: int) -> int:
    k = int.from_bytes(header, "little")
    if len(header) == HEADER_BYTES and not 1 <= k <= MAX_K:
        message = f"{name} is no SRS file: its first four bytes say k = {k}"
        raise InputError("srs_unreadable", message, source=name, k=k)
    expected = srs_size(k) if len(header) == HEADER_BYTES else srs_size(1)
    if size < expected:
        message = f"{name} is cut off: {size} bytes of {expected}"
        raise InputError("srs_truncated", message, source=name, expected=expected, got=size)
    if size > expected:
        message = f"{name} goes on after its end: {size} bytes instead of {expected}"
        raise InputError("srs_trailing_bytes", message, source=name, expected=expected, got=size)
    return k


def _verify(path: Path, name: str, expected_digest: str | None, progress: Progress) -> SrsReport:
    """verify_srs; `name` is what the caller calls the file: its path, or the address it came from."""
    with _reading(path, name) as (file, k):
        sha256 = _digest(file, progress)
        if expected_digest is not None and sha256 != expected_digest.lower().removeprefix("0x"):
            message = f"{name} has another SHA-256 than expected: it is not the file asked for"
            details = {"source": name, "expected": expected_digest, "got": sha256}
            raise InputError("srs_digest_mismatch", message, **details)
        file.seek(HEADER_BYTES)
        s_g2 = _check_points(file, k, name, progress)
    return SrsReport(k, srs_size(k), sha256, _evm_words(s_g2), _origin(k, sha256, s_g2))


def _digest(file: BufferedReader, progress: Progress) -> str:
    progress("digest", None)
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    progress("digest", 1.0)
    return digest


def _check_points(file: BufferedReader, k: int, name: str, progress: Progress) -> bytes:
    """Checks both bases and the G2 half; returns the bytes of s·G2."""
    # Random, so that whoever made the file cannot have aimed at it.
    rho = (2 + secrets.randbelow(R - 2)).to_bytes(32, "big")
    check = kernels.SrsCheck(k, rho)
    for basis, take in (("monomial", check.monomial), ("lagrange", check.lagrange)):
        _check_basis(file, k, name, basis, take, progress)
    g2, s_g2 = (_read_exactly(file, G2_BYTES, name) for _ in range(2))
    try:
        powers, bases = check.finish(g2, s_g2)
    except kernels.PointError as error:
        raise _not_on_curve(name, "g2", 0, error.args[1]) from error
    if not powers:
        message = f"{name}: its points are not the successive powers of the secret in its G2 half"
        raise InputError("srs_not_powers", message, source=name)
    if not bases:
        message = f"{name}: its Lagrange half is not the Lagrange basis of its powers"
        raise InputError("srs_bases_disagree", message, source=name)
    return s_g2


def _read_exactly(file: BufferedReader, count: int, name: str) -> bytes:
    data = file.read(count)
    if len(data) != count:
        message = f"{name} was cut off while it was read"
        raise InputError("srs_truncated", message, source=name, expected=count, got=len(data))
    return data


def _check_basis(
    file: BufferedReader, k: int, name: str, basis: str, take: Callable[[bytes], None], progress: Progress
) -> None:
    for start, count in _ranges(1 << k):
        try:
            take(_read_exactly(file, count * G1_BYTES, name))
        except kernels.PointError as error:
            index, reason = error.args
            raise _not_on_curve(name, basis, start + index, reason) from error
        progress(basis, (start + count) / (1 << k))


def _not_on_curve(name: str, basis: str, index: int, reason: str) -> InputError:
    message = f"{name}: point {index} of the {basis} part: {reason}"
    return InputError("srs_not_on_curve", message, source=name, basis=basis, index=index, reason=reason)


def _evm_words(point: bytes) -> tuple[int, int, int, int]:
    inverse = pow(2**256, -1, P)
    x0, x1, y0, y1 = (int.from_bytes(point[i : i + 32], "little") * inverse % P for i in range(0, G2_BYTES, 32))
    return x1, x0, y1, y0


def _origin(k: int, sha256: str, s_g2: bytes) -> Origin:
    if s_g2 == kernels.g2_pair(DEVELOPMENT_TAU.to_bytes(32, "big"))[G2_BYTES:]:
        return "development"
    return "ceremony" if sha256 == ceremony_digests().get(k) else "unknown"


@contextmanager
def _atomically(path: Path) -> Iterator[Path]:
    """A partial file beside `path` that takes its place at the end, or leaves nothing behind."""
    if os.path.isdir(path):  # of a name that cannot be, Path.is_dir raises
        raise InputError("srs_target", f"{path} is a folder: name the file to write", path=str(path))
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(path)
    except OSError as error:
        message = f"cannot write {path}: {error.strerror or error}"
        raise EnvironmentFailure("srs_write_failed", message, path=str(path)) from error
    finally:
        with suppress(OSError):  # the failure to tell is the one above
            partial.unlink()


@contextmanager
def _writing(partial: Path) -> Iterator[BinaryIO]:
    """The partial file, on the disk before it gets its name."""
    with partial.open("xb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
