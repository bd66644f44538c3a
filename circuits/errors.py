"""The one exception every layer raises for something a user can act on."""

from __future__ import annotations

from typing import Any


class InferproofError(Exception):
    """An error with a stable code.

    `code` is lower_snake_case and never changes meaning; `message` says what to do; `details` carries the values,
    JSON-serialisable. Subclasses set `exit_code`: 2 for bad usage or input, 3 when something outside failed.
    """

    exit_code = 2

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

    def as_dict(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "details": self.details}


class InputError(InferproofError):
    """What the caller handed over cannot be used: a file, a value, an option."""


class EnvironmentFailure(InferproofError):
    """Something outside failed: a chain, a process, a disk, a network."""

    exit_code = 3
