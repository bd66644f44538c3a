"""What the service adds to proving: from job accepted to proof stored, against the same ezkl phases run bare.

Bare is what a script would do: witness, prove and verify, each in a child process of its own, over keys, circuit and
SRS that are there, with the input file written; nothing else is timed. The service gets jobs for the same program, the
same input and the same keys over HTTP; a job's time is its row's, from when it was accepted until its proof was stored,
with queue, worker, database, the interpreter's check and artifacts in it. Both take turns, so that a busy machine slows
both. The service's first job is reported apart: a worker checks the bytes of a key once.

`python -m bench service_overhead` measures the lending model. `python -m bench.service_overhead --models
lending,mlp91k --json FILE` takes any of them; mlp91k needs about 8 GiB of memory and ten minutes of setup.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnx

from bench import machine, models
from circuits.program.file import save_program
from circuits.program.graph import Program
from circuits.program.values import quantize_clamped
from circuits.quantize import compile_model
from prover import halo2
from prover.halo2 import phase as phase_script
from prover.halo2.keys import CIRCUIT, PK, SETTINGS, VK
from verifier.halo2_values import SCALAR_MODULUS

Say = Callable[[str], None]
LENDING = Path(__file__).resolve().parent.parent / "examples" / "lending"
PHASES = ("witness", "prove", "verify")
ROUNDS = {"lending": 5}
CALIBRATION_SAMPLES = 64


@dataclass(frozen=True)
class Case:
    """One model, ready to prove: its program, one real input as integers, and its keys."""

    name: str
    program: Program
    inputs: list[Any]
    keys: halo2.Halo2Keys


@dataclass(frozen=True)
class Served:
    """What one job took, and how much of it passed while no ezkl phase ran."""

    seconds: float
    outside_phases: float


def run(say: Say, names: Sequence[str] = ("lending",)) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="inferproof-bench-") as folder:
        cache = Path(folder) / "cache"
        measured = [_measure(_case(name, Path(folder), cache, say), Path(folder), cache, say) for name in names]
    return {"compared_with": "the same ezkl phases in bare child processes", "models": measured}


def _case(name: str, folder: Path, cache: Path, say: Say) -> Case:
    path, data = _onnx(name, folder)
    program, _ = compile_model(path, data)
    sample = {port.name: data[port.name][-1] for port in program.inputs}
    inputs = [quantize_clamped(port, sample[port.name].reshape(port.dims)) for port in program.inputs]
    say(f"{name}: setting up the key")
    return Case(name, program, inputs, halo2.setup(program, halo2.Halo2Options(), halo2.KeyCache(cache)))


def _onnx(name: str, folder: Path) -> tuple[Path, dict[str, Any]]:
    if name == "lending":
        with np.load(LENDING / "calibration.npz") as stored:
            return LENDING / "lending.onnx", {key: stored[key] for key in stored.files}
    path = folder / f"{name}.onnx"
    onnx.save(models.build(name), path)
    return path, models.calibration(name, CALIBRATION_SAMPLES)


def _measure(case: Case, folder: Path, cache: Path, say: Say) -> dict[str, Any]:
    bare: list[float] = []
    served: list[Served] = []
    with _service(folder / case.name, cache) as api:
        model_id = _upload(api, case, folder)
        first = _run_job(api, case, model_id)
        for number in range(ROUNDS.get(case.name, 1)):
            bare.append(_bare_seconds(case, folder))
            served.append(_run_job(api, case, model_id))
            say(f"{case.name} {number + 1}: bare {bare[-1]:.2f} s, service {served[-1].seconds:.2f} s")
    bare_s, service_s = statistics.median(bare), statistics.median(job.seconds for job in served)
    return {
        "model": case.name,
        "logrows": case.keys.plan.logrows,
        "bare_s": round(bare_s, 3),
        "service_s": round(service_s, 3),
        "service_outside_phases_s": round(statistics.median(job.outside_phases for job in served), 3),
        "service_first_job_s": round(first.seconds, 3),
        "all_bare_s": [round(s, 3) for s in bare],
        "all_service_s": [round(job.seconds, 3) for job in served],
        "overhead_ratio": round(service_s / bare_s, 4),
    }


def _bare_seconds(case: Case, folder: Path) -> float:
    """Three children one after the other, each one call of ezkl, and nothing around them."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        request = _phase_request(case, Path(scratch))
        environment = {**os.environ, "EZKL_REPO_PATH": scratch}
        started = time.perf_counter()
        for phase in PHASES:
            path = Path(scratch) / f"{phase}.json"
            path.write_text(json.dumps({**request, "phase": phase, "parent": os.getpid()}))
            command = [sys.executable, "-P", phase_script.__file__, str(path)]
            # A session of its own, as the service's worker has: a scheduler that shares by session treats both alike.
            child = subprocess.run(
                command, capture_output=True, text=True, env=environment, start_new_session=True, check=False
            )
            if child.returncode != 0:
                raise RuntimeError(f"{phase} ended with {child.returncode}: {child.stderr[-500:]}")
        return time.perf_counter() - started


def _phase_request(case: Case, scratch: Path) -> dict[str, str]:
    values = np.concatenate([tensor.reshape(-1) for tensor in case.inputs])
    words = [(int(v) % SCALAR_MODULUS).to_bytes(32, "little").hex() for v in values]
    (scratch / "input.json").write_text(json.dumps({"input_data": [words]}))
    made = {"input": "input.json", "witness": "made.json", "proof": "proof.out"}
    kept = {"circuit": CIRCUIT, "pk": PK, "vk": VK, "settings": SETTINGS}
    request = {name: str(scratch / file) for name, file in made.items()}
    return {**request, **{name: str(case.keys.file(file)) for name, file in kept.items()}, "srs": str(case.keys.srs)}


def _upload(api: httpx.Client, case: Case, folder: Path) -> str:
    path = folder / f"{case.name}.program"
    save_program(case.program, path)
    answer = api.post("/v1/models", files={"file": (path.name, path.read_bytes())}).raise_for_status()
    return str(answer.json()["model_id"])


def _run_job(api: httpx.Client, case: Case, model_id: str) -> Served:
    """The row's own times: asking often would be work on the same two cores."""
    integers = {port.name: values.tolist() for port, values in zip(case.program.inputs, case.inputs, strict=True)}
    body = {"model_id": model_id, "input": {"integers": integers}}
    job = api.post("/v1/jobs", json=body).raise_for_status().json()
    while not job["final"]:
        time.sleep(0.5)
        job = api.get(f"/v1/jobs/{job['id']}").raise_for_status().json()
    if job["state"] != "proven":
        raise RuntimeError(f"the job ended {job['state']}: {job['failure']}")
    seconds = (datetime.fromisoformat(job["updated_at"]) - datetime.fromisoformat(job["created_at"])).total_seconds()
    return Served(seconds, seconds - sum(phase["seconds"] for phase in job["phases"]))


@contextmanager
def _service(folder: Path, cache: Path) -> Iterator[httpx.Client]:
    """`inferproof serve` with its embedded defaults, over the cache that holds the keys."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    values = {"DATA_DIR": folder, "CACHE_DIR": cache, "PORT": port, "ALLOW_INSECURE_SRS": "true"}
    environment = {**os.environ, **{f"INFERPROOF_{name}": str(value) for name, value in values.items()}}
    command = [sys.executable, "-m", "prover", "serve"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=600) as api:
            while not _ready(api):
                if process.poll() is not None:
                    raise RuntimeError(f"the service ended with {process.returncode}")
                time.sleep(0.2)
            yield api
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _ready(api: httpx.Client) -> bool:
    try:
        return api.get("/ready").status_code == 200
    except httpx.TransportError:
        return False


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.service_overhead", description=__doc__)
    parser.add_argument("--models", default="lending", help="comma-separated: lending, or any of bench/models.py")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    arguments = parser.parse_args()
    about = machine.describe()
    figures = run(lambda line: print(line, file=sys.stderr, flush=True), arguments.models.split(","))
    text = json.dumps({"suite": "service_overhead", "machine": about, "figures": figures}, indent=1) + "\n"
    sys.stdout.write(text)
    if arguments.json is not None:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
