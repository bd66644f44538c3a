"""Elements found by their index, written by their index, and by their rank."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from circuits.onnx.graph import FloatNode
from circuits.program.limits import MAX_BITS
from circuits.program.ops import Argmax, Compare, Contract, Mul, ReduceSum, Relation
from circuits.program.refs import AffineMap
from circuits.quantize.arithmetic import common_scale, largest, negated, product, signed_sum, smallest
from circuits.quantize.builder import Builder, Reading, Tensor
from circuits.quantize.choices import gathered, index_from_end, index_within, selected
from circuits.quantize.moves import axes_map, concatenated, padded, part, rearranged, taken
from circuits.quantize.rules import Rule
from circuits.quantize.scales import Exact, Integers, Target
from circuits.quantize.size import require_at_most

Dims = tuple[int, ...]
# An index that is nowhere: what is written there is written nowhere.
NOWHERE = -(2**30)


def gather(b: Builder, node: FloatNode) -> None:
    """Whole slices of one axis, at constant indices or at computed ones."""
    data, name = b.tensor(node.input(0)), node.input(1)
    axis, dims = node.attributes["axis"] % len(data.dims), b.graph.shapes[node.output]
    if b.graph.is_constant(name):
        b.values[node.output] = taken(b, data, axis, b.graph.integers(name)).viewed(dims)
        return
    size, shape = data.dims[axis], b.graph.shapes[name]
    positions = index_within(b, b.tensor(name), size)
    place = [*range(axis), len(dims), *range(axis + len(shape), len(dims))]
    how = axes_map(data.dims, [0] * len(data.dims), [(d, 1) for d in place], len(dims) + 1)
    read = axes_map(positions.dims, [0] * len(shape), [(axis + i, 1) for i in range(len(shape))], len(dims))
    b.values[node.output] = gathered(b, data, how, (positions.ref, read), dims, (size,))


def gather_elements(b: Builder, node: FloatNode) -> None:
    data, name = b.tensor(node.input(0)), node.input(1)
    axis, dims = node.attributes["axis"] % len(data.dims), b.graph.shapes[node.output]
    if b.graph.is_constant(name):
        flat = np.arange(math.prod(data.dims), dtype=np.int64).reshape(data.dims)
        # np.take_along_axis broadcasts; ONNX reads only the corner that the indices cover.
        corner = tuple(slice(size) if a != axis else slice(None) for a, size in enumerate(dims))
        places = np.asarray(b.graph.constants[name], np.int64) % data.dims[axis]
        b.values[node.output] = rearranged(b, data, np.take_along_axis(flat[corner], places, axis))
        return
    size = data.dims[axis]
    positions = index_within(b, b.tensor(name), size)
    walks = [(len(dims) if a == axis else a, 1) for a in range(len(dims))]
    how = axes_map(data.dims, [0] * len(dims), walks, len(dims) + 1)
    b.values[node.output] = gathered(b, data, how, positions.identity(), dims, (size,))


def _flat_positions(b: Builder, name: str, sizes: Sequence[int], nowhere: bool = False) -> Tensor:
    """Index tuples along the last axis as row-major positions in `sizes`."""
    strides = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    if b.graph.is_constant(name):
        given = np.asarray(b.graph.constants[name], np.int64) % np.array(sizes, np.int64)
        return b.constant(name, (given * np.array(strides)).sum(-1), 0)
    indices = b.tensor(name)
    within = index_from_end if nowhere else index_within
    parts = [within(b, part(b, indices, -1, i, 1), size) for i, size in enumerate(sizes)]
    lead = indices.dims[:-1]
    terms = [(stride, p.viewed(lead)) for stride, p in zip(strides, parts, strict=True)]
    return b.linear(terms, lead, 0, Exact())


def gather_nd(b: Builder, node: FloatNode) -> None:
    data, name = b.tensor(node.input(0)), node.input(1)
    batch, dims, shape = int(node.attributes["batch_dims"]), b.graph.shapes[node.output], b.graph.shapes[node.input(1)]
    sizes, rest = data.dims[batch : batch + shape[-1]], data.dims[batch + shape[-1] :]
    positions = _flat_positions(b, name, sizes)
    viewed = data.viewed((*data.dims[:batch], math.prod(sizes), *rest))
    place = [*range(batch), len(dims), *range(len(dims) - len(rest), len(dims))]
    how = axes_map(viewed.dims, [0] * len(viewed.dims), [(d, 1) for d in place], len(dims) + 1)
    read = axes_map(positions.dims, [0] * len(positions.dims), [(d, 1) for d in range(len(shape) - 1)], len(dims))
    b.values[node.output] = gathered(b, viewed, how, (positions.ref, read), dims, (math.prod(sizes),))


def scatter_elements(b: Builder, node: FloatNode) -> None:
    data, updates, name = b.tensor(node.input(0)), b.tensor(node.input(2)), node.input(1)
    axis = node.attributes["axis"] % len(data.dims)
    if b.graph.is_constant(name):
        places = np.asarray(b.graph.constants[name], np.int64) % data.dims[axis]
        grid = list(np.indices(places.shape))
        grid[axis] = places
        flat = np.ravel_multi_index(tuple(grid), data.dims)
        b.values[node.output] = _scattered(b, node, data, updates, flat)
        return
    positions, dims = index_from_end(b, b.tensor(name), data.dims[axis]), data.dims
    count, rank = positions.dims[axis], len(data.dims)
    # Places that no index covers must not read as index 0.
    whole = tuple(count if a == axis else size for a, size in enumerate(dims))
    positions = padded(b, positions, whole, {}, NOWHERE)
    # The later of two updates of one place stands, as onnxruntime has it: they are looked at from the last.
    from_last = [0 if a != axis else count - 1 for a in range(rank)]
    walks = [(a, 1) if a != axis else (rank, -1) for a in range(rank)]
    read = axes_map(whole, from_last, walks, rank + 1)
    places = b.constant("places", np.arange(dims[axis]).reshape(-1, *(1,) * (rank - axis)), 0)
    hits = _equal(b, (positions.ref, read), places.broadcast((*dims, count)), (*dims, count))
    filled = padded(b, updates, whole, {}, 0)
    read = axes_map(whole, from_last, walks, rank + 1)
    b.values[node.output] = _written(b, node, data, (filled, read), hits, dims, count)


def scatter_nd(b: Builder, node: FloatNode) -> None:
    data, updates, name = b.tensor(node.input(0)), b.tensor(node.input(2)), node.input(1)
    depth = b.graph.shapes[name][-1]
    sizes, rest = data.dims[:depth], data.dims[depth:]
    cells, size = math.prod(sizes), math.prod(rest)
    positions = _flat_positions(b, name, sizes, nowhere=True)
    count = math.prod(positions.dims)
    if b.graph.is_constant(name):
        flat = b.constants_of(positions).reshape(-1, 1) * size + np.arange(size)
        b.values[node.output] = _scattered(b, node, data, updates, flat)
        return
    dims = (cells, size)
    read = axes_map((count,), [count - 1], [(2, -1)], 3)
    places = b.constant("places", np.arange(cells).reshape(-1, 1, 1), 0)
    hits = _equal(b, (positions.ref, read), places.broadcast((*dims, count)), (*dims, count))
    how = axes_map((count, size), [count - 1, 0], [(2, -1), (1, 1)], 3)
    made = _written(b, node, data.viewed(dims), (updates.viewed((count, size)), how), hits, dims, count)
    b.values[node.output] = made.viewed(data.dims)


def _equal(b: Builder, x: Reading, y: Reading, dims: Dims) -> Tensor:
    return b.fitting(Compare((x[0], y[0]), (x[1], y[1]), dims, (), MAX_BITS, 0, Relation.EQUAL))


def _written(
    b: Builder, node: FloatNode, data: Tensor, update: tuple[Tensor, AffineMap], hits: Tensor, dims: Dims, count: int
) -> Tensor:
    """data, changed where one of the `count` updates hits: `update` and `hits` are over dims and then the updates."""
    x, how = update
    if node.attributes["reduction"] == "add":
        readings = [hits.identity(), (x.ref, how)]
        total = b.accumulate(Contract, readings, dims, x.scale, Target(x.scale, MAX_BITS), inner=(count,))
        return signed_sum(b, [(1, data), (1, total)], dims, b.want(node.output))
    which = b.fitting(Argmax((hits.ref,), (hits.identity()[1],), dims, (count,), MAX_BITS, 0))
    chosen = gathered(b, x, how, which.identity(), dims, (count,))
    hit = b.max_over([hits.identity()], dims, (count,), 0)
    chosen, data = common_scale(b, [chosen, data])
    return selected(b, hit, chosen, data, dims)


def _scattered(b: Builder, node: FloatNode, data: Tensor, updates: Tensor, places: Integers) -> Tensor:
    """Updates at constant places, in rounds: in each a place is written at most once."""
    left, size = places.reshape(-1), math.prod(data.dims)
    pending, made = np.arange(left.size), data
    flat = updates.viewed((left.size,))
    combine = COMBINE[node.attributes["reduction"]]
    while pending.size:
        _, first = np.unique(left[pending], return_index=True)
        now = pending[np.sort(first)]
        pending = np.setdiff1d(pending, now)
        source = np.arange(size)
        source[left[now]] = size + now
        joined = concatenated(b, [made.viewed((size,)), flat], 0)
        moved = rearranged(b, joined, source.reshape(data.dims))
        if combine is None:
            made = moved
            continue
        written = np.zeros(size, np.int64)
        written[left[now]] = 1
        mask = b.constant("written", written.reshape(data.dims), 0)
        combined, made = common_scale(b, [combine(b, node, made, moved), made])
        made = selected(b, mask, combined, made, data.dims)
    return made


COMBINE = {
    "none": None,
    "add": lambda b, node, x, y: signed_sum(b, [(1, x), (1, y)], x.dims, b.want(node.output)),
    "mul": lambda b, node, x, y: product(b, x, y, x.dims, b.want(node.output)),
    "max": lambda b, node, x, y: largest(b, common_scale(b, [x, y]), x.dims),
    "min": lambda b, node, x, y: smallest(b, common_scale(b, [x, y]), x.dims),
}


# Every element is compared with every other along the axis: so often in all, and over all samples.
MAX_PAIRS, MAX_SAMPLED_PAIRS = 2**24, 2**28


def top_k(b: Builder, node: FloatNode) -> None:
    """By rank: how many elements come before each, of equal ones the earlier; then the element of every rank."""
    x = b.tensor(node.input(0))
    axis, values, indices = node.attributes["axis"] % len(x.dims), *(*node.outputs, "")[:2]
    dims = b.graph.shapes[values or indices]
    size, rank = x.dims[axis], len(x.dims)
    pairs = math.prod(x.dims) * size
    require_at_most(pairs, MAX_PAIRS, "comparisons")
    require_at_most(pairs * b.samples, MAX_SAMPLED_PAIRS, f"comparisons over {b.samples} samples")
    key = x if node.attributes["largest"] else negated(b, x)
    ranks = _ranks(b, key, axis)
    pair = (*dims, size)
    read = axes_map(ranks.dims, [0] * rank, [(rank if a == axis else a, 1) for a in range(rank)], rank + 1)
    order = b.constant("order", np.arange(dims[axis]).reshape(-1, *(1,) * (rank - axis)), 0)
    found = _equal(b, (ranks.ref, read), order.broadcast(pair), pair)
    which = b.fitting(Argmax((found.ref,), (found.identity()[1],), dims, (size,), MAX_BITS, 0))
    if indices:
        b.values[indices] = which
    if values:
        how = axes_map(x.dims, [0] * rank, [(rank if a == axis else a, 1) for a in range(rank)], rank + 1)
        b.values[values] = gathered(b, x, how, which.identity(), dims, (size,))


def _ranks(b: Builder, key: Tensor, axis: int) -> Tensor:
    """For every element, how many along the axis are larger, or equal and earlier."""
    rank, size = len(key.dims), key.dims[axis]
    pair = (*key.dims, size)
    mine = axes_map(key.dims, [0] * rank, [(a, 1) for a in range(rank)], rank + 1)
    other = axes_map(key.dims, [0] * rank, [(rank if a == axis else a, 1) for a in range(rank)], rank + 1)
    larger = b.fitting(Compare((key.ref, key.ref), (mine, other), pair, (), MAX_BITS, 0, Relation.LESS))
    equal = b.fitting(Compare((key.ref, key.ref), (mine, other), pair, (), MAX_BITS, 0, Relation.EQUAL))
    earlier = np.tril(np.ones((size, size), np.int64), -1).reshape(size, *(1,) * (rank - 1 - axis), size)
    mask = b.constant("earlier", earlier, 0)
    tied = b.accumulate(Mul, [equal.identity(), mask.broadcast(pair)], pair, 0, Exact())
    before = b.linear([(1, larger), (1, tied)], pair, 0, Exact())
    return b.accumulate(ReduceSum, [before.identity()], key.dims, 0, Exact(), inner=(size,), multiplier=1)


RULES: dict[str, Rule] = {
    "Gather": gather,
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "ScatterElements": scatter_elements,
    "ScatterND": scatter_nd,
    "TopK": top_k,
}
