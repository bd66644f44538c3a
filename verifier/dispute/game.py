"""The contract's game in plain Python, move for move (docs/protocol/optimistic.md section 3).

Every method is the contract's function of that name, with the block and the sender before its arguments, and refuses
with DisputeError what the contract reverts. An op that was named once is known: no descriptor is shown a second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from circuits.lower.optimistic import finish, points, start, term_count, tree_height
from circuits.program.ops import Op
from circuits.statement import CHUNK_BYTES, leaf
from verifier.dispute.challenges import Challenge, Challenges, Reveal
from verifier.dispute.commitment import tensor_root_over
from verifier.dispute.errors import DisputeError
from verifier.dispute.ledger import Moment
from verifier.dispute.one_step import run_step
from verifier.dispute.reveals import read_reveal, require_ends, require_folds, sums_word
from verifier.dispute.rules import (
    CHUNK_ELEMENTS,
    Move,
    OpSize,
    Side,
    element_picked,
    node_picked,
    opened,
    prove_deadline,
    range_picked,
)
from verifier.dispute.tree import fold_path, require_path
from verifier.dispute.types import CommitmentKind, DescriptorProof, FaultProof, Opening, Phase, Position


def value_in(chunk: bytes, element: int) -> int:
    """An element of an op's output, in the chunk that holds it."""
    if len(chunk) != CHUNK_BYTES:
        raise DisputeError("body_length", f"a chunk has {CHUNK_BYTES} bytes, got {len(chunk)}", got=len(chunk))
    at = 4 * (element % CHUNK_ELEMENTS)
    return int.from_bytes(chunk[at : at + 4], "big", signed=True)


class Game(Challenges):
    """One claim, and everything that can happen to it."""

    def open(
        self,
        when: Moment,
        sender: str,
        challenge: bytes,
        index: int,
        salt: bytes,
        node: bytes,
        siblings: Sequence[bytes],
        descriptor: DescriptorProof,
    ) -> None:
        c = self._challengers(when, sender, challenge, Move.OPEN)
        self._require_committed(when, c, CommitmentKind.OPEN, index, salt)
        ops = self.roots.num_ops
        at = opened(ops, index)
        require_path(node, index, siblings, tree_height(ops) - at.height, self.roots.trace_tree)
        self.challenges[challenge] = self._standing(c, at, node, descriptor)

    def pick_node(
        self,
        when: Moment,
        sender: str,
        challenge: bytes,
        index: int,
        node: bytes,
        siblings: Sequence[bytes],
        descriptor: DescriptorProof,
    ) -> None:
        c = self._challengers(when, sender, challenge, Move.PICK_NODE)
        at = node_picked(c.at, index, self.roots.num_ops, c.size)
        root, height = self._shown(c)
        levels = height - at.height
        # The number among those of its height, of a node at a leaf of the trace too.
        number = at.op if at.is_leaf else at.index
        require_path(node, number % (1 << levels), siblings, levels, root)
        self.challenges[challenge] = self._standing(c, at, node, descriptor)

    def pick_element(
        self, when: Moment, sender: str, challenge: bytes, element: int, chunk: bytes, siblings: Sequence[bytes]
    ) -> None:
        c = self._challengers(when, sender, challenge, Move.PICK_ELEMENT)
        op = self._op(c)
        at = element_picked(c.at, element, OpSize.of(op))
        root, height = self._shown(c)
        require_path(leaf(chunk), element // CHUNK_ELEMENTS % (1 << height), siblings, height, root)
        self._stand_at_terms(challenge, replace(c, at=at, value=value_in(chunk, element), first=start(op)))

    def pick_range(
        self, when: Moment, sender: str, challenge: bytes, index: int, first: int, last: int, siblings: Sequence[bytes]
    ) -> None:
        c = self._challengers(when, sender, challenge, Move.PICK_RANGE)
        at, ranges = range_picked(c.at, index), len(points(c.at.lo, c.at.hi)) - 1
        require_path(sums_word(first, last), index, siblings, tree_height(ranges), self.reveals[c.at].root)
        self._stand_at_terms(challenge, replace(c, at=at, first=first, last=last))

    def prove(self, when: Moment, sender: str, challenge: bytes, openings: Sequence[Opening]) -> None:
        c = self._challengers(when, sender, challenge, Move.PROVE)
        op, at = self._op(c), c.at
        acc = run_step(op, self.roots, at.element, at.lo, at.hi, c.first, openings)
        self._require_false(*((finish(op, acc), c.value) if c.is_whole_fold else (acc, c.last)))
        # Not who proves wins but who committed first, so that neither copied picks nor copied proofs pay.
        self._win(self._earliest(challenge, at))

    def prove_fault(self, when: Moment, sender: str, proof: FaultProof) -> None:
        c = self._mine(sender, proof.challenge_id, Side.CHALLENGER)
        if c.at.phase is not Phase.COMMITTED:
            raise DisputeError("wrong_phase", f"no proveFault in {c.at.phase.name}", phase=c.at.phase.name)
        self._require_before(when, prove_deadline(c.turn_start, self.terms))
        self._require_committed(when, c, CommitmentKind.PROVE_FAULT, proof.op, proof.salt)
        op, element = self._described(proof.op, proof.descriptor), proof.element
        self._require_in_trace(op, proof)
        acc = run_step(op, self.roots, element, 0, term_count(op), start(op), proof.openings)
        self._require_false(finish(op, acc), value_in(proof.chunk, element))
        self._win(proof.challenge_id)

    def reveal(self, when: Moment, sender: str, challenge: bytes, body: bytes) -> None:
        c = self._defenders(when, sender, challenge, Move.REVEAL)
        require_folds(c.at, read_reveal(c.at, body, c.size), c.node, self.roots.num_ops, c.size)
        self.reveals[c.at] = Reveal(self.clock.at(when), bytes(32))

    def reveal_tensor(self, when: Moment, sender: str, challenge: bytes, merkle_root: bytes, body: bytes) -> None:
        c = self._defenders(when, sender, challenge, Move.REVEAL_TENSOR)
        if tensor_root_over(merkle_root, self._op(c).dims, 4) != c.node:
            raise DisputeError("fold_mismatch", "this is not the root of the tensor's chunks", op=c.at.op)
        require_folds(c.at, read_reveal(c.at, body, c.size), merkle_root, self.roots.num_ops, c.size)
        self.reveals[c.at] = Reveal(self.clock.at(when), merkle_root)

    def reveal_sums(self, when: Moment, sender: str, challenge: bytes, body: bytes) -> None:
        c = self._defenders(when, sender, challenge, Move.REVEAL_SUMS)
        revealed = read_reveal(c.at, body, c.size)
        last = revealed.sums[-1]
        require_ends(revealed, c.first, last if c.is_whole_fold else c.last)
        if c.is_whole_fold and finish(self._op(c), last) != c.value:
            message = f"the last accumulator, {last}, does not finish at the element, {c.value}"
            raise DisputeError("sums_mismatch", message, last=str(last), value=c.value)
        self.reveals[c.at] = Reveal(self.clock.at(when), revealed.tree.root)

    def _standing(self, c: Challenge, at: Position, node: bytes, descriptor: DescriptorProof) -> Challenge:
        """At a node; where that names an op, its descriptor is shown."""
        op = self._described(at.op, descriptor) if at.is_leaf else c.op
        return replace(c, at=at, node=node, op=op)

    def _stand_at_terms(self, challenge: bytes, c: Challenge) -> None:
        self.challenges[challenge] = c
        if c.at.phase is Phase.STEP:
            self.earliest[c.at] = self._earliest(challenge, c.at)

    def _described(self, op: int, proof: DescriptorProof) -> Op:
        """The op, once its descriptor is shown under the model's graph."""
        graph = self.program.graph
        require_path(leaf(proof.descriptor), op, proof.siblings, graph.height, graph.root)
        return self.program.program.ops[op]

    def _shown(self, c: Challenge) -> tuple[bytes, int]:
        """The node under which picks are shown, and its height."""
        if c.at.is_leaf:
            return self.reveals[c.at].root, OpSize.of(self._op(c)).height
        return c.node, c.at.height

    def _require_in_trace(self, op: Op, proof: FaultProof) -> None:
        """The element is in its chunk, the chunk in the op's tensor, and that in the trace."""
        size = OpSize.of(op)
        if not 0 <= proof.element < size.elements:
            raise DisputeError("pick_out_of_range", f"element {proof.element} of {size.elements}", index=proof.element)
        if len(proof.chunk_path) != size.height:
            message = f"a chunk has {size.height} siblings, got {len(proof.chunk_path)}"
            raise DisputeError("path_mismatch", message, expected=size.height, got=len(proof.chunk_path))
        merkle_root = fold_path(leaf(proof.chunk), proof.element // CHUNK_ELEMENTS, proof.chunk_path)
        root, height = tensor_root_over(merkle_root, op.dims, 4), tree_height(self.roots.num_ops)
        require_path(root, proof.op, proof.trace_path, height, self.roots.trace_tree)

    def _require_false(self, end: int, said: int) -> None:
        if end == said:
            raise DisputeError("step_holds", f"the step ends at {end}, as the claimant says", result=str(end))

    def _op(self, c: Challenge) -> Op:
        if c.op is None:
            raise DisputeError("wrong_phase", "no op is named yet", phase=c.at.phase.name)
        return c.op
