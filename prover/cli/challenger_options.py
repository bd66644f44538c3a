"""What every verb of `inferproof challenger` has in common: its options, and the challenger that they make."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from contracts.client.chain import Chain
from prover.cli.chain_options import (
    Confirmations,
    DeploymentFile,
    DevAccount,
    KeyFile,
    MaxFee,
    RpcUrl,
    confirmed_depth,
    open_chain,
    open_deployment,
    wei_of_gwei,
)
from prover.cli.program_finder import ProgramFinder
from prover.kernels import fast_hasher
from prover.optimistic.engine import ENGINE
from prover.service.entrypoints.logs import configure_logs
from prover.service.settings import Settings
from verifier.challenger.challenger import Challenger
from verifier.challenger.claim_view import ClaimsOnChain, ClaimView
from verifier.challenger.errors import ChallengerError
from verifier.challenger.judging import MAX_WORK, Judge
from verifier.challenger.published import WEB, read_published
from verifier.challenger.sender import Budgets, MoveKey, Sender
from verifier.challenger.store import Store
from verifier.console import JsonOption
from verifier.dispute.trace_file import TraceFile

Programs = Annotated[
    list[Path] | None, typer.Option("--program", help="A program file, or a folder of them; may be repeated.")
]
Fetch = Annotated[bool, typer.Option("--fetch", help="Download programs from where their owners registered them.")]
FromBlock = Annotated[int | None, typer.Option(min=0, help="Where to start reading. Default: the deployment's block.")]
StoreFile = Annotated[
    Path | None,
    typer.Option("--store", help="The challenger's memory. Default: one for chain and account in DATA_DIR."),
]
MaxBonds = Annotated[int | None, typer.Option(min=0, help="Wei in bonds at once; no limit by default.")]
MaxGas = Annotated[int | None, typer.Option(min=0, help="Wei for gas in all that the store remembers; no limit.")]
MaxWork = Annotated[
    int,
    typer.Option(min=1, help="Terms of all elements that a program may take; a larger one is reported, and not run."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Go as far as the first transaction, and say what it would be.")
]


class NotSent(ChallengerError):
    """Where a dry run stops. The details say what would have been sent."""


class Rehearsal(Sender):
    """A sender that sends nothing: estimates, checks the budgets, and stops."""

    def __init__(self, chain: Chain, store: Store, budgets: Budgets) -> None:
        super().__init__(chain, store, budgets)
        self._rehearsed = chain

    def write(self, key: MoveKey, function: Any, value: int = 0) -> Any:
        gas = self._rehearsed.estimate(function, value=value)
        self.require_gas(gas)
        details = {"call": key.purpose, "value": value, "gas": gas, "max_fee": self.fees().max_fee}
        message = f"dry run: would send {key.purpose} with {value} wei, for up to {gas} gas"
        raise NotSent("dry_run", message, challenge_id="0x" + key.challenge_id.hex(), **details)

    def reconcile(self, confirmed: int) -> None:
        """What is waiting is left alone."""


@dataclass(frozen=True)
class World:
    """What a verb works with. `json`: how it answers."""

    challenger: Challenger
    dry_run: bool
    json: bool


def _shared(
    background: bool,
    programs: Programs = None,
    fetch: Fetch = False,
    store: StoreFile = None,
    from_block: FromBlock = None,
    confirmations: Confirmations = None,
    max_bonds: MaxBonds = None,
    max_gas: MaxGas = None,
    max_fee: MaxFee = None,
    max_work: MaxWork = MAX_WORK,
    dry_run: DryRun = False,
    rpc_url: RpcUrl = None,
    deployment: DeploymentFile = None,
    private_key_file: KeyFile = None,
    dev_account: DevAccount = None,
    json: JsonOption = False,
) -> World:
    """Options that every verb takes; those that a verb has no use for do nothing there."""
    chain = open_chain(rpc_url, private_key_file, dev_account)
    on_chain = ClaimsOnChain(chain, open_deployment(deployment, chain), from_block)
    depth = confirmed_depth(confirmations)
    downloads = Settings().cache_dir / "programs" if fetch else None
    judge = Judge(ProgramFinder(programs or [], downloads, background=background), ENGINE, max_work)
    memory: Path | str = store or (default_store(chain) if chain.has_account else ":memory:")
    kept, sender = Store(memory), None
    if chain.has_account:
        budgets = Budgets(max_bonds, max_gas, wei_of_gwei(max_fee))
        sender = Rehearsal(chain, kept, budgets) if dry_run else Sender(chain, kept, budgets)
    challenger = Challenger(on_chain, judge, kept, sender, confirmations=depth, read_trace=partial(_read_trace, judge))
    return World(challenger, dry_run, json)


def _read_trace(judge: Judge, view: ClaimView) -> TraceFile | None:
    return read_published(view, judge.program(view).program, accept=WEB, hasher=fast_hasher)


def default_store(chain: Chain) -> Path:
    return Settings().data_dir / f"challenger-{chain.chain_id}-{chain.address}.db"


def verb(
    app: typer.Typer, name: str, *, logs: int = logging.WARNING, background: bool = False
) -> Callable[[Callable[..., None]], None]:
    """Makes a verb of a function whose first parameter is a `World`; the shared options stand after its own.

    `background`: programs are fetched while it goes on.
    """

    def register(function: Callable[..., None]) -> None:
        _, *own = inspect.signature(function, eval_str=True).parameters.values()
        _, *shared = inspect.signature(_shared, eval_str=True).parameters.values()
        names = {parameter.name for parameter in shared}

        def run(**given: Any) -> None:
            configure_logs(logs)
            world = _shared(background, **{key: value for key, value in given.items() if key in names})
            function(world, **{key: value for key, value in given.items() if key not in names})

        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *shared)]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        run.__doc__ = function.__doc__
        app.command(name)(run)

    return register
