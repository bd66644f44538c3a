"""The kernels that commit a trace equal their plain twins, byte for byte, and refuse what is no tensor."""

from __future__ import annotations

import sys
import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from circuits import statement
from circuits.execute import Executor
from prover import kernels
from prover.kernels import _native, reference
from tests import one_op
from tests.random_programs import inputs_of, programs

BLOCK_ELEMENTS = 2**16  # what the kernel lays out at a time
TENSORS = hnp.arrays(
    st.sampled_from([np.int32, np.int64]),
    hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=9),
    elements=st.integers(-(2**31), 2**31 - 1),
)


def noise(elements: int, seed: int = 0) -> npt.NDArray[np.int32]:
    return np.random.default_rng(seed).integers(-(2**31), 2**31, elements, np.int64).astype(np.int32)


@given(st.lists(TENSORS, max_size=8))
def test_trace_roots_equal_the_definition(tensors: list[npt.NDArray[Any]]) -> None:
    assert kernels.trace_roots(tensors) == reference.trace_roots(tensors)


def test_trace_roots_at_every_small_number_of_chunks() -> None:
    """Lanes that are not filled, trees of every shape, and all of them in one call."""
    tensors = [noise(64 * chunks + more, chunks) for chunks in range(36) for more in (-1, 0, 1) if chunks or more >= 0]
    assert kernels.trace_roots(tensors) == reference.trace_roots(tensors)


@pytest.mark.parametrize("elements", [BLOCK_ELEMENTS - 1, BLOCK_ELEMENTS, BLOCK_ELEMENTS + 1, 3 * BLOCK_ELEMENTS + 7])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_trace_roots_of_tensors_over_several_blocks(elements: int, dtype: type[Any]) -> None:
    tensors = [noise(elements).astype(dtype), noise(5), noise(elements, 1).astype(dtype).reshape(1, -1)]
    assert kernels.trace_roots(tensors) == reference.trace_roots(tensors)


def test_trace_roots_of_more_leaves_than_are_kept_unfolded() -> None:
    tensors = [noise(50_000, seed) for seed in range(24)]
    assert kernels.trace_roots(tensors) == reference.trace_roots(tensors)


def test_trace_roots_of_views_that_are_not_contiguous() -> None:
    values = noise(6000).reshape(20, 300)
    views = [values.T, values[::-3, 1::2], values[:, 7], np.broadcast_to(values[0], (5, 300)), values.astype(">i4")]
    assert kernels.trace_roots(views) == reference.trace_roots(views)


def test_trace_roots_of_another_dims_differ() -> None:
    values = noise(640)
    one, other = kernels.trace_roots([values, values.reshape(10, 64)])
    assert one != other


@settings(max_examples=100)
@given(st.data())
def test_a_trace_written_as_int32_has_the_roots_of_the_trace(data: st.DataObject) -> None:
    program = data.draw(programs())
    inputs = data.draw(inputs_of(program))
    executor = Executor(program)
    narrow = [np.empty(op.dims, np.int32) for op in program.ops]
    executor.trace_into(inputs, narrow)
    wide = executor.trace(inputs)
    assert kernels.trace_roots(narrow) == reference.trace_roots(wide)


@pytest.mark.parametrize("dims", [[], [(3,)], [(3, 1)], [(3,), (3,)]])
def test_a_trace_is_not_written_to_arrays_of_other_dims(dims: list[tuple[int, ...]]) -> None:
    program = one_op.program(one_op.linear((1,), (1, 3), 0, saturates=False), [(1, 3)])
    with pytest.raises(ValueError, match="one array for every op"):
        Executor(program).trace_into([np.zeros((1, 3), np.int64)], [np.empty(each, np.int32) for each in dims])


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        (np.array([2**31]), "does not fit 4 bytes"),
        (np.array([0] * 70_000 + [-(2**31) - 1]), "does not fit 4 bytes"),
        (np.zeros(3, np.float32), "signed integers"),
        (np.zeros(3, np.uint32), "signed integers"),
        (np.zeros((1,) * 9, np.int32), "rank 9"),
        (np.zeros((2**32, 0), np.int32), "32 bits|out of range"),
    ],
)
def test_trace_roots_refuse_what_the_definition_refuses(values: npt.NDArray[Any], refusal: str) -> None:
    for twin in (kernels.trace_roots, reference.trace_roots):
        with pytest.raises(statement.StatementError, match=refusal):
            twin([noise(3), values])


@pytest.mark.parametrize(
    ("array", "dims"),
    [
        (np.zeros(3, np.int32), (4,)),
        (np.zeros(3, np.int32), (2**31, 2**31, 2)),
        (np.zeros((2, 2), np.int32), (2, 2)),
        (np.zeros(0, np.int32), ()),
        (np.zeros(3, np.float64), (3,)),
        (b"abc", (3,)),
    ],
)
def test_the_module_refuses_arrays_that_are_not_of_these_dims(array: Any, dims: tuple[int, ...]) -> None:
    with pytest.raises((ValueError, TypeError)):
        _native.trace_roots([(array, dims)])


@given(TENSORS, st.sampled_from([4, 8]))
def test_chunk_levels_equal_their_twin(values: npt.NDArray[Any], width: int) -> None:
    levels = kernels.chunk_levels(values, width)
    assert levels == reference.chunk_levels(values, width)
    header = bytes([statement.Tag.TENSOR]) + statement.shape_header(width, values.shape)
    assert statement.keccak256(header + levels[-1]) == statement.tensor_root(values, width)


def test_chunk_levels_of_a_tensor_large_enough_for_all_cores() -> None:
    values = noise(64 * 1000 + 3)
    assert kernels.chunk_levels(values) == reference.chunk_levels(values)


def test_python_runs_while_a_large_trace_is_hashed() -> None:
    """A single thread may hold the interpreter for a block, never for the whole call."""
    tensors, counted, done = [noise(3_000_000)], 0, threading.Event()
    interval = sys.getswitchinterval()
    hashing = threading.Thread(target=lambda: (kernels.trace_roots(tensors), done.set()))
    sys.setswitchinterval(1e-5)
    try:
        hashing.start()
        while not done.is_set():
            counted += 1
    finally:
        hashing.join()
        sys.setswitchinterval(interval)
    assert counted > 100
