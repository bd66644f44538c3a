"""Verbs called in this process, as scripts call them: with `--json`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from prover.cli.app import run_cli

Invoke = Callable[..., tuple[int, dict[str, Any]]]


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any]]:
    """Exit code and the JSON document of one verb."""
    capsys.readouterr()
    code = run_cli([*map(str, arguments), "--json"])
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, document


def refused(invoke: Invoke, error_code: str, *arguments: object) -> dict[str, Any]:
    """Bad usage or input; its error."""
    code, answer = invoke(*arguments)
    error: dict[str, Any] = answer["error"]
    assert (code, error["code"]) == (2, error_code)
    return error


def rejected(invoke: Invoke, reason: str, *arguments: object) -> str:
    """The answer is no; why."""
    code, answer = invoke(*arguments)
    assert (code, answer["valid"], answer["reason"]["code"]) == (1, False, reason)
    message: str = answer["reason"]["message"]
    return message
