"""Every way to show a step something that the claim, the request or the model does not commit to."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from circuits.lower.optimistic import chunk_count, finish, term_count
from circuits.program.ops import Contract, Index
from circuits.program.refs import AffineMap
from circuits.statement import CHUNK_BYTES, keccak256, leaf
from tests import dispute_programs
from tests.dispute_games import honest
from tests.dispute_programs import copy_of, program, random_constant
from tests.programs import X, const, constant, made
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.errors import DisputeError
from verifier.dispute.one_step import run_step
from verifier.dispute.openings import open_terms
from verifier.dispute.tree import fold_path
from verifier.dispute.types import Opening, StepRoots

INNER = 200


@cache
def trace(seed: int = 0) -> CommittedTrace:
    """Op 2 contracts op 0's 200 elements (4 chunks) with weights, plus a bias; op 3 is of op 1 and the input."""
    row = AffineMap((INNER,), (0,), ((0, 1),))
    weights = AffineMap((3, INNER), (0, 0), ((1, 0), (0, 1)))
    maps = (row, weights, AffineMap((3,), (0,), ((1, 0),)))
    contract = Contract((made(0), const(0), const(1)), maps, (3,), (INNER,), 32, 0, 4, True)
    moved = AffineMap((INNER,), (-150,), ((1,),))
    index = Index((made(1), X), (moved, AffineMap.identity((INNER,))), (INNER,), (), 16, 0, 0)
    ops = [copy_of(X, (INNER,), 3), copy_of(X, (INNER,), 2), contract, index]
    constants = [random_constant((3, INNER), 50), random_constant((3,), 2**40, 8)]
    whole = program([(INNER,)], constants, ops, [2, 3])
    return honest(whole, dispute_programs.random_inputs(whole, seed))


def run(
    openings: tuple[Opening, ...],
    *,
    op: int = 2,
    element: int = 1,
    lo: int = 60,
    hi: int = 70,
    roots: StepRoots | None = None,
) -> int:
    mine = trace()
    return run_step(mine.op(op), roots or mine.step_roots, element, lo, hi, 0, openings)


def opened(op: int = 2, element: int = 1, lo: int = 60, hi: int = 70) -> tuple[Opening, ...]:
    """By default the terms on both sides of the end of a chunk: two chunks of op 0, and two of the weights."""
    return open_terms(trace(), op, element, lo, hi)


def refusal(openings: tuple[Opening, ...], **changed: object) -> str:
    with pytest.raises(DisputeError) as refused:
        run(openings, **changed)  # type: ignore[arg-type]
    return refused.value.code


def changed(openings: tuple[Opening, ...], which: int, **fields: object) -> tuple[Opening, ...]:
    return tuple(replace(o, **fields) if i == which else o for i, o in enumerate(openings))  # type: ignore[arg-type]


def test_an_honest_opening_gives_the_elements() -> None:
    mine = trace()
    for op, element in ((0, 5), (2, 0), (2, 2), (3, 0), (3, 199)):
        openings = opened(op, element, 0, term_count(mine.op(op)))
        acc = run_step(mine.op(op), mine.step_roots, element, 0, term_count(mine.op(op)), 0, openings)
        assert finish(mine.op(op), acc) == mine.made[op].reshape(-1)[element]
    a, b = opened()
    assert (a.numbers, b.numbers) == ((0, 1), (4,))
    assert run((a, b)) == int(mine.made[0][60:70] @ mine.program.constants[0].values[1, 60:70])


def test_rejects_an_operand_taken_from_another_claim() -> None:
    other = trace(seed=1)
    assert refusal(open_terms(other, 2, 1, 60, 70)) == "path_mismatch"
    assert refusal(changed(opened(), 0, **vars(open_terms(other, 2, 1, 60, 70)[0]))) == "path_mismatch"


def test_rejects_an_input_of_another_request() -> None:
    other = trace(seed=1)
    assert refusal(open_terms(other, 0, 5, 0, 1), op=0, element=5, lo=0, hi=1) == "path_mismatch"


def test_rejects_weights_of_another_model() -> None:
    mine = trace()
    roots = replace(mine.step_roots, weights_root=b"\1" * 32)
    assert refusal(opened(), roots=roots) == "path_mismatch"


def test_rejects_another_tensor_of_the_same_claim() -> None:
    """Op 1 instead of op 0, with its own true path; and op 0 in op 1's place in the trace."""
    mine, (_, weights) = trace(), opened()
    (instead,) = [o for o in open_terms(mine, 3, 199, 0, 1) if o.operand == 0]
    numbers = tuple(range(chunk_count(INNER)))
    tree, chunks = mine.chunk_tree(1), mine.chunks(made(1), 0, len(numbers))
    whole = replace(instead, numbers=numbers, chunks=chunks, siblings=tree.multiproof(numbers))
    assert refusal((whole, weights)) == "path_mismatch"
    assert refusal((replace(opened()[0], path=mine.path(made(1))), weights)) == "path_mismatch"


def test_rejects_an_operand_of_an_op_that_is_not_in_the_trace() -> None:
    mine = trace()
    roots = replace(mine.step_roots, num_ops=0)
    assert refusal(opened(), roots=roots) == "path_mismatch"


def test_rejects_an_input_number_that_is_not_shown() -> None:
    good = open_terms(trace(), 0, 5, 0, 1)
    assert refusal(changed(good, 0, path=()), op=0, element=5, lo=0, hi=1) == "path_mismatch"
    twice = good[0].path * 2
    assert refusal(changed(good, 0, path=twice), op=0, element=5, lo=0, hi=1) == "path_mismatch"


@pytest.mark.parametrize("length", [0, 1, 3, 33])
def test_rejects_a_path_of_wrong_length(length: int) -> None:
    a, _ = opened()
    path = (a.path * 20)[:length]
    assert refusal(changed(opened(), 0, path=path)) == "path_mismatch"


def test_rejects_a_path_through_a_deeper_trace_than_the_keys() -> None:
    """The same trace under one more node: the root is the claim's, the depth is not that of the key's number of ops."""
    mine, (a, b) = trace(), opened()
    above = bytes(32)
    deeper = replace(mine.step_roots, trace_tree=keccak256(b"\1" + mine.trace_tree + above))
    assert refusal((replace(a, path=(*a.path, above)), b), roots=deeper) == "path_mismatch"


def test_rejects_hashes_that_are_not_32_bytes() -> None:
    """Bytes cut elsewhere could hash to the same; the contract's types do not allow it either."""
    (a,) = open_terms(trace(), 0, 5, 0, 1)
    for path in ((a.path[0][:31],), (a.path[0] + b"\0",)):
        assert refusal((replace(a, path=path),), op=0, element=5, lo=0, hi=1) == "proof_malformed"
    x, w = opened()
    assert refusal((replace(x, siblings=(x.siblings[0] + b"\0", *x.siblings[1:])), w)) == "proof_malformed"
    assert refusal((replace(x, path=(x.path[0][1:], *x.path[1:])), w)) == "proof_malformed"


def test_rejects_a_node_as_a_leaf() -> None:
    """A shorter path that ends at a node of the trace tree, which is nobody's tensor root."""
    a, b = opened()
    mine = trace()
    assert fold_path(mine.node(1, 0), 0, mine.siblings(1, 0)) == mine.trace_tree
    assert refusal((replace(a, path=mine.siblings(1, 0)), b)) == "path_mismatch"


def test_rejects_inner_nodes_as_chunks() -> None:
    """A 'tensor' of a quarter of the size, whose chunks would be nodes: 64 bytes are no chunk."""
    a, b = opened()
    tree = trace().chunk_tree(0)
    nodes = tree.node(1, 0) + tree.node(1, 1)
    assert refusal((replace(a, numbers=(0,), chunks=nodes, siblings=()), b)) == "proof_malformed"


@pytest.mark.parametrize("dims", [(INNER, 1), (1, INNER), (2, 100), (INNER, 1, 1), ()])
def test_rejects_wrong_dims(dims: tuple[int, ...]) -> None:
    expected = "element_count_mismatch" if dims == () else "path_mismatch"
    assert refusal(changed(opened(), 0, dims=dims)) == expected


@pytest.mark.parametrize("dims", [(INNER + 1,), (INNER - 1,), (0,), (2**31, 2), (1,) * 9, (-INNER,), (INNER, 2**33)])
def test_rejects_a_tensor_of_another_size(dims: tuple[int, ...]) -> None:
    assert refusal(changed(opened(), 0, dims=dims)) in ("element_count_mismatch", "proof_malformed")


def test_rejects_a_bias_shown_with_elements_of_4_bytes_and_values_of_8() -> None:
    """Width is the op's to say: a tensor of width 4 with the same bytes has another root, as has its reading."""
    mine = trace()
    last = term_count(mine.op(2)) - 1
    (bias,) = opened(2, 1, last, last + 1)
    assert run((bias,), lo=last, hi=last + 1) == int(mine.program.constants[1].values[1])
    assert refusal((replace(bias, dims=(6,)),), lo=last, hi=last + 1) == "element_count_mismatch"
    narrow = constant(mine.program.constants[1].values >> 20)
    false = replace(mine.program, constants=(mine.program.constants[0], narrow))
    other = CommittedTrace(false, mine.inputs, mine.made)
    roots = replace(mine.step_roots, weights_root=other.committed.weights.root)
    forged = replace(bias, path=other.path(const(1)), chunks=other.chunks(const(1), 0, 1))
    assert refusal((forged,), lo=last, hi=last + 1, roots=roots) == "path_mismatch"


def test_rejects_a_chunk_number_beyond_the_tensor() -> None:
    a, b = opened()
    assert refusal((replace(a, numbers=(0, 4)), b)) == "number_out_of_range"
    assert refusal((replace(a, numbers=(0, 2**32)), b)) == "number_out_of_range"


def test_rejects_numbers_that_do_not_ascend() -> None:
    a, b = opened()
    swapped = a.chunks[CHUNK_BYTES:] + a.chunks[:CHUNK_BYTES]
    assert refusal((replace(a, numbers=(1, 0), chunks=swapped), b)) == "numbers_not_ascending"
    twice = a.chunks[:CHUNK_BYTES] * 2
    assert refusal((replace(a, numbers=(0, 0), chunks=twice), b)) == "numbers_not_ascending"
    assert refusal((replace(a, numbers=(-1, 1)), b)) == "numbers_not_ascending"


def test_rejects_siblings_left_over_and_missing_and_changed() -> None:
    a, b = opened()
    assert refusal((replace(a, siblings=(*a.siblings, bytes(32))), b)) == "siblings_left_over"
    assert refusal((replace(a, siblings=a.siblings[:-1]), b)) == "siblings_missing"
    assert refusal((replace(a, siblings=(b"\1" * 32, *a.siblings[1:])), b)) == "path_mismatch"


def test_rejects_a_changed_byte_anywhere_in_a_chunk() -> None:
    a, b = opened()
    for at in (0, 240, 255, 256, 511):
        flipped = bytearray(a.chunks)
        flipped[at] ^= 1
        assert refusal((replace(a, chunks=bytes(flipped)), b)) == "path_mismatch"


def test_rejects_padding_that_is_not_zero_though_no_step_reads_it() -> None:
    mine = trace()
    openings = opened(2, 1, 195, 200)
    a = openings[0]
    assert a.numbers == (3,)
    padded = a.chunks[:-1] + b"\1"
    assert refusal((replace(a, chunks=padded), *openings[1:]), lo=195, hi=200) == "path_mismatch"
    assert leaf(padded) != leaf(mine.chunks(made(0), 3, 4))


def test_rejects_a_chunk_that_is_read_and_not_opened() -> None:
    a, b = opened()
    mine = trace()
    only = replace(a, numbers=(0,), chunks=a.chunks[:CHUNK_BYTES], siblings=mine.chunk_tree(0).multiproof([0]))
    assert refusal((only, b)) == "chunk_not_opened"
    assert refusal((a,)) == refusal((b,)) == refusal(()) == "chunk_not_opened"


def test_rejects_an_opening_of_nothing_and_of_half_a_chunk() -> None:
    a, b = opened()
    tree = trace().chunk_tree(0)
    assert refusal((replace(a, numbers=(), chunks=b"", siblings=(tree.root,)), b)) == "proof_malformed"
    assert refusal((replace(a, chunks=a.chunks[:-1]), b)) == "proof_malformed"
    assert refusal((replace(a, chunks=a.chunks + bytes(256)), b)) == "proof_malformed"


def test_rejects_operands_twice_or_in_another_order_or_that_are_not_there() -> None:
    a, b = opened()
    assert refusal((b, a)) == "openings_not_ascending"
    assert refusal((a, a, b)) == "openings_not_ascending"
    assert refusal((a, b, replace(b, operand=3))) == "operand_missing"
    assert refusal((replace(a, operand=-1), b)) == "openings_not_ascending"


def test_rejects_terms_and_elements_beyond_the_op() -> None:
    a, b = opened()
    for element, lo, hi in ((3, 60, 70), (1, 60, 202), (1, 70, 60)):
        assert refusal((a, b), element=element, lo=lo, hi=hi) == "term_undefined"


def test_more_than_is_read_may_be_shown() -> None:
    """It costs who shows it, and proves no more."""
    mine, (_, b) = trace(), opened()
    every = range(chunk_count(INNER))
    whole = Opening(0, mine.path(made(0)), (INNER,), tuple(every), mine.chunks(made(0), 0, len(every)), ())
    assert run((whole, b)) == run(opened())


def test_a_tensors_own_chunks_are_read_as_signed_numbers() -> None:
    mine = trace()
    least = int(np.argmin(mine.made[0]))
    openings = open_terms(mine, 2, 0, least, least + 1)
    weight = int(mine.program.constants[0].values[0, least])
    assert mine.made[0][least] < 0
    assert run(openings, element=0, lo=least, hi=least + 1) == int(mine.made[0][least]) * weight
