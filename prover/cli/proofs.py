"""`inferproof prove` and `commit`: from a program file and its key file to a proof file."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from circuits.errors import InputError
from circuits.program.file import load_program
from circuits.program.graph import Program
from circuits.program.input_file import read_inputs
from prover.cli.model_options import ProgramFile
from prover.cli.output_files import require_writable
from prover.cli.proof_report import require_srs_of, write_proof
from prover.cli.route_options import SrsOption, refuse_options
from prover.cli.salt import SaltFile, SaltFileIfAny
from prover.kernels import fast_hasher
from verifier.acceptance import Key, load_key, route_of
from verifier.console import JsonOption, emit
from verifier.sumcheck_key import SumcheckKey


class ProvingRoute(StrEnum):
    """The routes that convince by a proof; `inferproof claim` is for those that don't."""

    HALO2 = "halo2"
    SUMCHECK = "sumcheck"


def prove(
    program: ProgramFile,
    input: Annotated[Path, typer.Argument(metavar="INPUT", help="Input file, .json or .npz.")],
    key: Annotated[Path, typer.Option(help="The key file that `setup` wrote.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Proof file to write.")],
    route: Annotated[
        ProvingRoute | None, typer.Option(help="How to convince; the key's route by default.", show_default=False)
    ] = None,
    srs: SrsOption = None,
    salt: SaltFileIfAny = None,
    json: JsonOption = False,
) -> None:
    """Proves the program on one input. Everything that can be refused is refused before the work starts; keys that the
    cache does not hold are made again, which takes as long as `setup`. With --json, `unbound` names what the
    proof leaves open, the parameters or the input; it is empty where the proof binds both."""
    require_writable([output], [program, input, key, *([srs] if srs else [])])
    source = load_program(program)
    inputs = read_inputs(input, source)
    wanted = read_key(key, source)
    if route is not None and route.value != route_of(wanted).name.lower():
        message = f"{key} is a key of the route {route_of(wanted).name.lower()}, not of {route.value}"
        raise InputError("key_of_another_route", message, key=str(key))
    require_srs_of(wanted, srs)
    # Neither route waits for the other's libraries.
    if isinstance(wanted, SumcheckKey):
        from prover.cli.sumcheck_proofs import prove_sumcheck

        refuse_options("the halo2 route", {"--salt": salt})
        write_proof(source, *prove_sumcheck(source, inputs, wanted, srs), output, json)
    else:
        from prover.cli.halo2_proofs import prove_halo2

        write_proof(source, *prove_halo2(source, inputs, wanted, srs, salt), output, json)


def commit(
    program: ProgramFile,
    input: Annotated[Path, typer.Argument(metavar="INPUT", help="Input file, .json or .npz.")],
    salt: SaltFile,
    json: JsonOption = False,
) -> None:
    """Prints what a request for a hidden input carries in inputRoot's place."""
    from prover.cli.halo2_proofs import commit_input

    source = load_program(program)
    root = "0x" + commit_input(source, read_inputs(input, source), salt).hex()
    emit(json, {"input_root": root, "salt": str(salt)}, [f"input root {root}, salt in {salt}"])


def read_key(path: Path, program: Program) -> Key:
    """A key file of a route that proves, and of this program."""
    key, model_id = load_key(path), program.model_id(fast_hasher)
    if key.model_id != model_id:
        expected, got = ("0x" + word.hex() for word in (model_id, key.model_id))
        raise InputError("key_for_another_model", f"{path} is another program's key", expected=expected, got=got)
    return key
