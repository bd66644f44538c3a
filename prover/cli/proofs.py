"""`inferproof setup` for every route; `prove` and `commit`: the halo2 route from a program file to a proof file."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from circuits.errors import InputError
from circuits.lower.halo2 import hides_input
from circuits.program.file import load_program
from circuits.program.graph import Program
from circuits.program.input_file import read_inputs
from circuits.program.values import outputs_document
from circuits.statement import Route
from prover import halo2
from prover.backend import Phases
from prover.cli.optimistic_key import (
    ChallengeBond,
    ClaimBond,
    Clock,
    Extension,
    ProveTime,
    Window,
    setup_optimistic,
)
from prover.cli.output_files import require_writable
from prover.cli.salt import SaltFile, load_or_draw
from prover.optimistic.key import TERM_NAMES
from prover.service.settings import Settings
from verifier.cli import load_key
from verifier.console import JsonOption, emit, progress_bar, stderr, warn
from verifier.halo2_key import Halo2Key, InputMode, ParamMode
from verifier.messages import KeyFile
from verifier.srs import srs_digest

INSECURE = "INSECURE: this is the development SRS; anybody can forge proofs over it. Name another with --srs."


class RouteName(StrEnum):
    """The routes that have keys."""

    HALO2 = "halo2"
    OPTIMISTIC = "optimistic"


class ProvingRoute(StrEnum):
    """The routes that convince by a proof; `inferproof claim` is for those that don't."""

    HALO2 = "halo2"


class Parameters(StrEnum):
    """How a key binds the parameters."""

    FIXED = "fixed"
    HASHED = "hashed"
    PRIVATE = "private"


ProgramFile = Annotated[Path, typer.Argument(metavar="PROGRAM", help="Program file.")]
SrsOption = Annotated[Path | None, typer.Option("--srs", help="SRS file; without it the INSECURE development SRS.")]


def setup(
    program: ProgramFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="Key file to write.")],
    route: Annotated[RouteName, typer.Option(help="How to convince.")] = RouteName.HALO2,
    params: Annotated[
        Parameters | None, typer.Option(help="halo2: fixed by default; private binds nothing: local use only.")
    ] = None,
    private_input: Annotated[
        bool, typer.Option(help="halo2: hide the input and bind nothing: local use only.")
    ] = False,
    srs: SrsOption = None,
    claim_bond: ClaimBond = None,
    challenge_bond: ChallengeBond = None,
    window: Window = None,
    prove_time: ProveTime = None,
    clock: Clock = None,
    extension: Extension = None,
    json: JsonOption = False,
) -> None:
    """Makes the program's keys, or finds them in the cache, and writes the one that verifiers need."""
    require_writable([output], [program])
    named = (claim_bond, challenge_bond, window, prove_time, clock, extension)
    terms = {name: value for name, value in zip(TERM_NAMES, named, strict=True) if value is not None}
    if route is RouteName.OPTIMISTIC:
        _refuse("halo2", params or private_input or srs)
        return setup_optimistic(program, output, terms, json)
    _refuse("optimistic", terms)
    _setup_halo2(program, output, _options(ParamMode[(params or Parameters.FIXED).name], private_input, srs), json)


def _refuse(other: str, given: object) -> None:
    if given:
        raise InputError("bad_option", f"an option of the {other} route was given for another one")


def _setup_halo2(program: Path, output: Path, options: halo2.Halo2Options, json: bool) -> None:
    source = load_program(program)
    keys = _keys(source, options)
    output.write_bytes(KeyFile(Route.HALO2, keys.key.encode()).to_json())
    unbound = keys.key.unbound()
    if unbound:
        warn(f"unbound: {' and '.join(unbound)}. Proofs under this key are for local use and cannot be registered.")
    document: dict[str, Any] = {
        "route": RouteName.HALO2.value,
        "key": str(output),
        "key_digest": "0x" + keys.key.digest().hex(),
        "model_id": "0x" + keys.key.model_id.hex(),
        "srs_digest": "0x" + srs_digest(keys.s_g2).hex(),
        "insecure_srs": keys.insecure_srs,
        "unbound": unbound,
        "estimate": vars(keys.plan.estimate),
        "phases": keys.phases.as_list(),
    }
    emit(json, document, _phase_table(f"key {document['key_digest']} in {output}", keys.phases))


def prove(
    program: ProgramFile,
    input: Annotated[Path, typer.Argument(metavar="INPUT", help="Input file, .json or .npz.")],
    key: Annotated[Path, typer.Option(help="The key file that `setup` wrote.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Proof file to write.")],
    route: Annotated[ProvingRoute, typer.Option(help="How to convince.")] = ProvingRoute.HALO2,
    srs: SrsOption = None,
    salt: SaltFile | None = None,
    json: JsonOption = False,
) -> None:
    """Proves the program on one input. Everything that can be refused is refused before the work starts."""
    require_writable([output], [program, input, key])
    source = load_program(program)
    inputs = read_inputs(input, source)
    wanted = read_key(key, source)
    if hides_input(source) and salt is None:
        raise InputError("salt_missing", "this program's input is committed with a salt: name its file with --salt")
    numbers = load_or_draw(salt) if salt else None
    keys = _keys(source, _options(wanted.param_mode, wanted.input_mode is InputMode.PRIVATE, srs))
    if keys.key.encode() != wanted.encode():
        raise InputError("key_over_another_srs", "the key file is not this program's key over this SRS", key=str(key))
    with progress_bar() as progress:
        result = halo2.prove(source, inputs, keys, progress, salt=numbers)
    output.write_bytes(result.proof_file.to_json())
    document: dict[str, Any] = {
        "route": route.value,
        "proof": str(output),
        "proof_bytes": len(result.proof_file.proof),
        "statement": {name: "0x" + value.hex() for name, value in vars(result.statement).items()},
        "unbound": result.unbound,
        "phases": [*keys.phases.as_list(), *result.phases.as_list()],
        **outputs_document(source, result.outputs),
    }
    emit(json, document, _phase_table(f"proof of model 0x{source.model_id().hex()} in {output}", result.phases))


def commit(
    program: ProgramFile,
    input: Annotated[Path, typer.Argument(metavar="INPUT", help="Input file, .json or .npz.")],
    salt: SaltFile,
    json: JsonOption = False,
) -> None:
    """Prints what a request for a hidden input carries in inputRoot's place."""
    source = load_program(program)
    if not hides_input(source):
        raise InputError("input_is_public", "this program's input is public: there is nothing to commit to")
    root = "0x" + halo2.commit_input(read_inputs(input, source), load_or_draw(salt)).hex()
    emit(json, {"input_root": root, "salt": str(salt)}, [f"input root {root}, salt in {salt}"])


def read_key(path: Path, program: Program) -> Halo2Key:
    """A key file, of this program."""
    key = load_key(path)
    if key.model_id != program.model_id():
        expected, got = program.model_id().hex(), key.model_id.hex()
        raise InputError("key_for_another_model", f"{path} is another program's key", expected=expected, got=got)
    return key


def _options(parameters: ParamMode, private_input: bool, srs: Path | None) -> halo2.Halo2Options:
    limits = halo2.Limits(max_memory_bytes=Settings().memory_limit_bytes)
    return halo2.Halo2Options(parameters, private_input, srs, limits=limits)


def _keys(program: Program, options: halo2.Halo2Options) -> halo2.Halo2Keys:
    cache = halo2.KeyCache(Settings().cache_dir)
    with progress_bar() as progress:
        expected = halo2.estimate(program, options, cache, progress)
        memory, disk = (f"{size / 2**30:.1f} GiB" for size in (expected.peak_memory_bytes, expected.disk_bytes))
        stderr.print(
            f"expected: {expected.rows:,} rows (logrows {expected.logrows}), setup {expected.setup_s:.0f} s, "
            f"proof {expected.prove_s:.0f} s, {memory} of memory, {disk} of disk",
            highlight=False,
        )
        keys = halo2.setup(program, options, cache, progress)
    if keys.insecure_srs:
        warn(INSECURE)
    return keys


def _phase_table(title: str, phases: Phases) -> Table:
    table = Table("phase", "seconds", "peak memory", title=title)
    for report in phases.reports:
        memory = "cached" if report.cached else f"{report.peak_memory_bytes / 2**20:,.0f} MiB"
        table.add_row(report.name, f"{report.seconds:.2f}", memory)
    return table
