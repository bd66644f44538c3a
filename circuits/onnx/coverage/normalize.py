"""Softmax and the normalizations: divisions and square roots of sums."""

from __future__ import annotations

from circuits.onnx.coverage.checks import Check

CHECKS: dict[str, Check] = {}
