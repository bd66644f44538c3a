"""A file that shows a claim to be wrong to anybody, without a chain, a program or trust in who wrote it.

It holds one element of one op with everything that it is made of, opened under the roots that the claim's id is the
hash of. `replay` folds its terms in plain Python. What it cannot say is that such a claim was made: the chain does.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from circuits.errors import InferproofError
from circuits.lower.optimistic import finish, start, term_count, tree_height
from circuits.program.graph import Program
from circuits.program.graph_json import dump_graph, parse_graph
from circuits.program.ops import Op
from circuits.statement import ModelHeader, Tag, keccak256, leaf
from verifier.challenger.claim_view import ClaimView
from verifier.challenger.errors import ChallengerError
from verifier.challenger.findings import Finding
from verifier.challenger.proof_json import (
    fault_document,
    fault_of,
    fields,
    hexed,
    integer,
    malformed,
    parsed,
    unhexed,
)
from verifier.dispute.commitment import tensor_root_over
from verifier.dispute.errors import DisputeError
from verifier.dispute.game import value_in
from verifier.dispute.one_step import run_step
from verifier.dispute.rules import CHUNK_ELEMENTS, OpSize
from verifier.dispute.tree import fold_path, require_path
from verifier.dispute.types import DisputeTerms, FaultProof, StepRoots, claim_id, key_digest

FORMAT = "inferproof-evidence/1"
MAX_TERMS = 2**22  # what a reader is ready to fold in plain Python
MAX_BYTES = 2**28

NAMES = (
    "format",
    "chain_id",
    "contract",
    "claim_id",
    "claim",
    "header",
    "num_ops",
    "graph_tree",
    "terms",
    "op",
    "fault",
)
CLAIM = ("request_id", "claimant", "key_digest", "input_root", "output_root", "trace_tree", "block", "transaction")
HEADER = ("graph_root", "weights_root", "io_spec", "opset_version")
TERMS = ("claim_bond", "challenge_bond", "window", "prove_time", "clock", "extension")


@dataclass(frozen=True)
class Replay:
    """What an evidence file shows: `element` of op `op` is `claimed` in the claim, and `true` by the model's own op."""

    chain_id: int
    contract: str
    claim_id: bytes
    model_id: bytes
    op: int
    opcode: str
    element: int
    claimed: int
    true: int


def export_evidence(
    view: ClaimView, finding: Finding, header: ModelHeader, program: Program, chain_id: int, contract: str
) -> bytes:
    """The file's bytes. Raises ChallengerError `evidence_unavailable` while no element is known to be wrong."""
    if finding.proof is None:
        span = f"ops {finding.first_op} to {finding.last_op}"
        message = f"something in {span} is wrong, but the claimant has not shown the element so far"
        raise ChallengerError("evidence_unavailable", message, first_op=finding.first_op, last_op=finding.last_op)
    claim = view.claim
    op = program.ops[finding.proof.op]
    document = {
        "format": FORMAT,
        "chain_id": chain_id,
        "contract": contract,
        "claim_id": hexed(view.claim_id),
        "claim": {
            "request_id": hexed(claim.request_id),
            "claimant": claim.claimant,
            "key_digest": hexed(claim.key_digest),
            "input_root": hexed(claim.input_root),
            "output_root": hexed(claim.output_root),
            "trace_tree": hexed(claim.trace_tree),
            "block": view.made_at.number,
            "transaction": hexed(view.made_by),
        },
        "header": {
            "graph_root": hexed(header.graph_root),
            "weights_root": hexed(header.weights_root),
            "io_spec": hexed(header.io_spec),
            "opset_version": header.opset_version,
        },
        "num_ops": view.key.num_ops,
        "graph_tree": hexed(view.key.graph_tree),
        "terms": asdict(view.key.terms),
        "op": json.loads(dump_graph(Program((), (), (op,), ()))),
        "fault": fault_document(finding.proof),
    }
    return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()


def replay(raw: bytes) -> Replay:
    """Checks an evidence file from anywhere, with nothing else at hand.

    Raises ChallengerError `evidence_malformed` (no evidence), `evidence_refused` (it does not show what it says; the
    reason is in the details).
    """
    if len(raw) > MAX_BYTES:
        raise malformed(f"it has {len(raw)} bytes, at most {MAX_BYTES} are read")
    values = dict(zip(NAMES, fields(parsed(raw), *NAMES), strict=True))
    if values["format"] != FORMAT:
        raise malformed(f"the format is {str(values['format'])[:40]!r}, {FORMAT!r} is known")
    fault = fault_of(values["fault"])
    try:
        model_id, roots, named = _statement(values)
        op = _op(values["op"], fault)
        end = _fold(op, roots, unhexed(values["graph_tree"]), fault)
        claimed = value_in(fault.chunk, fault.element)
    except (DisputeError, ValueError, OverflowError) as error:
        raise _refused(str(error)) from error
    if end == claimed:
        raise _refused(f"the element is {end}, as the claim says")
    chain_id, contract = integer(values["chain_id"]), str(values["contract"])
    place = (fault.op, op.opcode.name.lower(), fault.element)
    return Replay(chain_id, contract, named, model_id, *place, claimed, end)


def _refused(reason: str) -> ChallengerError:
    return ChallengerError("evidence_refused", f"the evidence does not hold: {reason}", reason=reason)


def _statement(values: dict[str, Any]) -> tuple[bytes, StepRoots, bytes]:
    """The model's id, what operands are opened under, and the claim's id, each hashed from what it names."""
    request_id, claimant, key, input_root, output_root, trace_tree, block, transaction = fields(values["claim"], *CLAIM)
    # For people; nothing here says that they are so.
    integer(block)
    unhexed(transaction)
    graph_root, weights_root, io_spec, opset_version = fields(values["header"], *HEADER)
    header = ModelHeader(unhexed(graph_root), unhexed(weights_root), unhexed(io_spec), integer(opset_version))
    num_ops, graph_tree = integer(values["num_ops"]), unhexed(values["graph_tree"])
    if keccak256(bytes([Tag.GRAPH]) + num_ops.to_bytes(4, "big") + graph_tree) != header.graph_root:
        raise _refused("the graph is not the model's")
    terms = DisputeTerms(*(integer(term) for term in fields(values["terms"], *TERMS)))
    model_id = header.model_id()
    if key_digest(model_id, terms) != unhexed(key):
        raise _refused("the key is not the model's under these terms")
    parts = (unhexed(request_id), unhexed(key), unhexed(trace_tree), unhexed(output_root), str(claimant))
    named = claim_id(integer(values["chain_id"]), str(values["contract"]), *parts)
    if named != unhexed(values["claim_id"]):
        raise _refused("the claim's id is not the hash of what it claims")
    return model_id, StepRoots(unhexed(input_root), header.weights_root, unhexed(trace_tree), num_ops), named


def _op(document: Any, fault: FaultProof) -> Op:
    """The op, which is the one that the descriptor encodes."""
    try:
        ops = parse_graph(json.dumps(document).encode(), {}).ops
        if len(ops) != 1 or ops[0].encode() != fault.descriptor.descriptor:
            raise _refused("the op is not the one that the descriptor encodes")
    except InferproofError as error:
        raise error if isinstance(error, ChallengerError) else _refused(error.message) from error
    return ops[0]


def _fold(op: Op, roots: StepRoots, graph_tree: bytes, fault: FaultProof) -> int:
    """The element as the op makes it of its operands, after everything was shown to be where it is said to be."""
    depth, size = tree_height(roots.num_ops), OpSize.of(op)
    # The descriptor first: only then is anything about the op's sizes believed.
    require_path(leaf(fault.descriptor.descriptor), fault.op, fault.descriptor.siblings, depth, graph_tree)
    if size.terms > MAX_TERMS:
        raise _refused(f"the element has {size.terms} terms, at most {MAX_TERMS} are folded")
    if not 0 <= fault.element < size.elements:
        raise _refused(f"element {fault.element} of {size.elements}")
    if len(fault.chunk_path) != size.height:
        raise _refused(f"a chunk has {size.height} siblings, got {len(fault.chunk_path)}")
    merkle_root = fold_path(leaf(fault.chunk), fault.element // CHUNK_ELEMENTS, fault.chunk_path)
    require_path(tensor_root_over(merkle_root, op.dims, 4), fault.op, fault.trace_path, depth, roots.trace_tree)
    return finish(op, run_step(op, roots, fault.element, 0, term_count(op), start(op), fault.openings))
