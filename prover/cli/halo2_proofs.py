"""The halo2 route's part of `setup`, `prove` and `commit`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from circuits.errors import InputError
from circuits.lower.halo2 import hides_input
from circuits.program.graph import Program
from circuits.program.values import Integers
from prover import halo2
from prover.backend import Estimate
from prover.cli.proof_report import INSECURE, Made, require_same, tell_estimate
from prover.cli.route_options import Parameters
from prover.cli.salt import load_or_draw
from prover.service.settings import Settings
from verifier.console import progress_bar, warn
from verifier.halo2_key import Halo2Key, InputMode, ParamMode


def setup_halo2(program: Program, parameters: Parameters, private_input: bool, srs: Path | None) -> Made:
    expected, keys = _keys(program, _options(ParamMode[parameters.name], private_input, srs))
    return Made(keys.key, keys, keys.key.unbound(), expected)


def prove_halo2(
    program: Program, inputs: Sequence[Integers], wanted: Halo2Key, srs: Path | None, salt: Path | None
) -> tuple[Estimate, halo2.Halo2Keys, halo2.ProofResult]:
    """Everything that can be refused is refused before the work starts."""
    if hides_input(program) and salt is None:
        raise InputError("salt_missing", "this program's input is committed with a salt: name its file with --salt")
    numbers = load_or_draw(salt) if salt else None
    estimate, keys = _keys(program, _options(wanted.param_mode, wanted.input_mode is InputMode.PRIVATE, srs))
    require_same(keys.key, wanted)
    with progress_bar() as progress:
        return estimate, keys, halo2.prove(program, inputs, keys, progress, salt=numbers)


def commit_input(program: Program, inputs: Sequence[Integers], salt: Path) -> bytes:
    """What a request for a hidden input carries in inputRoot's place."""
    if not hides_input(program):
        raise InputError("input_is_public", "this program's input is public: there is nothing to commit to")
    return halo2.commit_input(inputs, load_or_draw(salt))


def _options(parameters: ParamMode, private_input: bool, srs: Path | None) -> halo2.Halo2Options:
    limits = halo2.Limits(max_memory_bytes=Settings().memory_limit_bytes)
    return halo2.Halo2Options(parameters, private_input, srs, limits=limits)


def _keys(program: Program, options: halo2.Halo2Options) -> tuple[Estimate, halo2.Halo2Keys]:
    cache = halo2.KeyCache(Settings().cache_dir)
    with progress_bar() as progress:
        expected = halo2.estimate(program, options, cache, progress)
        tell_estimate(expected)
        keys = halo2.setup(program, options, cache, progress)
    if keys.insecure_srs:
        warn(INSECURE)
    return expected, keys
