"""The least that has to be opened for a step (docs/protocol/optimistic.md section 3, "Openings")."""

from __future__ import annotations

from circuits.lower.optimistic import UndefinedTermError, reads, term_count
from circuits.program.refs import Ref, Source
from circuits.statement import CHUNK_BYTES
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.errors import DisputeError
from verifier.dispute.rules import CHUNK_ELEMENTS
from verifier.dispute.types import FaultProof, Opening


def open_tensor(trace: CommittedTrace, ref: Ref, operand: int, flats: list[int]) -> Opening:
    """The chunks that hold these elements (flat indices) of a tensor, which is operand number `operand`."""
    each = CHUNK_BYTES // trace.width(ref)
    numbers = sorted({flat // each for flat in flats})
    chunks = b"".join(trace.chunks(ref, number, number + 1) for number in numbers)
    siblings = trace.tree(ref).multiproof(numbers)
    dims = tuple(int(d) for d in trace.tensor(ref).shape)
    return Opening(operand, trace.path(ref), dims, tuple(numbers), chunks, siblings)


def open_terms(trace: CommittedTrace, op: int, element: int, lo: int, hi: int) -> tuple[Opening, ...]:
    """What terms lo <= t < hi of an element read, opened: nothing that is not read, every chunk once an operand.

    Raises DisputeError `term_undefined` where a term has no value: then an earlier op's output is false already.
    """
    node = trace.op(op)
    try:
        asked = reads(node, trace.operands(op), element, lo, hi)
    except UndefinedTermError as error:
        raise DisputeError(error.code, error.message, op=op, **error.details) from error
    return tuple(open_tensor(trace, node.operands[position], position, flats) for position, flats in asked.items())


def open_element(trace: CommittedTrace, op: int, element: int) -> tuple[bytes, tuple[bytes, ...]]:
    """The chunk of an op's output that holds the element, and the siblings up to the chunk tree's root."""
    ref, number = Ref(Source.OP, op), element // CHUNK_ELEMENTS
    return trace.chunks(ref, number, number + 1), trace.tree(ref).siblings(0, number)


def open_fault(trace: CommittedTrace, challenge_id: bytes, op: int, salt: bytes, element: int) -> FaultProof:
    """Path A: everything that shows `element` of `op` to be false. `trace` is the claim's own, not ours."""
    chunk, chunk_path = open_element(trace, op, element)
    openings = open_terms(trace, op, element, 0, term_count(trace.op(op)))
    descriptor, path = trace.descriptor_proof(op), trace.siblings(0, op)
    return FaultProof(challenge_id, op, salt, descriptor, path, element, chunk, chunk_path, openings)
