"""The two files a verifier reads: a proof and a key. JSON, every field required, unknown fields refused.

Nothing a file says about itself is believed: everything but the proof's bytes is compared with what the caller asked
for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from circuits import strict_json
from circuits.errors import InputError
from circuits.statement import Route, Statement
from verifier.errors import VerificationError

PROOF_FORMAT = "inferproof-proof-1"
KEY_FORMAT = "inferproof-key-1"
MAX_FILE_BYTES = 1 << 24
MAX_CONTENT_BYTES = (MAX_FILE_BYTES - (1 << 12)) // 2  # a proof or a key in hex, with room for the other fields
MAX_SHOWN = 200
_PROOF_FIELDS = ("format", "route", "statement", "key_digest", "srs_digest", "proof")
_KEY_FIELDS = ("format", "route", "key")
_STATEMENT_FIELDS = ("model_id", "input_root", "output_root")


@dataclass(frozen=True)
class ProofFile:
    """A proof as it travels. `srs_digest` is keccak of the accepted s·G2 (docs/protocol/sumcheck.md section 10)."""

    route: Route
    statement: Statement
    key_digest: bytes
    srs_digest: bytes
    proof: bytes

    @classmethod
    def from_json(cls, raw: bytes) -> ProofFile:
        fields = _object(raw, PROOF_FORMAT)
        _expect_fields(fields, _PROOF_FIELDS, "file")
        statement = fields["statement"]
        if not isinstance(statement, dict):
            raise VerificationError("file_malformed", "the field 'statement' is not an object")
        _expect_fields(statement, _STATEMENT_FIELDS, "statement")
        words = [_hex(statement, name, 32) for name in _STATEMENT_FIELDS]
        return cls(
            route=_route(fields),
            statement=Statement(*words),
            key_digest=_hex(fields, "key_digest", 32),
            srs_digest=_hex(fields, "srs_digest", 32),
            proof=_hex(fields, "proof"),
        )

    @classmethod
    def load(cls, path: Path) -> ProofFile:
        raw = _read(path)
        try:
            return cls.from_json(raw)
        except VerificationError as error:
            message = f"{path} is no proof file: {error.message}"
            raise VerificationError(error.code, message, **error.details) from error

    def to_json(self) -> bytes:
        statement = {name: "0x" + getattr(self.statement, name).hex() for name in _STATEMENT_FIELDS}
        return _dump(
            {
                "format": PROOF_FORMAT,
                "route": self.route.name.lower(),
                "statement": statement,
                "key_digest": "0x" + self.key_digest.hex(),
                "srs_digest": "0x" + self.srs_digest.hex(),
                "proof": "0x" + self.proof.hex(),
            }
        )


@dataclass(frozen=True)
class KeyFile:
    """A route's verifying key as it travels: `key` is the route's own canonical encoding."""

    route: Route
    key: bytes

    @classmethod
    def from_json(cls, raw: bytes) -> KeyFile:
        fields = _object(raw, KEY_FORMAT)
        if fields.get("route") == Route.OPTIMISTIC.name.lower():  # other fields, read by `prover.optimistic.key`
            message = (
                "it is a key of the optimistic route, which makes no proofs: `inferproof claim` answers requests under "
                "it, and `inferproof challenger check` checks claims"
            )
            raise VerificationError("key_of_another_route", message, route=fields["route"])
        _expect_fields(fields, _KEY_FIELDS, "file")
        return cls(route=_route(fields), key=_hex(fields, "key"))

    @classmethod
    def load(cls, path: Path) -> KeyFile:
        return cls.from_json(_read(path))

    def to_json(self) -> bytes:
        return _dump({"format": KEY_FORMAT, "route": self.route.name.lower(), "key": "0x" + self.key.hex()})


def _dump(fields: Mapping[str, Any]) -> bytes:
    return (json.dumps(fields, indent=2) + "\n").encode()


def _read(path: Path) -> bytes:
    """A file, or all that comes through a pipe: no more than would be read of a file."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InputError("file_unreadable", f"cannot read {path}: {error.strerror}", path=str(path)) from error
    return raw


def _object(raw: bytes, expected_format: str) -> dict[str, Any]:
    """A file of that format; which other fields it needs is not looked at."""
    if len(raw) > MAX_FILE_BYTES:
        raise VerificationError("file_malformed", f"the file is over {MAX_FILE_BYTES} bytes", limit=MAX_FILE_BYTES)
    try:
        fields = strict_json.parse(raw)
    except UnicodeDecodeError as error:
        raise VerificationError("file_malformed", "it is no JSON, but binary") from error
    except ValueError as error:
        raise VerificationError("file_malformed", f"it is not JSON as expected: {error}") from error
    if not isinstance(fields, dict):
        raise VerificationError("file_malformed", "it is not a JSON object")
    if isinstance(fields.get("code"), str) and "detail" in fields:
        message = f"it is an error document of the service: {fields['code'][:64]}"
        raise VerificationError("file_malformed", message)
    told = fields.get("format", expected_format)
    if told != expected_format:
        got = str(told)[:64]
        message = f"the file's format is {got}, not {expected_format}"
        raise VerificationError("file_wrong_format", message, expected=expected_format, got=got)
    return fields


def _expect_fields(fields: Mapping[str, Any], names: tuple[str, ...], where: str) -> None:
    unknown, missing = sorted(set(fields) - set(names)), sorted(set(names) - set(fields))
    if unknown or missing:
        found = [f"has unknown fields {', '.join(unknown)[:MAX_SHOWN]}"] if unknown else []
        found += [f"lacks {', '.join(missing)}"] if missing else []
        message = f"the {where} {' and '.join(found)}"
        raise VerificationError("file_malformed", message, unknown=unknown, missing=missing)


def _route(fields: Mapping[str, Any]) -> Route:
    for route in Route:
        if fields["route"] == route.name.lower():
            return route
    raise VerificationError("file_malformed", "the file names no route that exists", got=str(fields["route"])[:64])


def _hex(fields: Mapping[str, Any], name: str, length: int | None = None) -> bytes:
    text = fields[name]
    try:
        value = bytes.fromhex(text.removeprefix("0x"))
    except (AttributeError, ValueError):
        value = None
    if value is None or "0x" + value.hex() != text:  # also of uppercase digits, and of spaces between them
        raise VerificationError("file_malformed", f"the field {name!r} is not 0x and lowercase hex digits", field=name)
    if length is not None and len(value) != length:
        message = f"the field {name!r} has {len(value)} bytes, not {length}"
        raise VerificationError("file_malformed", message, field=name, expected=length, got=len(value))
    return value
