"""Models of tables: the ai.onnx.ml operators, keyed with their domain."""

from __future__ import annotations

from circuits.onnx.coverage.checks import Check

CHECKS: dict[str, Check] = {}
