"""`inferproof verify`: does this proof convince of what the caller asked for? Exit code 0 yes, 1 no."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from circuits.errors import InputError
from circuits.program.file import load_program
from circuits.program.graph import Program
from circuits.program.input_file import read_inputs
from circuits.program.refs import Visibility
from circuits.program.values import outputs_document
from circuits.statement import Hasher, input_root, keccak256, output_root
from verifier.acceptance import Wanted, accept, load_key
from verifier.claimed_outputs import claimed_outputs
from verifier.console import JsonOption, emit, warn
from verifier.curve import Arithmetic, require_srs_point
from verifier.errors import VerificationError
from verifier.messages import ProofFile
from verifier.opened import Opened
from verifier.outputs_table import integers_line, outputs_table
from verifier.srs import DEVELOPMENT_S_G2, Accepted, G2Point, srs_fields

# The files that input and output were compared with.
Compared = Mapping[str, Path | None]

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="Verifies proofs; no native code of ours.")


@app.callback()
def _verbs() -> None:
    """Keeps `verify` a verb when it is the only one."""


def verify_command(arithmetic: Arithmetic | None = None, hasher: Hasher = keccak256) -> Callable[..., None]:
    """The verb, computing with what it is given: by default nothing but Python."""

    def verify_proof(
        proof: Annotated[Path, typer.Argument(metavar="PROOF", help="Proof file.")],
        key: Annotated[Path, typer.Option(help="Key file of the route and program.")],
        model: Annotated[str | None, typer.Option(help="The modelId that must be proven, hex.")] = None,
        program: Annotated[
            Path | None, typer.Option(help="The program that must be proven; it names the outputs.")
        ] = None,
        input: Annotated[Path | None, typer.Option(help="The input that must be proven (needs --program).")] = None,
        output: Annotated[
            Path | None,
            typer.Option(
                help="The output that must be proven, as `model run` or `verify` print it with --json; needs --program."
            ),
        ] = None,
        srs_g2: Annotated[
            list[str] | None,
            typer.Option(help="An accepted s·G2, 256 hex digits, as `inferproof srs verify` prints that of a file."),
        ] = None,
        allow_insecure_srs: Annotated[bool, typer.Option(help="Accept the development SRS. INSECURE.")] = False,
        json: JsonOption = False,
    ) -> None:
        """Checks a proof against what is asked for; nothing the proof says about itself is believed. An input or output
        that is not named may be any. With --json, `compared` tells which of the two were named; `outputs` are an object
        by name with --program, else a list in the program's order."""
        wanted_program = load_program(program) if program else None
        model_id = _model_id(model, wanted_program, hasher)
        accepted = _accepted(srs_g2 or [], allow_insecure_srs)
        callers_key = load_key(key)
        try:
            wanted = Wanted(model_id, accepted, *_roots(wanted_program, input, output, hasher))
            file = ProofFile.load(proof)
            opened = accept(file, callers_key, wanted, arithmetic, hasher)
        except VerificationError as error:
            emit(json, {"valid": False, "reason": error.as_dict()}, [f"INVALID: {error.message}  [{error.code}]"])
            raise typer.Exit(1) from error
        shown = (file, opened, wanted_program, {"input": input, "output": output})
        emit(json, _document(*shown), _lines(*shown))

    return verify_proof


app.command("verify")(verify_command())


def _model_id(model: str | None, program: Program | None, hasher: Hasher) -> bytes:
    """What the caller asked for, from whichever way it was named; both ways must agree."""
    named = _hex_word(model) if model else None
    if program is None and named is None:
        raise InputError("model_missing", "say which program must be proven: --model or --program")
    if program is None:
        return named or b""
    model_id = program.model_id(hasher)
    if named is not None and named != model_id:
        raise InputError("model_differs", "--model and --program name two programs", program="0x" + model_id.hex())
    return model_id


def _hex_word(text: str) -> bytes:
    try:
        word = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        word = b""
    if len(word) != 32:
        raise InputError("model_malformed", "a modelId is 64 hex digits", got=text[:80])
    return word


def _accepted(points: list[str], allow_insecure: bool) -> Accepted:
    accepted = {_point(text) for text in points}
    if allow_insecure:
        accepted.add(DEVELOPMENT_S_G2)
    if DEVELOPMENT_S_G2 in accepted:
        warn("INSECURE: proofs over the development SRS are accepted; anybody can forge them.")
    return Accepted(srs_g2=frozenset(accepted))


def _point(text: str) -> G2Point:
    digits = text.removeprefix("0x")
    try:
        words = [int(digits[i : i + 64], 16) for i in range(0, 256, 64)] if len(digits) == 256 else []
    except ValueError:
        words = []
    if not words:
        raise InputError("srs_g2_malformed", "an s·G2 is 256 hex digits: x1, x0, y1, y0", got=text[:80])
    point = (words[0], words[1], words[2], words[3])
    try:
        require_srs_point(point)
    except ValueError as error:
        raise InputError("srs_g2_malformed", f"no SRS has this s·G2: {error}", got=text[:80]) from error
    return point


def _roots(
    program: Program | None, input: Path | None, output: Path | None, hasher: Hasher
) -> tuple[bytes | None, bytes | None]:
    """Those of the input and the output that must be proven, where the caller names them."""
    if program is None:
        if input or output:
            raise InputError("program_missing", "--input and --output are read by the program's ports: add --program")
        return None, None
    if input and any(port.visibility is Visibility.HASHED for port in program.inputs):
        message = "this program's input is committed with a salt: compare input_root with `inferproof commit`"
        raise InputError("input_is_hashed", message)
    return (
        input_root(read_inputs(input, program), hasher) if input else None,
        output_root(claimed_outputs(output, program), hasher) if output else None,
    )


def _document(file: ProofFile, opened: Opened, program: Program | None, compared: Compared) -> dict[str, object]:
    """A proof and its key know shapes and integers; what they are called and stand for, only the program."""
    outputs: object = [{"shape": list(t.shape), "integers": t.ravel().tolist()} for t in opened.outputs]
    if program is not None:
        outputs = outputs_document(program, opened.outputs)["outputs"]
    return {
        "valid": True,
        "reason": None,
        "statement": {name: "0x" + root.hex() for name, root in vars(file.statement).items()},
        "compared": {name: path is not None for name, path in compared.items()},
        "outputs": outputs,
        **srs_fields(file.srs_digest),
    }


def _lines(file: ProofFile, opened: Opened, program: Program | None, compared: Compared) -> list[str | Table]:
    lines = [f"VALID: model 0x{file.statement.model_id.hex()}", *_compared_lines(opened, compared)]
    if program is not None:
        return [*lines, outputs_table(outputs_document(program, opened.outputs))]
    return [*lines, *(f"output {i}: {integers_line(t)}" for i, t in enumerate(opened.outputs))]


def _compared_lines(opened: Opened, compared: Compared) -> list[str]:
    """What of the statement is the caller's own, and what the proof's."""
    told = [f"{name}: compared with {path}" for name, path in compared.items() if path is not None]
    if compared["input"] is not None:
        return told
    if opened.inputs is None:
        how = "it is hidden: compare input_root in --json with what `inferproof commit` prints"
    else:
        how = "name the one you mean with --input"
    return [f"input: not compared; {how}", *told]
