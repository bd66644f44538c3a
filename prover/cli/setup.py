"""`inferproof setup`: from a program file to a route's key file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from circuits.program.file import load_program
from prover.cli.model_options import ProgramFile
from prover.cli.output_files import require_writable
from prover.cli.proof_report import write_key
from prover.cli.route_options import (
    ChallengeBond,
    ClaimBond,
    Clock,
    Extension,
    Parameters,
    ProveTime,
    RouteName,
    SrsOption,
    Window,
    refuse_options,
)
from prover.optimistic.key import TERM_NAMES
from verifier.console import JsonOption


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
    require_writable([output], [program, *([srs] if srs else [])])
    named = (claim_bond, challenge_bond, window, prove_time, clock, extension)
    terms = {name: value for name, value in zip(TERM_NAMES, named, strict=True) if value is not None}
    if route is not RouteName.OPTIMISTIC:
        refuse_options("the optimistic route", {"--" + name.replace("_", "-"): value for name, value in terms.items()})
    if route is not RouteName.HALO2:
        refuse_options("the halo2 route", {"--params": params, "--private-input": private_input})
    if route is RouteName.OPTIMISTIC:
        from prover.cli.optimistic_key import setup_optimistic

        refuse_options("the routes halo2 and sumcheck", {"--srs": srs})
        return setup_optimistic(program, output, terms, json)
    source = load_program(program)
    # No route waits for the others' libraries.
    if route is RouteName.SUMCHECK:
        from prover.cli.sumcheck_proofs import setup_sumcheck

        made = setup_sumcheck(source, srs)
    else:
        from prover.cli.halo2_proofs import setup_halo2

        made = setup_halo2(source, params or Parameters.FIXED, private_input, srs)
    write_key(made, output, json)
