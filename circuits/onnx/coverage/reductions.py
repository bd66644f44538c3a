"""Many elements to one."""

from __future__ import annotations

from circuits.onnx.coverage.checks import Check, constant

CHECKS: dict[str, Check] = {
    **dict.fromkeys(("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin"), constant(1)),
}
