"""What `setup` and `prove` say, the same for every route that convinces by a proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rich.table import Table

from circuits.errors import InputError
from circuits.program.graph import Program
from circuits.program.values import Integers, outputs_document
from circuits.statement import Statement
from prover.backend import Estimate, Phases
from prover.cli.output_files import write_file
from prover.cli.plain_text import about_s, size
from prover.srs import srs_g2
from verifier.acceptance import Key, key_srs_digest, route_of
from verifier.console import emit, stderr, warn
from verifier.messages import MAX_FILE_BYTES, KeyFile, ProofFile
from verifier.outputs_table import outputs_table
from verifier.srs import DEVELOPMENT_S_G2, srs_digest, srs_fields

INSECURE = "INSECURE: this is the development SRS; anybody can forge proofs over it. Name another with --srs."


class Keys(Protocol):
    """What a route's setup hands back."""

    @property
    def phases(self) -> Phases: ...


class Proven(Protocol):
    """What a route's prover hands back."""

    @property
    def proof_file(self) -> ProofFile: ...

    @property
    def statement(self) -> Statement: ...

    @property
    def outputs(self) -> Sequence[Integers]: ...

    @property
    def phases(self) -> Phases: ...

    @property
    def unbound(self) -> list[str]: ...


@dataclass(frozen=True)
class Made:
    """A key that `setup` made, with what it was told to cost."""

    key: Key
    keys: Keys
    unbound: list[str]
    estimate: Estimate


def require_srs_of(key: Key, srs: Path | None) -> None:
    """Refuses, before any work, to compare a key with one over another SRS."""
    named, stands_on = srs_digest(DEVELOPMENT_S_G2 if srs is None else srs_g2(srs)), key_srs_digest(key)
    if named != stands_on:
        message = "the key stands on another SRS: name its file with --srs"
        expected, got = ("0x" + digest.hex() for digest in (named, stands_on))
        raise InputError("key_over_another_srs", message, expected=expected, got=got)


def require_same(own: Key, wanted: Key) -> None:
    """Refuses to prove under a key that this machine's setup does not give."""
    if own.encode() != wanted.encode():
        expected, got = ("0x" + key.digest().hex() for key in (own, wanted))
        message = "the key file is not the one that this program gives here: audit it, or run `setup` again"
        raise InputError("key_of_another_setup", message, expected=expected, got=got)


def tell_estimate(estimate: Estimate) -> None:
    """Before the work: what it will cost."""
    memory, disk = size(estimate.peak_memory_bytes), size(estimate.disk_bytes)
    circuit = f"{estimate.rows:,} rows, " if estimate.rows is not None else ""
    stderr.print(
        f"expected: {circuit}an SRS of k = {estimate.srs_k}, setup {about_s(estimate.setup_s)}, "
        f"proof {about_s(estimate.prove_s)}, {memory} of memory, {disk} of disk",
        highlight=False,
    )


def write_key(made: Made, output: Path, json: bool) -> None:
    """The file that verifiers need, and the document about it."""
    key, keys = made.key, made.keys
    file = KeyFile(route_of(key), key.encode()).to_json()
    if len(file) > MAX_FILE_BYTES:
        message = f"the key file would have {len(file):,} bytes, and verifiers read {MAX_FILE_BYTES:,}"
        raise InputError("key_too_large", message, bytes=len(file), limit=MAX_FILE_BYTES)
    write_file(output, file)
    if made.unbound:
        warn(
            f"unbound: {' and '.join(made.unbound)}. Proofs under this key are for local use and cannot be registered."
        )
    document: dict[str, Any] = {
        "route": route_of(key).name.lower(),
        "key": str(output),
        "key_digest": "0x" + key.digest().hex(),
        "model_id": "0x" + key.model_id.hex(),
        **srs_fields(key_srs_digest(key)),
        "unbound": made.unbound,
        "estimate": vars(made.estimate),
        "phases": keys.phases.as_list(),
    }
    emit(json, document, _phase_table(f"key {document['key_digest']} in {output}", keys.phases))


def write_proof(program: Program, estimate: Estimate, keys: Keys, result: Proven, output: Path, json: bool) -> None:
    """The proof file, and the document about it: what it did cost beside what was told."""
    write_file(output, result.proof_file.to_json())
    statement = {name: "0x" + value.hex() for name, value in vars(result.statement).items()}
    document: dict[str, Any] = {
        "route": result.proof_file.route.name.lower(),
        "proof": str(output),
        "proof_bytes": len(result.proof_file.proof),
        "statement": statement,
        **srs_fields(result.proof_file.srs_digest),
        "unbound": result.unbound,
        "estimate": vars(estimate),
        "phases": [*keys.phases.as_list(), *result.phases.as_list()],
        **outputs_document(program, result.outputs),
    }
    table = _phase_table(f"proof of model {statement['model_id']} in {output}", result.phases)
    peak = max(report.peak_memory_bytes for report in result.phases.reports)
    told = f"peak memory {size(peak)}, and {size(estimate.peak_memory_bytes)} was expected"
    emit(json, document, [outputs_table(document), table, told])


def _phase_table(title: str, phases: Phases) -> Table:
    table = Table("phase", "seconds", "peak of its process", title=title)
    for report in phases.reports:
        memory = "cached" if report.cached else f"{report.peak_memory_bytes / 2**20:,.0f} MiB"
        table.add_row(report.name, f"{report.seconds:.2f}", memory)
    return table
