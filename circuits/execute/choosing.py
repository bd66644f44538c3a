"""max, argmax, compare, select."""

from __future__ import annotations

import itertools
import math
from functools import partial

import numpy as np

from circuits.execute.tensors import Floats, Step, Tensors, part_of
from circuits.program.ops import Argmax, Compare, Max, Relation, Select

Plan = tuple[Floats, list[Step]]

# Up to so many inner points (a pooling window) are compared one array with another, more by a reduction.
FEW_POINTS = 16
RELATIONS = {Relation.LESS: np.less, Relation.LESS_OR_EQUAL: np.less_equal, Relation.EQUAL: np.equal}


def maximum(op: Max, tensors: Tensors) -> Plan:
    out = np.empty(op.dims)
    steps: list[Step] = []
    candidates: list[Floats] = []
    for position in range(len(op.operands)):
        view, reading = tensors.read(op, position, fill=-math.inf)
        steps += reading
        if math.prod(op.inner) <= FEW_POINTS:
            everything = (slice(None),) * len(op.dims)
            candidates += [part_of(view, (*everything, *point)) for point in itertools.product(*map(range, op.inner))]
        else:
            largest = np.empty(op.dims)
            axes = tuple(range(len(op.dims), len(op.iteration)))
            steps.append(partial(np.maximum.reduce, view, axis=axes, out=largest))
            candidates.append(largest)
    if len(candidates) == 1:
        return out, [*steps, partial(np.copyto, out, candidates[0])]
    steps.append(partial(np.maximum, candidates[0], candidates[1], out=out))
    return out, steps + [partial(np.maximum, out, candidate, out=out) for candidate in candidates[2:]]


def argmax(op: Argmax, tensors: Tensors) -> Plan:
    """NumPy's argmax takes the first of equal ones, which is the lowest."""
    out, first = np.empty(op.dims), np.empty(op.dims, np.intp)
    view, steps = tensors.read(op, 0, fill=-math.inf)
    points = np.empty((*op.dims, math.prod(op.inner)))
    steps.append(partial(np.copyto, points.reshape(op.iteration), view))
    steps.append(partial(np.argmax, points, axis=-1, out=first))
    return out, [*steps, partial(np.copyto, out, first)]


def compare(op: Compare, tensors: Tensors) -> Plan:
    out = np.empty(op.dims)
    a, steps = tensors.read(op, 0)
    b, more = tensors.read(op, 1)
    return out, [*steps, *more, partial(RELATIONS[op.relation], a, b, out)]


def select(op: Select, tensors: Tensors) -> Plan:
    out, chosen = np.empty(op.dims), np.empty(op.dims, np.bool_)
    (c, steps), (a, for_a), (b, for_b) = (tensors.read(op, position) for position in range(3))
    steps = [*steps, *for_a, *for_b, partial(np.equal, c, 1.0, chosen)]
    return out, [*steps, partial(np.copyto, out, b), partial(np.copyto, out, a, where=chosen)]
