"""What a program's ops are said to have made, against its lowered system."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from circuits.lower.sumcheck.filling import Integers
from circuits.lower.sumcheck.lowering import lower
from circuits.lower.sumcheck.satisfy import violations
from circuits.program.graph import Program
from circuits.program.interpreter import trace


def require_only(
    source: Program, inputs: list[Integers], forgeries: Iterable[list[Integers]], limb_bits: int | None = None
) -> None:
    """The interpreter's run satisfies the system, and what its ops are said to have made in the forgeries does not."""
    lowering, values = lower(source, limb_bits), trace(source, inputs)
    assert violations(lowering.system, lowering.assign(inputs, values)) == []
    for forged in forgeries:
        assert any((ours != theirs).any() for ours, theirs in zip(forged, values, strict=True))
        assert violations(lowering.system, lowering.assign(inputs, forged)), forged[-1].tolist()


def claiming(values: Sequence[Integers], element: int, claims: Iterable[int]) -> list[list[Integers]]:
    """The run with an element of its last op's result said to be each of these, but for what it is."""
    made = int(values[-1].reshape(-1)[element])
    forgeries = []
    for claimed in set(claims) - {made}:
        last = values[-1].copy()
        last.reshape(-1)[element] = claimed
        forgeries.append([*values[:-1], last])
    return forgeries


def beside(values: Sequence[Integers], amounts: Iterable[int]) -> list[list[Integers]]:
    """The run with each element of its last op's result, one at a time, off by each amount."""
    each = range(values[-1].size)
    offs = np.eye(values[-1].size, dtype=np.int64).reshape(-1, *values[-1].shape)
    return [[*values[:-1], values[-1] + amount * offs[element]] for amount in amounts for element in each]
