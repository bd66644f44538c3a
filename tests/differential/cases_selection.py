"""Comparisons, truth values, choices, and elements found by their index."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper

from tests.differential.op_cases import Case, Whole, ints, node, one, weights

TRUTH = Whole((2, 3), 0, 1, TensorProto.BOOL)
NUMBERS = Whole((2, 3), -3, 3)


def pair(op: str, left: object, right: object, **attributes: object) -> Case:
    return [node(op, "x", "z", **attributes)], {}, {"x": left, "z": right}  # type: ignore[dict-item]


CASES: dict[str, Case] = {
    "Equal": pair("Equal", NUMBERS, NUMBERS),
    "Equal-truth": pair("Equal", TRUTH, TRUTH),
    "Less": pair("Less", (2, 3), (3,)),
    "Less-constant": one("Less", (2, 3), {"c": weights(3)}),
    "LessOrEqual": pair("LessOrEqual", NUMBERS, Whole((1,), -3, 3)),
    "Greater": pair("Greater", (2, 3), (2, 1)),
    "GreaterOrEqual": pair("GreaterOrEqual", NUMBERS, NUMBERS),
    "And": pair("And", TRUTH, TRUTH),
    "Or": pair("Or", TRUTH, Whole((3,), 0, 1, TensorProto.BOOL)),
    "Xor": pair("Xor", TRUTH, TRUTH),
    "Not": one("Not", TRUTH),
    "Where": ([node("Where", "c", "x", "z")], {}, {"c": TRUTH, "x": (2, 3), "z": (3,)}),
    "Where-masked": (
        [helper.make_node("Where", ["c", "x", "m"], ["h"]), node("Relu", "h")],
        {"m": np.array(-np.inf, np.float32)},
        {"c": TRUTH, "x": (2, 3)},
    ),
    "Where-constants": ([node("Where", "c", "p", "q")], {"p": weights(3), "q": weights(3)}, {"c": TRUTH}),
    "OneHot": one("OneHot", Whole((2, 3), -5, 6), {"d": ints(4), "v": np.array([-1.5, 2.0], np.float32)}),
    "OneHot-axis": one("OneHot", Whole((2, 3), 0, 3), {"d": ints(4), "v": ints(0, 1)}, axis=0),
    "Trilu": one("Trilu", (2, 3, 4)),
    "Trilu-lower": one("Trilu", Whole((4, 3), -9, 9), {"k": np.array(-1)}, upper=0),
    "Cast": one("Cast", (3,), to=TensorProto.DOUBLE),
    "Cast-to-whole": one("Cast", (3, 5), to=TensorProto.INT32),
    "Cast-to-truth": one("Cast", NUMBERS, to=TensorProto.BOOL),
    "Cast-to-real": (
        [helper.make_node("Cast", ["x"], ["h"], to=TensorProto.FLOAT), node("Mul", "h", "c")],
        {"c": weights(3)},
        {"x": NUMBERS},
    ),
    "Gather": one("Gather", (4, 3), {"i": ints(3, 1)}),
    "Gather-number": one("Gather", (4, 3), {"i": np.array(-2)}, axis=1),
    "Gather-uneven": one("Gather", (4, 3), {"i": np.array([[3, 1, 0], [0, -1, 2]])}),
    "Gather-computed": pair("Gather", (4, 3), Whole((2, 2), -4, 3)),
    "Gather-computed-axis": pair("Gather", (4, 3), Whole((), 0, 2), axis=1),
    "Gather-embedding": ([node("Gather", "e", "x")], {"e": weights(7, 4)}, {"x": Whole((5,), 0, 6)}),
    "GatherElements": pair("GatherElements", (4, 3), Whole((2, 3), -4, 3)),
    "GatherElements-constant": one("GatherElements", (4, 3), {"i": np.array([[2, 0], [-1, 1]])}, axis=1),
    "GatherND": pair("GatherND", (4, 3, 2), Whole((5, 2), -3, 2)),
    "GatherND-batch": pair("GatherND", (2, 3, 4), Whole((2, 5, 1), 0, 2), batch_dims=1),
    "GatherND-constant": one("GatherND", (4, 3), {"i": np.array([[0, 1], [3, -1]])}),
    "ScatterElements": (
        [node("ScatterElements", "x", "i", "u", axis=1)],
        {},
        {"x": (3, 4), "i": Whole((2, 2), -4, 3), "u": (2, 2)},
    ),
    "ScatterElements-constant": (
        [node("ScatterElements", "x", "i", "u")],
        {"i": np.array([[0, 2], [1, -1]])},
        {"x": (3, 2), "u": (2, 2)},
    ),
    "ScatterElements-add": (
        [node("ScatterElements", "x", "i", "u", reduction="add")],
        {},
        {"x": (3, 2), "i": Whole((4, 2), 0, 2), "u": (4, 2)},
    ),
    "ScatterElements-repeated-products": (
        [node("ScatterElements", "x", "i", "u", reduction="mul")],
        {"i": np.array([[0, 1], [0, 1], [0, 2]])},
        {"x": (3, 2), "u": (3, 2)},
    ),
    "ScatterND": ([node("ScatterND", "x", "i", "u")], {}, {"x": (4, 3), "i": Whole((2, 1), -4, 3), "u": (2, 3)}),
    "ScatterND-constant": (
        [node("ScatterND", "x", "i", "u", reduction="max")],
        {"i": np.array([[1, 2], [1, 2], [0, 0]])},
        {"x": (4, 3), "u": (3,)},
    ),
    "ScatterND-add": (
        [node("ScatterND", "x", "i", "u", reduction="add")],
        {},
        {"x": (4, 3), "i": Whole((3, 2), 0, 2), "u": (3,)},
    ),
    "TopK": ([node("TopK", "x", "k", outputs=("y", "p"))], {"k": ints(3)}, {"x": (2, 5)}),
    "TopK-smallest": (
        [node("TopK", "x", "k", outputs=("y", "p"), axis=0, largest=0)],
        {"k": ints(2)},
        {"x": Whole((5, 2), -2, 2)},
    ),
}
# Three factors, and a rescale after each.
TOLERANCES = {"ScatterElements-repeated-products": 1e-3}
