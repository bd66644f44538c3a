"""What is wrong with one claim's records leaves no other claim without a defence."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from circuits.errors import EnvironmentFailure, InferproofError, InputError
from contracts.client.types import ZERO_ADDRESS, Request
from prover.optimistic.defender import Defender, Outcome
from prover.service.adapters import claim_chain
from prover.service.adapters.claim_chain import ClaimClient
from prover.service.adapters.ports import OwnClaim
from prover.service.settings import Settings

REQUEST = Request(ZERO_ADDRESS, ZERO_ADDRESS, bytes(32), bytes(32), (), 0, 0, 0, 0, 0, 0)
GOOD, BAD = "0x" + "01" * 32, "0x" + "02" * 32


def described() -> OwnClaim:
    return OwnClaim(GOOD, "0x" + "03" * 32, REQUEST, (), 1, lambda: pytest.fail("nothing is revealed here"))


@pytest.fixture
def defended(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many claims were defended in each pass."""
    passes: list[int] = []

    def defend_once(defenders: Sequence[Defender], _sender: Any) -> list[Outcome | None]:
        passes.append(len(defenders))
        return [None] * len(defenders)

    monkeypatch.setattr(claim_chain, "defend_once", defend_once)
    return passes


@pytest.fixture
def client() -> ClaimClient:
    contract = SimpleNamespace(functions=None)
    chain: Any = SimpleNamespace(contract=lambda *_: contract, address=ZERO_ADDRESS)
    deployment: Any = dict.fromkeys(("OptimisticClaims", "InferenceHub", "ModelRegistry"), ZERO_ADDRESS)
    return ClaimClient(chain, deployment, Settings())


@pytest.mark.parametrize(
    "error",
    [
        EnvironmentFailure("claim_unknown", "the feed's row is gone"),
        EnvironmentFailure("artifact_missing", "the outputs are gone"),
        InputError("tensors_malformed", "the outputs are damaged"),
    ],
)
def test_one_claim_without_records_does_not_disarm_the_others(
    client: ClaimClient, defended: list[int], error: InferproofError
) -> None:
    def lost() -> OwnClaim:
        raise error

    assert client.defend({BAD: lost, GOOD: described}) == {}
    assert defended == [1]
    # The records came back: the next pass defends both.
    client.defend({BAD: described, GOOD: lost})
    assert defended == [1, 2]
