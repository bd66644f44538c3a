"""Writes dispute.json: golden vectors of docs/protocol/optimistic.md, checked by Python and Solidity.

Run from the repository root: `python -m tests.vectors.make_dispute`. The tests fail if the file is stale. Numbers of
more than 53 bits are decimal strings. A step is the call of IOneStep.run: a contract is given exactly these bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from eth_abi.abi import encode

from circuits.lower.optimistic import NEVER, element_count, finish, points, spacing, start, term_count
from circuits.program.ops import Op
from circuits.statement import keccak256, leaf
from tests import dispute_programs
from tests.dispute_games import honest
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.errors import DisputeError
from verifier.dispute.one_step import run_step
from verifier.dispute.openings import open_terms
from verifier.dispute.tree import Tree, zero_node
from verifier.dispute.types import (
    CommitmentKind,
    DisputeTerms,
    Opening,
    Phase,
    Position,
    StepRoots,
    challenge_id,
    claim_id,
    commitment_hash,
    key_digest,
    position_key,
)

PATH = Path(__file__).with_name("dispute.json")
RUN = (
    "bytes",
    "(bytes32,bytes32,bytes32,uint32)",
    "uint32",
    "uint48",
    "uint48",
    "int256",
    "(uint8,bytes32[],uint32[],uint32[],bytes,bytes32[])[]",
)
SELECTOR = keccak256(f"run({','.join(RUN)})".encode())[:4]
CHALLENGER, CLAIMANT, CONTRACT = ("0x" + byte * 20 for byte in ("ca", "c1", "0c"))


def text_of(data: bytes) -> str:
    return "0x" + data.hex()


def ids() -> dict[str, Any]:
    terms = DisputeTerms(2 * 10**18, 10**16, 86_400, 3_600, 7_200, 600)
    model, request, trace_tree, output_root, salt = (bytes([i]) * 32 for i in range(1, 6))
    key = key_digest(model, terms)
    claim = claim_id(31337, CONTRACT, request, key, trace_tree, output_root, CLAIMANT)
    made = {kind: commitment_hash(claim, CHALLENGER, kind, 0x01020304, salt) for kind in CommitmentKind}
    return {
        "chain_id": 31337,
        "contract": CONTRACT,
        "claimant": CLAIMANT,
        "challenger": CHALLENGER,
        "model_id": text_of(model),
        "request_id": text_of(request),
        "trace_tree": text_of(trace_tree),
        "output_root": text_of(output_root),
        "salt": text_of(salt),
        "index": 0x01020304,
        "terms": [str(value) for value in terms.as_tuple()],
        "key_digest": text_of(key),
        "claim_id": text_of(claim),
        "commitment_to_open": text_of(made[CommitmentKind.OPEN]),
        "commitment_to_prove": text_of(made[CommitmentKind.PROVE_FAULT]),
        "challenge_id": text_of(challenge_id(claim, CHALLENGER, made[CommitmentKind.OPEN])),
    }


def position_keys() -> list[dict[str, Any]]:
    positions = [
        Position(Phase.COMMITTED),
        Position(Phase.TRACE, 11, 31),
        Position(Phase.TRACE, op=65535),
        Position(Phase.NODES, 17, 2**20 - 1, 499),
        Position(Phase.DATA, 2, 1, 7),
        Position(Phase.SUM, op=7, element=2**28 - 1, lo=0, hi=255 * 2**36),
        Position(Phase.STEP, op=0, element=0, lo=24, hi=48),
    ]
    return [{"fields": list(at.as_tuple()), "key": text_of(position_key(at))} for at in positions]


def leaves_of(count: int) -> list[bytes]:
    return [leaf(i.to_bytes(256, "big")) for i in range(count)]


def trees() -> list[dict[str, Any]]:
    """Roots, and for every multiproof the chunks' numbers and the siblings. A chunk is its number, in 256 bytes."""
    found = []
    cases: dict[int, list[list[int]]] = {
        1: [[0]],
        2: [[0], [1], [0, 1]],
        3: [[2], [0, 2], [0, 1, 2]],
        5: [[4], [0, 4], [1, 2], [1, 3, 4]],
        8: [[3, 4], [0, 7], list(range(8))],
        64: [[0, 1, 31, 32, 63], list(range(10, 34)), [17]],
        100: [[99], [0, 99], list(range(0, 100, 7))],
    }
    for count, proofs in cases.items():
        tree = Tree.of(leaves_of(count))
        shown = [{"numbers": n, "siblings": [text_of(s) for s in tree.multiproof(n)]} for n in proofs]
        path = [text_of(s) for s in tree.siblings(0, count - 1)]
        found.append({"count": count, "root": text_of(tree.root), "last_path": path, "multiproofs": shown})
    return found


def spacings() -> list[dict[str, Any]]:
    lengths = [25, 192 * 24, 192 * 24 + 1, 4097, 192 * 192 * 24, 192 * 192 * 24 + 1, 2**36, 255 * 2**36]
    return [{"length": str(n), "spacing": str(spacing(n)), "ranges": -(-n // spacing(n))} for n in [1, 24, *lengths]]


def call(op: Op, roots: StepRoots, element: int, lo: int, hi: int, acc: int, openings: Sequence[Opening]) -> str:
    values = (op.encode(), roots.as_tuple(), element, lo, hi, acc, [o.as_tuple() for o in openings])
    return text_of(SELECTOR + encode(RUN, values))


def some_segments(op: Op) -> Iterator[tuple[int, tuple[int, int], int]]:
    """Element, terms, accumulator: the first segment of the outermost elements; of the last, also its ends."""
    count, last = term_count(op), element_count(op) - 1
    ends = points(0, count)
    for element in sorted({0, last}):
        yield element, (0, ends[1]), start(op)
    if count > 1:
        yield last, (ends[-2], count), start(op)
        yield last, (count - 1, count), 2**52
        yield last, (1, 1), -7


def steps(*traces: CommittedTrace) -> dict[str, list[str]]:
    """By place in the lists: what a segment is, its call, and the accumulator that it ends in."""
    found: dict[str, list[str]] = {"names": [], "calls": [], "ends": []}
    for trace in traces:
        for j, op in enumerate(trace.program.ops):
            for element, (lo, hi), acc in some_segments(op):
                openings = open_terms(trace, j, element, lo, hi)
                end = run_step(op, trace.step_roots, element, lo, hi, acc, openings)
                found["names"].append(
                    f"{op.opcode.name.lower()} {j}: element {element}, terms {lo} to {hi}, from {acc}"
                )
                found["calls"].append(call(op, trace.step_roots, element, lo, hi, acc, openings))
                found["ends"].append(str(end))
    return found


def refused(trace: CommittedTrace) -> dict[str, list[str]]:
    """The same call with one thing wrong; Solidity reverts where Python says why."""
    op, roots = trace.op(0), trace.step_roots
    a, b = open_terms(trace, 0, 20, 0, 24)
    one = b"\1" * 32
    cases: dict[str, tuple[StepRoots, Sequence[Opening]]] = {
        "another request": (replace(roots, input_root=one), (a, b)),
        "another model": (replace(roots, weights_root=one), (a, b)),
        "an operand missing": (roots, (a,)),
        "operands in another order": (roots, (b, a)),
        "an operand twice": (roots, (a, a, b)),
        "wrong dims": (roots, (replace(a, dims=(7, 5)), b)),
        "another size": (roots, (replace(a, dims=(6, 7)), b)),
        "a path too long": (roots, (a, replace(b, path=(*b.path, one)))),
        "a path too short": (roots, (a, replace(b, path=b.path[:-1]))),
        "a number beyond": (roots, (replace(a, numbers=(1,)), b)),
        "numbers twice": (roots, (replace(a, numbers=(0, 0), chunks=a.chunks * 2), b)),
        "a sibling left over": (roots, (replace(a, siblings=(one,)), b)),
        "a sibling missing": (roots, (a, replace(b, siblings=b.siblings[:-1]))),
        "half a chunk": (roots, (replace(a, chunks=a.chunks[:128]), b)),
        "padding not zero": (roots, (replace(a, chunks=a.chunks[:-1] + b"\1"), b)),
        "nothing opened": (roots, (replace(a, numbers=(), chunks=b""), b)),
    }
    found: dict[str, list[str]] = {"names": [], "codes": [], "calls": []}
    for name, (under, openings) in cases.items():
        try:
            run_step(op, under, 20, 0, 24, 0, openings)
        except DisputeError as error:
            found["names"].append(name)
            found["codes"].append(error.code)
            found["calls"].append(call(op, under, 20, 0, 24, 0, openings))
        else:
            raise AssertionError(f"{name} was accepted")
    return found


def finishes(trace: CommittedTrace) -> list[dict[str, Any]]:
    """Every op's last step at the edges of rounding and saturation."""
    found = []
    for op in trace.program.ops:
        shift, half = getattr(op, "shift", 0), 1 << max(getattr(op, "shift", 1) - 1, 0)
        top = 1 << (op.bits - 1)
        edges = {0, 1, -1, half, half - 1, -half, -half - 1, 2**69, -(2**69), 2**126, NEVER, 2**37 - 1, -(2**37)}
        edges |= {(side << shift) + d for side in (top, -top) for d in (-half - 1, -half, -1, 0)}
        accumulators = sorted(edges)
        found.append(
            {
                "descriptor": text_of(op.encode()),
                "accumulators": [str(acc) for acc in accumulators],
                "elements": [str(finish(op, acc)) for acc in accumulators],
            }
        )
    return found


def vectors() -> dict[str, Any]:
    every, sums = dispute_programs.every_op(), dispute_programs.long_sums(50)
    mixed = honest(every, dispute_programs.random_inputs(every))
    long = honest(sums, dispute_programs.random_inputs(sums))
    return {
        "ids": ids(),
        "position_keys": position_keys(),
        "zero_nodes": [text_of(zero_node(h)) for h in range(33)],
        "trees": trees(),
        "spacings": spacings(),
        "steps": steps(mixed, long),
        "refused": refused(mixed),
        "finishes": finishes(mixed),
    }


def text() -> str:
    return json.dumps(vectors(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
