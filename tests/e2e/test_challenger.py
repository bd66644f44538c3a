"""The challenger's daemon on a local chain: wrong claims are overturned, right ones left alone, money kept safe."""

from __future__ import annotations

from pathlib import Path

import pytest
from challenger_world import (
    CONTRACT,
    INPUTS,
    LOOKUP,
    PROGRAM,
    TRUE,
    Inline,
    Process,
    Published,
    corrupted,
    gas_of,
    kept_program,
    killed,
    lying_claim,
    play_out,
    publishing,
)
from dispute_model import OP_OF
from dispute_table import Table

from circuits.program.graph import Program
from contracts.client.chain import Chain
from prover.optimistic.store import TraceStore
from verifier.challenger import (
    Challenger,
    ChallengerError,
    ClaimsOnChain,
    Engine,
    Found,
    Judge,
    Mode,
    Notice,
    Store,
    Watcher,
    report,
)
from verifier.challenger.claim_view import ClaimView
from verifier.challenger.published import read_published
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.trace_file import TraceFile
from verifier.dispute.types import ClaimStatus

pytestmark = pytest.mark.slow


# Both paths.


@pytest.mark.parametrize("op", [0, OP_OF["reduce_sum"], CONTRACT, LOOKUP, 34])
def test_withheld_trace_is_overturned_by_forced_reveals(table: Table, tmp_path: Path, op: int) -> None:
    liar = corrupted(table, op, 0)
    process = Process(table, tmp_path / "c.db")
    play_out(process, liar, lambda: killed(table, liar))
    purposes = [purpose for purpose, _ in gas_of(process)]
    assert purposes[:2] == ["commit", "open"]
    assert purposes[-1] == "prove"
    assert len(purposes) + len(liar.revealed) <= 13
    assert sum(gas for _, gas in gas_of(process)) <= 1_000_000
    terms = table.terms
    assert table.claims.credit(process.chain.address) == terms.claim_bond // 2 + terms.challenge_bond
    assert process.store.commitments()[0].ended == "won"


def test_published_trace_is_overturned_by_two_transactions(table: Table, tmp_path: Path) -> None:
    liar = corrupted(table)
    process = Process(table, tmp_path / "c.db", read_trace=publishing(liar))
    play_out(process, liar, lambda: killed(table, liar))
    assert [purpose for purpose, _ in gas_of(process)] == ["commit", "proveFault"]
    assert sum(gas for _, gas in gas_of(process)) <= 1_500_000
    assert liar.revealed == []


def test_published_trace_whose_proof_would_be_dear_is_overturned_by_reveals(table: Table, tmp_path: Path) -> None:
    liar = corrupted(table, OP_OF["reduce_sum"], 0)  # over 9,000 terms
    process = Process(table, tmp_path / "c.db", read_trace=publishing(liar))
    play_out(process, liar, lambda: killed(table, liar))
    assert "proveFault" not in [purpose for purpose, _ in gas_of(process)]


def test_publishing_somebody_elses_trace_does_not_mislead(table: Table, tmp_path: Path) -> None:
    liar, other = corrupted(table), corrupted(table, LOOKUP)

    def misleading(view: ClaimView, _program: Program) -> Published:
        return Published(other.claimed.trace if view.claim_id == liar.claimed.claim_id else liar.claimed.trace)

    process = Process(table, tmp_path / "c.db", read_trace=misleading)
    play_out(process, liar, lambda: killed(table, liar))
    assert "proveFault" not in [purpose for purpose, _ in gas_of(process)]


def test_publishing_a_tensor_of_other_dims_does_not_mislead(table: Table, tmp_path: Path) -> None:
    """Whatever is committed in the place of a tensor, its claimant cannot reveal it as one of the op's dims."""
    made = [output.copy() for output in TRUE]
    made[CONTRACT] = made[CONTRACT].reshape(4, 10)
    liar = lying_claim(table, INPUTS, made)
    process = Process(table, tmp_path / "c.db", read_trace=publishing(liar))
    process.once()
    process.once()
    table.wait(table.terms.clock + table.terms.extension)
    process.once()
    process.once()
    assert killed(table, liar)


def from_files(view: ClaimView, program: Program) -> TraceFile | None:
    return read_published(view, program, accept=frozenset({"file"}))


def test_trace_in_the_submitters_own_store_is_read_and_overturned(table: Table, tmp_path: Path) -> None:
    made = [output.copy() for output in TRUE]
    made[CONTRACT].reshape(-1)[3] += 1
    locator = TraceStore(str(tmp_path / "traces")).publish(CommittedTrace(PROGRAM, INPUTS, made))
    liar = lying_claim(table, INPUTS, made, locator)
    process = Process(table, tmp_path / "c.db", read_trace=from_files)
    play_out(process, liar, lambda: killed(table, liar))
    assert [purpose for purpose, _ in gas_of(process)] == ["commit", "proveFault"]


@pytest.mark.parametrize("locator", ["file:///nowhere/to.be.found", "gopher://x", "file://" + "x" * 5_000, "\u202e"])
def test_locator_that_leads_nowhere_costs_only_the_shorter_path(table: Table, tmp_path: Path, locator: str) -> None:
    made = [output.copy() for output in TRUE]
    made[CONTRACT].reshape(-1)[3] += 1
    liar = lying_claim(table, INPUTS, made, locator)
    process = Process(table, tmp_path / "c.db", read_trace=from_files)
    play_out(process, liar, lambda: killed(table, liar))
    assert [purpose for purpose, _ in gas_of(process)][-1] == "prove"


def test_trace_that_disappears_after_the_commitment_is_proven_all_the_same(table: Table, tmp_path: Path) -> None:
    liar = corrupted(table)
    Process(table, tmp_path / "c.db", read_trace=publishing(liar)).once()
    again = Process(table, tmp_path / "c.db")  # reads nothing any more, and remembers nothing but its file
    again.once()
    assert killed(table, liar)
    again.once()
    assert [purpose for purpose, _ in gas_of(again)] == ["commit", "proveFault"]


# Who does what.


def test_right_claim_is_left_alone(table: Table, tmp_path: Path) -> None:
    liar = lying_claim(table, INPUTS, TRUE)
    process = Process(table, tmp_path / "c.db")
    process.once()
    process.once()
    assert process.codes() == ["claim_right"]
    assert process.store.transactions() == []
    assert table.claims.claim_of(liar.claimed.claim_id).commitments == 0


def test_challenge_of_a_right_claim_is_refused(table: Table, tmp_path: Path) -> None:
    liar = lying_claim(table, INPUTS, TRUE)
    process = Process(table, tmp_path / "c.db")
    with pytest.raises(ChallengerError) as refused:
        process.challenger.challenge(liar.claimed.claim_id)
    assert refused.value.code == "claim_is_right"


def test_watchtower_tells_and_never_sends(table: Table, tmp_path: Path) -> None:
    liar = corrupted(table)
    process = Process(table, tmp_path / "c.db", Mode.WATCHTOWER)
    before = process.chain.nonce()
    process.once()
    process.once()
    assert process.codes() == ["claim_wrong"]
    assert process.chain.nonce() == before
    assert table.claims.claim_of(liar.claimed.claim_id).commitments == 0


def test_watchtower_needs_no_account_and_cannot_be_made_to_stake(table: Table, tmp_path: Path) -> None:
    liar = corrupted(table)
    view = ClaimsOnChain(Chain(table.chain.rpc_url), table.market.deployment)
    told: list[Notice] = []
    found = Found(kept_program(PROGRAM, tmp_path))
    looker = Challenger(view, Judge(lambda *_: found, Engine(), child=Inline), Store(":memory:"))
    Watcher(looker, Mode.WATCHTOWER, told.append).once()
    assert [notice.code for notice in told] == ["claim_wrong"]
    assert report.explanation(looker, liar.claimed.claim_id)["first_op"] <= CONTRACT
    with pytest.raises(ChallengerError) as refused:
        looker.challenge(liar.claimed.claim_id)
    assert refused.value.code == "not_staking"
    with pytest.raises(ChallengerError):
        Watcher(looker, Mode.ACTIVE, told.append).once()


def test_defensive_challenger_finishes_what_is_open_and_opens_nothing(table: Table, tmp_path: Path) -> None:
    first = corrupted(table)
    Process(table, tmp_path / "c.db").once()
    second = corrupted(table, LOOKUP)
    defensive = Process(table, tmp_path / "c.db", Mode.DEFENSIVE)
    play_out(defensive, first, lambda: killed(table, first))
    assert table.claims.claim_of(second.claimed.claim_id).commitments == 0
    assert table.claims.claim_of(second.claimed.claim_id).status is ClaimStatus.PENDING
    assert defensive.codes().count("claim_wrong") == 1


def test_many_wrong_claims_are_overturned_at_once(table: Table, tmp_path: Path) -> None:
    liars = [corrupted(table, op, 0) for op in (CONTRACT, LOOKUP, 34)]
    process = Process(table, tmp_path / "c.db")
    for _ in range(12):
        process.once()
        for liar in liars:
            liar.answer()
    assert all(killed(table, liar) for liar in liars)
    assert process.store.bonds_at_stake() == 0
