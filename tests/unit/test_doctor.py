"""`inferproof doctor` finds what would keep other verbs from working."""

from __future__ import annotations

import json

import pytest

from prover.cli.app import run_cli


@pytest.mark.parametrize(
    ("proxy", "exempt", "is_fine"),
    [
        (None, None, True),
        ("http://127.0.0.1:9", None, False),
        ("http://127.0.0.1:9", "example.org", False),
        ("http://127.0.0.1:9", "example.org,127.0.0.1", True),
    ],
)
def test_a_proxy_between_us_and_a_local_chain_is_told(
    proxy: str | None,
    exempt: str | None,
    is_fine: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in (("http_proxy", proxy), ("no_proxy", exempt)):
        if value is not None:
            monkeypatch.setenv(name, value)
    code = run_cli(["doctor", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["checks"]["loopback"]["ok"] is is_fine
    assert ("NO_PROXY" in document["checks"]["loopback"]["finding"]) is not is_fine
    if not is_fine:
        assert (code, document["healthy"]) == (1, False)
