"""Makes tests/halo2_programs.py importable everywhere below, and proves one small program once a session."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import halo2_programs
import numpy as np
import pytest
from halo2_parts import Parts
from hypothesis import HealthCheck, settings

from circuits.program.graph import Program
from prover.halo2 import Halo2Keys, Halo2Options, KeyCache, ProofResult, prove, setup
from verifier.halo2_values import Halo2Proof

# No clock decides about an example: a machine that is busy takes longer to draw one and to run it.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

# Nor does what the user of the machine has set; consoles read it when they are imported.
for name in list(os.environ):
    if name in {"COLUMNS", "FORCE_COLOR"} or name.startswith("INFERPROOF_") or name.lower().endswith("_proxy"):
        del os.environ[name]


@pytest.fixture(scope="session", autouse=True)
def _own_folders() -> Iterator[None]:
    """No key and no table of an earlier run's in the home folder is read. ezkl writes its tables in place, which two
    test processes must not do at once."""
    with tempfile.TemporaryDirectory(prefix="inferproof-tests-") as folder, pytest.MonkeyPatch.context() as patch:
        for name in ("EZKL_REPO_PATH", "INFERPROOF_CACHE_DIR", "INFERPROOF_DATA_DIR"):
            patch.setenv(name, str(Path(folder) / name.lower()))
        (Path(folder) / "ezkl_repo_path").mkdir()
        yield


@dataclass(frozen=True)
class Halo2Case:
    """A program with public input and fixed parameters, its keys over the development SRS, and one honest proof."""

    program: Program
    inputs: list[np.ndarray]
    cache: KeyCache
    keys: Halo2Keys
    result: ProofResult


@pytest.fixture(scope="session")
def halo2_case(tmp_path_factory: pytest.TempPathFactory) -> Halo2Case:
    cache = KeyCache(Path(tmp_path_factory.mktemp("halo2")) / "cache")
    program = halo2_programs.gemm_relu()
    keys = setup(program, Halo2Options(), cache)
    inputs = halo2_programs.random_inputs(program, 3)
    return Halo2Case(program, inputs, cache, keys, prove(program, inputs, keys))


@pytest.fixture(scope="session")
def honest(halo2_case: Halo2Case) -> Parts:
    """The same proof as what a caller hands to the verifier."""
    result = halo2_case.result
    return Parts(result.statement, halo2_case.keys.key, Halo2Proof.decode(result.proof_file.proof))
