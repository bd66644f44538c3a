"""`inferproof model register`: list a program on a chain and bind its key, once and for all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from circuits.errors import InputError
from circuits.program.file import load_program
from circuits.program.graph import Program
from circuits.statement import Route
from contracts.client.deploy import HALO2_SELECTOR
from contracts.client.deployment import Deployment
from contracts.client.registry import Registry
from contracts.client.types import RoutePin
from prover.cli.chain_options import DeploymentFile, DevAccount, KeyFile, RpcUrl, open_chain, open_deployment
from prover.cli.model_options import ProgramFile
from prover.cli.optimistic_key import optimistic_pin, register_optimistic, unplayed_on
from prover.cli.plain_text import field_lines, gas
from prover.cli.proofs import read_key
from prover.optimistic.key import OptimisticKey, is_optimistic
from prover.optimistic.key import read_key as read_optimistic_key
from verifier.console import JsonOption, emit, warn
from verifier.halo2_key import Halo2Key
from verifier.sumcheck_key import SumcheckKey

if TYPE_CHECKING:  # whose libraries are slow to load
    from contracts.client.chain import Chain


def register(
    program: ProgramFile,
    key: Annotated[Path, typer.Option(help="The key file that `setup` wrote, of a route that contracts know.")],
    locator: Annotated[str, typer.Option(help="Where anybody finds the program file (URL).")] = "",
    rpc_url: RpcUrl = None,
    deployment: DeploymentFile = None,
    private_key_file: KeyFile = None,
    dev_account: DevAccount = None,
    json: JsonOption = False,
) -> None:
    """Registers the program under the paying account. What is done already is left as it is."""
    source = load_program(program)
    routes_key = read_optimistic_key(key, source) if is_optimistic(key) else _bound_key(key, source)
    chain = open_chain(rpc_url, private_key_file, dev_account)
    addresses = open_deployment(deployment, chain)
    registry = Registry(chain, addresses["ModelRegistry"])
    registration_id = registry.registration_id(chain.address, source.model_id())
    listed = registry.exists(registration_id)
    pin = _pin(routes_key)
    bound = _bound(registry.registration(registration_id).pins, pin) if listed else False
    warnings = unplayed_on(chain, routes_key) if isinstance(routes_key, OptimisticKey) else []
    for warning in warnings:
        warn(warning)
    gas_used = _register_key(chain, addresses, source, routes_key)
    if not listed:
        gas_used["register_model"] = int(chain.send(registry.register(source.header(), locator))["gasUsed"])
    if not bound:
        gas_used["bind_key"] = int(chain.send(registry.bind_key(registration_id, pin))["gasUsed"])
    document = {
        "registration_id": "0x" + registration_id.hex(),
        "model_id": "0x" + source.model_id().hex(),
        "route": Route(pin.route).name.lower(),
        "key_digest": "0x" + pin.key_digest.hex(),
        "owner": chain.address,
        "gas": gas_used,
        "warnings": warnings,
    }
    shown = {name: value for name, value in document.items() if name != "warnings"}
    emit(json, document, field_lines(shown, {"gas": gas}))


def _bound(pins: Sequence[RoutePin], pin: RoutePin) -> bool:
    """Whether the key is bound already; refuses, before anything is sent, where another one of its route is."""
    other = next((found for found in pins if found.route == pin.route and found != pin), None)
    if other is not None:
        route = Route(pin.route).name.lower()
        message = (
            f"this account has bound another key of the {route} route to this program, and a key is write-once: "
            "register this one under another account, or for another program"
        )
        bound, wanted = ("0x" + found.key_digest.hex() for found in (other, pin))
        raise InputError("key_already_bound", message, route=route, bound=bound, wanted=wanted)
    return pin in pins


def _bound_key(path: Path, program: Program) -> Halo2Key:
    key = read_key(path, program)
    if isinstance(key, SumcheckKey):
        message = "no contract verifies proofs of the sumcheck route yet, so the registry takes no key of it"
        raise InputError("route_not_on_chain", message, route=Route.SUMCHECK.name.lower())
    if key.unbound():
        parts = " and ".join(key.unbound())
        raise InputError("unbound_cannot_register", f"this key leaves {parts} unbound, so nobody could rely on it")
    return key


def _pin(key: Halo2Key | OptimisticKey) -> RoutePin:
    if isinstance(key, OptimisticKey):
        return optimistic_pin(key)
    return RoutePin(int(Route.HALO2), HALO2_SELECTOR, key.digest())


def _register_key(
    chain: Chain, addresses: Deployment, program: Program, key: Halo2Key | OptimisticKey
) -> dict[str, int]:
    """Hands the key to its route's contract, if that has not got it; the gas that it took."""
    if isinstance(key, OptimisticKey):
        return register_optimistic(chain, addresses, program, key)
    adapter = chain.contract("Halo2Adapter", addresses["Halo2Adapter"]).functions
    if chain.call(adapter.isRegistered(key.digest())):
        return {}
    return {"register_key": int(chain.send(adapter.registerKey(key.as_tuple()))["gasUsed"])}
