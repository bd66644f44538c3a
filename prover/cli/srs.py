"""`inferproof srs`: the structured reference strings of the routes that prove."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from prover import srs
from verifier.console import JsonOption, emit, progress_bar, warn

app = typer.Typer(no_args_is_help=True, help="Generate, fetch and verify SRS files in the format ezkl reads.")

Power = Annotated[int, typer.Option("-k", help="The file holds 2^k points of each basis.", min=1, max=26)]
Target = Annotated[Path, typer.Option("-o", "--output", help="File to write.")]

INSECURE = "INSECURE: this SRS has a public tau; anybody can forge proofs over it. For development only."


@app.command()
def dev(k: Power, output: Target, json: JsonOption = False) -> None:
    """Generates a development SRS with a fixed, public tau."""
    warn(INSECURE)
    with progress_bar() as progress:
        srs.generate_dev_srs(k, output, progress)
    document = {"path": str(output), "k": k, "insecure": True}
    emit(json, document, [f"{output}: 2^{k} points, INSECURE"])


@app.command()
def fetch(
    k: Power,
    output: Target,
    url: Annotated[str, typer.Option(help="Folder of the ceremony's files.")] = srs.CEREMONY_URL,
    json: JsonOption = False,
) -> None:
    """Downloads the public ceremony's file for k and checks its digest and its pairings."""
    with progress_bar() as progress:
        report = srs.fetch_srs(k, output, base_url=url, progress=progress)
    emit(json, report.as_dict(), [f"{output}: 2^{k} points of the public ceremony, verified", _s_g2_line(report)])


@app.command()
def verify(
    path: Annotated[Path, typer.Argument(help="SRS file to check.")],
    sha256: Annotated[str | None, typer.Option(help="The digest the file must have.")] = None,
    json: JsonOption = False,
) -> None:
    """Checks a file: length, every point, consecutive powers by pairing, both bases against each other."""
    with progress_bar() as progress:
        report = srs.verify_srs(path, expected_digest=sha256, progress=progress)
    if report.insecure:
        warn(INSECURE)
    found = f"{path}: valid, 2^{report.k} points, origin {report.origin}, sha256 {report.sha256}"
    emit(json, report.as_dict(), [found, _s_g2_line(report)])


def _s_g2_line(report: srs.SrsReport) -> str:
    return f"s·G2, for --srs-g2: {report.as_dict()['s_g2']}"
