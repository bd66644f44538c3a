"""What the contract refuses of claims, reveals, picks and proofs, on a chain: each with the error that says why."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import pytest
from dispute_model import OP_OF
from dispute_play import Game, defend
from dispute_table import Table, error_of, outputs_of

from circuits.program.refs import Ref, Source
from circuits.statement import keccak256, leaf
from contracts.client.types import Tensor
from verifier.dispute.commitment import CommittedProgram, CommittedTrace, plain_chunk_levels, tensor_root_over
from verifier.dispute.tree import Tree, tree_levels
from verifier.dispute.types import ClaimStatus, Phase

pytestmark = pytest.mark.slow

JUNK = b"\xee" * 32
OPS = 35
INDEX, SUM, DENSE, LINEAR = OP_OF["index"], OP_OF["reduce_sum"], OP_OF["contract"], OP_OF["linear"]


# Claims


def refused_claim(table: Table, truth: CommittedTrace, **changed: Any) -> str:
    """The error with which a claim of the truth is refused, where some of its parts are others."""
    claimant = table.account(changed.pop("sender", 1))
    parts = {"outputs": outputs_of(truth), "top": truth.top, "output_paths": truth.output_paths, "locator": ""}
    request, bond = table.assigned(truth.inputs, table.account(1)), table.terms.claim_bond
    value = changed.pop("value", bond)
    claims = table.as_seen_by(claimant)
    error = error_of(lambda: claimant.send(claims.claim(request, **(parts | changed)), value=value))
    # Nothing else was wrong with it.
    table.account(1).send(table.as_seen_by(table.account(1)).claim(request, **parts), value=bond)
    return error


def test_refuses_false_output_over_a_correct_trace(table: Table, truth: CommittedTrace) -> None:
    false = Tensor.from_array(truth.made[-1] + 1)
    assert refused_claim(table, truth, outputs=[false]) == "OtherRoot"


def test_refuses_output_shown_as_another_op(table: Table, truth: CommittedTrace) -> None:
    other = OP_OF["rsqrt"]
    shown = {"outputs": [Tensor.from_array(truth.made[other])], "output_paths": (truth.siblings(0, other, 1),)}
    assert refused_claim(table, truth, **shown) == "OtherRoot"


@pytest.mark.parametrize("ops", [16, 31, 33, 37, 70], ids="{}_ops".format)
def test_refuses_claim_with_another_number_of_ops(table: Table, truth: CommittedTrace, ops: int) -> None:
    leaves = (truth.tensor_roots * 2)[:ops]
    tree = Tree.of(leaves)
    top = tree.below(tree.height, 0, max(0, tree.height - 5))
    expected = {16: "TopLength", 31: "PaddingNotZero", 33: "OtherRoot", 37: "PaddingNotZero", 70: "PaddingNotZero"}
    assert refused_claim(table, truth, top=top) == expected[ops]


@pytest.mark.parametrize("count", [0, 16, 31, 33, 64])
def test_refuses_top_of_another_length(table: Table, truth: CommittedTrace, count: int) -> None:
    assert refused_claim(table, truth, top=(truth.top * 2)[:count]) == "TopLength"


def test_refuses_top_with_padding_that_is_not_zero(table: Table, truth: CommittedTrace) -> None:
    assert refused_claim(table, truth, top=(*truth.top[:-1], JUNK)) == "PaddingNotZero"
    assert refused_claim(table, truth, top=(*truth.top[:-1], bytes(32))) == "PaddingNotZero"


def test_refuses_outputs_of_other_shapes(table: Table, truth: CommittedTrace) -> None:
    (output,) = outputs_of(truth)
    assert refused_claim(table, truth, outputs=[replace(output, dims=(1, 1))]) == "TensorDimsMismatch"
    assert refused_claim(table, truth, outputs=[replace(output, width=8)]) == "TensorWidthMismatch"
    assert refused_claim(table, truth, outputs=[output, output]) == "TensorCountMismatch"
    assert refused_claim(table, truth, outputs=[]) == "TensorCountMismatch"
    assert refused_claim(table, truth, output_paths=()) == "OutputPathCount"
    assert refused_claim(table, truth, output_paths=((),)) == "SiblingCount"


def test_refuses_claim_of_who_is_not_assigned_and_any_other_bond(table: Table, truth: CommittedTrace) -> None:
    bond = table.terms.claim_bond
    assert refused_claim(table, truth, sender=2) == "NotAssigned"
    assert [refused_claim(table, truth, value=value) for value in (0, bond - 1, bond + 1)] == ["WrongValue"] * 3


def test_refuses_the_same_claim_twice(table: Table, truth: CommittedTrace) -> None:
    claimed = table.claim(truth)
    again = table.as_seen_by(claimed.claimant).claim(
        claimed.request, outputs_of(truth), truth.top, truth.output_paths, ""
    )
    assert error_of(lambda: claimed.claimant.send(again, value=table.terms.claim_bond)) == "ClaimExists"


# Claims that the chain takes, for it has not seen all of them, and that nobody can answer for


class Padded(CommittedTrace):
    """The truth, and a leaf where the program has no op."""

    @cached_property
    def trace(self) -> Tree:
        return Tree.of([*self.tensor_roots, JUNK])


def with_other_dims(truth: CommittedTrace) -> CommittedTrace:
    roots = list(truth.tensor_roots)
    roots[LINEAR] = tensor_root_over(truth.chunk_tree(LINEAR).root, (8, 5), 4)
    return CommittedTrace(truth.committed, truth.inputs, truth.made, roots=roots)


def with_leaf(truth: CommittedTrace, op: int, number: int, false: bytes) -> CommittedTrace:
    """The truth, with another leaf in one op's chunk tree, perhaps past its chunks."""
    levels_of = plain_chunk_levels(keccak256)

    def chunk_levels(values: np.ndarray, width: int) -> list[bytes]:
        levels = levels_of(values, width)
        if values is not truth.made[op]:
            return levels
        leaves = levels[0].ljust(32 * number, b"\0")
        return tree_levels(leaves[: 32 * number] + false + leaves[32 * (number + 1) :])

    return CommittedTrace(CommittedProgram(truth.program, chunk_levels=chunk_levels), truth.inputs, truth.made)


def require_unanswerable(
    table: Table,
    claimed: CommittedTrace,
    truth: CommittedTrace,
    phase: Phase,
    errors: set[str],
    *,
    at_leaf: bool = False,
) -> None:
    """At a position of this phase the defender can neither reveal what it committed to nor the truth; it times out."""
    game = Game(table, table.claim(claimed), truth, table.account(2))
    game.commit()
    challenge = game.play(until=lambda c: (c.at.phase, c.at.is_leaf) == (phase, at_leaf))
    answers = []
    for trace in (claimed, truth):
        game.claimed = replace(game.claimed, trace=trace)
        answers.append(defend(game, challenge)[0])
    assert {error_of(partial(game.claimed.claimant.send, answer)) for answer in answers} == errors
    table.wait(table.terms.clock)
    table.chain.send(table.claims.timeout(game.challenge_id))
    assert table.claims.claim_of(game.claimed.claim_id).status is ClaimStatus.KILLED


def test_claim_with_an_op_too_many_cannot_be_defended(table: Table, truth: CommittedTrace) -> None:
    claimed = Padded(truth.committed, truth.inputs, truth.made)
    require_unanswerable(table, claimed, truth, Phase.TRACE, {"PaddingNotZero", "OtherRoot"})


def test_claim_with_other_dims_cannot_be_defended(table: Table, truth: CommittedTrace) -> None:
    require_unanswerable(table, with_other_dims(truth), truth, Phase.TRACE, {"OtherTensor"}, at_leaf=True)


def test_claim_with_chunk_padding_that_is_not_zero_cannot_be_defended(table: Table, truth: CommittedTrace) -> None:
    chunk = truth.chunks(Ref(Source.OP, LINEAR), 0, 1)
    claimed = with_leaf(truth, LINEAR, 0, leaf(chunk[:-1] + b"\1"))
    require_unanswerable(table, claimed, truth, Phase.TRACE, {"OtherTensor", "OtherRoot"}, at_leaf=True)


def test_claim_with_a_chunk_too_many_cannot_be_defended(table: Table, truth: CommittedTrace) -> None:
    beside_the_last = with_leaf(truth, INDEX, 146, JUNK)
    require_unanswerable(table, beside_the_last, truth, Phase.DATA, {"OtherRoot"})
    far_away = with_leaf(truth, INDEX, 200, JUNK)
    require_unanswerable(table, far_away, truth, Phase.TRACE, {"PaddingNotZero", "OtherTensor"}, at_leaf=True)
