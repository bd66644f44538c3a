"""`inferproof model audit`: rebuild a program's keys from nothing, and compare them with what was registered."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from circuits.errors import InputError
from circuits.program.file import load_program
from circuits.program.graph import Program
from circuits.statement import Route
from contracts.client.deployment import Deployment
from contracts.client.disputes import OptimisticClaims
from contracts.client.registry import Registry
from contracts.client.types import RoutePin
from prover.cli.chain_options import DeploymentFile, RpcUrl, open_chain, open_deployment
from prover.cli.hex_words import word
from prover.cli.model_options import ProgramFile
from prover.cli.proof_report import INSECURE
from prover.cli.proofs import read_key
from prover.cli.route_options import SrsOption
from prover.key_cache import KeyCache
from prover.optimistic.key import is_optimistic
from prover.optimistic.key import read_key as read_optimistic_key
from verifier.acceptance import Key, route_of
from verifier.console import JsonOption, emit, progress_bar, warn
from verifier.halo2_key import Halo2Key
from verifier.sumcheck_key import SumcheckKey

if TYPE_CHECKING:  # whose libraries are slow to load
    from contracts.client.chain import Chain

ANSWERS_NO = ("audit_differs", "registration_of_another_model", "key_of_another_program")

# A key that computes the program: its route and its digest.
Audited = tuple[Route, bytes]


def audit(
    program: ProgramFile,
    key: Annotated[Path | None, typer.Option(help="A key file to check.")] = None,
    registration: Annotated[str | None, typer.Option(help="A registration to check, hex; needs a chain.")] = None,
    srs: SrsOption = None,
    rpc_url: RpcUrl = None,
    deployment: DeploymentFile = None,
    json: JsonOption = False,
) -> None:
    """Rebuilds the key from the program and compares it with a file's, or with every one that a registration has bound;
    exit 1 if they differ."""
    source = load_program(program)
    if (key is None) == (registration is None):
        raise InputError("audit_subject", "say what to check: either --key or --registration")
    try:
        if key is not None:
            found = [_file(source, key, srs)]
        else:
            chain = open_chain(rpc_url)
            found = _registered(source, registration or "", srs, chain, open_deployment(deployment, chain))
    except InputError as error:
        if error.code not in ANSWERS_NO:
            raise
        emit(json, {"matches": False, "reason": error.as_dict()}, [f"DIFFERS: {error.message}"])
        raise typer.Exit(1) from error
    keys = [{"route": route.name.lower(), "key_digest": "0x" + digest.hex()} for route, digest in found]
    lines = [f"MATCHES: {key['route']} key {key['key_digest']} computes the program" for key in keys]
    emit(json, {"matches": True, "reason": None, "key_digest": keys[0]["key_digest"], "keys": keys}, lines)


def _file(program: Program, path: Path, srs: Path | None) -> Audited:
    if is_optimistic(path):
        return Route.OPTIMISTIC, read_optimistic_key(path, program).digest()
    return _rebuilt(program, read_key(path, program), srs)


def _rebuilt(program: Program, wanted: Key, srs: Path | None) -> Audited:
    # Neither route waits for the other's libraries.
    if isinstance(wanted, SumcheckKey):
        from prover.cli.sumcheck_proofs import require_srs_of

        require_srs_of(wanted, srs)
    if srs is None:
        warn(INSECURE)
    with tempfile.TemporaryDirectory(prefix="inferproof-audit-") as folder, progress_bar() as progress:
        cache = KeyCache(Path(folder))
        if isinstance(wanted, SumcheckKey):
            from prover import sumcheck

            sumcheck.audit(program, wanted, srs, cache=cache, progress=progress)
        else:
            from prover import halo2

            halo2.audit(program, wanted, halo2.Halo2Options(srs=srs), progress, cache=cache)
    return route_of(wanted), wanted.digest()


def _registered(
    program: Program, registration: str, srs: Path | None, chain: Chain, addresses: Deployment
) -> list[Audited]:
    """Every key that the registration has bound, as the routes' own contracts hold them."""
    listed = Registry(chain, addresses["ModelRegistry"]).registration(word(registration, "registration id"))
    if listed.model_id != program.model_id():
        message = "the registration lists another program"
        raise InputError("registration_of_another_model", message, listed="0x" + listed.model_id.hex())
    if not listed.pins:
        raise InputError("registration_without_key", "the registration has no key bound")
    return [_pinned(program, pin, srs, chain, addresses) for pin in listed.pins]


def _pinned(program: Program, pin: RoutePin, srs: Path | None, chain: Chain, addresses: Deployment) -> Audited:
    if pin.route == Route.OPTIMISTIC:
        from prover.optimistic.claim import require_key  # which can do all that a claim takes

        require_key(OptimisticClaims(chain, addresses["OptimisticClaims"]).key(pin.key_digest), program)
        return Route.OPTIMISTIC, pin.key_digest
    if pin.route != Route.HALO2:
        message = f"no contract holds keys of route {pin.route}: audit the key's file with --key"
        raise InputError("route_not_audited", message, route=pin.route)
    adapter = chain.contract("Halo2Adapter", addresses["Halo2Adapter"]).functions
    key = Halo2Key.from_tuple(tuple(chain.call(adapter.keyOf(pin.key_digest))))
    if key.digest() != pin.key_digest:
        raise InputError("audit_differs", "the adapter's key is not the one that the registry names")
    return _rebuilt(program, key, srs)
