"""ezkl as its users run it, phase by phase in processes of their own: default arguments but for visibility, scales and
lookups as `calibrate_settings(target="resources")` chooses them. The reference string is made here beforehand and not
counted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from prover.srs import generate_dev_srs

Say = Callable[[str], None]
Floats = npt.NDArray[np.float32]
CHOSEN = ("logrows", "input_scale", "param_scale", "num_inner_cols")  # by its calibration

# Seconds are those of ezkl's call alone, without starting Python or loading ezkl; memory is the process's own peak.
PHASE = """
import asyncio, inspect, json, os, sys, time
import ezkl

async def main():
    calls = {
        "settings": lambda: ezkl.gen_settings("m.onnx", "settings.json", py_run_args=arguments()),
        "calibrate": lambda: ezkl.calibrate_settings("data.json", "m.onnx", "settings.json", "resources"),
        "compile": lambda: ezkl.compile_circuit("m.onnx", "m.circuit", "settings.json"),
        "setup": lambda: ezkl.setup("m.circuit", "vk", "pk", "srs"),
        "witness": lambda: ezkl.gen_witness("input.json", "m.circuit", "witness.json"),
        "prove": lambda: ezkl.prove("witness.json", "m.circuit", "pk", "proof.json", "srs"),
        "verify": lambda: ezkl.verify("proof.json", "settings.json", "vk", "srs"),
    }
    started = time.perf_counter()
    result = calls[sys.argv[1]]()
    result = await result if inspect.isawaitable(result) else result
    seconds = time.perf_counter() - started
    status = open("/proc/self/status").read().splitlines()
    (peak,) = [line.split()[1] for line in status if line.startswith("VmHWM:")]
    with open("figures.json", "w") as file:
        json.dump({"seconds": seconds, "peak_rss_bytes": int(peak) * 1024, "result": result is not False}, file)

def arguments():
    found = ezkl.PyRunArgs()
    found.input_visibility, found.output_visibility, found.param_visibility = "public", "public", "fixed"
    return found

asyncio.run(main())
os._exit(0)
"""


def measure(model: Path, data: Floats, folder: Path, say: Say) -> dict[str, Any]:
    """Every phase's seconds and peak memory for one ONNX model; `data` [samples, *input shape], the first is proven."""
    folder.mkdir()
    (folder / "m.onnx").write_bytes(model.read_bytes())
    _write_data(folder / "data.json", data)
    _write_data(folder / "input.json", data[:1])
    phases = {name: _phase(name, folder, say) for name in ("settings", "calibrate", "compile")}
    chosen = json.loads((folder / "settings.json").read_text())["run_args"]
    generate_dev_srs(chosen["logrows"], folder / "srs")
    phases.update({name: _phase(name, folder, say) for name in ("setup", "witness", "prove", "verify")})
    proof = json.loads((folder / "proof.json").read_text())
    return {
        **{name: chosen[name] for name in CHOSEN},
        "phases": phases,
        "prove_s": phases["witness"]["seconds"] + phases["prove"]["seconds"],
        "peak_rss_bytes": phases["prove"]["peak_rss_bytes"],
        "proof_bytes": len(bytes.fromhex(proof["hex_proof"].removeprefix("0x"))),
        "proving_key_bytes": (folder / "pk").stat().st_size,
    }


def _write_data(path: Path, samples: Floats) -> None:
    path.write_text(json.dumps({"input_data": [samples.reshape(len(samples), -1).reshape(-1).tolist()]}))


def _phase(name: str, folder: Path, say: Say) -> dict[str, Any]:
    command = [sys.executable, "-c", PHASE, name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    figures_file = folder / "figures.json"
    if done.returncode != 0 or not figures_file.exists():
        raise RuntimeError(f"ezkl's {name} failed: {done.stderr[-2000:]}")
    figures: dict[str, Any] = json.loads(figures_file.read_text())
    figures_file.unlink()
    if not figures.pop("result"):
        raise RuntimeError(f"ezkl's {name} says no")
    say(f"ezkl {name}: {figures['seconds']:.2f} s, {figures['peak_rss_bytes'] / 1e9:.2f} GB")
    return figures
