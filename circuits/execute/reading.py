"""Operands as views: planned once over fixed arrays, read by every run.

An executor owns one array for every tensor, so what an op reads is the same memory each time. A *step* is a piece of
work without arguments that reads such views and writes into another array.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from circuits.program.indexing import axis_extents, strided_view
from circuits.program.refs import AffineMap

Floats = npt.NDArray[np.float64]
Step = Callable[[], Any]


def read(tensor: Floats, how: AffineMap, iteration: Sequence[int], fill: float = 0.0) -> tuple[Floats, list[Step]]:
    """A view of shape `iteration` of C-contiguous `tensor` with `fill` out of bounds, and what keeps it up to date.

    Where nothing is read out of bounds the view is of `tensor` itself and there is nothing to do; else it is of a
    padded copy.
    """
    if 0 in iteration:
        return np.empty(tuple(iteration)), []
    extents = axis_extents(how, iteration)
    before = [max(0, -e.lo) for e in extents]
    after = [max(0, e.hi - size + 1) for e, size in zip(extents, how.view, strict=True)]
    if not any(before) and not any(after):
        return cast(Floats, strided_view(tensor, how, iteration)), []
    padded = [low + size + high for low, size, high in zip(before, how.view, after, strict=True)]
    box = np.full(padded, fill)
    inside = box[tuple(slice(low, low + size) for low, size in zip(before, how.view, strict=True))]
    offsets = tuple(offset + low for offset, low in zip(how.offsets, before, strict=True))
    view = strided_view(box, replace(how, view=tuple(padded), offsets=offsets), iteration)
    return cast(Floats, view), [partial(np.copyto, inside, tensor.reshape(how.view))]
