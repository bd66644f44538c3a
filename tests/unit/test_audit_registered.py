"""Which registered keys an audit rebuilds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from service_fakes import KEY_DIGEST, tiny_program

from circuits.errors import InputError
from circuits.statement import Route
from contracts.client.types import RoutePin
from prover.cli.audit import _registered


@pytest.mark.parametrize("route", [Route.SUMCHECK, Route.TEE])
def test_a_registered_key_of_a_route_without_a_contract_is_not_audited_as_anothers(
    route: Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tiny_program()
    listed = SimpleNamespace(model_id=program.model_id(), pins=[RoutePin(int(route), bytes(4), KEY_DIGEST)])
    registry = SimpleNamespace(registration=lambda _: listed)
    monkeypatch.setattr("prover.cli.audit.Registry", lambda *_: registry)
    found: list[dict[str, Any]] = []
    with pytest.raises(InputError) as caught:
        _registered(program, "12" * 32, None, cast(Any, None), cast(Any, {"ModelRegistry": "0x"}), found)
    assert (caught.value.code, found) == ("route_not_audited", [])
