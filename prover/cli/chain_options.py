"""Options that every verb with a chain shares, and how they become a `Chain`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from circuits.errors import InputError
from contracts.client.deployment import Deployment
from contracts.client.devnet import DEV_KEYS
from prover.cli.plain_text import gwei
from prover.service.settings import Settings

if TYPE_CHECKING:  # whose libraries are slow to load
    from contracts.client.chain import Chain

DEVNET_CHAIN_ID = 31337
DEFAULT_CONFIRMATIONS: int = Settings.model_fields["confirmations"].default

RpcUrl = Annotated[str | None, typer.Option("--rpc-url", help="JSON-RPC endpoint. Default: INFERPROOF_RPC_URL.")]
DeploymentFile = Annotated[
    Path | None, typer.Option("--deployment", help="Deployment file. Default: INFERPROOF_DEPLOYMENT_FILE.")
]
KeyFile = Annotated[
    Path | None,
    typer.Option("--private-key-file", help="File with a hex private key. Default: INFERPROOF_PRIVATE_KEY."),
]
DevAccount = Annotated[
    int | None,
    typer.Option("--dev-account", help="One of anvil's public accounts (devnets only).", min=0, max=len(DEV_KEYS) - 1),
]

Confirmations = Annotated[
    int | None,
    typer.Option(min=0, help="Blocks on top of one before it is believed. Default: INFERPROOF_CONFIRMATIONS."),
]
MaxFee = Annotated[float | None, typer.Option(metavar="GWEI", min=0, help="Never offer more for a unit of gas.")]


def confirmed_depth(given: int | None) -> int:
    return Settings().confirmations if given is None else given


def wei_of_gwei(fee: float | None) -> int | None:
    """Raises InputError `bad_option` for what is no number."""
    if fee is None:
        return None
    if not math.isfinite(fee):
        raise InputError("bad_option", f"--max-fee takes a number of gwei, got {fee}")
    return int(fee * 10**9)


def require_fee(chain: Chain, max_fee: int | None) -> None:
    """Refuses a limit, in wei, under which no block would take a transaction now; for what is sent once and now."""
    if max_fee is not None and max_fee < (base := chain.base_fee()):
        message = f"--max-fee allows {gwei(max_fee)} for a unit of gas, and the base fee is {gwei(base)} now"
        raise InputError("max_fee_below_base_fee", message, max_fee_wei=max_fee, base_fee_wei=base)


def open_chain(rpc_url: str | None, key_file: Path | None = None, dev_account: int | None = None) -> Chain:
    """Connects, with the account that the options or the environment name, if any."""
    settings = Settings()
    url = rpc_url or settings.rpc_url
    if url is None:
        raise InputError("rpc_url_missing", "name a chain: --rpc-url or INFERPROOF_RPC_URL")
    from contracts.client.chain import Chain

    chain = Chain(url, _private_key(settings, key_file, dev_account))
    if dev_account is not None and chain.chain_id != DEVNET_CHAIN_ID:
        raise InputError(
            "dev_account_off_devnet", "--dev-account is a public key: devnets only", chain_id=chain.chain_id
        )
    return chain


def open_deployment(path: Path | None, chain: Chain) -> Deployment:
    """Reads the deployment file and refuses one that was made for another chain."""
    file = path or Settings().deployment_file
    if file is None:
        raise InputError("deployment_missing", "name a deployment: --deployment or INFERPROOF_DEPLOYMENT_FILE")
    deployment = Deployment.load(file)
    if deployment.chain_id != chain.chain_id:
        raise InputError(
            "deployment_of_another_chain",
            f"the deployment is for chain {deployment.chain_id}, the endpoint is chain {chain.chain_id}",
            deployment=deployment.chain_id,
            chain=chain.chain_id,
        )
    return deployment


def _private_key(settings: Settings, key_file: Path | None, dev_account: int | None) -> str | None:
    if key_file is not None:
        try:
            return key_file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            # Not what could not be read: it may be a part of the key.
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise InputError("private_key_unreadable", f"{key_file}: {reason}", path=str(key_file)) from None
    if dev_account is not None:
        return DEV_KEYS[dev_account]
    return settings.private_key.get_secret_value() if settings.private_key else None
