"""`inferproof model register`: list a program on a chain and bind its key, once and for all."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from circuits.errors import InputError
from circuits.program.file import load_program
from circuits.statement import Route
from contracts.client.deploy import HALO2_SELECTOR
from contracts.client.registry import Registry
from contracts.client.types import RoutePin
from prover.cli.chain_options import DeploymentFile, DevAccount, KeyFile, RpcUrl, open_chain, open_deployment
from prover.cli.proofs import ProgramFile, read_key
from verifier.console import JsonOption, emit


def register(
    program: ProgramFile,
    key: Annotated[Path, typer.Option(help="The key file that `setup` wrote.")],
    locator: Annotated[str, typer.Option(help="Where anybody finds the program file (URL).")] = "",
    rpc_url: RpcUrl = None,
    deployment: DeploymentFile = None,
    private_key_file: KeyFile = None,
    dev_account: DevAccount = None,
    json: JsonOption = False,
) -> None:
    """Registers the program under the paying account. What is done already is left as it is."""
    source = load_program(program)
    halo2_key = read_key(key, source)
    if halo2_key.unbound():
        parts = " and ".join(halo2_key.unbound())
        raise InputError("unbound_cannot_register", f"this key leaves {parts} unbound, so nobody could rely on it")
    chain = open_chain(rpc_url, private_key_file, dev_account)
    addresses = open_deployment(deployment, chain)
    registry = Registry(chain, addresses["ModelRegistry"])
    adapter = chain.contract("Halo2Adapter", addresses["Halo2Adapter"]).functions
    registration_id = registry.registration_id(chain.address, source.model_id())
    pin = RoutePin(int(Route.HALO2), HALO2_SELECTOR, halo2_key.digest())
    gas = {}
    if not chain.call(adapter.isRegistered(pin.key_digest)):
        gas["register_key"] = int(chain.send(adapter.registerKey(halo2_key.as_tuple()))["gasUsed"])
    if not registry.exists(registration_id):
        gas["register_model"] = int(chain.send(registry.register(source.header(), locator))["gasUsed"])
    if pin not in registry.registration(registration_id).pins:
        gas["bind_key"] = int(chain.send(registry.bind_key(registration_id, pin))["gasUsed"])
    document = {
        "registration_id": "0x" + registration_id.hex(),
        "model_id": "0x" + source.model_id().hex(),
        "key_digest": "0x" + pin.key_digest.hex(),
        "owner": chain.address,
        "gas": gas,
    }
    emit(json, document, [f"{name}: {value}" for name, value in document.items()])
