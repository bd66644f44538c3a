"""What the verbs of `inferproof challenger` have in common: their options, and the challenger that these make."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from contracts.client.chain import Chain
from contracts.client.dispute_events import Claimed
from prover.cli.chain_options import (
    confirmed_depth,
    open_chain,
    open_deployment,
    require_fee,
    wei_of_gwei,
)
from prover.cli.hex_words import known_word, word
from prover.cli.plain_text import gas, log_line, wei
from prover.cli.program_finder import ProgramFinder
from prover.optimistic.engine import ENGINE, read_trace
from prover.service.entrypoints.logs import JSON_LINES, configure_logs
from prover.service.settings import Settings
from verifier.challenger.challenger import Challenger
from verifier.challenger.claims_on_chain import ClaimsOnChain
from verifier.challenger.errors import ChallengerError
from verifier.challenger.judging import MAX_WORK, OWN, Judge
from verifier.challenger.pace import READING_S
from verifier.challenger.sender import MoveKey, Sender
from verifier.challenger.stakes import Budgets
from verifier.challenger.store import Store

ClaimId = Annotated[
    str, typer.Argument(metavar="CLAIM", help="Claim id, hex; its first digits where no other claim has them.")
]
ChallengeId = Annotated[
    str,
    typer.Argument(metavar="CHALLENGE", help="Challenge id, hex; its first digits where no other of ours has them."),
]
Programs = Annotated[
    list[Path] | None, typer.Option("--program", help="A program file, or a folder of them; may be repeated.")
]
Fetch = Annotated[bool, typer.Option("--fetch", help="Download programs from where their owners registered them.")]
FromBlock = Annotated[int | None, typer.Option(min=0, help="Where to start reading. Default: the deployment's block.")]
StoreFile = Annotated[
    Path | None,
    typer.Option(
        "--store",
        help="The challenger's memory. Default: one for chain and account in DATA_DIR; without an account, none.",
    ),
]
MaxBonds = Annotated[int | None, typer.Option(min=0, help="Wei in bonds at once; no limit by default.")]
MaxGas = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Wei for gas in all that the store remembers; no limit by default. No challenge is begun that may take "
        "more; what is open is played on.",
    ),
]
Keys = Annotated[
    list[str] | None,
    typer.Option(
        "--key",
        metavar="DIGEST",
        help="A key under which wrong claims are challenged even where the game does not pay, or may be long or dear; "
        "may be repeated.",
    ),
]
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
    """A sender that sends nothing: estimates, and stops."""

    def __init__(self, chain: Chain, store: Store, budgets: Budgets) -> None:
        super().__init__(chain, store, budgets)
        self._rehearsed = chain

    def write(self, key: MoveKey, function: Any, value: int = 0) -> Any:
        needed = self._rehearsed.estimate(function, value=value)
        details = {"call": key.purpose, "value": value, "gas": needed, "max_fee": self.fees().max_fee}
        message = f"dry run: would send {key.purpose} with {wei(value)}, for up to {gas(needed)}"
        raise NotSent("dry_run", message, challenge_id="0x" + key.challenge_id.hex(), **details)

    def reconcile(self, confirmed: int) -> None:
        """What is waiting is left alone."""


@dataclass(frozen=True)
class Place:
    """Which claims a verb is about, for which account, and where it keeps what it knows."""

    store: Path | None
    from_block: int | None
    confirmations: int | None
    rpc_url: str | None
    deployment: Path | None
    private_key_file: Path | None
    dev_account: int | None


@dataclass(frozen=True)
class Runs:
    """What a verb may run. `background`: programs are fetched while it goes on. `interval_s`: between passes."""

    programs: list[Path] | None = None
    fetch: bool = False
    max_work: int = MAX_WORK
    background: bool = False
    interval_s: float = 0.0


@dataclass(frozen=True)
class Limits:
    """What a verb may spend. Bonds and gas in wei, the fee in gwei."""

    max_bonds: int | None = None
    max_gas: int | None = None
    max_fee: float | None = None
    dry_run: bool = False
    keys: list[str] | None = None

    @property
    def budgets(self) -> Budgets:
        keys = frozenset(word(text, "key digest") for text in self.keys or [])
        return Budgets(self.max_bonds, self.max_gas, wei_of_gwei(self.max_fee), keys)

    def require_fee(self, chain: Chain) -> None:
        """For verbs that send one transaction and wait for it; a watcher waits for cheaper blocks."""
        require_fee(chain, wei_of_gwei(self.max_fee))


@dataclass(frozen=True)
class World:
    """What a verb works with. `json`: how it answers."""

    challenger: Challenger
    json: bool

    def claim(self, text: str) -> bytes:
        """A claim's id, from all of its digits or from the first of one that this store or the chain's log has."""
        return known_word(text, "claim", self._claims)

    def challenge(self, text: str) -> bytes:
        """The id of a challenge of ours."""
        return known_word(text, "challenge", lambda: [row.challenge_id for row in self.challenger.store.commitments()])

    def record_claims(self) -> None:
        """Every claim of the chain's log becomes known to the store."""
        challenger = self.challenger
        events = challenger.chain.events(challenger.chain.from_block, challenger.block())
        with challenger.store.transaction():
            for event in events:
                if isinstance(event, Claimed):
                    challenger.store.record_claim(event.claim_id, event.request_id, event.at.block_number)

    def _claims(self) -> list[bytes]:
        self.record_claims()
        return [known.claim_id for known in self.challenger.store.claims()]


def open_world(
    json: bool, place: Place, runs: Runs | None = None, limits: Limits | None = None, logs: int = logging.WARNING
) -> World:
    """The challenger that a verb's options describe."""
    configure_logs(logs, JSON_LINES if json else log_line)
    runs, limits = runs or Runs(), limits or Limits()
    chain = open_chain(place.rpc_url, place.private_key_file, place.dev_account)
    on_chain = ClaimsOnChain(chain, open_deployment(place.deployment, chain), place.from_block)
    depth = confirmed_depth(place.confirmations)
    downloads = Settings().cache_dir / "programs" if runs.fetch else None
    finder = ProgramFinder(runs.programs or [], downloads, background=runs.background)
    judge = Judge(finder, ENGINE, replace(OWN, work=runs.max_work), patient=not runs.background)
    memory: Path | str = place.store or (default_store(chain) if chain.has_account else ":memory:")
    kept, sender = Store(memory), None
    if chain.has_account:
        sender = (Rehearsal if limits.dry_run else Sender)(chain, kept, limits.budgets)
    pass_s = max(READING_S, runs.interval_s)
    challenger = Challenger(on_chain, judge, kept, sender, confirmations=depth, pass_s=pass_s, read_trace=read_trace)
    return World(challenger, json)


def default_store(chain: Chain) -> Path:
    return Settings().data_dir / f"challenger-{chain.chain_id}-{chain.address}.db"
