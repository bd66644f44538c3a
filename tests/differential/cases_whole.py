"""Whole numbers as real ones, and what has a fraction beside them: neither is rounded to the other's steps."""

from __future__ import annotations

import numpy as np
from onnx import NodeProto, TensorProto, helper

from tests.differential.op_cases import Case, Inputs, Whole, ints, node

NUMBERS = Whole((2, 3), -5, 5)
TRUTH = Whole((2, 3), 0, 1, TensorProto.BOOL)
FRACTION = np.array(0.4, np.float32)


def real(source: str = "x", made: str = "f") -> NodeProto:
    """A number or a truth value of 32 bits, or of one, as a real number."""
    return helper.make_node("Cast", [source], [made], to=TensorProto.FLOAT)


def floored() -> NodeProto:
    return helper.make_node("Floor", ["x"], ["f"])


def cast(last: NodeProto, constants: dict[str, np.ndarray] | None = None, given: Whole = NUMBERS) -> Case:
    return [real(), last], constants or {}, {"x": given}


def rounded(last: NodeProto, constants: dict[str, np.ndarray] | None = None, more: Inputs | None = None) -> Case:
    return [floored(), last], constants or {}, {"x": (2, 3), **(more or {})}


CASES: dict[str, Case] = {
    "Add-to-whole": cast(node("Add", "f", "c"), {"c": FRACTION}),
    "Sub-whole-from": cast(node("Sub", "c", "f"), {"c": np.array(1.3, np.float32)}, TRUTH),
    "Div-whole-scaled": (
        [real(), helper.make_node("Sub", ["f", "m"], ["d"]), node("Div", "d", "s")],
        {"m": FRACTION, "s": np.array(2.3, np.float32)},
        {"x": NUMBERS},
    ),
    "LeakyRelu-whole": cast(node("LeakyRelu", "f", alpha=0.3)),
    "Shrink-whole": cast(node("Shrink", "f", lambd=1.5, bias=0.4)),
    "Greater-whole": cast(node("Greater", "f", "c"), {"c": np.array(0.6, np.float32)}),
    "Clip-whole-between": rounded(node("Clip", "f", "a", "b"), {"a": -FRACTION, "b": np.array(0.6, np.float32)}),
    "Max-whole-or-fraction": rounded(node("Max", "f", "c"), {"c": FRACTION}),
    "Max-whole-and-real": rounded(node("Max", "f", "x")),
    "Min-whole-and-real": rounded(node("Min", "f", "z"), more={"z": (2, 3)}),
    "Mean-whole": rounded(node("Mean", "f", "c"), {"c": FRACTION}),
    "Pad-whole": rounded(node("Pad", "f", "p", "c"), {"p": ints(1, 0, 0, 2), "c": FRACTION}),
    "Concat-whole": rounded(node("Concat", "f", "c", axis=0), {"c": np.full((1, 3), 0.4, np.float32)}),
    "Concat-whole-and-real": rounded(node("Concat", "f", "x", axis=1)),
    "Where-whole": rounded(node("Where", "c", "f", "k"), {"k": FRACTION}, {"c": TRUTH}),
    "Where-truth-and-real": (
        [real("c"), node("Where", "c", "x", "f")],
        {},
        {"c": TRUTH, "x": (2, 3)},
    ),
    "Where-far-and-left-aside": (
        [helper.make_node("Pow", ["x", "e"], ["f"]), node("Where", "c", "k", "f")],
        {"e": np.array(-2.0, np.float32), "k": np.array([1.87, -0.33, 0.5], np.float32)},
        {"c": Whole((2, 3), 1, 1, TensorProto.BOOL), "x": (2, 3)},
    ),
    "ScatterElements-whole": rounded(
        node("ScatterElements", "f", "i", "u"), {"i": ints(0, 1, 0).reshape(1, 3), "u": np.full((1, 3), 0.4, "f")}
    ),
    "ScatterElements-whole-computed": rounded(
        node("ScatterElements", "f", "i", "u"), {"u": np.full((1, 3), 0.4, "f")}, {"i": Whole((1, 3), 0, 1)}
    ),
}
RANGES = {"Where-far-and-left-aside": (0.01, 1.0)}
