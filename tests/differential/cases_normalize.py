"""Softmax and the normalizations."""

from __future__ import annotations

import numpy as np

from tests.differential.op_cases import Case, node, one, weights

CHANNELS = {"g": weights(4) + 1, "b": weights(4)}
ROW = {"g": weights(32) + 1, "b": weights(32)}
PLANE = {"g": weights(4, 5) + 1, "b": weights(4, 5)}

CASES: dict[str, Case] = {
    "Softmax": one("Softmax", (4, 10)),
    "Softmax-axis": one("Softmax", (3, 4, 5), axis=1),
    "Softmax-one": one("Softmax", (3, 1)),
    "Softmax-long": one("Softmax", (1, 4096)),
    "Softmax-far": one("Softmax", (4, 10)),
    "Softmax-masked": (
        [node("Add", "x", "m", outputs=("h",)), node("Softmax", "h")],
        {"m": np.where(np.tri(6, dtype=bool), 0, -1e4).astype(np.float32)},
        {"x": (2, 6, 6)},
    ),
    "Softmax-masked-infinitely": (
        [node("Add", "m", "x", outputs=("h",)), node("Softmax", "h", axis=1)],
        {"m": np.where(np.tri(6, dtype=bool).T, 0, -np.inf).astype(np.float32)},
        {"x": (2, 6, 6)},
    ),
    "LogSoftmax": one("LogSoftmax", (4, 10)),
    "LogSoftmax-axis": one("LogSoftmax", (3, 4, 5), axis=0),
    "LogSoftmax-long": one("LogSoftmax", (2, 4096)),
    "LogSoftmax-far": one("LogSoftmax", (4, 10)),
    "Hardmax": one("Hardmax", (4, 5, 3), axis=1),
    "LayerNormalization": one("LayerNormalization", (4, 32), ROW),
    "LayerNormalization-no-bias": one("LayerNormalization", (4, 32), {"g": weights(32) + 1}),
    "LayerNormalization-axes": one("LayerNormalization", (3, 4, 5), PLANE, axis=1, epsilon=1e-3),
    "LayerNormalization-long": one("LayerNormalization", (2, 4096), {"g": weights(4096) + 1}),
    "LayerNormalization-tiny": one("LayerNormalization", (4, 32), ROW),
    "LayerNormalization-huge": one("LayerNormalization", (4, 32), ROW),
    "LayerNormalization-computed": (
        [node("LayerNormalization", "x", "g", "b")],
        {},
        {"x": (4, 8), "g": (8,), "b": (8,)},
    ),
    "RMSNormalization": one("RMSNormalization", (4, 32), {"g": weights(32) + 1}),
    "RMSNormalization-axes": one("RMSNormalization", (3, 4, 5), {"g": weights(4, 5) + 1}, axis=-2),
    "InstanceNormalization": one("InstanceNormalization", (2, 4, 5, 3), CHANNELS),
    "GroupNormalization": one("GroupNormalization", (2, 4, 5), CHANNELS, num_groups=2),
    "MeanVarianceNormalization": one("MeanVarianceNormalization", (2, 4, 5, 3)),
    "MeanVarianceNormalization-axes": one("MeanVarianceNormalization", (2, 4, 5), axes=[1, -1]),
}
OPSETS = {
    "RMSNormalization": 23,
    "RMSNormalization-axes": 23,
    "GroupNormalization": 21,
}
RANGES = {
    "Softmax-far": (-30.0, 30.0),
    "LogSoftmax-far": (-30.0, 30.0),
    "LayerNormalization-tiny": (-1e-3, 1e-3),
    "LayerNormalization-huge": (-1e4, 1e4),
}
# As near as 16 bits of the input and of the output allow. An input of ±30 has steps of 2^-10.
TOLERANCES = dict.fromkeys(CASES, 2e-4) | {"Softmax-far": 5e-4, "Softmax-long": 1e-6}
