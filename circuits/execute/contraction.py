"""Sums of products as matrix products in float64.

Exact for a valid program, whatever the order in which BLAS adds: every product and every partial sum is an integer
below 2^53, or such an integer times one power of two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from circuits.execute.tensors import FLOAT_BYTES, Arithmetic, Floats, Shared, Step, boxed, part_of, read, without_memory
from circuits.program.indexing import used_axes
from circuits.program.ops import Op

# An operand that has to be laid out anew (a convolution's windows) is so about this many elements at a time: 4 MiB,
# which stay in the cache between writing and reading.
BLOCK_ELEMENTS = 2**19
# A constant matrix of so many elements that meets a single vector is kept as float32 if that holds it exactly, and
# widened into the same 4 MiB every time: such a product waits for memory, and so half as much has to come from there.
NARROW_ELEMENTS = 2**17


def contraction(op: Op, a: Floats, b: Floats) -> Floats:
    """Σ_k a(o,k) · b(o,k) over `op.dims`, for operands 0 and 1 of `op`, without its bias and rescale.

    `a` and `b` are float64, of as many elements as the views of their maps; they need not be integers.
    """
    out = np.empty(op.dims)
    factors = Factor(np.asarray(a, order="C")), Factor(np.asarray(b, order="C"))
    for step in contraction_steps(op, factors, out, Shared()):
        step()
    return out


@dataclass(frozen=True)
class Factor:
    """A C-contiguous operand; one that keeps its values is laid out once, and has a name by which ops share that."""

    tensor: Floats
    name: Hashable = None


@dataclass(frozen=True)
class Axes:
    """How a contraction's axes are used: of each pair, the axes of factor 0 and those of factor 1.

    Output axes on which both depend are the stack of a batched matrix product, those of the second alone its columns,
    all others its rows. Inner axes of one factor alone are summed out of it first, and never laid out: such a sum times
    any element of the other factor is a partial sum of the whole, so it is exact, or meets nothing but zeros.
    """

    stack: list[int]
    walked: tuple[list[int], list[int]]
    inner: list[int]
    alone: tuple[list[int], list[int]]


def axes_of(op: Op) -> Axes:
    outer, rank = range(len(op.dims)), range(len(op.iteration))
    by_a, by_b = (used_axes(how, len(rank)) for how in op.maps[:2])
    of_a, of_b = [d for d in rank if not by_b[d]], [d for d in rank if by_b[d] and not by_a[d]]
    both = [d for d in rank if by_a[d] and by_b[d]]
    return Axes(
        stack=[d for d in both if d in outer],
        walked=([d for d in of_a if d in outer], [d for d in of_b if d in outer]),
        inner=[d for d in both if d not in outer],
        alone=(_longer(op, of_a), _longer(op, of_b)),
    )


def _longer(op: Op, axes: list[int]) -> list[int]:
    """The inner ones with more than one point."""
    return [d for d in axes if d >= len(op.dims) and op.iteration[d] > 1]


# Some of the walked axes, the operand's matrices [stack, walked, inner] for them, and the steps that lay these out.
Block = tuple[tuple[slice, ...], Floats, list[Step]]


def contraction_steps(
    op: Op, factors: tuple[Factor, Factor], out: Floats, shared: Shared, arithmetic: Arithmetic | None = None
) -> list[Step]:
    """The steps that write the contraction of two factors to C-contiguous `out`."""
    if 0 in op.iteration:
        return [partial(out.fill, 0.0)]
    axes = axes_of(op)
    stack, walked = axes.stack, axes.walked
    if arithmetic is not None and not stack:
        for position in (0, 1):
            by_vector = factors[position].name is not None and _meets_vector(op, axes, position)
            if by_vector and (made := _by_kernel(op, position, factors, axes, out, shared, arithmetic)) is not None:
                return made
    steps, lefts = _side(op, 0, factors[0], axes, shared)
    more_steps, rights = _side(op, 1, factors[1], axes, shared)
    steps += more_steps
    target = out.transpose([*stack, *walked[0], *walked[1]])
    everything = (slice(None),) * len(stack)
    for some_columns, right, right_steps in rights:
        steps += right_steps
        for some_rows, left, left_steps in lefts:
            part = part_of(target, (*everything, *some_rows, *some_columns))
            steps += left_steps + _product_steps(left, right, part, len(stack), len(walked[0]))
    return steps


def _by_kernel(
    op: Op,
    position: int,
    factors: tuple[Factor, Factor],
    axes: Axes,
    out: Floats,
    shared: Shared,
    arithmetic: Arithmetic,
) -> list[Step] | None:
    """A large constant matrix times a vector, by a kernel; None where float32 does not hold the matrix exactly."""
    size = math.prod(op.iteration[d] for d in axes.inner)

    def matrix() -> Callable[[Floats], Floats] | None:
        kept = _kept(_read_now(op, position, factors[position], axes), 0, len(axes.walked[position]), by_vector=True)
        return arithmetic(kept.reshape(-1, size)) if kept.dtype == np.float32 else None

    times = shared.once(("kernel", factors[position].name, op.maps[position], op.iteration), matrix)
    if times is None:
        return None
    vector, steps = _read(op, 1 - position, factors[1 - position], axes)

    def multiply() -> None:
        out.reshape(-1)[:] = times(vector.reshape(-1))

    return [*steps, multiply]


def _meets_vector(op: Op, axes: Axes, position: int) -> bool:
    """Whether the other factor is one vector."""
    return math.prod(op.dims[d] for d in axes.walked[1 - position]) == 1


def _side(op: Op, position: int, factor: Factor, axes: Axes, shared: Shared) -> tuple[list[Step], list[Block]]:
    """Steps for the whole operand, and its blocks."""
    stack, walked, by_vector = len(axes.stack), len(axes.walked[position]), _meets_vector(op, axes, position)
    steps: list[Step] = []
    if factor.name is None:
        view, steps = _read(op, position, factor, axes)
    else:
        layout = (tuple(axes.stack), tuple(axes.walked[position]), tuple(axes.alone[position]), by_vector)
        view = shared.once(
            (factor.name, op.maps[position], op.iteration, layout),
            lambda: _kept(_read_now(op, position, factor, axes), stack, walked, by_vector),
        )
    return steps, _blocks(
        view, stack, walked, lambda size: shared.once(("scratch", position, size), lambda: np.empty(size))
    )


def _read(op: Op, position: int, factor: Factor, axes: Axes) -> tuple[Floats, list[Step]]:
    """The factor over stack, walked and inner axes, and the steps that keep it up to date."""
    view, steps = read(factor.tensor, op.maps[position], op.iteration)
    kept, alone = [*axes.stack, *axes.walked[position], *axes.inner], axes.alone[position]
    view = _only(view, [*kept, *alone])
    if not alone:
        return view, steps
    total = np.empty(view.shape[: len(kept)])
    return total, [*steps, partial(np.add.reduce, view, axis=tuple(range(len(kept), view.ndim)), out=total)]


def factor_bytes(op: Op, position: int) -> tuple[int, int, int]:
    """Of a factor of a contraction with points: bytes of what is made of it whole before it is laid out, of a block as
    it is laid out, and of all that is kept where it is constant."""
    axes = axes_of(op)
    padded, _ = boxed(op.maps[position], op.iteration)
    whole = 0 if padded.view == op.maps[position].view else math.prod(padded.view)
    kept, alone = [*axes.stack, *axes.walked[position], *axes.inner], axes.alone[position]
    box, _ = read(without_memory(padded.view), padded, op.iteration)
    view = _only(box, [*kept, *alone])
    if alone:
        view = without_memory(view.shape[: len(kept)])
        whole += view.size
    stack, walked = len(axes.stack), len(axes.walked[position])
    block = _cut(view, stack, walked)[1] if _matrices(view, stack, walked) is None else 0
    narrow = _meets_vector(op, axes, position) and view.size >= NARROW_ELEMENTS
    constant = view.size if block or narrow else 0
    return whole * FLOAT_BYTES, block * FLOAT_BYTES, constant * FLOAT_BYTES


def _read_now(op: Op, position: int, factor: Factor, axes: Axes) -> Floats:
    view, steps = _read(op, position, factor, axes)
    for step in steps:
        step()
    return view


def _kept(view: Floats, stack: int, walked: int, by_vector: bool) -> npt.NDArray[Any]:
    """A constant operand in the layout in which it is kept."""
    if by_vector and view.size >= NARROW_ELEMENTS:
        narrow = view.astype(np.float32)
        if np.array_equal(narrow, view):
            return narrow
    return view if _matrices(view, stack, walked) is not None else np.array(view, order="C")


def _only(view: Floats, axes: Sequence[int]) -> Floats:
    """`view` with these axes in this order, at the first place of all others, on which it does not depend."""
    others = [d for d in range(view.ndim) if d not in axes]
    return part_of(view.transpose([*others, *axes]), [0] * len(others))


def _blocks(view: npt.NDArray[Any], stack: int, walked: int, buffer_of: Callable[[int], Floats]) -> list[Block]:
    """Operand [stack axes, walked axes, inner axes] as matrices [stack, walked, inner] of float64, ready for BLAS.

    One block where the operand's memory can be read as it is. Else blocks of one walked axis, which take turns in one
    buffer, each with the step that fills it.
    """
    everything = (slice(None),) * walked
    whole = _matrices(view, stack, walked)
    if whole is not None:
        return [(everything, whole, [])]
    axis, elements = _cut(view, stack, walked)
    length = view.shape[stack + axis] if walked else 1
    size = elements * length // view.size
    buffer = buffer_of(elements)
    blocks: list[Block] = []
    for start in range(0, length, size):
        chosen = (*everything[:axis], slice(start, start + size), *everything[axis + 1 :]) if walked else ()
        part = part_of(view, (*(slice(None),) * stack, *chosen))
        place, matrices = _laid_out(buffer[: part.size], part, stack, walked)
        blocks.append((chosen, matrices, [partial(np.copyto, place, part)]))
    return blocks


def _cut(view: npt.NDArray[Any], stack: int, walked: int) -> tuple[int, int]:
    """The walked axis along which an operand is laid out in blocks, and how many elements the largest of these has."""
    axis = next((d for d in range(walked) if view.shape[stack + d] > 1), 0)
    length = view.shape[stack + axis] if walked else 1
    per_index = view.size // length
    return axis, max(1, min(length, BLOCK_ELEMENTS // per_index)) * per_index


def _laid_out(buffer: Floats, like: npt.NDArray[Any], stack: int, walked: int) -> tuple[Floats, Floats]:
    """`buffer` in the shape of `like`, and as matrices.

    Of walked and inner axes, those come last which have more elements in a row in `like`: copying goes along them.
    """
    groups = [range(stack), range(stack, stack + walked), range(stack + walked, like.ndim)]
    turned = _run(like, groups[1]) > _run(like, groups[2])
    if turned:
        groups[1:] = groups[2], groups[1]
    order = [axis for group in groups for axis in group]
    place = buffer.reshape([like.shape[axis] for axis in order]).transpose(np.argsort(order))
    matrices = buffer.reshape([math.prod(like.shape[axis] for axis in group) for group in groups])
    return place, matrices.transpose(0, 2, 1) if turned else matrices


def _run(view: npt.NDArray[Any], axes: Sequence[int]) -> int:
    """How many elements lie side by side along the last of `axes`."""
    longer = [axis for axis in axes if view.shape[axis] > 1]
    return view.shape[longer[-1]] if longer and view.strides[longer[-1]] == view.itemsize else 1


def _matrices(view: npt.NDArray[Any], stack: int, walked: int) -> Floats | None:
    """The same memory as [stack, walked, inner], if it is float64 and BLAS takes its strides."""
    if view.dtype != np.float64:
        return None
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
