"""Openings and proofs as JSON: bytes are hexadecimal with 0x, everything else is as it is. Strict both ways."""

from __future__ import annotations

import json
from typing import Any

from circuits import strict_json
from verifier.challenger.errors import ChallengerError
from verifier.dispute.types import DescriptorProof, FaultProof, Opening


def hexed(data: bytes) -> str:
    return "0x" + data.hex()


def malformed(problem: str) -> ChallengerError:
    return ChallengerError("evidence_malformed", f"no evidence: {problem}")


def unhexed(text: Any) -> bytes:
    if not isinstance(text, str) or not text.startswith("0x"):
        raise malformed(f"{str(text)[:20]!r} is no hexadecimal text that starts with 0x")
    try:
        return bytes.fromhex(text[2:])
    except ValueError as error:
        raise malformed(str(error)) from error


def integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise malformed(f"{str(value)[:20]!r} is no integer")
    return value


def items(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise malformed(f"{str(value)[:20]!r} is no list")
    return value


def fields(value: Any, *names: str) -> list[Any]:
    """The values of an object that has exactly these fields."""
    if not isinstance(value, dict) or set(value) != set(names):
        got = sorted(value) if isinstance(value, dict) else str(value)[:20]
        raise malformed(f"the fields {sorted(names)} are needed, got {got}")
    return [value[name] for name in names]


def parsed(raw: bytes) -> Any:
    try:
        return strict_json.parse(raw)
    except ValueError as error:
        raise malformed(str(error)) from error


OPENING = ("operand", "path", "dims", "numbers", "chunks", "siblings")


def opening_document(opening: Opening) -> dict[str, Any]:
    return {
        "operand": opening.operand,
        "path": [hexed(p) for p in opening.path],
        "dims": list(opening.dims),
        "numbers": list(opening.numbers),
        "chunks": hexed(opening.chunks),
        "siblings": [hexed(s) for s in opening.siblings],
    }


def opening_of(document: Any) -> Opening:
    operand, path, dims, numbers, chunks, siblings = fields(document, *OPENING)
    return Opening(
        integer(operand),
        tuple(unhexed(p) for p in items(path)),
        tuple(integer(d) for d in items(dims)),
        tuple(integer(n) for n in items(numbers)),
        unhexed(chunks),
        tuple(unhexed(s) for s in items(siblings)),
    )


FAULT = ("op", "descriptor", "descriptor_siblings", "trace_path", "element", "chunk", "chunk_path", "openings")


def fault_document(proof: FaultProof) -> dict[str, Any]:
    """Without the ids of the challenge."""
    return {
        "op": proof.op,
        "descriptor": hexed(proof.descriptor.descriptor),
        "descriptor_siblings": [hexed(s) for s in proof.descriptor.siblings],
        "trace_path": [hexed(s) for s in proof.trace_path],
        "element": proof.element,
        "chunk": hexed(proof.chunk),
        "chunk_path": [hexed(s) for s in proof.chunk_path],
        "openings": [opening_document(o) for o in proof.openings],
    }


def fault_of(document: Any, challenge_id: bytes = bytes(32), salt: bytes = bytes(32)) -> FaultProof:
    op, descriptor, siblings, trace_path, element, chunk, chunk_path, openings = fields(document, *FAULT)
    return FaultProof(
        challenge_id,
        integer(op),
        salt,
        DescriptorProof(unhexed(descriptor), tuple(unhexed(s) for s in items(siblings))),
        tuple(unhexed(s) for s in items(trace_path)),
        integer(element),
        unhexed(chunk),
        tuple(unhexed(s) for s in items(chunk_path)),
        tuple(opening_of(o) for o in items(openings)),
    )


def fault_text(proof: FaultProof) -> str:
    return json.dumps(fault_document(proof), separators=(",", ":"))
