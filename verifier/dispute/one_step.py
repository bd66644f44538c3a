"""One step as the contract executes it: openings checked, then at most a segment of terms run over what they show.

docs/protocol/optimistic.md sections 2 and 3. Nothing an opening says about itself is believed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from circuits.lower.optimistic import UndefinedTermError, chunk_count, fold_terms, tree_height
from circuits.program.limits import MAX_PORTS, MAX_TABLE
from circuits.program.ops import Lookup, Op
from circuits.program.refs import Ref, Source
from circuits.statement import CHUNK_BYTES, MAX_RANK, Hasher, Tag, keccak256, leaf
from verifier.dispute.commitment import tensor_root_over
from verifier.dispute.errors import DisputeError
from verifier.dispute.tree import fold_multiproof, fold_path, require_words
from verifier.dispute.types import Opening, StepRoots

MAX_PATH = 32  # a reference has 32 bits


@dataclass(frozen=True)
class Opened:
    """Chunks of one operand, shown to be its own."""

    operand: int
    width: int
    elements: int
    chunks: dict[int, bytes]

    def read(self, flat: int) -> int:
        if not 0 <= flat < self.elements:
            message = f"element {flat} of operand {self.operand}, which has {self.elements}"
            raise DisputeError("term_undefined", message, operand=self.operand, element=flat)
        number, at = divmod(flat * self.width, CHUNK_BYTES)
        if number not in self.chunks:
            message = f"chunk {number} of operand {self.operand} is read and not opened"
            raise DisputeError("chunk_not_opened", message, operand=self.operand, number=number)
        return int.from_bytes(self.chunks[number][at : at + self.width], "big", signed=True)


def run_step(
    op: Op,
    roots: StepRoots,
    element: int,
    lo: int,
    hi: int,
    acc: int,
    openings: Sequence[Opening],
    hasher: Hasher = keccak256,
) -> int:
    """The accumulator after terms lo <= t < hi of an element. Raises DisputeError where the contract reverts."""
    opened = open_operands(op, roots, openings, hasher)

    def read(position: int, flat: int) -> int:
        if position not in opened:
            message = f"operand {position} is read and not opened"
            raise DisputeError("chunk_not_opened", message, operand=position)
        return opened[position].read(flat)

    try:
        return fold_terms(op, element, lo, hi, acc, read)
    except UndefinedTermError as error:
        raise DisputeError(error.code, error.message, **error.details) from error


def open_operands(
    op: Op, roots: StepRoots, openings: Sequence[Opening], hasher: Hasher = keccak256
) -> dict[int, Opened]:
    """What is shown of each operand, every opening checked; they ascend, so that none is opened twice."""
    opened: dict[int, Opened] = {}
    previous = -1
    for opening in openings:
        if opening.operand <= previous:
            message = f"operand {opening.operand} is opened after operand {previous}"
            raise DisputeError("openings_not_ascending", message, operand=opening.operand, previous=previous)
        if opening.operand >= len(op.operands):
            message = f"operand {opening.operand} of {len(op.operands)}"
            raise DisputeError("operand_missing", message, operand=opening.operand, count=len(op.operands))
        previous = opening.operand
        opened[previous] = _open(op, roots, opening, hasher)
    return opened


def _open(op: Op, roots: StepRoots, opening: Opening, hasher: Hasher) -> Opened:
    operand, numbers = opening.operand, opening.numbers
    width = 8 if op.has_bias and operand == len(op.operands) - 1 else 4
    elements = math.prod(opening.dims)
    _require_dims(op, opening, elements)
    if len(opening.chunks) != CHUNK_BYTES * len(numbers):
        message = f"{len(opening.chunks)} bytes for {len(numbers)} chunks"
        raise DisputeError("proof_malformed", message, length=len(opening.chunks), numbers=len(numbers))
    chunks = [opening.chunks[i : i + CHUNK_BYTES] for i in range(0, len(opening.chunks), CHUNK_BYTES)]
    leaves = [leaf(chunk, hasher) for chunk in chunks]
    merkle_root = fold_multiproof(chunk_count(elements, width), numbers, leaves, opening.siblings, hasher)
    root = tensor_root_over(merkle_root, opening.dims, width, hasher)
    _require_committed(op.operands[operand], roots, opening, root, hasher)
    return Opened(operand, width, elements, dict(zip(numbers, chunks, strict=True)))


def _require_dims(op: Op, opening: Opening, elements: int) -> None:
    """The tensor is as large as the view that reads it; a lookup's table has no view."""
    if len(opening.dims) > MAX_RANK or any(not 0 <= d < 2**32 for d in opening.dims):
        raise DisputeError("proof_malformed", f"no tensor has dims {opening.dims}", operand=opening.operand)
    if isinstance(op, Lookup) and opening.operand == 1:
        fits = len(opening.dims) == 1 and elements <= MAX_TABLE
    else:
        fits = elements == math.prod(op.maps[opening.operand].view)
    if not fits:
        message = f"operand {opening.operand} is opened with {elements} elements, which is not what its map reads"
        raise DisputeError("element_count_mismatch", message, operand=opening.operand, elements=elements)


def _require_committed(ref: Ref, roots: StepRoots, opening: Opening, root: bytes, hasher: Hasher) -> None:
    """Operands resolve only to the request's inputs, the key's constants and the claim's trace; section 1."""
    path = opening.path
    require_words(path)
    if ref.source is Source.INPUT:
        # All of them are shown: their count is in the hash, and the tensor is the one with this number.
        known = len(path) <= MAX_PORTS and hasher(bytes([Tag.INPUT, len(path)]) + b"".join(path)) == roots.input_root
        if not known or ref.index >= len(path) or path[ref.index] != root:
            raise _not_committed(ref, opening)
        return
    # How many constants there are no key says; of the trace the depth is known.
    is_op = ref.source is Source.OP
    if len(path) > MAX_PATH or (is_op and (ref.index >= roots.num_ops or len(path) != tree_height(roots.num_ops))):
        raise _not_committed(ref, opening)
    expected = roots.trace_tree if ref.source is Source.OP else roots.weights_root
    if fold_path(root, ref.index, path, hasher) != expected:
        raise _not_committed(ref, opening)


def _not_committed(ref: Ref, opening: Opening) -> DisputeError:
    message = f"operand {opening.operand} is not {ref.source.name}({ref.index}) under the claim's roots"
    return DisputeError("path_mismatch", message, operand=opening.operand, kind=ref.source.name, index=ref.index)
