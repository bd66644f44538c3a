"""The executor is the interpreter on whole models, and where it takes another path because of size or layout."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import models
from circuits.execute import Executor, choosing
from circuits.execute import contraction as contractions
from circuits.execute.contraction import contraction
from circuits.program.graph import Constant, Program
from circuits.program.indexing import strided_view
from circuits.program.interpreter import trace
from circuits.program.intervals import Interval
from circuits.program.ops import Contract, Divide, Op, Rsqrt
from circuits.program.refs import AffineMap, Output, Port, Ref, Source
from circuits.program.validate import validate
from circuits.quantize import compile_model
from prover.kernels import narrow_product
from tests.random_programs import inputs_of, programs

Integers = npt.NDArray[np.int64]


def random_inputs(program: Program, seed: int) -> list[Integers]:
    rng = np.random.default_rng(seed)
    bounds = [(port, Interval.of_bits(port.bits)) for port in program.inputs]
    return [rng.integers(bound.lo, bound.hi, size=port.dims, endpoint=True) for port, bound in bounds]


def require_equal(program: Program, executor: Executor, inputs: list[Integers]) -> None:
    for op, expected, got in zip(program.ops, trace(program, inputs), executor.trace(inputs), strict=True):
        assert got.dtype == np.int64
        assert got.shape == op.dims
        np.testing.assert_array_equal(got, expected)


@pytest.fixture(scope="module", params=["mlp91k", "lenet", "credit-3.4m", "lstm", "block128"])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Program:
    path = Path(tmp_path_factory.mktemp("models")) / "model.onnx"
    onnx.save(models.build(request.param), path)
    return compile_model(path, models.calibration(request.param, 8))[0]


def test_reference_model_gives_the_interpreters_integers_at_every_op(program: Program) -> None:
    executor = Executor(program)
    require_equal(program, executor, random_inputs(program, 0))
    require_equal(program, executor, random_inputs(program, 1))


def test_the_kernel_for_large_matrices_changes_no_integer(program: Program) -> None:
    executor = Executor(program, narrow_product)
    require_equal(program, executor, random_inputs(program, 2))
    extremes = [np.full(port.dims, Interval.of_bits(port.bits).lo) for port in program.inputs]
    require_equal(program, executor, extremes)


@settings(max_examples=100)
@given(data=st.data())
def test_the_kernel_is_the_interpreter_on_random_contractions(data: st.DataObject) -> None:
    program = data.draw(programs(kinds=[Contract]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contractions, "NARROW_ELEMENTS", 1)
        require_equal(program, Executor(program, narrow_product), data.draw(inputs_of(program)))


def test_a_result_does_not_change_when_the_executor_runs_again(program: Program) -> None:
    executor = Executor(program)
    first = executor.run(random_inputs(program, 0))
    kept = [array.copy() for array in first]
    executor.run(random_inputs(program, 1))
    for before, after in zip(kept, first, strict=True):
        np.testing.assert_array_equal(after, before)
    for again, before in zip(executor.run(random_inputs(program, 0)), kept, strict=True):
        np.testing.assert_array_equal(again, before)


def test_threads_that_share_an_executor_get_their_own_results(program: Program) -> None:
    executor = Executor(program)
    inputs = [random_inputs(program, seed) for seed in range(4)]
    alone = [executor.run(some) for some in inputs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(executor.run, inputs * 8))
    for got, expected in zip(together, alone * 8, strict=True):
        for mine, yours in zip(got, expected, strict=True):
            np.testing.assert_array_equal(mine, yours)


@settings(max_examples=150)
@given(st.data(), st.sampled_from([1, 5]))
def test_small_blocks_narrow_weights_and_reductions_change_no_integer(data: st.DataObject, block: int) -> None:
    """What only large programs do, done by small ones."""
    program = data.draw(programs())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contractions, "BLOCK_ELEMENTS", block)
        patch.setattr(contractions, "NARROW_ELEMENTS", 0)
        patch.setattr(choosing, "FEW_POINTS", 0)
        executor = Executor(program)
    for _ in range(2):
        require_equal(program, executor, data.draw(inputs_of(program)))


@pytest.mark.parametrize("weight", [2**24 + 1, -(2**24) - 1, 2**31 - 1])
def test_a_weight_that_float32_would_round_stays_exact(weight: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contractions, "NARROW_ELEMENTS", 0)
    values = np.full((3, 4), weight, np.int64)
    maps = AffineMap((4,), (0,), ((0, 1),)), AffineMap((3, 4), (0, 0), ((1, 0), (0, 1)))
    op = Contract((Ref(Source.INPUT, 0), Ref(Source.CONST, 0)), maps, (3,), (4,), 32, 0, 10, True)
    program = one_op_program(op, (4,), (Constant("w", values, 4, 0),), bits=16)
    require_equal(program, Executor(program), [np.array([1, -1, 32767, 2], np.int64)])


def one_op_program(op: Op, dims: tuple[int, ...], constants: tuple[Constant, ...], bits: int) -> Program:
    output = Output(Ref(Source.OP, 0), Port("y", op.dims, op.bits, (op.scale,)))
    program = Program((Port("x", dims, bits, (0,)),), constants, (op,), (output,))
    validate(program)
    return program


EDGES = [1, 2, 3, 5, 7, 2**15 - 1, 2**15, 2**16 + 1, 2**20 + 7, 2**30 - 1, 2**31 - 2, 2**31 - 1]


@pytest.mark.parametrize("up", [0, 1, 20])
def test_quotients_are_exact_where_a_float_lies_next_to_an_integer(up: int) -> None:
    """Multiples of the divisor and halves of it, one more and one less, up to the largest dividend."""
    divisors = np.array(EDGES, np.int64)[:, None]
    wanted = np.array([0, 1, 2, 3, 2**10, 2**15, 2**20, 2**30], np.int64)
    near = [
        ((2 * sign * wanted + odd) * divisors) // (2 << up) + delta
        for sign in (-1, 1)
        for odd in (0, 1)
        for delta in (-1, 0, 1)
    ]
    dividends = np.clip(np.concatenate(near, axis=1), -(2**31), 2**31 - 1)
    identity = AffineMap.identity(dividends.shape)
    maps = identity, AffineMap.broadcast(divisors.shape, dividends.shape)
    op = Divide((Ref(Source.INPUT, 0), Ref(Source.CONST, 0)), maps, dividends.shape, (), 32, 0, up, up > 0)
    program = one_op_program(op, dividends.shape, (Constant("d", divisors, 4, 0),), bits=32)
    require_equal(program, Executor(program), [dividends])


@pytest.mark.parametrize("exponent", [0, 1, 15, 29, 30])
def test_inverse_roots_are_exact_at_squares_and_beside_them(exponent: int) -> None:
    roots = np.array([1, 2, 3, 181, 255, 4096, 46340], np.int64)
    squares = np.concatenate([roots**2 - 1, roots**2, roots**2 + 1, 2 * roots**2 - 1, np.array(EDGES)])
    values = np.unique(np.clip(squares, 1, 2**31 - 1))
    op = Rsqrt((Ref(Source.CONST, 0),), (AffineMap.identity(values.shape),), values.shape, (), 32, 0, exponent)
    program = one_op_program(op, (1,), (Constant("x", values, 4, 0),), bits=8)
    require_equal(program, Executor(program), [np.zeros(1, np.int64)])


def contract_over(a: AffineMap, b: AffineMap, dims: tuple[int, ...], inner: tuple[int, ...]) -> Contract:
    return Contract((Ref(Source.INPUT, 0), Ref(Source.INPUT, 1)), (a, b), dims, inner, 16, 0, 0, True)


CASES: dict[str, Callable[[], Contract]] = {
    "a batch of products": lambda: contract_over(
        AffineMap((5, 3, 4), (0, 0, 0), ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 0, 1))),
        AffineMap((5, 4, 2), (0, 0, 0), ((1, 0, 0, 0), (0, 0, 0, 1), (0, 0, 1, 0))),
        (5, 3, 2),
        (4,),
    ),
    "a padded convolution, two steps at a time": lambda: contract_over(
        AffineMap((2, 7, 7), (0, -1, -1), ((0, 0, 0, 1, 0, 0), (0, 2, 0, 0, 1, 0), (0, 0, 2, 0, 0, 1))),
        AffineMap((3, 2, 3, 3), (0,) * 4, tuple(tuple(int(d == a) for d in (0, 9, 9, 1, 2, 3)) for a in range(4))),
        (3, 4, 4),
        (2, 3, 3),
    ),
    "an axis that neither operand walks": lambda: contract_over(
        AffineMap((4,), (0,), ((0, 1),)), AffineMap((4,), (3,), ((0, -1),)), (3,), (4,)
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_contraction_of_real_values_is_the_sum_of_its_products(name: str) -> None:
    op, rng = CASES[name](), np.random.default_rng(0)
    a, b = (rng.standard_normal(how.view) for how in op.maps)
    products = strided_view(a, op.maps[0], op.iteration) * strided_view(b, op.maps[1], op.iteration)
    expected = products.sum(axis=tuple(range(len(op.dims), len(op.iteration))))
    np.testing.assert_allclose(contraction(op, a, b), expected, rtol=1e-12, atol=1e-12)
