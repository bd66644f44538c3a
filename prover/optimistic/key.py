"""The key of the optimistic route: which program, and the terms under which its claims may be disputed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from circuits import strict_json
from circuits.errors import InputError
from circuits.lower.optimistic import TOP_DEPTH, require_disputable
from circuits.program.graph import Program
from circuits.program.refs import Visibility
from circuits.statement import Hasher, Route, keccak256
from verifier.dispute.commitment import CommittedProgram
from verifier.dispute.types import DisputeTerms, key_digest
from verifier.messages import KEY_FORMAT, MAX_FILE_BYTES

MAX_OPS = 1 << 16
DAY_S = 86_400
MAX_TIME_S = 30 * DAY_S
MAX_BOND_WEI = 2**128 - 1
ROUTE = Route.OPTIMISTIC.name.lower()
FIELDS = ("format", "route", "model_id", "num_ops", "graph_tree", "terms")
TERM_NAMES = tuple(field.name for field in fields(DisputeTerms))

# A day for somebody to look, a day for each side to answer, an hour for a transaction at least. What a bond should be
# depends on what a wrong output can earn: these are for trying out.
DEFAULT_TERMS = DisputeTerms(
    claim_bond=10**17, challenge_bond=10**16, window=DAY_S, prove_time=DAY_S, clock=DAY_S, extension=3_600
)


@dataclass(frozen=True)
class OptimisticKey:
    """What `OptimisticClaims.registerKey` stores under the key's digest, but for what follows from the model id."""

    model_id: bytes
    num_ops: int
    graph_tree: bytes
    terms: DisputeTerms

    @classmethod
    def of(cls, program: Program, terms: DisputeTerms, hasher: Hasher = keccak256) -> OptimisticKey:
        """Raises InputError `input_is_hashed`, `program_without_ops`, `program_too_long`, `op_too_large_to_dispute`,
        `terms_invalid`."""
        if any(port.visibility is Visibility.HASHED for port in program.inputs):
            message = "this program's input is hidden, and a dispute has to show it: the optimistic route refuses it"
            raise InputError("input_is_hashed", message)
        if not program.ops:
            raise InputError("program_without_ops", "this program computes nothing that could be disputed")
        if len(program.ops) > MAX_OPS:
            message = f"this program has {len(program.ops)} ops; the optimistic route disputes at most {MAX_OPS}"
            raise InputError("program_too_long", message, ops=len(program.ops), limit=MAX_OPS)
        require_disputable(program)
        require_terms(terms)
        return cls(program.model_id(hasher), len(program.ops), CommittedProgram(program, hasher).graph.root, terms)

    def digest(self) -> bytes:
        return key_digest(self.model_id, self.terms)

    def to_json(self) -> bytes:
        body = {
            "format": KEY_FORMAT,
            "route": ROUTE,
            "model_id": "0x" + self.model_id.hex(),
            "num_ops": self.num_ops,
            "graph_tree": "0x" + self.graph_tree.hex(),
            "terms": asdict(self.terms),
        }
        return (json.dumps(body, indent=2) + "\n").encode()


def require_terms(terms: DisputeTerms) -> None:
    """The bounds that the contract keeps: bonds of 1 wei to 2^128 - 1, times of 1 s to 30 days."""
    bonds = {"claim_bond": terms.claim_bond, "challenge_bond": terms.challenge_bond}
    times = {name: value for name, value in asdict(terms).items() if name not in bonds}
    for of, limit in ((bonds, MAX_BOND_WEI), (times, MAX_TIME_S)):
        for name, value in of.items():
            if not 1 <= value <= limit:
                message = f"{name} must be 1 to {limit}, got {value}"
                raise InputError("terms_invalid", message, term=name, limit=limit, got=value)


def is_worth_copying(terms: DisputeTerms) -> bool:
    """Whether it pays to stake on all nodes of a claim's top and then copy the one right challenger; section 5."""
    return ((1 << TOP_DEPTH) - 1) * terms.challenge_bond <= terms.claim_bond // 2


def read_key(path: Path, program: Program) -> OptimisticKey:
    """A key file of this program; nothing in it but the terms is believed. Raises InputError `file_malformed`,
    `file_unreadable`, `key_for_another_model`, and what `OptimisticKey.of` raises."""
    body = _object(_read(path), FIELDS, path)
    terms = _object(body["terms"], TERM_NAMES, path)
    if not all(type(value) is int for value in terms.values()):
        raise InputError("file_malformed", f"key file {path}: the terms are whole numbers", path=str(path))
    key = OptimisticKey.of(program, DisputeTerms(**terms))
    told = {name: body[name] for name in FIELDS}
    if told != json.loads(key.to_json()):
        raise InputError(
            "key_for_another_model", f"{path} is not this program's key", model_id="0x" + key.model_id.hex()
        )
    return key


def is_optimistic(path: Path) -> bool:
    """Whether a key file says that it is of this route; what else it says is `read_key`'s business."""
    try:
        body = strict_json.parse(_read(path))
    except ValueError:
        return False
    return isinstance(body, dict) and body.get("route") == ROUTE


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES)
    except OSError as error:
        raise InputError("file_unreadable", f"cannot read {path}: {error.strerror}", path=str(path)) from error


def _object(raw: Any, names: tuple[str, ...], path: Path) -> dict[str, Any]:
    """A JSON object, or the bytes of one, of exactly these fields."""
    try:
        body = strict_json.parse(raw) if isinstance(raw, bytes) else raw
    except ValueError as error:
        raise InputError("file_malformed", f"key file {path} is not JSON as expected: {error}") from error
    if not isinstance(body, dict) or set(body) != set(names):
        got = sorted(body) if isinstance(body, dict) else type(body).__name__
        raise InputError("file_malformed", f"key file {path} needs the fields {list(names)}", got=got)
    return body
