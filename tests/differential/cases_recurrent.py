"""LSTM, GRU and RNN with all that ONNX lets them be."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.differential.op_cases import Case, Inputs, node, weights

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
STEPS, BATCH, SIZE, HIDDEN = 5, 2, 3, 4
STATES = {"LSTM": ("Y", "Y_h", "Y_c"), "GRU": ("Y", "Y_h"), "RNN": ("Y", "Y_h")}
I32 = np.int32


def layer(
    op: str,
    *,
    directions: int = 1,
    outputs: tuple[str, ...] | None = None,
    bias: bool = True,
    more: dict[str, np.ndarray] | None = None,
    tensors: tuple[str, ...] = (),
    peepholes: bool = False,
    **attributes: Any,
) -> Case:
    """One layer; `more` are its further inputs (lengths, h, c), `tensors` those of them that are model inputs."""
    gates = GATES[op] * HIDDEN
    constants = {"w": weights(directions, gates, SIZE), "r": weights(directions, gates, HIDDEN)}
    constants |= {"b": weights(directions, 2 * gates)} if bias else {}
    constants |= {"p": weights(directions, 3 * HIDDEN)} if peepholes else {}
    given = more or {}
    inputs: Inputs = {"x": (STEPS, BATCH, SIZE)} | {name: given[name].shape for name in tensors}
    constants |= {name: values for name, values in given.items() if name not in tensors}
    names = [name if name in (*constants, *tensors) else "" for name in ("b", "lengths", "h", "c", "p")]
    while names and not names[-1]:
        names.pop()
    if directions == 2:
        attributes["direction"] = "bidirectional"
    made = node(op, "x", "w", "r", *names, outputs=outputs or STATES[op], hidden_size=HIDDEN, **attributes)
    return [made], constants, inputs


def state(directions: int = 1) -> np.ndarray:
    return weights(directions, BATCH, HIDDEN)


CASES: dict[str, Case] = {
    **{op: layer(op) for op in GATES},
    **{f"{op}-reverse": layer(op, direction="reverse") for op in GATES},
    **{f"{op}-bidirectional": layer(op, directions=2) for op in GATES},
    **{f"{op}-without-bias": layer(op, bias=False) for op in GATES},
    **{f"{op}-steps-alone": layer(op, outputs=("y",)) for op in GATES},
    **{f"{op}-last-alone": layer(op, outputs=("", "y")) for op in GATES},
    **{f"{op}-initial": layer(op, more={"h": state(2)}, directions=2) for op in GATES},
    **{f"{op}-initial-tensor": layer(op, more={"h": state()}, tensors=("h",)) for op in GATES},
    **{f"{op}-lengths": layer(op, more={"lengths": np.array([5, 3], I32)}) for op in GATES},
    **{
        f"{op}-lengths-both-ways": layer(op, more={"lengths": np.array([2, 4], I32), "h": state(2)}, directions=2)
        for op in GATES
    },
    **{f"{op}-clip": layer(op, clip=0.4) for op in GATES},
}
