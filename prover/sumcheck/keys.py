"""Setup: from a program to its keys, through the cache (docs/protocol/sumcheck.md sections 3 and 10)."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from circuits.errors import InputError
from circuits.execute import Executor
from circuits.lower.sumcheck.lowering import Lowering
from circuits.lower.sumcheck.system import Kind
from circuits.program.graph import Program
from prover.arenas import use_one_arena
from prover.backend import PhaseReport, Phases, Progress, silent
from prover.kernels import fast_hasher, narrow_product
from prover.kernels.field import ReferenceString
from prover.key_cache import KeyCache
from prover.peak_memory import peak_memory_bytes
from prover.srs import generate_dev_srs, read_powers, srs_g2, srs_k, verify_srs
from prover.sumcheck.plan import Plan, make_plan
from prover.sumcheck.table import fill_rows
from verifier.curve import G1, POINT_BYTES, decode_point
from verifier.srs import DEVELOPMENT_S_G2, G2Point, srs_digest
from verifier.sumcheck_key import SumcheckKey

Integers = npt.NDArray[np.int64]

COMMITMENTS = "commitments"
ROWS_AT_ONCE = 8  # what a setup that is interrupted loses at most
_CACHE_FORMAT = b"inferproof-sumcheck-setup-2"


@dataclass(frozen=True, eq=False)
class ProvingKey:
    """What it takes to prove any assignment of a system: its key, its committed cells, and the string they stand on."""

    key: SumcheckKey
    setup_rows: Integers
    reference_string: ReferenceString

    @cached_property
    def digest(self) -> bytes:
        return self.key.digest()


@dataclass(frozen=True, eq=False)
class SumcheckKeys:
    """Everything needed to prove and verify one program. `proving.key` is what a verifier gets."""

    proving: ProvingKey
    lowering: Lowering
    s_g2: G2Point
    insecure_srs: bool
    phases: Phases

    @property
    def key(self) -> SumcheckKey:
        return self.proving.key

    @cached_property
    def executor(self) -> Executor:
        return Executor(self.lowering.program, narrow_product)

    def afresh(self) -> SumcheckKeys:
        """The same keys, without what proofs made on the way and left with these: that may be larger than they are."""
        return replace(self, proving=replace(self.proving, key=replace(self.key)))


def setup(plan: Plan, srs: Path | None = None, *, cache: KeyCache, progress: Progress = silent) -> SumcheckKeys:
    """The planned program's keys; commits only rows that the cache has not. Without `srs` over the INSECURE
    development one. Raises what `verify_srs` raises."""
    use_one_arena()
    phases = Phases([plan.report])
    lowering, row_bits = plan.lowering, plan.layout.row_bits
    path = _srs(srs, row_bits, cache, progress)
    if srs is not None:
        _check_once(path, cache, progress)
    s_g2 = srs_g2(path)
    string = ReferenceString(read_powers(path, 1 << row_bits))
    rows, points = _commit(plan, string, srs_digest(s_g2), cache, phases, progress)
    model_id = lowering.program.model_id(fast_hasher)
    key = SumcheckKey(model_id, srs_digest(s_g2), row_bits, points, lowering.system)
    return SumcheckKeys(ProvingKey(key, rows, string), lowering, s_g2, s_g2 == DEVELOPMENT_S_G2, phases)


def _srs(path: Path | None, row_bits: int, cache: KeyCache, progress: Progress) -> Path:
    """The file to use."""
    if path is None:
        entry = cache.entry(
            "srs", f"development-{row_bits}", lambda folder: _generate(row_bits, folder, progress), ["srs"]
        )
        return entry.folder / "srs"
    if srs_k(path) < row_bits:
        message = f"the SRS {path} has k = {srs_k(path)}, this model needs k = {row_bits}"
        raise InputError("srs_too_small", message, path=str(path), k=srs_k(path), needed=row_bits)
    return path


def _check_once(path: Path, cache: KeyCache, progress: Progress) -> None:
    """A caller's own file is checked before anything is committed over it; the cache remembers that it was."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()

    def check(folder: Path) -> None:
        verify_srs(path, expected_digest=digest, progress=progress)
        (folder / "sha256").write_text(digest)

    cache.entry("srs", f"checked-{digest}", check, ["sha256"])


def _generate(k: int, folder: Path, progress: Progress) -> None:
    generate_dev_srs(k, folder / "srs", progress)


def _commit(
    plan: Plan, string: ReferenceString, srs: bytes, cache: KeyCache, phases: Phases, progress: Progress
) -> tuple[Integers, tuple[G1, ...]]:
    """The SETUP rows with their commitments, a few at a time: each batch is kept when it is done."""
    start, found, cached = time.perf_counter(), [], True
    system = plan.lowering.system
    constants = dict(zip(system.of_kind(Kind.SETUP), plan.lowering.setup_values(), strict=True))
    rows = fill_rows(system, plan.layout, constants, Kind.SETUP)
    for first in range(0, len(rows), ROWS_AT_ONCE):
        progress("setup", first / len(rows))
        batch = rows[first : first + ROWS_AT_ONCE]
        digest = hashlib.sha256(_CACHE_FORMAT + srs + bytes([plan.layout.row_bits]) + batch.tobytes()).hexdigest()
        entry = cache.entry("rows", digest, partial(_write, batch, string), [COMMITMENTS])
        cached &= entry.cached
        found.append((entry.folder / COMMITMENTS).read_bytes())
    progress("setup", 1.0)
    phases.add(PhaseReport("setup", time.perf_counter() - start, peak_memory_bytes(), cached))
    raw = b"".join(found)
    return rows, tuple(decode_point(raw[at : at + POINT_BYTES]) for at in range(0, len(raw), POINT_BYTES))


def _write(batch: Integers, string: ReferenceString, folder: Path) -> None:
    (folder / COMMITMENTS).write_bytes(b"".join(string.commit_integers(list(batch))))


def audit(
    program: Program, key: SumcheckKey, srs: Path | None = None, *, cache: KeyCache, progress: Progress = silent
) -> SumcheckKeys:
    """Rebuilds the key from the program in `cache` (an empty one rebuilds all) and compares; `audit_differs` if not."""
    rebuilt = setup(make_plan(program, progress), srs, cache=cache, progress=progress)
    if rebuilt.key.encode() != key.encode():
        expected, got = ("0x" + each.digest().hex() for each in (rebuilt.key, key))
        message = "the key is not the one that this program gives"
        raise InputError("audit_differs", message, expected=expected, got=got)
    return rebuilt
