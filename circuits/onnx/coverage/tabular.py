"""Models of tables: the ai.onnx.ml operators, keyed with their domain. What one cannot be rewritten to, it is refused
for; and it is asked by rewriting it."""

from __future__ import annotations

from circuits.onnx.coverage.checks import Check
from circuits.onnx.tabular import REWRITES, refusal

CHECKS: dict[str, Check] = dict.fromkeys(REWRITES, refusal)
