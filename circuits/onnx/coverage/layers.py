"""Weights against activations."""

from __future__ import annotations

from circuits.onnx.coverage.checks import Check, always, attribute, constant, every, one_output, real

CHECKS: dict[str, Check] = {
    "MatMul": always,
    "Gemm": real(0),
    "Conv": every(real(0), constant(2)),
    "ConvTranspose": every(real(0), constant(1, 2)),
    "BatchNormalization": every(real(0), attribute("training_mode", {0}, 0), constant(1, 2, 3, 4), one_output),
}
