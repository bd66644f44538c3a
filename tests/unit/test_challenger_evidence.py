"""Evidence that a claim is wrong: found in whatever was shown, exported, and replayed by somebody who trusts nobody."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from dispute_model import OP_OF, honest, mixed_inputs, mixed_program

from contracts.client.dispute_types import Claim, DisputeKey
from verifier.challenger import explain
from verifier.challenger.claim_view import ClaimView
from verifier.challenger.errors import ChallengerError
from verifier.challenger.evidence import export_evidence, replay
from verifier.challenger.fault import find_fault
from verifier.challenger.findings import Finding, from_answers, from_fault
from verifier.challenger.moves import PickNode
from verifier.challenger.player import Answer, pick, wrong_top_node
from verifier.challenger.proof_json import fault_of, hexed, parsed
from verifier.challenger.records import Block
from verifier.dispute.commitment import CommittedProgram, CommittedTrace
from verifier.dispute.openings import open_fault
from verifier.dispute.rules import node_picked, opened
from verifier.dispute.types import ClaimStatus, DisputeTerms, Phase, claim_id, key_digest, position_key

PROGRAM = CommittedProgram(mixed_program())
MINE = honest(PROGRAM, mixed_inputs())
HEADER = PROGRAM.program.header()
TERMS = DisputeTerms(10**18, 10**17, 600, 300, 400, 60)
CONTRACT_ADDRESS, CLAIMANT = "0x" + "0c" * 20, "0x" + "0d" * 20


def corrupted(op: int, element: int) -> CommittedTrace:
    made = [output.copy() for output in MINE.made]
    made[op].reshape(-1)[element] += 1
    return CommittedTrace(PROGRAM, MINE.inputs, made)


def view_of(trace: CommittedTrace) -> ClaimView:
    """As the chain would show a claim of this trace."""
    digest = key_digest(HEADER.model_id(), TERMS)
    named = claim_id(31337, CONTRACT_ADDRESS, b"\1" * 32, digest, trace.trace_tree, trace.output_root, CLAIMANT)
    roots = (digest, b"\1" * 32, trace.input_root, trace.output_root, trace.trace_tree)
    claim = Claim(CLAIMANT, ClaimStatus.PENDING, 0, 0, *roots, 1000)
    key = DisputeKey(HEADER.model_id(), PROGRAM.graph.root, PROGRAM.weights.root, len(PROGRAM.program.ops), TERMS)
    request: Any = None
    where = (Block(5, bytes(32)), bytes(32))
    return ClaimView(named, claim, key, trace.top, "", *where, request, tuple(MINE.inputs), "")


def answers_of(trace: CommittedTrace) -> Iterator[tuple[bytes, Answer]]:
    """What a claimant of this trace reveals on the way down to the first element that is wrong."""
    ops = len(trace.program.ops)
    at = opened(ops, wrong_top_node(trace.top, MINE))
    while True:
        answer = Answer(trace.chunk_tree(at.op).root if at.is_leaf else b"", trace.reveal_body(at))
        yield position_key(at), answer
        move = pick(at, answer, MINE)
        if not isinstance(move, PickNode):
            return
        at = node_picked(
            at, move.index, ops, trace.size_of(at.op) if at.phase is not Phase.TRACE or at.is_leaf else None
        )


def exported(view: ClaimView, finding: Finding) -> bytes:
    return export_evidence(view, finding, HEADER, PROGRAM.program, 31337, CONTRACT_ADDRESS)


def refusal(act: Callable[[], object]) -> ChallengerError:
    with pytest.raises(ChallengerError) as refused:
        act()
    return refused.value


@pytest.mark.parametrize(("op", "element"), [(0, 9_215), (OP_OF["reduce_sum"], 0), (OP_OF["contract"], 39), (34, 0)])
def test_what_was_revealed_and_what_was_published_give_the_same_evidence(op: int, element: int) -> None:
    theirs = corrupted(op, element)
    view = view_of(theirs)
    revealed = from_answers(view, dict(answers_of(theirs)), MINE)

    class Published:
        def roots(self) -> list[bytes]:
            return list(theirs.tensor_roots)

        def tensor(self, number: int) -> Any:
            return theirs.made[number]

    fault = find_fault(view, Published(), MINE)
    assert fault is not None
    assert exported(view, revealed) == exported(view, from_fault(fault))
    shown = replay(exported(view, revealed))
    true = int(MINE.made[op].reshape(-1)[element])
    assert (shown.claim_id, shown.model_id) == (view.claim_id, HEADER.model_id())
    assert (shown.op, shown.element, shown.claimed, shown.true) == (op, element, true + 1, true)


def test_finding_narrows_with_every_reveal() -> None:
    theirs = corrupted(0, 5_000)
    known: dict[bytes, Answer] = {}
    spans = []
    for key, answer in answers_of(theirs):
        found = from_answers(view_of(theirs), known, MINE)
        spans.append((found.first_op, found.last_op, found.element))
        known[key] = answer
    found = from_answers(view_of(theirs), known, MINE)
    assert spans == [(0, 1, None), (0, 0, None), (0, 0, None), (0, 0, None)]
    assert (found.op, found.element) == (0, 5_000)


def test_right_claim_has_no_finding() -> None:
    assert refusal(lambda: from_answers(view_of(MINE), {}, MINE)).code == "nothing_differs"


def test_evidence_waits_for_the_element() -> None:
    theirs = corrupted(OP_OF["contract"], 3)
    finding = from_answers(view_of(theirs), {}, MINE)
    assert refusal(lambda: exported(view_of(theirs), finding)).code == "evidence_unavailable"


# Replaying what a stranger wrote.

OP, ELEMENT = OP_OF["contract"], 3
WRONG = corrupted(OP, ELEMENT)
DOCUMENT: dict[str, Any] = json.loads(
    exported(view_of(WRONG), from_answers(view_of(WRONG), dict(answers_of(WRONG)), MINE))
)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where every text and number of a document is."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from leaves(item, (*path, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from leaves(item, (*path, number))
    else:
        yield path


def changed(path: tuple[Any, ...], change: Callable[[Any], Any]) -> bytes:
    document = copy.deepcopy(DOCUMENT)
    parent: Any = document
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = change(parent[path[-1]])
    return json.dumps(document).encode()


def other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str) and value.startswith("0x") and len(value) > 2:
        return value[:-1] + ("0" if value[-1] != "0" else "1")
    return value + "x"


# Where the claim was made is for people: whoever wants to know asks the chain.
UNBOUND = {("claim", "block"), ("claim", "transaction")}


@pytest.mark.parametrize("value", ["\x1b[2J", None, []])
@pytest.mark.parametrize("path", sorted(UNBOUND))
def test_where_the_claim_was_made_is_a_number_and_a_hash_or_no_evidence(path: tuple[str, ...], value: Any) -> None:
    assert refusal(lambda: replay(changed(path, lambda _: value))).code == "evidence_malformed"


@pytest.mark.parametrize("path", [p for p in leaves(DOCUMENT) if p not in UNBOUND], ids=lambda p: "/".join(map(str, p)))
def test_no_field_can_be_changed(path: tuple[Any, ...]) -> None:
    assert refusal(lambda: replay(changed(path, other))).code in ("evidence_refused", "evidence_malformed")


@pytest.mark.parametrize(
    "path", sorted({p[:n] for p in leaves(DOCUMENT) for n in range(1, len(p) + 1) if isinstance(p[n - 1], str)})
)
def test_no_field_can_be_left_out(path: tuple[Any, ...]) -> None:
    document = copy.deepcopy(DOCUMENT)
    parent: Any = document
    for step in path[:-1]:
        parent = parent[step]
    del parent[path[-1]]
    raw = json.dumps(document).encode()
    assert refusal(lambda: replay(raw)).code in ("evidence_refused", "evidence_malformed")


def test_evidence_against_a_right_claim_is_refused() -> None:
    """Everything in it is true, and so is the element."""
    finding = Finding(OP, OP, ELEMENT, 0, 0, open_fault(MINE, bytes(32), OP, bytes(32), ELEMENT))
    refused = refusal(lambda: replay(exported(view_of(MINE), finding)))
    assert refused.code == "evidence_refused"
    assert "as the claim says" in refused.message


def test_operand_of_another_claim_is_refused() -> None:
    """The first op whose operands are not true gives another value than its own, and that shows nothing."""
    reader = next(
        i
        for i, op in enumerate(PROGRAM.program.ops)
        if any(r.index == OP and r.source.name == "OP" for r in op.operands)
    )
    mixed = open_fault(WRONG, bytes(32), reader, bytes(32), ELEMENT)
    finding = Finding(reader, reader, ELEMENT, 0, 0, mixed)
    assert refusal(lambda: replay(exported(view_of(MINE), finding))).code == "evidence_refused"


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b"nonsense", b"[" * 5_000, b'{"format": "inferproof-evidence/1"}', b"\xff"]
)
def test_bytes_that_are_no_evidence_are_refused(raw: bytes) -> None:
    assert refusal(lambda: replay(raw)).code == "evidence_malformed"


def test_op_of_a_million_million_terms_is_refused_and_not_folded() -> None:
    def huge(op: Any) -> Any:
        return {**op, "inner": [2**18, 2**18]}

    assert refusal(lambda: replay(changed(("op", "ops", 0), huge))).code == "evidence_refused"


def test_proofs_survive_json() -> None:
    proof = from_answers(view_of(WRONG), dict(answers_of(WRONG)), MINE).proof
    assert proof is not None
    assert fault_of(parsed(json.dumps(DOCUMENT["fault"]).encode())) == proof
    assert hexed(proof.chunk) == DOCUMENT["fault"]["chunk"]


# In words.


@pytest.mark.parametrize("op", range(len(PROGRAM.program.ops)))
def test_every_op_is_explained_with_both_values(op: int) -> None:
    theirs = corrupted(op, 0)
    finding = from_answers(view_of(theirs), dict(answers_of(theirs)), MINE)
    true = int(MINE.made[op].reshape(-1)[0])
    words = " ".join(explain.in_words(PROGRAM.program, finding))
    drawn = "\n".join(explain.picture(PROGRAM.program, finding))
    assert f"op {op} of" in words
    assert str(true) in words
    assert str(true + 1) in words
    assert f"✗ op{op} " in drawn
    assert drawn.count("✗") == 2
