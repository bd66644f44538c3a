"""Functions of one number, division, remainders, rounding, and the exact arithmetic of whole numbers."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper

from tests.differential.op_cases import Case, Whole, ints, node, one, weights

ROW = (40,)


def number(value: float) -> dict[str, np.ndarray]:
    return {"c": np.array(value, np.float32)}


def pair(op: str, left: tuple[int, ...] | Whole, right: tuple[int, ...] | Whole, **attributes: object) -> Case:
    return [node(op, "x", "z", **attributes)], {}, {"x": left, "z": right}


def halves(op: str, step: float = 0.25) -> Case:
    """Of every multiple of the step, so that nothing depends on how an input is rounded."""
    cast = helper.make_node("Cast", ["x"], ["r"], to=TensorProto.FLOAT)
    return (
        [cast, helper.make_node("Mul", ["r", "s"], ["h"]), node(op, "h")],
        {"s": np.array(step, np.float32)},
        {"x": Whole(ROW, -20, 20)},
    )


def wholes(op: str, low: int, high: int, type: int = TensorProto.INT64, **attributes: object) -> Case:
    given = Whole((3, 8), low, high, type)
    return pair(op, given, given, **attributes)


def real_mod(left: tuple[int, int], right: tuple[int, int]) -> Case:
    """fmod of quarters."""
    casts = [helper.make_node("Cast", [i], [o], to=TensorProto.FLOAT) for i, o in (("x", "a"), ("z", "b"))]
    scaled = [helper.make_node("Mul", [i, "s"], [o]) for i, o in (("a", "p"), ("b", "q"))]
    given = {"x": Whole(ROW, *left), "z": Whole(ROW, *right)}
    return [*casts, *scaled, node("Mod", "p", "q", fmod=1)], {"s": np.array(0.25, np.float32)}, given  # type: ignore[return-value]


CASES: dict[str, Case] = {
    "Celu": one("Celu", ROW, alpha=0.7),
    "Sigmoid-wide": one("Sigmoid", ROW),
    "Tanh-wide": one("Tanh", ROW),
    "Erf-wide": one("Erf", ROW),
    "Gelu-wide": one("Gelu", ROW),
    "HardSigmoid-wide": one("HardSigmoid", ROW),
    "Exp-down": one("Exp", ROW),
    "Sin-wide": one("Sin", ROW),
    "Tan": one("Tan", ROW),
    "Asin": one("Asin", ROW),
    "Acos": one("Acos", ROW),
    "Atan": one("Atan", ROW),
    "Sinh": one("Sinh", ROW),
    "Cosh": one("Cosh", ROW),
    "Asinh": one("Asinh", ROW),
    "Acosh": one("Acosh", ROW),
    "Atanh": one("Atanh", ROW),
    "Log-near-zero": one("Log", ROW),
    "Sqrt-of-zero": ([helper.make_node("Relu", ["x"], ["h"]), node("Sqrt", "h")], {}, {"x": ROW}),
    "Pow-root": one("Pow", ROW, number(0.5)),
    "Pow-inverse-root": one("Pow", ROW, number(-0.5)),
    "Pow-inverse": one("Pow", ROW, number(-1.0)),
    "Pow-inverse-square": one("Pow", ROW, number(-2.0)),
    "Pow-fraction": one("Pow", ROW, number(1.7)),
    "Pow-one": one("Pow", ROW, number(1.0)),
    "Pow-fourth": one("Pow", ROW, number(4.0)),
    "Pow-of-constant": ([node("Pow", "c", "x")], number(2.5), {"x": ROW}),
    "Pow-whole": (
        [helper.make_node("Cast", ["x"], ["h"], to=TensorProto.INT32), node("Pow", "h", "c")],
        {"c": ints(3)},
        {"x": Whole(ROW, -99, 99, TensorProto.INT8)},
    ),
    "Shrink": one("Shrink", ROW, lambd=0.7, bias=0.3),
    "Reciprocal": one("Reciprocal", ROW),
    "Reciprocal-negative": one("Reciprocal", ROW),
    "Div-computed": pair("Div", (3, 8), (8,)),
    "Div-negative": pair("Div", (8,), (3, 1)),
    "Div-of-constant": ([node("Div", "c", "x")], {"c": weights(8)}, {"x": (3, 8)}),
    "Div-whole": wholes("Div", 1, 99),
    "Div-towards-zero": (
        [node("Div", "x", "c")],
        {"c": ints(7, -3, 1, -1, 2, 5, -50, 100)},
        {"x": Whole((3, 8), -99, 99)},
    ),
    "Div-mixed": ([node("Div", "x", "z")], {}, {"x": Whole((3, 8), -99, 99), "z": Whole((8,), -9, -1)}),
    "Mod": ([node("Mod", "x", "c")], {"c": ints(7, -3, 1, -1, 2, 5, -50, 100)}, {"x": Whole((3, 8), -99, 99)}),
    "Mod-fmod": (
        [node("Mod", "x", "c", fmod=1)],
        {"c": ints(7, -3, 1, -1, 2, 5, -50, 100)},
        {"x": Whole((3, 8), -99, 99)},
    ),
    "Mod-computed": pair("Mod", Whole((3, 8), -99, 99, TensorProto.INT16), Whole((8,), 1, 9, TensorProto.INT16)),
    "Mod-computed-negative": pair(
        "Mod", Whole((3, 8), -99, 99, TensorProto.INT16), Whole((8,), -9, -1, TensorProto.INT16)
    ),
    "Mod-real": real_mod((-20, 20), (1, 9)),
    "Mod-real-negative": real_mod((-20, 20), (-9, -1)),
    "Floor": halves("Floor"),
    "Ceil": halves("Ceil"),
    "Round": halves("Round"),
    "Round-halves": halves("Round", 0.5),
    "Sign": halves("Sign"),
    "Add-whole": wholes("Add", -99, 99),
    "Add-wraps": wholes("Add", 0, 255, TensorProto.UINT8),
    "Sub-wraps": wholes("Sub", 0, 255, TensorProto.UINT8),
    "Sub-constant-whole": (
        [node("Sub", "x", "c")],
        {"c": ints(7, -3, 1, -1, 2, 5, -50, 100)},
        {"x": Whole((3, 8), -99, 99)},
    ),
    "Mul-whole": wholes("Mul", -99, 99, TensorProto.INT16),
    "Mul-wraps": wholes("Mul", -128, 127, TensorProto.INT8),
    "Neg-whole": one("Neg", Whole(ROW, -128, 127, TensorProto.INT8)),
    "Abs-whole": one("Abs", Whole(ROW, -128, 127, TensorProto.INT8)),
    "Min-whole": wholes("Min", -99, 99),
    "Max-whole": (
        [node("Max", "x", "z", "c")],
        {"c": ints(3)},
        {"x": Whole((3, 8), -99, 99), "z": Whole((8,), -99, 99)},
    ),
    "Clip-whole": ([node("Clip", "x", "l", "h")], {"l": np.array(-7), "h": np.array(50)}, {"x": Whole(ROW, -99, 99)}),
    "Clip-computed": ([node("Clip", "x", "l", "h")], {}, {"x": ROW, "l": (), "h": ()}),
    "PRelu-computed": pair("PRelu", (3, 8), (8,)),
}
RANGES = {
    "Sigmoid-wide": (-12.0, 12.0),
    "Tanh-wide": (-8.0, 8.0),
    "Erf-wide": (-5.0, 5.0),
    "Gelu-wide": (-8.0, 8.0),
    "HardSigmoid-wide": (-6.0, 6.0),
    "Exp-down": (-8.0, 0.0),
    "Sin-wide": (-20.0, 20.0),
    "Tan": (-1.0, 1.0),
    "Asin": (-1.0, 1.0),
    "Acos": (-1.0, 1.0),
    "Atan": (-4.0, 4.0),
    "Acosh": (1.5, 8.0),
    "Atanh": (-0.9, 0.9),
    "Log-near-zero": (0.02, 2.0),
    "Sqrt-of-zero": (-0.5, 2.0),
    "Pow-root": (0.1, 2.0),
    "Pow-inverse-root": (0.5, 2.0),
    "Pow-inverse": (-2.0, -0.5),
    "Pow-inverse-square": (-2.0, -0.5),
    "Pow-fraction": (0.0, 2.0),
    "Reciprocal": (0.3, 2.0),
    "Reciprocal-negative": (-2.0, -0.3),
    "Div-computed": (0.3, 2.0),
    "Div-negative": (-2.0, -0.3),
    "Div-of-constant": (0.3, 2.0),
}
STEPPED = ("Floor", "Ceil", "Round", "Round-halves", "Sign", "Mod-real", "Mod-real-negative")
# Whole numbers are exact, and so is what has steps. The others are as near as 16 bits of their argument allow: where a
# function is steep, a step of the argument is many steps of the result.
TOLERANCES = {
    **{name: 0.0 for name, case in CASES.items() if all(isinstance(given, Whole) for given in case[2].values())},
    **dict.fromkeys(STEPPED, 0.0),
    "Sin-wide": 1.5e-3,
    "Asin": 1e-3,
    "Acos": 5e-4,
    "Log-near-zero": 1e-3,
    "Sqrt-of-zero": 5e-3,
}
