"""Wrong claims made for robbing a watcher or keeping it busy, under keys that anybody may register."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from challenger_world import CONTRACT, INPUTS, PROGRAM, TRUE, Liar, Process, corrupted, killed, lying_claim, play_out
from dispute_table import Table
from optimistic_market import Market

from circuits.program.graph import Program
from contracts.client.devnet import ask
from verifier.challenger import Budgets
from verifier.challenger import errands as doing
from verifier.challenger.claim_view import ClaimView
from verifier.challenger.stakes import GAME_GAS
from verifier.dispute.types import DisputeTerms

pytestmark = pytest.mark.slow

DAY_S, ETHER = 86_400, 10**18


def decoy(table: Table, account: int, terms: DisputeTerms, locator: str = "") -> tuple[Liar, bytes]:
    """A wrong claim under the liar's own key for the same public program, and the key's digest."""
    market = Market.open(table.account(account), table.market.deployment, PROGRAM, terms)
    made = [output.copy() for output in TRUE]
    made[CONTRACT].reshape(-1)[0] += 1
    return lying_claim(Table(market), INPUTS, made, locator), market.key.digest()


def codes_about(process: Process, liar: Liar) -> list[str]:
    return [notice.code for notice in process.notices if notice.claim_id == liar.claimed.claim_id]


def test_decoys_lock_no_bond_cost_no_reading_and_keep_no_real_lie_standing(table: Table, tmp_path: Path) -> None:
    """The first stakes dust against as large a bond as there is, and would publish its trace slowly; the second pays,
    and leaves nobody the time to make a move; the third pays, and locks the bond for weeks."""
    terms = table.terms
    dust = replace(terms, claim_bond=1, challenge_bond=2**127)
    hasty = replace(terms, claim_bond=10 * ETHER, challenge_bond=5 * ETHER, prove_time=1, clock=1, extension=1)
    lengthy = replace(terms, clock=10 * DAY_S)
    decoys = {
        "prize_below_bond": decoy(table, 4, dust, "http://tarpit.example/trace"),
        "extension_too_short": decoy(table, 5, hasty),
        "bond_locked_too_long": decoy(table, 6, lengthy),
    }
    real = corrupted(table)
    read: list[bytes] = []

    def reading(view: ClaimView, _program: Program) -> None:
        read.append(view.claim_id)

    budgets = Budgets(bonds=terms.challenge_bond, keys=frozenset({decoys["extension_too_short"][1]}))
    process = Process(table, tmp_path / "c.db", budgets=budgets, read_trace=reading)
    play_out(process, real, lambda: killed(table, real))
    for code, (liar, _) in decoys.items():
        assert codes_about(process, liar) == ["claim_wrong", code]
        assert table.claims.claim_of(liar.claimed.claim_id).commitments == 0
    assert set(read) == {real.claimed.claim_id}


def test_a_bond_of_all_that_the_account_has_is_not_put_down(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing would be left for the moves, and the claimant would get it."""
    monkeypatch.setattr(doing, "REFUSED_RETRY_S", 0.0)
    liar = corrupted(table)
    process = Process(table, tmp_path / "c.db")
    fee = process.chain.fees().max_fee

    def left(gas: int) -> None:
        ask(table.chain, "anvil_setBalance", process.chain.address, hex(table.terms.challenge_bond + gas * fee))

    left(270_000)
    process.once()
    assert process.codes() == ["claim_wrong", "funds_below_reserve"]
    assert table.claims.claim_of(liar.claimed.claim_id).commitments == 0
    left(2 * GAME_GAS)
    play_out(process, liar, lambda: killed(table, liar))


def test_a_gas_budget_for_one_game_begins_one_at_once_and_none_is_lost(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several wrong claims at once would each find the budget unspent, and none could be played to its end."""
    monkeypatch.setattr(doing, "REFUSED_RETRY_S", 0.0)
    liars = [corrupted(table, CONTRACT, element) for element in range(2)]
    fee = table.account(2).fees().max_fee
    process = Process(table, tmp_path / "c.db", budgets=Budgets(gas=GAME_GAS * fee * 3 // 2))
    process.once()
    assert (len(process.store.commitments()), process.codes().count("gas_over_budget")) == (1, 1)
    while any(not row.ended for row in process.store.commitments()):  # fees may fall, and leave room for the other
        for liar in liars:
            liar.answer()
        process.once()
    assert {row.ended for row in process.store.commitments()} == {"won"}
