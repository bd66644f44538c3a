"""The halo2 route as a `ports.Prover`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from circuits.program.graph import Program
from circuits.statement import Route
from prover import halo2
from prover.backend import Estimate, Progress
from prover.service.adapters.pairing_routes import require_pinned, require_srs
from prover.service.adapters.ports import Integers, Proof
from verifier.messages import KeyFile


class Halo2Prover:
    """Keys come from the content-addressed cache, and are made there by the first proof of a program."""

    route = int(Route.HALO2)

    def __init__(self, cache_dir: Path, srs: Path | None, *, allow_insecure_srs: bool) -> None:
        require_srs(srs, allow_insecure=allow_insecure_srs)
        # One cache object for the whole process: it checks a key's bytes once, not for every proof.
        self._cache = halo2.KeyCache(cache_dir)
        self._options = halo2.Halo2Options(srs=srs)

    def estimate(self, program: Program) -> Estimate:
        return halo2.estimate(program, self._options, self._cache)

    def prove(
        self, program: Program, inputs: Sequence[Integers], progress: Progress, expected_key: bytes | None = None
    ) -> Proof:
        keys = halo2.setup(program, self._options, self._cache, progress)
        digest = keys.key.digest()
        require_pinned(digest, expected_key)
        made = halo2.prove(program, inputs, keys, progress)
        phases = (*keys.phases.as_list(), *made.phases.as_list())
        key_file = KeyFile(Route.HALO2, keys.key.encode()).to_json()
        return Proof(made.proof_file.to_json(), key_file, made.statement, digest, made.outputs, phases)
