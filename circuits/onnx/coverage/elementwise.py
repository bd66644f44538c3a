"""Arithmetic of tensors, element by element."""

from __future__ import annotations

from circuits.onnx.coverage.checks import Check, always, constant

CHECKS: dict[str, Check] = {
    **dict.fromkeys(("Add", "Sub", "Mul", "Neg", "Relu", "LeakyRelu", "Abs", "Min", "Max"), always),
    **dict.fromkeys(("Div", "PRelu"), constant(1)),
    "Clip": constant(1, 2),
}
