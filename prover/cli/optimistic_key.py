"""The optimistic route's part of `setup` and `model register`: a key is a program and the terms of its disputes."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from circuits.errors import InputError
from circuits.program.file import load_program
from circuits.program.graph import Program
from circuits.statement import Route
from contracts.client.deploy import OPTIMISTIC_SELECTOR
from contracts.client.deployment import Deployment
from contracts.client.disputes import OptimisticClaims
from contracts.client.types import RoutePin
from prover.cli.chain_options import DEFAULT_CONFIRMATIONS
from prover.cli.output_files import write_file
from prover.cli.plain_text import TERMS, field_lines
from prover.optimistic.claim import needed_window_s
from prover.optimistic.key import DEFAULT_TERMS, MAX_TIME_S, OptimisticKey, is_worth_copying
from prover.optimistic.policy import Policy
from verifier.challenger.pace import READING_S, Pace, lag_s, measured_pace
from verifier.console import emit, warn
from verifier.dispute.types import DisputeTerms

if TYPE_CHECKING:  # whose libraries are slow to load
    from contracts.client.chain import Chain

# Ethereum's, and rollups are faster; `model register` measures the chain's own.
BLOCK_S = 12
ASSUMED_PACE = Pace(lag_s(DEFAULT_CONFIRMATIONS, 1, BLOCK_S), BLOCK_S, int(READING_S))
ASSUMED = f"At {BLOCK_S} s a block"


def setup_optimistic(program: Path, output: Path, terms: dict[str, int], json: bool) -> None:
    """Writes the key of a program under `terms`, the defaults where they name none."""
    source = load_program(program)
    key = OptimisticKey.of(source, replace(DEFAULT_TERMS, **terms))
    needed = needed_window_s(source, key.terms)
    if needed > MAX_TIME_S:
        message = (
            f"a claim of this program may take {needed} s to be delivered, and no request lasts over {MAX_TIME_S} s"
        )
        raise InputError("terms_invalid", message, needed_s=needed, limit_s=MAX_TIME_S)
    warnings = [*_copying(key.terms), *_unclaimed(key.terms), *_unplayed(key.terms, ASSUMED_PACE, ASSUMED)]
    write_file(output, key.to_json())
    document: dict[str, Any] = {
        "route": Route.OPTIMISTIC.name.lower(),
        "key": str(output),
        "key_digest": "0x" + key.digest().hex(),
        "model_id": "0x" + key.model_id.hex(),
        "num_ops": key.num_ops,
        "terms": asdict(key.terms),
        "prove_window_s": needed,
        "warnings": warnings,
    }
    for warning in warnings:
        warn(warning)
    lines = [f"key {document['key_digest']} in {output}", *field_lines(document["terms"], TERMS)]
    lines.append(f"a request needs a prove window of {document['prove_window_s']:,} s at least")
    emit(json, document, lines)


def _copying(terms: DisputeTerms) -> list[str]:
    bonds = "half a claim bond is at least 31 challenge bonds"
    return [f"{bonds}: staking on every part of a claim and copying others pays"] if is_worth_copying(terms) else []


def _unclaimed(terms: DisputeTerms) -> list[str]:
    """What a submitter with the default settings would say."""
    objections = Policy(max_stake=terms.claim_bond).objections(terms)
    return [f"{o.message}: submitters with the default settings claim nothing under this key" for o in objections]


def _unplayed(terms: DisputeTerms, pace: Pace, which: str) -> list[str]:
    """What a challenger that waits for the default number of confirmations would say: it stakes nothing on a game in
    which it sees a turn when it is over."""
    needed = pace.shortest_turn_s()
    if terms.extension >= needed:
        return []
    return [
        f"an extension of {terms.extension} s is too short for challengers that wait for {DEFAULT_CONFIRMATIONS} "
        f"confirmations, the default: they challenge no claim under this key. {which} the shortest that they play is "
        f"{needed} s",
    ]


def unplayed_on(chain: Chain, key: OptimisticKey) -> list[str]:
    """The same warnings at the pace of the chain that the key is registered on."""
    pace = measured_pace(chain, DEFAULT_CONFIRMATIONS)
    return [*_unclaimed(key.terms), *_unplayed(key.terms, pace, "At this chain's pace")]


def optimistic_pin(key: OptimisticKey) -> RoutePin:
    return RoutePin(int(Route.OPTIMISTIC), OPTIMISTIC_SELECTOR, key.digest())


def register_optimistic(chain: Chain, addresses: Deployment, program: Program, key: OptimisticKey) -> dict[str, int]:
    """Makes the key known to the route's contract, once; the gas that it took."""
    claims = OptimisticClaims(chain, addresses["OptimisticClaims"])
    if claims.key(key.digest()).num_ops:
        return {}
    function = claims.register_key(program.header(), key.num_ops, key.graph_tree, key.terms)
    return {"register_key": int(chain.send(function)["gasUsed"])}
