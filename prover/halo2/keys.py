"""Setup: from a plan to the keys, through the cache (docs/protocol/halo2.md section 6)."""

from __future__ import annotations

import json
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path

from circuits.errors import EnvironmentFailure, InputError
from circuits.program.graph import Program
from prover.backend import Estimate, PhaseReport, Phases, Progress, silent
from prover.halo2.options import Halo2Options
from prover.halo2.plan import Plan, make_plan
from prover.halo2.process import run_in_child
from prover.key_cache import KeyCache
from prover.srs import generate_dev_srs, srs_g2, srs_k, verify_srs
from verifier.halo2_key import Halo2Key, InputMode, ParamMode, PortSpec, derived_proof_length
from verifier.srs import DEVELOPMENT_S_G2, G2Point

MODEL, SETTINGS, CIRCUIT, VK, PK, VKA = "model.onnx", "settings.json", "circuit.ezkl", "vk", "pk", "vka"
PARAM_HASHES = "parameter_hashes.json"


@dataclass(frozen=True)
class Halo2Keys:
    """Everything needed to prove and verify one program. `key` is what a verifier gets."""

    plan: Plan
    key: Halo2Key
    folder: Path
    srs: Path
    s_g2: G2Point
    insecure_srs: bool
    phases: Phases

    def file(self, name: str) -> Path:
        return self.folder / name


def estimate(program: Program, options: Halo2Options, cache: KeyCache, progress: Progress = silent) -> Estimate:
    """What setup and proving will cost, from ezkl's settings; raises `model_too_large` above the options' limits."""
    return make_plan(program, options, cache, progress).estimate


def setup(
    program: Program,
    options: Halo2Options,
    cache: KeyCache,
    progress: Progress = silent,
    *,
    cancel: threading.Event | None = None,
) -> Halo2Keys:
    """The program's keys; does nothing that the cache has already."""
    plan = make_plan(program, options, cache, progress)
    phases = Phases()
    srs, s_g2, insecure = _srs(plan, cache, progress)

    def build(folder: Path) -> None:
        _require_disk(folder, plan.estimate)
        if options.srs is not None:
            verify_srs(srs, progress=progress)
        _build(plan, folder, srs, phases, progress, cancel)

    entry = cache.entry("keys", plan.digest(s_g2), build, [*_FILES.values(), PARAM_HASHES])
    if entry.cached:
        phases.add(PhaseReport("setup", 0.0, cached=True))
    return Halo2Keys(plan, _read_key(plan, entry.folder), entry.folder, srs, s_g2, insecure, phases)


def _srs(plan: Plan, cache: KeyCache, progress: Progress) -> tuple[Path, G2Point, bool]:
    """The SRS file to use, its s·G2, and whether it is the INSECURE development string."""
    needed = plan.logrows
    if plan.options.srs is None:
        entry = cache.entry("srs", f"development-{needed}", lambda folder: _generate(needed, folder, progress), ["srs"])
        path = entry.folder / "srs"
        return path, srs_g2(path), True
    path = plan.options.srs
    if srs_k(path) < needed:
        message = f"the SRS {path} has k = {srs_k(path)}, this model needs k = {needed}"
        raise InputError("srs_too_small", message, path=str(path), k=srs_k(path), needed=needed)
    return path, srs_g2(path), srs_g2(path) == DEVELOPMENT_S_G2


def _require_disk(folder: Path, expected: Estimate) -> None:
    free = shutil.disk_usage(folder).free
    if free < expected.disk_bytes:
        sizes = f"about {expected.disk_bytes >> 20} MiB, and {free >> 20} MiB are free"
        message = f"the key does not fit in {folder.parent}: it needs {sizes}"
        raise EnvironmentFailure("disk_too_small", message, expected=expected.disk_bytes, free=free)


def _generate(k: int, folder: Path, progress: Progress) -> None:
    generate_dev_srs(k, folder / "srs", progress)


def _build(
    plan: Plan, folder: Path, srs: Path, phases: Phases, progress: Progress, cancel: threading.Event | None
) -> None:
    files = {name: str(folder / file) for name, file in _FILES.items()}
    request: dict[str, object] = {**files, "srs": str(srs), "run_args": dict(plan.arguments)}
    (folder / MODEL).write_bytes(plan.lowered.model)
    expected = {"setup": plan.estimate.setup_s}
    for phase in ("settings", "compile", "setup", "artifact"):
        phases.add(run_in_child(phase, request, progress, expected_s=expected.get(phase), cancel=cancel))
    hashes = _parameter_hashes(plan, request, folder, phases, progress)
    (folder / PARAM_HASHES).write_text(json.dumps(hashes))


_FILES = {"onnx": MODEL, "settings": SETTINGS, "circuit": CIRCUIT, "vk": VK, "pk": PK, "vka": VKA}


def _parameter_hashes(
    plan: Plan, request: dict[str, object], folder: Path, phases: Phases, progress: Progress
) -> list[str]:
    """ezkl's own Poseidon hash of the parameters, from a witness for the all-zero input."""
    if plan.options.parameters is not ParamMode.HASHED:
        return []
    scratch = folder / "zero_input.json", folder / "zero_witness.json"
    zeros = ["00" * 32] * (plan.lowered.input_size + plan.lowered.salt_size)
    scratch[0].write_text(json.dumps({"input_data": [zeros]}))
    phases.add(run_in_child("witness", {**request, "input": str(scratch[0]), "witness": str(scratch[1])}, progress))
    processed = json.loads(scratch[1].read_text())["processed_params"]["poseidon_hash"]
    for path in scratch:
        path.unlink()
    return [bytes.fromhex(value)[::-1].hex() for value in processed]


def _read_key(plan: Plan, folder: Path) -> Halo2Key:
    raw = (folder / VKA).read_bytes()
    count = int.from_bytes(raw[:8], "little")
    vka = tuple(raw[8 + 32 * i : 40 + 32 * i] for i in range(count))
    hashes = tuple(int(value, 16) for value in json.loads((folder / PARAM_HASHES).read_text()))
    program = plan.program
    return Halo2Key(
        model_id=program.model_id(),
        param_mode=plan.options.parameters,
        input_mode=plan.input_mode,
        param_hashes=hashes,
        proof_length=derived_proof_length(vka),
        inputs=tuple(PortSpec(port.dims, port.bits) for port in program.inputs),
        outputs=tuple(PortSpec(out.port.dims, out.port.bits) for out in program.outputs),
        vka=vka,
    )


def audit(
    program: Program, key: Halo2Key, options: Halo2Options, progress: Progress = silent, *, cache: KeyCache
) -> Halo2Keys:
    """Rebuilds the key from the program in `cache` (an empty one rebuilds all) and compares; `audit_differs` if not.

    The modes are the key's; `options` says which SRS it should stand on.
    """
    mode = key.input_mode is InputMode.PRIVATE
    rebuilt = setup(
        program,
        Halo2Options(key.param_mode, mode, options.srs, options.digit_bits, options.limits),
        cache,
        progress,
    )
    if rebuilt.key.encode() != key.encode():
        expected, got = ("0x" + each.digest().hex() for each in (rebuilt.key, key))
        message = "the key is not the one that this program gives"
        raise InputError("audit_differs", message, expected=expected, got=got)
    return rebuilt
