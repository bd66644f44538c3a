"""Many elements to one: norms, products, logarithms of sums, cumulative sums, extremes and their indices."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper

from tests.differential.op_cases import Case, Whole, ints, node, one, weights

NUMBERS = Whole((2, 5, 3), -4, 4)
THREE = (2, 5, 3)


def small_numbers(op: str, count: int, **attributes: object) -> Case:
    """int8 first, so that nothing can leave what is exact."""
    nodes = [helper.make_node("Cast", ["x"], ["h"], to=TensorProto.INT32), node(op, "h", "axes", **attributes)]
    return nodes, {"axes": ints(1)}, {"x": Whole((2, count), -5, 5, TensorProto.INT8)}


CASES: dict[str, Case] = {
    "ReduceL1": one("ReduceL1", THREE, {"axes": ints(1, -1)}),
    "ReduceL1-integers": one("ReduceL1", NUMBERS, {"axes": ints(1)}, keepdims=0),
    "ReduceL2": one("ReduceL2", THREE, {"axes": ints(0)}),
    "ReduceL2-none-named": one("ReduceL2", THREE, keepdims=0),
    "ReduceL2-none-at-all": one("ReduceL2", THREE, noop_with_empty_axes=1),
    "ReduceSum-integers": one("ReduceSum", NUMBERS, {"axes": ints(1)}),
    "ReduceMax-integers": one("ReduceMax", NUMBERS, {"axes": ints(0, 1)}, keepdims=0),
    "ReduceMin-integers": one("ReduceMin", NUMBERS, {"axes": ints(2)}),
    "ReduceProd": one("ReduceProd", THREE, {"axes": ints(1)}),
    "ReduceProd-all": one("ReduceProd", (7,), keepdims=0),
    "ReduceProd-two-axes": one("ReduceProd", (3, 2, 2), {"axes": ints(0, 2)}, keepdims=0),
    "ReduceProd-integers": small_numbers("ReduceProd", 3, keepdims=0),
    "ReduceSumSquare": one("ReduceSumSquare", THREE, {"axes": ints(-1)}, keepdims=0),
    "ReduceSumSquare-integers": small_numbers("ReduceSumSquare", 5),
    "ReduceLogSum": one("ReduceLogSum", THREE, {"axes": ints(1)}),
    "ReduceLogSumExp": one("ReduceLogSumExp", THREE, {"axes": ints(1)}, keepdims=0),
    "ReduceLogSumExp-far-apart": one("ReduceLogSumExp", (4, 6), {"axes": ints(-1)}),
    "ReduceLogSumExp-in-parts": (
        [
            helper.make_node("Exp", ["x"], ["e"]),
            helper.make_node("ReduceSum", ["e", "axes"], ["s"]),
            node("Log", "s"),
        ],
        {"axes": ints(1)},
        {"x": (3, 8)},
    ),
    "CumSum": one("CumSum", THREE, {"axis": np.array(1)}),
    "CumSum-exclusive": one("CumSum", THREE, {"axis": np.array(-1)}, exclusive=1),
    "CumSum-reverse": one("CumSum", THREE, {"axis": np.array(0)}, reverse=1),
    "CumSum-reverse-exclusive": one("CumSum", NUMBERS, {"axis": np.array(1)}, reverse=1, exclusive=1),
    "Sum": ([node("Sum", "x", "c", "z", "d")], {"c": weights(3), "d": weights(2, 1)}, {"x": (2, 3), "z": (3,)}),
    "Sum-of-one": one("Sum", (2, 3)),
    "Mean": ([node("Mean", "x", "c", "z")], {"c": weights(3)}, {"x": (2, 3), "z": (2, 3)}),
    "ArgMax": one("ArgMax", THREE, axis=1),
    "ArgMax-dropped": one("ArgMax", THREE, axis=-1, keepdims=0),
    "ArgMax-first-of-ties": one("ArgMax", NUMBERS, axis=1),
    "ArgMax-last-of-ties": one("ArgMax", NUMBERS, axis=1, select_last_index=1, keepdims=0),
    "ArgMin": one("ArgMin", THREE, axis=0),
    "ArgMin-first-of-ties": one("ArgMin", NUMBERS, axis=1),
    "ArgMin-last-of-ties": one("ArgMin", NUMBERS, axis=1, select_last_index=1),
    "LpPool": one("LpPool", (1, 2, 6, 5), kernel_shape=[2, 2], strides=[2, 1]),
    "LpPool-ones": one("LpPool", (1, 2, 6, 5), kernel_shape=[3, 2], p=1, pads=[1, 0, 1, 1]),
    "LpPool-cubes": one("LpPool", (1, 2, 6), kernel_shape=[3], p=3),
    "GlobalLpPool": one("GlobalLpPool", (2, 3, 4, 4)),
    "GlobalLpPool-ones": one("GlobalLpPool", (2, 3, 4), p=1),
    "LpNormalization": one("LpNormalization", (3, 4)),
    "LpNormalization-ones": one("LpNormalization", (3, 4), axis=0, p=1),
}
RANGES = {"ReduceLogSum": (0.01, 2.0), "ReduceLogSumExp-far-apart": (-60.0, 60.0)}
# Five products one after the other; a power, a logarithm, a division and an exponential.
TOLERANCES = {"ReduceProd": 1e-3, "ReduceProd-all": 2e-3, "ReduceProd-two-axes": 1e-3, "LpPool-cubes": 8e-3}
