"""divide, rsqrt: a float64 guess, and why it is exact or how it is mended."""

from __future__ import annotations

from functools import partial

import numpy as np

from circuits.execute.tensors import Floats, Step, Tensors
from circuits.program.ops import Divide, Rsqrt

Plan = tuple[Floats, list[Step]]


def divide(op: Divide, tensors: Tensors) -> Plan:
    """floor(n / m) with n = a·2^(up+1) + d and m = 2d, by float64's division, which rounds to nearest. That is exact.

    If n/m is no integer and z the next one above it, then z − n/m >= 1/m, and n/m must not be rounded up to z. Let 2^e
    be the largest power of two below z for z > 0, and not above |z| for z < 0. The float next to z on the side of n/m
    is 2^(e−52) away, so rounding up to z needs 1/m <= 2^(e−53), which is m·2^e >= 2^53. But |n| < 2^53 by the op's
    range rule: for z >= 2, 2^e <= z − 1 < n/m, so m·2^e < n; for z = 1, m·2^e = d < 2^53; for z < 0, 2^e <= |z| and
    |z| < |n|/m, so m·2^e < |n|. Next to z = 0 floats are far denser than 1/m.
    """
    out, double = np.empty(op.dims), np.empty(op.dims)
    a, steps = tensors.read(op, 0)
    d, more = tensors.read(op, 1)
    steps += more
    steps.append(partial(np.multiply, a, 2.0 ** (op.up + 1), out))
    steps.append(partial(np.add, out, d, out))
    steps.append(partial(np.add, d, d, double))
    steps.append(partial(np.divide, out, double, out))
    steps.append(partial(np.floor, out, out))
    if op.saturates:
        steps += tensors.clamp(out, op.bits)
    return out, steps


def rsqrt(op: Rsqrt, tensors: Tensors) -> Plan:
    out = np.empty(op.dims)
    x, steps = tensors.read(op, 0)
    return out, [*steps, partial(_rsqrt, x, op.exponent, out)]


def _rsqrt(x: Floats, exponent: int, out: Floats) -> None:
    """(root + 1) // 2 of the integer square root of 2^(2·exponent+2) // x, which is below 2^62 as x >= 1.

    The float square root is within 2^-20 of the true one, so its floor is at most one off; exact squares tell.
    """
    square = (1 << (2 * exponent + 2)) // x.astype(np.int64)
    root = np.sqrt(square.astype(np.float64)).astype(np.int64)
    root -= root * root > square
    root += (root + 1) * (root + 1) <= square
    np.copyto(out, (root + 1) >> 1)
