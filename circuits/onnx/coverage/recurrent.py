"""Layers that walk along a sequence."""

from __future__ import annotations

from circuits.onnx.coverage.checks import Check

CHECKS: dict[str, Check] = {}
