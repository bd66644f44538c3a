"""Divide and rsqrt, a bit of the result at a time from the highest, each bit the sign of an odd integer.

For the bits 2^i, i = n-1 … 0, the result is base + Σ [s_i = 1]·2^i with s_i = ±1. What is compared with 0 depends on
the bits before, so every s_i is determined (docs/protocol/halo2.md section 5).
"""

from __future__ import annotations

import math

import numpy as np

from circuits.lower.halo2.context import Context, Operand
from circuits.lower.halo2.graph import GraphBuilder, Row
from circuits.program.intervals import Interval
from circuits.program.ops import Divide, Rsqrt

MAX_CONSTANT = 2**62  # of what is computed with constants here, in int64


def _bits(output: Interval) -> int:
    """How many bits tell the elements of `output` apart; one for a single element."""
    return max(1, (output.hi - output.lo).bit_length())


def _from_signs(builder: GraphBuilder, base: int, signs: list[Row]) -> Row:
    """base + Σ [s_i = 1]·2^i, highest first. For i > 0, [s = 1]·2^i = (s + 1)·2^(i-1) costs no comparison."""
    n, size = len(signs), signs[0].size
    rows = [*signs[:-1], builder.equal(signs[-1], 1)]
    together = builder.arrange(rows, np.arange(n * size).reshape(n, size).T)
    weights = np.array([*(1 << (i - 1) for i in range(n - 1, 0, -1)), 1], np.int64)
    total = builder.matmul(together, weights.reshape(1, n, 1), (1, size, n, 1), (1 << n) - 1)
    return builder.add_constant(total, np.array([base + (1 << (n - 1)) - 1]))


def lower_divide(context: Context, op: Divide) -> Row:
    """Long division without restoring. With D = 2d, N = a·2^(up+1) + d and the remainder r = N - base·D - Σ bits·D:
    bit i is r >= D·2^i, the sign of T_i = 2(r - D·2^i) + 1, and T_(i-1) = T_i - s_i·D·2^i.

    Quotients outside of the range that the bits reach end at its nearer end: saturation costs nothing.
    """
    output, builder = context.span.output, context.builder
    n = _bits(output)
    saturates_high = output.hi == (1 << (op.bits - 1)) - 1
    base = output.hi - (1 << n) + 1 if saturates_high else output.lo
    a, d = (context.read_at_outputs(op, number) for number in range(2))
    # T_(n-1) = 2N - 2·base·D + 1 - D·2^n.
    up, down = 1 << (op.up + 2), 2 - 4 * base - (1 << (n + 1))
    divisor = d.bound if isinstance(d, Row) else int(d.max())
    if not isinstance(d, Row) and divisor * abs(down) >= MAX_CONSTANT:
        raise context.refusal(f"its constant divisor {divisor} times the quotient {base} is over 62 bits")
    first = context.plus(context.times(a, np.array([up])), context.times(d, np.array([down])))
    test = context.as_row(context.plus(first, np.array([1])))
    start = test.bound
    signs: list[Row] = []
    for i in range(n - 1, -1, -1):
        if signs:
            step = context.times(builder.scale(signs[-1], 1 << (i + 2)), d)
            test = context.as_row(context.minus(test, step))
        # |T_i| <= D·2^(i+1), unless the quotient lies outside of what the bits reach: then it only shrinks.
        reach = divisor << (i + 2)
        bound = max(reach, start) if op.saturates else reach
        signs.append(builder.sign(Row(test.name, test.size, bound)))
    return _from_signs(builder, base, signs)


def lower_rsqrt(context: Context, op: Rsqrt) -> Row:
    """Binary search for the largest y with (2y-1)²·x <= M = 2^(2·exponent+2). With y the bits so far and
    u_i = 2(y + 2^i) - 1, bit i is the sign of 2M + 1 - 2·u_i²·x; and u_(i-1) = u_i + s_i·2^i.
    """
    output, builder = context.span.output, context.builder
    n, limit = _bits(output), 1 << (2 * op.exponent + 2)
    x = context.as_row(context.read_at_outputs(op, 0))
    root = math.isqrt(x.bound) + 1
    negative = builder.scale(x, -2)
    candidate: Operand = np.array([2 * (output.lo + (1 << (n - 1))) - 1])
    signs: list[Row] = []
    for i in range(n - 1, -1, -1):
        if signs:
            candidate = context.plus(builder.scale(signs[-1], 1 << (i + 1)), candidate)
        product = builder.multiply(negative, candidate)
        # u²·x = ((2y-1)·√x + 2^(i+1)·√x)², where (2y-1)·√x <= √M or y = 0.
        reach = ((1 << (op.exponent + 1)) + (root << (i + 1))) ** 2
        if reach > 4 * limit:
            # Far beyond M it does not matter how far: for the least u, u·(M // u + 1) > M; for others u <= 2(2y-1).
            least = 2 * (output.lo + (1 << i)) - 1
            product = builder.at_least(product, -2 * (limit // least + 1))
            reach = max(4 * limit, limit + least)
        square = builder.multiply(product, candidate)
        # An int64 holds M, not 2M + 1.
        test = builder.add_constant(builder.add_constant(square, np.array([limit])), np.array([limit + 1]))
        signs.append(builder.sign(Row(test.name, test.size, 2 * max(reach, limit) + 1)))
    return _from_signs(builder, output.lo, signs)
