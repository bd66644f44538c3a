"""`inferproof devnet up`: a local chain with the contracts deployed."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from contracts.client.chain import Chain
from contracts.client.deploy import deploy_core
from contracts.client.devnet import DEV_KEYS, Devnet
from prover.cli.output_files import require_writable, staged
from verifier.console import JsonOption, emit, warn
from verifier.srs import DEVELOPMENT_S_G2

app = typer.Typer(no_args_is_help=True, help="A local chain for development.")


@app.callback()
def _verbs() -> None:
    """Keeps `up` a verb while it is the only one."""


@app.command()
def up(
    port: Annotated[int, typer.Option(help="Loopback port.", min=1, max=65535)] = 8545,
    output: Annotated[Path, typer.Option("-o", "--output", help="Deployment file to write.")] = Path("deployment.json"),
    json: JsonOption = False,
) -> None:
    """Starts anvil, deploys the core contracts over the development SRS, and runs until Ctrl-C."""
    require_writable([output])
    # Also where a shell started this in the background, with SIGINT ignored: anvil must not outlive us.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    warn("INSECURE: public accounts and the development SRS. For development only.")
    with Devnet(port) as net:
        deployment = deploy_core(Chain(net.rpc_url, DEV_KEYS[0]), DEVELOPMENT_S_G2)
        with staged(output) as file:
            deployment.save(file)
        document = {"rpc_url": net.rpc_url, "chain_id": deployment.chain_id, "addresses": deployment.addresses}
        lines = [f"{net.rpc_url}, chain {deployment.chain_id}, deployment in {output}; Ctrl-C ends it"]
        emit(json, {**document, "deployment": str(output)}, lines)
        sys.stdout.flush()
        net.wait()
