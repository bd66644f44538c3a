"""The halo2 route as a `ports.Prover`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from circuits.errors import InputError
from circuits.program.graph import Program
from circuits.statement import Route
from prover import halo2
from prover.backend import Estimate, Progress
from prover.service.adapters.ports import Integers, Proof
from prover.srs import srs_g2
from verifier.srs import DEVELOPMENT_S_G2


class Halo2Prover:
    """Keys come from the content-addressed cache, and are made there by the first proof of a program."""

    route = int(Route.HALO2)

    def __init__(self, cache_dir: Path, srs: Path | None, *, allow_insecure_srs: bool) -> None:
        insecure = srs is None or srs_g2(srs) == DEVELOPMENT_S_G2
        if insecure and not allow_insecure_srs:
            raise InputError(
                "srs_missing",
                "name an SRS file of a ceremony (INFERPROOF_SRS), or for development allow the INSECURE one "
                "(INFERPROOF_ALLOW_INSECURE_SRS=true): anybody can forge proofs over it",
            )
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
        if expected_key is not None and digest != expected_key:
            raise InputError(
                "key_of_another_setup",
                "the request pins another key than this service's setup gives: another SRS, or another lowering",
                expected="0x" + expected_key.hex(),
                got="0x" + digest.hex(),
            )
        made = halo2.prove(program, inputs, keys, progress)
        phases = (*keys.phases.as_list(), *made.phases.as_list())
        return Proof(made.proof_file.to_json(), made.statement, digest, made.outputs, phases)
