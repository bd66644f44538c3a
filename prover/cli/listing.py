"""`inferproof model register`: list a program on a chain and bind its key, once and for all."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from circuits.errors import InputError
from circuits.program.file import load_program
from circuits.program.graph import Program
from circuits.statement import Route
from contracts.client.chain import Chain
from contracts.client.deploy import HALO2_SELECTOR
from contracts.client.deployment import Deployment
from contracts.client.registry import Registry
from contracts.client.types import RoutePin
from prover.cli.chain_options import DeploymentFile, DevAccount, KeyFile, RpcUrl, open_chain, open_deployment
from prover.cli.optimistic_key import register_optimistic
from prover.cli.proofs import ProgramFile, read_key
from prover.optimistic.key import OptimisticKey, is_optimistic
from prover.optimistic.key import read_key as read_optimistic_key
from verifier.console import JsonOption, emit
from verifier.halo2_key import Halo2Key


def register(
    program: ProgramFile,
    key: Annotated[Path, typer.Option(help="The key file that `setup` wrote, of any route.")],
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
    pin, gas = _register_key(chain, addresses, source, routes_key)
    if not registry.exists(registration_id):
        gas["register_model"] = int(chain.send(registry.register(source.header(), locator))["gasUsed"])
    if pin not in registry.registration(registration_id).pins:
        gas["bind_key"] = int(chain.send(registry.bind_key(registration_id, pin))["gasUsed"])
    document = {
        "registration_id": "0x" + registration_id.hex(),
        "model_id": "0x" + source.model_id().hex(),
        "route": Route(pin.route).name.lower(),
        "key_digest": "0x" + pin.key_digest.hex(),
        "owner": chain.address,
        "gas": gas,
    }
    emit(json, document, [f"{name}: {value}" for name, value in document.items()])


def _bound_key(path: Path, program: Program) -> Halo2Key:
    key = read_key(path, program)
    if key.unbound():
        parts = " and ".join(key.unbound())
        raise InputError("unbound_cannot_register", f"this key leaves {parts} unbound, so nobody could rely on it")
    return key


def _register_key(
    chain: Chain, addresses: Deployment, program: Program, key: Halo2Key | OptimisticKey
) -> tuple[RoutePin, dict[str, int]]:
    """Hands the key to its route's contract, if that has not got it: what to pin, and the gas that it took."""
    if isinstance(key, OptimisticKey):
        return register_optimistic(chain, addresses, program, key)
    adapter = chain.contract("Halo2Adapter", addresses["Halo2Adapter"]).functions
    pin = RoutePin(int(Route.HALO2), HALO2_SELECTOR, key.digest())
    if chain.call(adapter.isRegistered(pin.key_digest)):
        return pin, {}
    return pin, {"register_key": int(chain.send(adapter.registerKey(key.as_tuple()))["gasUsed"])}
