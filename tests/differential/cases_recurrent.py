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
    steps: int = STEPS,
    constant_input: bool = False,
    **attributes: Any,
) -> Case:
    """One layer; `more` are its further inputs (lengths, h, c), `tensors` those of them that are model inputs."""
    gates = GATES[op] * HIDDEN
    constants = {"w": weights(directions, gates, SIZE), "r": weights(directions, gates, HIDDEN)}
    constants |= {"b": weights(directions, 2 * gates)} if bias else {}
    constants |= {"p": weights(directions, 3 * HIDDEN)} if peepholes else {}
    given = more or {}
    shape = (BATCH, steps, SIZE) if attributes.get("layout") else (steps, BATCH, SIZE)
    constants |= {"x": weights(*shape)} if constant_input else {}
    inputs: Inputs = ({} if constant_input else {"x": shape}) | {name: given[name].shape for name in tensors}
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


def parameters(count: int) -> dict[str, list[float]]:
    """alpha and beta of the first activations that have one."""
    return {"activation_alpha": [0.25, 0.8][:count], "activation_beta": [0.45, 1.1][:count]}


# Each with the parameters that onnxruntime gives it, or with those that have to be given.
ALONE: dict[str, dict[str, list[float]]] = {
    **{name: {} for name in ("Relu", "LeakyRelu", "Sigmoid", "HardSigmoid", "Elu", "Softsign", "Softplus")},
    "ThresholdedRelu": {"activation_alpha": [0.3]},
    "Affine": parameters(1),
    "ScaledTanh": parameters(1),
}

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
    **{f"{op}-batch-first": layer(op, layout=1, directions=2) for op in GATES},
    **{f"{op}-batch-first-initial": layer(op, layout=1, more={"h": weights(BATCH, 1, HIDDEN)}) for op in GATES},
    "GRU-batch-first-tensor": layer("GRU", layout=1, more={"h": weights(BATCH, 1, HIDDEN)}, tensors=("h",)),
    "GRU-reset-after": layer("GRU", linear_before_reset=1),
    "GRU-reset-after-both-ways": layer("GRU", linear_before_reset=1, directions=2, bias=False),
    "LSTM-initial-cell": layer("LSTM", more={"h": state(), "c": state()}, tensors=("c",)),
    "LSTM-lengths-cell": layer(
        "LSTM", more={"lengths": np.array([1, 4], I32), "h": state(2), "c": state(2)}, tensors=("h", "c"), directions=2
    ),
    "LSTM-peepholes": layer("LSTM", peepholes=True, directions=2),
    "LSTM-peepholes-clipped": layer("LSTM", peepholes=True, clip=0.3, more={"c": state()}),
    "LSTM-coupled": layer("LSTM", input_forget=1),
    "LSTM-coupled-peepholes": layer("LSTM", input_forget=1, peepholes=True),
    "LSTM-one-step": layer("LSTM", steps=1),
    "RNN-more-steps-than-an-op-has-operands": layer("RNN", steps=130, directions=2),
    "GRU-constant-input": layer("GRU", more={"h": state()}, tensors=("h",), constant_input=True),
    "LSTM-cell-alone": layer("LSTM", outputs=("", "", "y")),
    "LSTM-other-activations": layer("LSTM", activations=["HardSigmoid", "Softsign", "ScaledTanh"], **parameters(2)),
    "GRU-other-activations": layer("GRU", activations=["hardsigmoid", "Softsign"], **parameters(1)),
    "RNN-both-activations": layer("RNN", directions=2, activations=["LeakyRelu", "Elu"], activation_alpha=[0.3, 0.7]),
    **{f"RNN-{name}": layer("RNN", activations=[name], **given) for name, given in ALONE.items()},
    "RNN-Relu-clipped": layer("RNN", activations=["Relu"], clip=0.8),
}
# All steps share tables of 14-bit arguments, and their errors add up. ThresholdedRelu jumps by its alpha, 0.3: an
# argument near the jump may land on the other side of it.
TOLERANCES = dict.fromkeys(CASES, 3e-3) | {"RNN-ThresholdedRelu": 0.15}
