"""Small programs built by hand for tests and fixtures of the halo2 route, one for each op that it lowers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from circuits.program.graph import Constant, Program
from circuits.program.ops import Contract, Index, Linear, Lookup, Max, Mul, Op, ReduceSum
from circuits.program.refs import AffineMap, Port, Ref, Visibility
from tests.programs import X, Y, const, made, program_of


def program(
    ops: list[Op],
    constants: list[Constant],
    dims: tuple[int, ...],
    *,
    bits: int = 16,
    visibility: Visibility = Visibility.PUBLIC,
    extra_inputs: tuple[Port, ...] = (),
) -> Program:
    """One input `x` of `dims` (and more if named), one output `y`: the last op."""
    port = Port("x", dims, bits, (0,), visibility)
    return program_of((port, *extra_inputs), constants, ops)


def values(name: str, array: np.ndarray, width: int = 4) -> Constant:
    return Constant(name, np.asarray(array, np.int64), width, 0)


def dense(
    source: Ref,
    weight: int,
    bias: int,
    inputs: int,
    outputs: int,
    *,
    shift: int,
    bits: int = 16,
    saturates: bool = True,
) -> Contract:
    """y[0, o] = rescale(sum_k x[0, k] w[o, k] + b[o])."""
    maps = (
        AffineMap((1, inputs), (0, 0), ((1, 0, 0), (0, 0, 1))),
        AffineMap((outputs, inputs), (0, 0), ((0, 1, 0), (0, 0, 1))),
        AffineMap((outputs,), (0,), ((0, 1, 0),)),
    )
    operands = (source, const(weight), const(bias))
    return Contract(operands, maps, (1, outputs), (inputs,), 16, 0, shift, True)


def relu(source: Ref, zero: int, dims: tuple[int, ...]) -> Max:
    maps = (AffineMap.identity(dims), AffineMap.broadcast((1,), dims))
    return Max((source, const(zero)), maps, dims, (), 16, 0)


def gemm_relu(visibility: Visibility = Visibility.PUBLIC, seed: int = 1) -> Program:
    """6 -> 5 -> 3: dense, ReLU, dense, with biases beyond 24 bits and rescales that saturate."""
    rng = np.random.default_rng(seed)
    constants = [
        values("w1", rng.integers(-128, 128, (5, 6))),
        values("b1", rng.integers(-(2**30), 2**30, (5,)), 8),
        values("w2", rng.integers(-128, 128, (3, 5))),
        values("b2", rng.integers(-(2**20), 2**20, (3,)), 8),
        values("zero", np.zeros(1)),
    ]
    ops = [dense(X, 0, 1, 6, 5, shift=7), relu(made(0), 4, (1, 5)), dense(made(1), 2, 3, 5, 3, shift=9)]
    return program(ops, constants, (1, 6), visibility=visibility)


def wide(elements: int = 1024) -> Program:
    """Many public inputs, little work: one output that sums them all."""
    maps = (AffineMap((1, elements), (0, 0), ((1, 0), (0, 1))),)
    return program([ReduceSum((X,), maps, (1,), (elements,), 16, 0, 10, False, 1)], [], (1, elements))


def convolution() -> Program:
    """Two 3×3 filters over a 2×5×5 image with padding 1 and stride 2, then a 2×2 max-pool."""
    rng = np.random.default_rng(2)
    constants = [values("w", rng.integers(-200, 200, (2, 2, 3, 3))), values("b", rng.integers(-(2**26), 2**26, 2), 8)]
    # Iteration: out channel, row, column | in channel, kernel row, kernel column.
    image = AffineMap((2, 5, 5), (0, -1, -1), ((0, 0, 0, 1, 0, 0), (0, 2, 0, 0, 1, 0), (0, 0, 2, 0, 0, 1)))
    weight = AffineMap(
        (2, 2, 3, 3),
        (0, 0, 0, 0),
        ((1, 0, 0, 0, 0, 0), (0, 0, 0, 1, 0, 0), (0, 0, 0, 0, 1, 0), (0, 0, 0, 0, 0, 1)),
    )
    bias = AffineMap((2,), (0,), ((1, 0, 0, 0, 0, 0),))
    operands = (X, const(0), const(1))
    conv = Contract(operands, (image, weight, bias), (2, 3, 3), (2, 3, 3), 16, 0, 11, True)
    # Windows reach beyond the 3×3 plane: out of bounds is left out.
    window = AffineMap((2, 3, 3), (0, 0, 0), ((1, 0, 0, 0, 0), (0, 2, 0, 1, 0), (0, 0, 2, 0, 1)))
    pool = Max((made(0),), (window,), (2, 2, 2), (2, 2), 16, 0)
    return program([conv, pool], constants, (2, 5, 5))


def batched() -> Program:
    """Per group g a product of two parts of the same input: no operand is constant."""
    left = AffineMap((2, 2, 3), (0, 0, 0), ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 0, 1)))
    right = AffineMap((2, 3, 2), (0, 0, 0), ((1, 0, 0, 0), (0, 0, 0, 1), (0, 0, 1, 0)))
    op = Contract((X, X), (left, right), (2, 2, 2), (3,), 16, 0, 15, True)
    return program([op], [], (12,))


def linear_and_mul() -> Program:
    """3x - 5·reverse(x) + b, then its square times a constant, with a shift over 14 bits."""
    dims = (4,)
    same, backwards = AffineMap.identity(dims), AffineMap((4,), (3,), ((-1,),))
    constants = [values("b", np.array([7, -(2**27) - 1, 3, -9]), 8)]
    linear = Linear((X, X, const(0)), (same, backwards, same), dims, (), 16, 0, 2, True, (3, -5))
    square = Mul((made(0), made(0)), (same, same), dims, (), 16, 0, 17, True)
    return program([linear, square], constants, dims)


def reduce_and_lookup() -> Program:
    """Sum of rows, brought to 8 bits, looked up in a table of signed entries."""
    rows = AffineMap((3, 4), (0, 0), ((1, 0), (0, 1)))
    total = ReduceSum((X,), (rows,), (3,), (4,), 8, 0, 20, True, 500)
    table = np.random.default_rng(4).integers(-30000, 30000, 256)
    maps = (AffineMap.identity((3,)), AffineMap((), (), ()))
    found = Lookup((made(0), const(0)), maps, (3,), (), 16, 0, -128)
    return program([total, found], [values("table", table)], (3, 4))


def rearrange() -> Program:
    """Transpose with a border of a fill value, beside a constant row; then max with a constant row."""
    border = AffineMap((2, 3), (-1, -1), ((0, 1), (1, 0)))
    constants = [values("row", np.array([5, -6, 7, -8])), values("floor", np.array([-2, 100, 0, -30000]))]
    # Output 5×4: the transposed 3×2 image at (1, 1); the constant row where the image is out of bounds in row 0.
    row = AffineMap((1, 4), (0, 0), ((1, 0), (0, 1)))
    moved = Index((X, const(0)), (border, row), (5, 4), (), 16, 0, fill=-77)
    raised = Max(
        (made(0), const(1)), (AffineMap.identity((5, 4)), AffineMap.broadcast((4,), (5, 4))), (5, 4), (), 16, 0
    )
    return program([moved, raised], constants, (2, 3))


def two_inputs() -> Program:
    """Difference of two inputs of different bits, unscaled: no rescale, no saturation."""
    dims = (2, 2)
    same = AffineMap.identity(dims)
    second = Port("z", dims, 8, (0,))
    op = Linear((X, Y), (same, same), dims, (), 18, 0, 0, False, (1, -1))
    return program([op], [], dims, extra_inputs=(second,))


def wide_integers() -> Program:
    """Inputs of 32 bits, which no float32 holds, tripled, halved twice and cut to 24 bits."""
    same = AffineMap.identity((5,))
    op = Linear((X,), (same,), (5,), (), 24, 0, 2, True, (3,))
    return program([op], [], (5,), bits=32)


def random_chain(seed: int) -> Program:
    """Dense layers, windows and products of random shapes, weights, shifts and bits, each reading the one before."""
    rng = np.random.default_rng(seed)
    width = int(rng.integers(2, 7))
    start, constants, ops = (1, width), [values("zero", np.zeros(1))], []
    source = X
    for _ in range(int(rng.integers(2, 5))):
        kind = rng.integers(0, 4)
        if kind == 0:
            outputs = int(rng.integers(1, 7))
            constants.append(values(f"w{len(constants)}", rng.integers(-(2**15), 2**15, (outputs, width))))
            constants.append(values(f"b{len(constants)}", rng.integers(-(2**40), 2**40, outputs), 8))
            shift = int(rng.integers(0, 31))
            layer = dense(source, len(constants) - 2, len(constants) - 1, width, outputs, shift=shift)
            ops.append(replace(layer, bits=int(rng.choice([8, 12, 16, 20, 24]))))
            width = outputs
        elif kind == 1:
            # Windows of three that reach over both ends.
            window = AffineMap((width,), (-1,), ((0, 1, 1),))
            ops.append(Max((source,), (window,), (1, width), (3,), 24, 0))
        elif kind == 2:
            same, turned = AffineMap.identity((1, width)), AffineMap((width,), (width - 1,), ((0, -1),))
            ops.append(Mul((source, source), (same, turned), (1, width), (), 16, 0, int(rng.integers(1, 32)), True))
        else:
            ops.append(replace(relu(source, 0, (1, width)), bits=24))
        source = made(len(ops) - 1)
    return program(ops, constants, start)


ONE_PER_OP = {
    "gemm_relu": gemm_relu,
    "convolution": convolution,
    "batched": batched,
    "linear_and_mul": linear_and_mul,
    "reduce_and_lookup": reduce_and_lookup,
    "rearrange": rearrange,
    "two_inputs": two_inputs,
    "wide_integers": wide_integers,
}


def random_inputs(source: Program, seed: int = 0, *, extreme: bool = False) -> list[np.ndarray]:
    """Uniform over each port's whole range, or only its two ends."""
    rng = np.random.default_rng(seed)
    tensors = []
    for port in source.inputs:
        low, high = -(2 ** (port.bits - 1)), 2 ** (port.bits - 1)
        drawn = rng.choice([low, high - 1], port.dims) if extreme else rng.integers(low, high, port.dims)
        tensors.append(np.asarray(drawn, np.int64))
    return tensors
