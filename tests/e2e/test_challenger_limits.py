"""What a challenger does not believe, what it does not spend, and what it tells."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from challenger_world import (
    CHALLENGER,
    CONTRACT,
    INPUTS,
    LOOKUP,
    PROGRAM,
    TRUE,
    Integers,
    Process,
    corrupted,
    kept_program,
    killed,
    lying_claim,
    mine,
    play_out,
)
from dispute_table import Table

from circuits.errors import InputError
from circuits.lower.optimistic import geometry, work
from contracts.client.dispute_events import Claimed
from contracts.client.hub import Hub
from contracts.client.types import Tensor
from verifier.challenger import (
    Budgets,
    ChallengerError,
    ClaimsOnChain,
    Found,
    Limits,
    Mode,
    Verdict,
    errands,
    replay,
    report,
)
from verifier.challenger.engine import LoadedProgram
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.types import Phase

pytestmark = pytest.mark.slow


# What is not believed.


def test_node_that_tells_another_top_is_not_played_against(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lying_claim(table, INPUTS, TRUE)
    process = Process(table, tmp_path / "c.db")
    claims = process.challenger.chain.claims
    told = claims.events

    def misled(first: int, last: int, *topics: bytes | None) -> list[object]:
        events = told(first, last, *topics)
        return [replace(e, top=(b"\1" * 32, *e.top[1:])) if isinstance(e, Claimed) else e for e in events]

    monkeypatch.setattr(claims, "events", misled)
    process.once()
    assert process.codes() == ["claim_event_mismatch"]


def test_node_that_tells_another_input_is_not_played_against(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lying_claim(table, INPUTS, TRUE)
    process = Process(table, tmp_path / "c.db")
    told = Hub.requested_events

    def misled(hub: Hub, first: int, last: int, request_id: bytes | None = None) -> list[object]:
        other = Tensor.from_array(INPUTS[0] + 1)
        return [replace(e, inputs=(other, *e.inputs[1:])) for e in told(hub, first, last, request_id)]

    monkeypatch.setattr(Hub, "requested_events", misled)
    process.once()
    assert process.codes() == ["claim_input_mismatch"]


def test_deployment_of_another_chain_is_refused(table: Table) -> None:
    elsewhere = replace(table.market.deployment, chain_id=1)
    with pytest.raises(InputError) as refused:
        ClaimsOnChain(table.chain, elsewhere)
    assert refused.value.code == "deployment_of_another_chain"


def test_claim_of_an_unknown_program_is_reported_and_not_judged(table: Table, tmp_path: Path) -> None:
    corrupted(table)
    process = Process(table, tmp_path / "c.db", programs=[])
    process.once()
    assert process.codes() == ["program_unavailable"]
    assert process.store.claims()[0].verdict is Verdict.REFUSED


def test_claims_with_an_op_too_large_to_dispute_are_reported_and_not_judged(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lying_claim(table, INPUTS, TRUE)
    corrupted(table)
    monkeypatch.setattr(geometry, "MAX_DESCRIPTOR_BYTES", len(PROGRAM.ops[CONTRACT].encode()) - 1)
    process = Process(table, tmp_path / "c.db")
    for _ in range(2):
        process.once()
    assert process.codes() == ["op_too_large_to_dispute"] * 2
    assert {known.verdict for known in process.store.claims()} == {Verdict.REFUSED}
    with pytest.raises(InputError) as refused:
        process.challenger.check(process.store.claims()[0].claim_id)
    assert refused.value.code == "op_too_large_to_dispute"


def test_claim_that_takes_too_much_is_told_once_and_checked_under_a_higher_limit(table: Table, tmp_path: Path) -> None:
    corrupted(table)
    lying_claim(table, INPUTS, TRUE)
    limited = Process(table, tmp_path / "c.db", Mode.WATCHTOWER, limits=Limits(work(PROGRAM) - 1, 60))
    for _ in range(3):
        mine(table)
        limited.once()
    assert limited.codes() == ["program_too_large_to_check"] * 2
    assert {known.verdict for known in limited.store.claims()} == {Verdict.REFUSED}
    again = Process(table, tmp_path / "c.db", Mode.WATCHTOWER, limits=Limits(work(PROGRAM), 60))
    again.once()
    assert again.codes() == ["claim_wrong", "claim_right"]


def test_program_that_is_not_the_claims_is_refused(table: Table, tmp_path: Path) -> None:
    corrupted(table)
    process = Process(table, tmp_path / "c.db")
    first = PROGRAM.constants[0]
    other = replace(PROGRAM, constants=(replace(first, values=first.values + 1), *PROGRAM.constants[1:]))
    process.judge._find_program = lambda model_id, locator: Found(kept_program(other, tmp_path))
    process.once()
    assert process.codes() == ["claim_of_another_model"]


def test_executor_that_errs_on_this_input_stakes_nothing(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim is right; our machine is not, and would lose its bond."""
    lying_claim(table, INPUTS, TRUE)
    process = Process(table, tmp_path / "c.db")
    right = LoadedProgram.run

    def wrong(loaded: LoadedProgram, inputs: list[Integers]) -> CommittedTrace:
        run = right(loaded, inputs)
        if loaded.model_id != PROGRAM.model_id():
            return run  # of the self-test
        made = [output.astype(np.int64) for output in run.made]
        made[CONTRACT].reshape(-1)[0] += 1
        return CommittedTrace(run.committed, run.inputs, made)

    monkeypatch.setattr(LoadedProgram, "run", wrong)
    process.once()
    assert process.codes() == ["executor_differs"]
    assert process.store.claims()[0].verdict is Verdict.REFUSED
    assert process.store.transactions() == []


# Money.


def test_bond_budget_is_never_exceeded(table: Table, tmp_path: Path) -> None:
    liars = [corrupted(table, op, 0) for op in (CONTRACT, LOOKUP)]
    budget = Budgets(bonds=table.terms.challenge_bond * 3 // 2)
    process = Process(table, tmp_path / "c.db", budgets=budget)
    process.once()
    process.once()
    assert "bond_over_budget" in process.codes()
    assert sum(table.claims.claim_of(liar.claimed.claim_id).commitments for liar in liars) == 1


def test_bond_that_came_back_is_staked_again(table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "REFUSED_RETRY_S", 0.0)
    liars = [corrupted(table, op, 0) for op in (CONTRACT, LOOKUP)]
    process = Process(table, tmp_path / "c.db", budgets=Budgets(bonds=table.terms.challenge_bond))
    for _ in range(24):
        process.once()
        for liar in liars:
            liar.answer()
    assert all(killed(table, liar) for liar in liars)


def test_game_that_the_gas_budget_does_not_cover_is_not_begun(table: Table, tmp_path: Path) -> None:
    liar = corrupted(table)
    process = Process(table, tmp_path / "c.db", budgets=Budgets(gas=10**12))
    process.once()
    assert "gas_over_budget" in process.codes()
    assert table.claims.claim_of(liar.claimed.claim_id).commitments == 0


def test_claim_whose_window_is_over_is_not_challenged(table: Table, tmp_path: Path) -> None:
    liar = corrupted(table)
    table.wait(table.terms.window)
    process = Process(table, tmp_path / "c.db")
    process.once()
    assert "too_late" in process.codes()
    assert table.claims.claim_of(liar.claimed.claim_id).commitments == 0


def test_extension_shorter_than_the_confirmations_take_is_not_staked_on(table: Table, tmp_path: Path) -> None:
    liar = corrupted(table)
    for _ in range(20):
        table.wait(20)
    process = Process(table, tmp_path / "c.db", confirmations=4)
    process.once()
    assert "extension_too_short" in process.codes()
    assert table.claims.claim_of(liar.claimed.claim_id).commitments == 0


# Being told.


def test_what_is_wrong_is_explained_and_its_evidence_replayed_without_a_chain(table: Table, tmp_path: Path) -> None:
    liar = corrupted(table, CONTRACT, 3)
    process = Process(table, tmp_path / "c.db")
    process.once()
    early = report.explanation(process.challenger, liar.claimed.claim_id)
    assert early["first_op"] <= CONTRACT <= early["last_op"]
    with pytest.raises(ChallengerError, match="has not shown the element"):
        report.evidence(process.challenger, liar.claimed.claim_id)
    play_out(process, liar, lambda: killed(table, liar))
    true = int(TRUE[CONTRACT].reshape(-1)[3])
    told = report.explanation(process.challenger, liar.claimed.claim_id)
    assert (told["element"], told["claimed"], told["true"]) == (3, true + 1, true)
    assert any(f"claimed {true + 1}" in line for line in told["picture"])
    shown = replay(report.evidence(process.challenger, liar.claimed.claim_id))
    assert shown.claim_id == liar.claimed.claim_id
    assert (shown.op, shown.element, shown.claimed, shown.true) == (CONTRACT, 3, true + 1, true)


def test_documents_show_where_a_challenge_stands(table: Table, tmp_path: Path) -> None:
    liar = corrupted(table)
    process = Process(table, tmp_path / "c.db")
    process.once()
    (plan,) = process.challenger.next_moves()
    assert report.plan_document(plan)["move"] == "open"
    process.once()
    (clock,) = report.clocks(process.challenger)
    assert clock["turn"] == "defender"
    assert 0 < clock["seconds_left"] <= table.terms.clock
    shown = report.show(process.challenger, liar.claimed.claim_id)
    assert [c["ours"] for c in shown["challenges"]] == [True]
    assert shown["challenges"][0]["phase"] == Phase.TRACE.name.lower()
    assert [c["verdict"] for c in report.claims(process.challenger)] == ["wrong"]
    assert report.credits(process.challenger)["at_stake"] == table.terms.challenge_bond


def test_every_notice_is_given_once(table: Table, tmp_path: Path) -> None:
    corrupted(table)
    process = Process(table, tmp_path / "c.db", Mode.WATCHTOWER)
    for _ in range(3):
        mine(table)
        process.once()
    assert process.codes() == ["claim_wrong"]


def test_watching_from_a_later_block_leaves_earlier_claims_out(table: Table, tmp_path: Path) -> None:
    corrupted(table)
    later = table.chain.block_number() + 1
    second = corrupted(table, LOOKUP)
    process = Process(table, tmp_path / "c.db", Mode.WATCHTOWER, from_block=later)
    process.once()
    assert [notice.claim_id for notice in process.notices] == [second.claimed.claim_id]


def test_store_of_another_account_is_refused(table: Table, tmp_path: Path) -> None:
    Process(table, tmp_path / "c.db", account=CHALLENGER)
    with pytest.raises(InputError, match="another chain, contract or account"):
        Process(table, tmp_path / "c.db", account=CHALLENGER + 1)
