"""Sums of products as matrix products in float64.

Exact for a valid program, whatever the order in which BLAS adds: every product and every partial sum is an integer
below 2^53, or such an integer times one power of two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np

from circuits.execute.tensors import Floats, Step, part_of, read
from circuits.program.indexing import used_axes
from circuits.program.ops import Op

# An operand that has to be laid out anew (a convolution's windows) is so this many elements at a time: 2 MiB, which
# stay in the cache between writing and reading.
BLOCK_ELEMENTS = 2**18


def contraction(op: Op, a: Floats, b: Floats) -> Floats:
    """Σ_k a(o,k) · b(o,k) over `op.dims`, for operands 0 and 1 of `op`, without its bias and rescale.

    `a` and `b` are float64, of as many elements as the views of their maps; they need not be integers.
    """
    out = np.empty(op.dims)
    for step in contraction_steps(op, np.asarray(a, order="C"), np.asarray(b, order="C"), out):
        step()
    return out


def contraction_steps(op: Op, a: Floats, b: Floats, out: Floats, fixed: Sequence[bool] = (False, False)) -> list[Step]:
    """The steps that write the contraction of C-contiguous `a` and `b` to C-contiguous `out`.

    Output axes on which both operands depend become the stack of a batched matrix product, those of b alone its
    columns, all others its rows. An operand that is `fixed` keeps its values, and is laid out once.
    """
    if 0 in op.iteration:
        return [partial(out.fill, 0.0)]
    count = len(op.dims)
    by_a, by_b = (used_axes(how, count) for how in op.maps[:2])
    stack = [d for d in range(count) if by_a[d] and by_b[d]]
    rows = [d for d in range(count) if not by_b[d]]
    columns = [d for d in range(count) if by_b[d] and not by_a[d]]
    steps, lefts = _side(op, 0, a, stack, rows, fixed[0])
    more_steps, rights = _side(op, 1, b, stack, columns, fixed[1])
    steps += more_steps
    target = out.transpose([*stack, *rows, *columns])
    everything = (slice(None),) * len(stack)
    for some_columns, right, right_steps in rights:
        steps += right_steps
        for some_rows, left, left_steps in lefts:
            part = part_of(target, (*everything, *some_rows, *some_columns))
            steps += left_steps + _product_steps(left, right, part, len(stack), len(rows))
    return steps


# Some of the walked axes, the operand's matrices for them, and the steps that lay these out.
Block = tuple[tuple[slice, ...], Floats, list[Step]]


def _side(
    op: Op, position: int, tensor: Floats, stack: list[int], walked: list[int], fixed: bool
) -> tuple[list[Step], list[Block]]:
    """Steps for the whole operand, and its blocks."""
    view, steps = read(tensor, op.maps[position], op.iteration)
    only = _only(view, [*stack, *walked, *range(len(op.dims), len(op.iteration))])
    if not fixed:
        return steps, _blocks(only, len(stack), len(walked), BLOCK_ELEMENTS)
    for step in steps:
        step()
    ((everything, matrices, layout),) = _blocks(only, len(stack), len(walked), only.size)
    for step in layout:
        step()
    return [], [(everything, matrices, [])]


def _only(view: Floats, axes: Sequence[int]) -> Floats:
    """`view` with these axes in this order, at the first place of all others, on which it does not depend."""
    others = [d for d in range(view.ndim) if d not in axes]
    return part_of(view.transpose([*others, *axes]), [0] * len(others))


def _blocks(view: Floats, stack: int, walked: int, elements: int) -> list[Block]:
    """Operand [stack axes, walked axes, inner axes] as matrices [stack, walked, inner], ready for BLAS.

    One block where the operand's memory can be read as it is. Else blocks of one walked axis and about so many
    `elements`, which take turns in one buffer, each with the step that fills it.
    """
    everything = (slice(None),) * walked
    whole = _matrices(view, stack, walked)
    if whole is not None:
        return [(everything, whole, [])]
    axis = next((d for d in range(walked) if view.shape[stack + d] > 1), 0)
    length = view.shape[stack + axis] if walked else 1
    per_index = view.size // length
    size = max(1, min(length, elements // per_index))
    buffer = np.empty(size * per_index)
    blocks: list[Block] = []
    for start in range(0, length, size):
        chosen = (*everything[:axis], slice(start, start + size), *everything[axis + 1 :]) if walked else ()
        part = part_of(view, (*(slice(None),) * stack, *chosen))
        place = _laid_out(buffer[: part.size], part, stack, walked)
        matrices = _matrices(place, stack, walked)
        assert matrices is not None  # _laid_out made it so
        blocks.append((chosen, matrices, [partial(np.copyto, place, part)]))
    return blocks


def _laid_out(buffer: Floats, like: Floats, stack: int, walked: int) -> Floats:
    """`buffer` in the shape of `like`; the axis that is copied innermost is one that lies in a row there."""
    groups = [list(range(stack)), list(range(stack, stack + walked)), list(range(stack + walked, like.ndim))]
    if _run(like, groups[1]) > _run(like, groups[2]):
        groups[1:] = reversed(groups[1:])
    order = [axis for group in groups for axis in group]
    return buffer.reshape([like.shape[axis] for axis in order]).transpose(np.argsort(order))


def _run(view: Floats, axes: Sequence[int]) -> int:
    """How many elements lie side by side along the last of `axes`."""
    longer = [axis for axis in axes if view.shape[axis] > 1]
    return view.shape[longer[-1]] if longer and view.strides[longer[-1]] == view.itemsize else 1


def _matrices(view: Floats, stack: int, walked: int) -> Floats | None:
    """The same memory as [stack, walked, inner], if its strides allow it and BLAS takes them."""
    groups = view.shape[:stack], view.shape[stack : stack + walked], view.shape[stack + walked :]
    try:
        matrices = view.reshape([math.prod(group) for group in groups], copy=False)
    except ValueError:
        return None
    _, height, width = matrices.shape
    _, down, across = (stride // view.itemsize for stride in matrices.strides)
    by_rows = (across == 1 or width == 1) and (down >= width or height == 1)
    by_columns = (down == 1 or height == 1) and (across >= height or width == 1)
    return matrices if by_rows or by_columns else None


def _product_steps(left: Floats, right: Floats, target: Floats, stack: int, rows: int) -> list[Step]:
    """left · rightᵀ into `target` [stack axes, row axes, column axes], by way of a buffer if BLAS cannot write it."""
    right = right.transpose(0, 2, 1)
    place = _matrices(target, stack, rows)
    if place is not None:
        return [partial(np.matmul, left, right, out=place)]
    product = np.empty((left.shape[0], left.shape[1], right.shape[2]))
    return [partial(np.matmul, left, right, out=product), partial(np.copyto, target, product.reshape(target.shape))]
