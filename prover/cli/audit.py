"""`inferproof model audit`: rebuild a key from the program, from nothing, and compare it with what was registered."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from circuits.errors import InputError
from circuits.program.file import load_program
from circuits.program.graph import Program
from circuits.statement import Route
from contracts.client.registry import Registry
from prover import halo2
from prover.cli.chain_options import DeploymentFile, RpcUrl, open_chain, open_deployment
from prover.cli.hex_words import word
from prover.cli.proofs import ProgramFile, SrsOption, read_key
from verifier.console import JsonOption, emit, progress_bar
from verifier.halo2_key import Halo2Key

ANSWERS_NO = ("audit_differs", "registration_of_another_model")


def audit(
    program: ProgramFile,
    key: Annotated[Path | None, typer.Option(help="A key file to check.")] = None,
    registration: Annotated[str | None, typer.Option(help="A registration to check, hex; needs a chain.")] = None,
    srs: SrsOption = None,
    rpc_url: RpcUrl = None,
    deployment: DeploymentFile = None,
    json: JsonOption = False,
) -> None:
    """Rebuilds the key from the program and compares it with a registration's or a file's; exit 1 if they differ."""
    source = load_program(program)
    if (key is None) == (registration is None):
        raise InputError("audit_subject", "say what to check: either --key or --registration")
    try:
        wanted = read_key(key, source) if key else _registered_key(source, registration or "", rpc_url, deployment)
        with tempfile.TemporaryDirectory(prefix="inferproof-audit-") as folder, progress_bar() as progress:
            halo2.audit(source, wanted, halo2.Halo2Options(srs=srs), progress, cache=halo2.KeyCache(Path(folder)))
    except InputError as error:
        if error.code not in ANSWERS_NO:
            raise
        emit(json, {"matches": False, "reason": error.as_dict()}, [f"DIFFERS: {error.message}"])
        raise typer.Exit(1) from error
    digest = "0x" + wanted.digest().hex()
    emit(json, {"matches": True, "reason": None, "key_digest": digest}, [f"MATCHES: key {digest} computes the program"])


def _registered_key(program: Program, registration: str, rpc_url: str | None, deployment: Path | None) -> Halo2Key:
    """The key that the chain would verify with, from the adapter's own storage."""
    chain = open_chain(rpc_url)
    addresses = open_deployment(deployment, chain)
    listed = Registry(chain, addresses["ModelRegistry"]).registration(word(registration, "registration id"))
    if listed.model_id != program.model_id():
        message = "the registration lists another program"
        raise InputError("registration_of_another_model", message, listed="0x" + listed.model_id.hex())
    pin = next((pin for pin in listed.pins if pin.route == Route.HALO2), None)
    if pin is None:
        raise InputError("registration_without_key", "the registration has no halo2 key bound")
    adapter = chain.contract("Halo2Adapter", addresses["Halo2Adapter"]).functions
    key = Halo2Key.from_tuple(tuple(chain.call(adapter.keyOf(pin.key_digest))))
    if key.digest() != pin.key_digest:
        raise InputError("audit_differs", "the adapter's key is not the one that the registry names")
    return key
