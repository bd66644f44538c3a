"""`inferproof doctor`: is everything here that the other verbs need?"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from urllib.request import getproxies, proxy_bypass

import psutil
import typer
from rich.table import Table

from circuits.errors import InferproofError
from contracts.client.artifacts import artifact_names
from contracts.client.devnet import find_anvil
from prover.service.settings import Settings
from verifier.console import JsonOption, emit

MINIMUM_MEMORY = 4 * 2**30
MINIMUM_DISK = 5 * 2**30


def _python() -> str:
    if sys.version_info[:2] != (3, 11):
        raise InferproofError("python_version", "inferproof needs Python 3.11")
    return sys.version.split()[0]


def _kernels() -> str:
    from circuits.statement import keccak256
    from prover.kernels import field
    from prover.kernels import keccak256 as fast
    from verifier.curve import G1_GENERATOR, PurePython

    terms = [G1_GENERATOR], [2**200 + 1]
    if fast(b"inferproof") != keccak256(b"inferproof") or field.msm(*terms) != PurePython().msm(*terms):
        raise InferproofError("kernel_disagrees", "the Rust kernels disagree with their Python twins: rebuild them")
    return "agree with their Python twins"


def _memory() -> str:
    total = psutil.virtual_memory().total
    if total < MINIMUM_MEMORY:
        raise InferproofError("memory_small", f"{total / 2**30:.1f} GiB of memory; proving wants 4 and more")
    return f"{total / 2**30:.1f} GiB, {os.cpu_count()} cores"


def _disk() -> str:
    folder = Path(Settings().cache_dir)
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < MINIMUM_DISK:
        raise InferproofError("disk_small", f"{free / 2**30:.1f} GiB free in {folder}; keys want 5 and more")
    return f"{free / 2**30:.1f} GiB free in {folder}"


def _contracts() -> str:
    return f"{len(artifact_names())} committed interfaces"


def _chain() -> str:
    url = Settings().rpc_url
    if url is None:
        return "none configured"
    from contracts.client.chain import Chain  # whose libraries take longer than all other checks

    return f"{url}: chain {Chain(url).chain_id}"


def _loopback() -> str:
    if "http" in getproxies() and not proxy_bypass("127.0.0.1"):
        raise InferproofError(
            "loopback_proxied", "a local chain would be looked for behind HTTP_PROXY: add 127.0.0.1 to NO_PROXY"
        )
    return "reached directly"


CHECKS: dict[str, Callable[[], str]] = {
    "python": _python,
    "ezkl": lambda: version("ezkl"),
    "kernels": _kernels,
    "memory": _memory,
    "disk": _disk,
    "anvil": find_anvil,
    "loopback": _loopback,
    "contracts": _contracts,
    "chain": _chain,
}


def doctor(json: JsonOption = False) -> None:
    """Checks the installation; exit code 1 when something is missing."""
    results = {name: _outcome(check) for name, check in CHECKS.items()}
    table = Table("check", "", "finding")
    for name, (fine, finding) in results.items():
        table.add_row(name, "ok" if fine else "[red]missing", finding)
    healthy = all(fine for fine, _ in results.values())
    checks = {name: {"ok": fine, "finding": finding} for name, (fine, finding) in results.items()}
    emit(json, {"healthy": healthy, "checks": checks}, table)
    if not healthy:
        raise typer.Exit(1)


def _outcome(check: Callable[[], str]) -> tuple[bool, str]:
    try:
        return True, check()
    except (InferproofError, ImportError, OSError) as error:
        return False, str(error)
