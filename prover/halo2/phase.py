"""One ezkl phase in a process of its own: `python phase.py request.json`, run by prover.halo2.process.

A phase may take all the memory there is, so it must be something that can die without taking the caller with it.
Nothing of this project is imported here, so that a phase starts as fast as ezkl does.
"""

from __future__ import annotations

import asyncio
import ctypes
import inspect
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from prover.peak_memory import peak_memory_bytes

PR_SET_PDEATHSIG = 1


async def _finish(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Some of ezkl's functions return awaitables, others do not."""
    result = function(*args, **options)
    return await result if inspect.isawaitable(result) else result


async def _settings(request: Mapping[str, Any]) -> None:
    import ezkl

    arguments = ezkl.PyRunArgs()
    for name, value in request["run_args"].items():
        setattr(arguments, name, value)
    await _finish(ezkl.gen_settings, request["onnx"], request["settings"], py_run_args=arguments)
    _make_canonical(Path(request["settings"]))


def _make_canonical(path: Path) -> None:
    """ezkl 23 keeps the circuit's tables in a hash set, and their order in this file becomes their order in the
    verifying key: sorted, two setups of one program give one key."""
    settings = json.loads(path.read_text())
    settings["required_range_checks"].sort()
    settings["required_lookups"].sort(key=json.dumps)
    settings["timestamp"] = 0
    path.write_text(json.dumps(settings))


async def _compile(request: Mapping[str, Any]) -> None:
    import ezkl

    await _finish(ezkl.compile_circuit, request["onnx"], request["circuit"], request["settings"])


async def _setup(request: Mapping[str, Any]) -> None:
    import ezkl

    paths = (request["circuit"], request["vk"], request["pk"], request["srs"])
    await _finish(ezkl.setup, *paths, disable_selector_compression=False)


async def _artifact(request: Mapping[str, Any]) -> None:
    import ezkl

    await _finish(
        ezkl.create_evm_vka,
        vk_path=request["vk"],
        settings_path=request["settings"],
        vka_path=request["vka"],
        srs_path=request["srs"],
    )


async def _witness(request: Mapping[str, Any]) -> None:
    import ezkl

    await _finish(ezkl.gen_witness, request["input"], request["circuit"], request["witness"])


async def _mock(request: Mapping[str, Any]) -> None:
    import ezkl

    if not await _finish(ezkl.mock, request["witness"], request["circuit"]):
        raise RuntimeError("the circuit's constraints do not hold")


async def _prove(request: Mapping[str, Any]) -> None:
    import ezkl

    paths = (request["witness"], request["circuit"], request["pk"], request["proof"], request["srs"])
    await _finish(ezkl.prove, *paths)


async def _verify(request: Mapping[str, Any]) -> None:
    import ezkl

    paths = (request["proof"], request["settings"], request["vk"], request["srs"])
    if not await _finish(ezkl.verify, *paths):
        raise RuntimeError("ezkl rejects the proof")


PHASES: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "settings": _settings,
    "compile": _compile,
    "setup": _setup,
    "artifact": _artifact,
    "witness": _witness,
    "mock": _mock,
    "prove": _prove,
    "verify": _verify,
}


def run_phase(name: str, request: Mapping[str, Any]) -> None:
    """Runs the phase in this process."""
    asyncio.run(PHASES[name](request))


def _die_with_parent(parent: int) -> None:
    """On Linux: a phase never outlives the process that wanted it, not even one killed with -9."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)


def _report_memory(target: Path) -> None:
    """This process's own peak. What wait4 says is never below the caller's."""
    target.write_text(str(peak_memory_bytes()))


def main() -> None:
    request = json.loads(Path(sys.argv[1]).read_text())
    _die_with_parent(request["parent"])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides, and kills
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    status = 0
    try:
        run_phase(request["phase"], request)
    except Exception as error:  # noqa: BLE001 - the last line of stderr is what the parent reports
        print(f"failed: {error}", file=sys.stderr)
        status = 1
    _report_memory(Path(sys.argv[1]).with_name("memory"))
    sys.stderr.flush()
    # ezkl's threads still log while the interpreter shuts down, and crash it half of the time: leave without that.
    os._exit(status)


if __name__ == "__main__":
    main()
