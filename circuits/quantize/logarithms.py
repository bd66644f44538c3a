"""The logarithm of a positive number of any size, as near for small ones as for large ones.

One table with evenly spaced arguments cannot follow it. So x is divided by powers of two until it fits the table, and
their logarithms are added: log x = log(x / 2^k) + k · log 2.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from circuits.errors import InputError
from circuits.program.ops import Relation
from circuits.quantize.arithmetic import at_least, at_most, rescaled
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.choices import compared, selected
from circuits.quantize.functions import apply
from circuits.quantize.scales import MAX_SCALE, Target, Want, scale_for

# x is divided by each of 2^16, 2^8, … that it is large enough for, so that the table's argument keeps all bits but two.
DIVISIONS = (16, 8, 4, 2)


def logarithm(b: Builder, name: str, x: Tensor, want: Want, *, of_zero: bool = False) -> Tensor:
    """log(x); what is not positive counts as x's smallest positive number.

    Unless `of_zero` says that the caller means it so, the calibration data may not have it.
    """
    if not of_zero and b.shadow(x).min(initial=1.0) <= 0:
        raise InputError("calibration_not_finite", "a logarithm of 0 or less occurs on the calibration data")
    x = at_least(b, x, np.array(2.0**-x.scale))
    size = max(1.0, b.interval(x).hi * 2.0**-x.scale, 2.0**x.scale)
    scale = scale_for(math.log(size), b.options.bits, MAX_SCALE)
    terms = []
    most, entries = b.interval(x).hi, 1 << b.options.table_bits
    for bits in DIVISIONS:
        limit = entries << (bits - 2)
        if most >= limit:
            bound = b.constant("limit", np.array(limit, np.int64), x.scale)
            large = compared(b, Relation.LESS_OR_EQUAL, bound, x, x.dims)
            divided = replace(rescaled(b, x, Target(x.scale - bits, x.bits)), scales=(x.scale,))
            x = selected(b, large, divided, x, x.dims)
            terms.append((round(bits * math.log(2) * 2.0**scale), large))
            most = max(limit - 1, (most >> bits) + 1)
    # It is that small now, and still positive, which its interval does not know.
    x = at_least(b, at_most(b, x, np.array((entries - 1) * 2.0**-x.scale)), np.array(2.0**-x.scale))
    table = apply(b, name, x, np.log, Target(scale, b.options.bits))
    return b.linear([(1, table), *terms], x.dims, scale, want)
