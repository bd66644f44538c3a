"""Trees, paths and multiproofs, and what a claim commits to: the same roots as statement.md's, opened anywhere."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.program.ops import Opcode
from circuits.program.refs import Ref, Source
from circuits.statement import ZERO, Tag, input_root, keccak256, leaf, merkle_root, output_root, tensor_root
from tests import dispute_programs
from tests.dispute_games import honest
from tests.programs import X
from tests.vectors import make_dispute
from verifier.dispute.commitment import CommittedProgram, CommittedTrace, plain_chunk_levels
from verifier.dispute.errors import DisputeError
from verifier.dispute.reveals import read_reveal, require_folds
from verifier.dispute.rules import OpSize
from verifier.dispute.tree import Tree, fold_multiproof, fold_path, tree_levels, zero_node
from verifier.dispute.types import Phase, Position, word

EVERY = dispute_programs.every_op()
INPUTS = dispute_programs.random_inputs(EVERY)
MINE = honest(EVERY, INPUTS)


def leaves(count: int) -> list[bytes]:
    return [leaf(bytes([i])) for i in range(count)]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 8, 31, 33])
def test_a_tree_is_the_statements(count: int) -> None:
    tree = Tree.of(leaves(count))
    assert tree.root == merkle_root(leaves(count))
    for index in range(max(count, 1)):
        assert fold_path(tree.node(0, index), index, tree.siblings(0, index)) == tree.root
    assert [tree.node(0, i) for i in range(1 << tree.height)][count:] == [ZERO] * ((1 << tree.height) - count)


@pytest.mark.parametrize(("count", "height"), [(0, 2), (1, 0), (1, 2), (2, 2), (3, 2), (4, 2), (5, 2), (2, 6)])
def test_a_tree_may_be_higher_than_its_leaves_need(count: int, height: int) -> None:
    """A node of chunks, of which those past the tensor are left out."""
    tree = Tree.of(leaves(count), height=height)
    whole = leaves(count) + [ZERO] * ((1 << max(height, tree.height)) - count)
    assert tree.root == merkle_root(whole)
    assert tree.below(tree.height, 0, 0) == tuple(whole)
    for index in range(len(whole)):
        assert fold_path(whole[index], index, tree.siblings(0, index)) == tree.root


def test_nodes_over_padding_are_zeros_folded() -> None:
    tree = Tree.of(leaves(33))
    assert zero_node(0) == ZERO
    assert zero_node(2) == merkle_root([ZERO] * 4)
    assert (tree.node(4, 3), tree.node(2, 9)) == (zero_node(4), zero_node(2))
    assert len(tree_levels(b"".join(leaves(33)))[0]) == 33 * 32  # no padding is kept


def test_a_path_between_two_heights() -> None:
    tree = Tree.of(leaves(40))
    for height, index, top in ((0, 37, 3), (2, 9, 5), (3, 1, 3), (1, 0, 6)):
        siblings = tree.siblings(height, index, top)
        assert len(siblings) == top - height
        above = index >> (top - height)
        within = index & ((1 << (top - height)) - 1)
        assert fold_path(tree.node(height, index), within, siblings) == tree.node(top, above)


@pytest.mark.parametrize(("height", "index"), [(7, 0), (-1, 0), (0, 64), (6, 1), (3, -1), (3, 8)])
def test_refuses_a_node_that_a_tree_does_not_have(height: int, index: int) -> None:
    with pytest.raises(DisputeError) as refused:
        Tree.of(leaves(40)).node(height, index)
    assert refused.value.code == "node_missing"


def test_refuses_an_index_with_more_bits_than_siblings() -> None:
    tree = Tree.of(leaves(8))
    assert fold_path(tree.node(0, 5), 5, tree.siblings(0, 5)) == tree.root
    with pytest.raises(DisputeError) as refused:
        fold_path(tree.node(0, 5), 5 + 8, tree.siblings(0, 5))
    assert refused.value.code == "path_mismatch"


@settings(max_examples=200)
@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), min_size=1))))
def test_multiproofs_fold_to_the_root_and_hold_nothing_twice(case: tuple[int, set[int]]) -> None:
    count, chosen = case
    numbers, tree = sorted(chosen), Tree.of(leaves(count))
    siblings = tree.multiproof(numbers)
    shown = [tree.node(0, n) for n in numbers]
    assert fold_multiproof(count, numbers, shown, siblings) == tree.root
    assert len(siblings) <= sum(len(tree.siblings(0, n)) for n in numbers)
    if len(numbers) == count == 1 << tree.height:
        assert siblings == ()
    for place in range(len(siblings)):
        without = siblings[:place] + siblings[place + 1 :]
        with pytest.raises(DisputeError, match="sibling"):
            fold_multiproof(count, numbers, shown, without)
        changed = (*siblings[:place], b"\1" * 32, *siblings[place + 1 :])
        assert fold_multiproof(count, numbers, shown, changed) != tree.root


def test_a_trace_commits_to_what_the_statement_says() -> None:
    assert MINE.tensor_roots == [tensor_root(t) for t in MINE.made]
    assert MINE.trace_tree == merkle_root(MINE.tensor_roots)
    assert MINE.input_root == input_root(INPUTS)
    assert MINE.output_root == output_root([MINE.made[o.ref.index] for o in EVERY.outputs])
    header = EVERY.header()
    assert (MINE.committed.weights.root, MINE.committed.graph_root) == (header.weights_root, header.graph_root)
    tree, count = MINE.committed.graph.root, len(EVERY.ops)
    assert keccak256(bytes([Tag.GRAPH]) + count.to_bytes(4, "big") + tree) == header.graph_root
    for op in range(count):
        proof = MINE.descriptor_proof(op)
        assert fold_path(leaf(proof.descriptor), op, proof.siblings) == tree
    assert MINE.step_roots.num_ops == count


@pytest.mark.parametrize("ops", [1, 2, 31, 32, 33, 64, 70])
def test_the_top_folds_to_the_trace_and_outputs_are_its_leaves(ops: int) -> None:
    program = dispute_programs.chain(ops)
    mine = honest(program, dispute_programs.random_inputs(program))
    assert len(mine.top) == 1 << min(5, (ops - 1).bit_length())
    assert merkle_root(mine.top) == mine.trace_tree
    (output,), (path,) = program.outputs, mine.output_paths
    index = output.ref.index
    root = tensor_root(mine.made[index])
    below = index & ((1 << mine.top_height) - 1)
    assert fold_path(root, below, path) == mine.top[index >> mine.top_height]
    for unused in range(((ops - 1) >> mine.top_height) + 1, len(mine.top)):
        assert mine.top[unused] == zero_node(mine.top_height)


def test_another_hasher_known_roots_and_int32_give_the_same() -> None:
    calls = 0

    def counting(data: bytes) -> bytes:
        nonlocal calls
        calls += 1
        return keccak256(data)

    asked: list[int] = []

    def levels(values: Any, width: int) -> list[bytes]:
        asked.append(values.size)
        return plain_chunk_levels(keccak256)(values, width)

    narrow = [tensor.astype(np.int32) for tensor in MINE.made]
    other = CommittedTrace(CommittedProgram(EVERY, counting, levels), INPUTS, narrow, roots=MINE.tensor_roots)
    assert other.trace_tree == MINE.trace_tree
    assert asked == []  # known roots need no tensor
    assert calls > 0
    assert other.step_roots == MINE.step_roots
    for op in range(len(EVERY.ops)):
        at = Position(Phase.TRACE, op=op)
        assert other.reveal_body(at) == MINE.reveal_body(at)


def test_constants_trees_are_shared_by_the_claims_of_a_program() -> None:
    committed = CommittedProgram(EVERY)
    first, second = (CommittedTrace(committed, INPUTS, MINE.made) for _ in range(2))
    ref = Ref(Source.CONST, 0)
    assert first.tree(ref) is second.tree(ref)
    assert first.chunk_tree(0) is not second.chunk_tree(0)


@pytest.mark.parametrize("elements", [1, 64, 65, 256, 257, 9000])
def test_every_node_that_can_be_asked_for_is_revealed(elements: int) -> None:
    program = dispute_programs.wide(elements + 1)
    mine = honest(program, dispute_programs.random_inputs(program))
    size, tree = OpSize.of(program.ops[0]), mine.chunk_tree(0)
    leaf_at = Position(Phase.TRACE, op=0)
    require_folds(leaf_at, read_reveal(leaf_at, mine.reveal_body(leaf_at), size), tree.root, 2, size)
    for height in range(tree.height + 1):
        for index in range(((size.chunks - 1) >> height) + 1):
            at = Position(Phase.NODES if height > 2 else Phase.DATA, height, index, 0)
            require_folds(at, read_reveal(at, mine.reveal_body(at), size), tree.node(height, index), 2, size)


def test_an_empty_tensor_is_one_chunk_of_zeros() -> None:
    empty = dispute_programs.copy_of(X, (0,))
    program = dispute_programs.program([(0,)], [], [empty], [0])
    mine = honest(program, [np.zeros(0, np.int64)])
    at = Position(Phase.TRACE, op=0)
    assert mine.reveal_body(at) == bytes(256)
    size = OpSize.of(program.ops[0])
    require_folds(at, read_reveal(at, bytes(256), size), mine.chunk_tree(0).root, 1, size)
    false = bytes(255) + b"\1"
    root = Tree.of([leaf(false)]).root
    with pytest.raises(DisputeError) as refused:
        require_folds(at, read_reveal(at, false, size), root, 1, size)
    assert refused.value.code == "padding_not_zero"


def test_padding_nodes_of_the_trace_have_to_be_zeros_folded() -> None:
    """A tree over 70 leaves in which a 71st was hidden."""
    program = dispute_programs.chain(70)
    mine = honest(program, dispute_programs.random_inputs(program))
    false = Tree.of([*mine.tensor_roots, b"\1" * 32])
    at = Position(Phase.TRACE, 2, 17)
    assert false.height == mine.trace.height
    revealed = read_reveal(at, b"".join(false.below(2, 17, 0)))
    with pytest.raises(DisputeError) as refused:
        require_folds(at, revealed, false.node(2, 17), 70)
    assert refused.value.code == "padding_not_zero"
    require_folds(at, read_reveal(at, mine.reveal_body(at)), mine.node(2, 17), 70)


@pytest.mark.parametrize("value", ["0x" + "11" * 19, "0x" + "11" * 32, b"\1" * 21, b""])
def test_refuses_addresses_and_words_of_another_length(value: str | bytes) -> None:
    with pytest.raises(ValueError, match="20"):
        word(value)


def test_committed_vectors_are_what_the_script_writes() -> None:
    assert make_dispute.PATH.read_text(encoding="utf-8") == make_dispute.text()


def test_vectors_run_every_op() -> None:
    names = json.loads(make_dispute.PATH.read_text(encoding="utf-8"))["steps"]["names"]
    assert {name.split()[0] for name in names} == {opcode.name.lower() for opcode in Opcode}
