"""`inferproof model audit`: rebuild a program's keys from nothing, and compare them with what was registered."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from prover.cli.proof_report import INSECURE, require_srs_of
from prover.cli.proofs import read_key
from prover.cli.route_options import SrsOption
from prover.key_cache import KeyCache
from prover.optimistic.key import is_optimistic
from prover.optimistic.key import read_key as read_optimistic_key
from verifier.acceptance import Key, key_srs_digest, route_of
from verifier.console import JsonOption, emit, progress_bar, warn
from verifier.halo2_key import Halo2Key
from verifier.srs import srs_fields
from verifier.sumcheck_key import SumcheckKey

if TYPE_CHECKING:  # whose libraries are slow to load
    from contracts.client.chain import Chain

ANSWERS_NO = ("audit_differs", "registration_of_another_model", "key_of_another_program")

# A key that was looked at: its route and digest, and once it is read, the SRS that it stands on, if on any.
Audited = dict[str, Any]


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
    exit 1 if they differ, 2 if a key file is of another program or over another SRS."""
    source = load_program(program)
    if (key is None) == (registration is None):
        raise InputError("audit_subject", "say what to check: either --key or --registration")
    found: list[Audited] = []
    try:
        if key is not None:
            _file(source, key, srs, found)
        else:
            chain = open_chain(rpc_url)
            _registered(source, registration or "", srs, chain, open_deployment(deployment, chain), found)
    except InputError as error:
        if error.code not in ANSWERS_NO:
            raise
        subject = "key file" if key is not None else "registration"
        told = [f"  {name}: {value}" for name, value in error.details.items()]
        lines = [f"DIFFERS: {error.message}: do not trust the {subject}", *told]
        emit(json, _document(found, error.as_dict()), lines)
        raise typer.Exit(1) from error
    document = _document(found, None)
    lines = [f"MATCHES: {each['route']} key {each['key_digest']} computes the program" for each in document["keys"]]
    emit(json, document, lines)


def _document(keys: Sequence[Audited], reason: dict[str, Any] | None) -> dict[str, Any]:
    """`keys` are those looked at, in order; with a reason, the last of them is the one that differs."""
    subject = keys[-1 if reason else 0]["key_digest"] if keys else None
    return {"matches": reason is None, "reason": reason, "key_digest": subject, "keys": keys}


def _audited(route: Route, digest: bytes) -> Audited:
    return {"route": route.name.lower(), "key_digest": "0x" + digest.hex()}


def _file(program: Program, path: Path, srs: Path | None, found: list[Audited]) -> None:
    if is_optimistic(path):
        found.append(_audited(Route.OPTIMISTIC, read_optimistic_key(path, program).digest()))
        return
    key = read_key(path, program)
    found.append(_audited(route_of(key), key.digest()))
    _rebuild(program, key, srs, found[-1])


def _rebuild(program: Program, wanted: Key, srs: Path | None, told: Audited) -> None:
    told |= srs_fields(key_srs_digest(wanted))
    require_srs_of(wanted, srs)
    if told["insecure_srs"]:
        warn(INSECURE)
    with tempfile.TemporaryDirectory(prefix="inferproof-audit-") as folder, progress_bar() as progress:
        cache = KeyCache(Path(folder))
        # Neither route waits for the other's libraries.
        if isinstance(wanted, SumcheckKey):
            from prover import sumcheck

            sumcheck.audit(program, wanted, srs, cache=cache, progress=progress)
        else:
            from prover import halo2

            halo2.audit(program, wanted, halo2.Halo2Options(srs=srs), progress, cache=cache)


def _registered(
    program: Program,
    registration: str,
    srs: Path | None,
    chain: Chain,
    addresses: Deployment,
    found: list[Audited],
) -> None:
    """Every key that the registration has bound, as the routes' own contracts hold them."""
    listed = Registry(chain, addresses["ModelRegistry"]).registration(word(registration, "registration id"))
    if listed.model_id != program.model_id():
        message = "the registration lists another program"
        raise InputError("registration_of_another_model", message, listed="0x" + listed.model_id.hex())
    if not listed.pins:
        raise InputError("registration_without_key", "the registration has no key bound")
    for pin in listed.pins:
        if pin.route not in (Route.OPTIMISTIC, Route.HALO2):
            message = f"no contract holds keys of route {pin.route}: audit the key's file with --key"
            raise InputError("route_not_audited", message, route=pin.route)
        found.append(_audited(Route(pin.route), pin.key_digest))
        _pinned(program, pin, srs, chain, addresses, found[-1])


def _pinned(
    program: Program, pin: RoutePin, srs: Path | None, chain: Chain, addresses: Deployment, told: Audited
) -> None:
    if pin.route == Route.OPTIMISTIC:
        from prover.optimistic.claim import require_key  # which can do all that a claim takes

        require_key(OptimisticClaims(chain, addresses["OptimisticClaims"]).key(pin.key_digest), program)
        return
    adapter = chain.contract("Halo2Adapter", addresses["Halo2Adapter"]).functions
    key = Halo2Key.from_tuple(tuple(chain.call(adapter.keyOf(pin.key_digest))))
    if key.digest() != pin.key_digest:
        raise InputError("audit_differs", "the adapter's key is not the one that the registry names")
    key.check()
    _rebuild(program, key, srs, told)
