"""LSTM, GRU and RNN, unrolled over their steps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from circuits.onnx.coverage.recurrent import NAMES
from circuits.onnx.graph import FloatNode, Floats
from circuits.program.limits import MAX_OPS, MAX_PORTS
from circuits.program.refs import Ref
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.moves import concatenated, part, transposed
from circuits.quantize.rules import Rule
from circuits.quantize.rules.activations import activations_of
from circuits.quantize.rules.cells import CELL, HIDDEN, Cell, gru, lstm, rnn
from circuits.quantize.rules.unrolled import Direction, Emitted, Measured
from circuits.quantize.size import require_at_most

# Where the parameters are among the node's inputs.
BIAS, LENGTHS, INITIAL, PEEPHOLES = 3, 4, 5, 7
ROLES = (HIDDEN, CELL)
# A step of one direction takes no fewer.
STEP_OPS = {"LSTM": 10, "GRU": 8, "RNN": 3}

Dims = tuple[int, int]


def recurrent(b: Builder, node: FloatNode) -> None:
    """Y is [steps, directions, batch, hidden], Y_h and Y_c the last states [directions, batch, hidden].

    With layout 1 the batch is the first axis of all, and of x and the initial states.
    """
    batch_first = bool(node.attributes.get("layout", 0))
    shape, count = b.graph.shapes[node.input(0)], b.graph.shapes[node.input(2)][0]
    fewest = shape[1 if batch_first else 0] * count * STEP_OPS[node.op]
    require_at_most(fewest, MAX_OPS, f"ops for {shape[1 if batch_first else 0]} steps")
    given = b.values.get(node.input(0)) or b.tensor(node.input(0))  # a constant one only starts from states
    x = transposed(b, b.tensor(node.input(0)), (1, 0, 2)) if batch_first else given
    cell, directions = _cell(node), _directions(b, node)
    made = [_unrolled(b, node, cell, place, direction, x) for place, direction in enumerate(directions)]
    y, *last = (*node.outputs, "", "")[:3]
    if y:
        steps = list(zip(*(by_step for by_step, _ in made), strict=True))
        dims = len(steps), len(made), x.dims[1], directions[0].hidden
        stacked = _stacked(b, [state for step in steps for state in step]).viewed(dims)
        b.values[y] = transposed(b, stacked, (2, 0, 1, 3)) if batch_first else stacked
    for place, name in enumerate(last):
        if name:
            stacked = _stacked(b, [states[place] for _, states in made])
            b.values[name] = transposed(b, stacked, (1, 0, 2)) if batch_first else stacked


def _cell(node: FloatNode) -> Cell:
    if node.op == "LSTM":
        return partial(lstm, input_forget=bool(node.attributes.get("input_forget", 0)))
    if node.op == "GRU":
        return partial(gru, linear_before_reset=bool(node.attributes.get("linear_before_reset", 0)))
    return rnn


def _directions(b: Builder, node: FloatNode) -> list[Direction]:
    weights, recurrence = (b.graph.constant(node.input(place)) for place in (1, 2))
    count, size, hidden = recurrence.shape
    biases = b.graph.constant(node.input(BIAS)) if node.input(BIAS) else np.zeros((count, 2 * size))
    peepholes = b.graph.constant(node.input(PEEPHOLES)).reshape(count, 3, hidden) if node.input(PEEPHOLES) else None
    activations, each = activations_of(node), len(NAMES[node.op])
    made = []
    for place in range(count):
        bias, recurrent_bias = biases[place][:size], biases[place][size:]
        split = node.op == "GRU" and bool(node.attributes.get("linear_before_reset", 0))
        made.append(
            Direction(
                weights[place],
                recurrence[place],
                bias if split else bias + recurrent_bias,
                recurrent_bias if split else None,
                None if peepholes is None else peepholes[place],
                activations[place * each : (place + 1) * each],
                reverse=node.attributes.get("direction", "forward") == "reverse" or place == 1,
            )
        )
    return made


def _unrolled(
    b: Builder, node: FloatNode, cell: Cell, place: int, direction: Direction, x: Tensor
) -> tuple[list[Tensor], list[Tensor]]:
    """One direction's h of every step, in the order of time, and its last states."""
    count, batch, _ = x.dims
    active = _active(b, node, count, batch)
    initial = _initial(b, node, place, (batch, direction.hidden))
    emitted = Emitted(b, node.name, direction, _peaks(b, cell, direction, x, initial, active))
    projected = emitted.projected(x)
    # Of the ops from here on, every step's output and the last state are read again.
    done, passing = len(b.ops_since(0)), set[Ref]()
    state = tuple(emitted.start(role, given) for role, given in zip(ROLES, initial, strict=False))
    made: dict[int, Tensor] = {}
    for step in direction.steps(count):
        after = cell(emitted, emitted.at(projected, step), state)
        shown = after[0]
        if not active[step].all():
            after = tuple(emitted.chosen(active[step], new, old) for new, old in zip(after, state, strict=True))
            shown = emitted.chosen(active[step], shown, emitted.start(HIDDEN, np.zeros(shown.dims)))
        made[step], state = shown.tensor, after
        recent = b.ops_since(done)
        kept = {made[step].ref, *(seen.tensor.ref for seen in state)}
        b.forget({*passing, *recent} - kept)
        done, passing = done + len(recent), ({*passing, *recent} & kept) - {made[step].ref}
    return [made[step] for step in range(count)], [seen.tensor for seen in state]


def _active(b: Builder, node: FloatNode, count: int, batch: int) -> Floats:
    """1 for a sequence of the batch that still goes on, else 0: [steps, batch, 1]."""
    lengths = b.graph.integers(node.input(LENGTHS)) if node.input(LENGTHS) else [count] * batch
    return (np.arange(count)[:, None] < np.array(lengths))[..., None].astype(np.float64)


def _initial(b: Builder, node: FloatNode, place: int, dims: Dims) -> list[Tensor | Floats]:
    """The initial states of one direction: tensors, or real constants."""
    axis = 1 if node.attributes.get("layout", 0) else 0

    def state(name: str) -> Tensor | Floats:
        if not name or b.graph.is_constant(name):
            return np.take(b.graph.constant(name), place, axis) if name else np.zeros(dims)
        return part(b, b.tensor(name), axis, place, 1).viewed(dims)

    return [state(node.input(INITIAL + number)) for number in range(2 if node.op == "LSTM" else 1)]


def _peaks(
    b: Builder, cell: Cell, direction: Direction, x: Tensor, initial: Sequence[Tensor | Floats], active: Floats
) -> dict[str, float]:
    """How far every value of the direction reaches on the calibration samples."""
    measured = Measured(direction)
    projected = measured.noted("projected", b.shadow(x) @ direction.weights.T + direction.bias)
    shadows = [b.shadow(given) if isinstance(given, Tensor) else given for given in initial]
    state = tuple(measured.noted(role, shadow) for role, shadow in zip(ROLES, shadows, strict=False))
    for step in direction.steps(x.dims[0]):
        after = cell(measured, projected[:, step], state)
        state = tuple(np.where(active[step] > 0, new, old) for new, old in zip(after, state, strict=True))
    return measured.peaks


def _stacked(b: Builder, tensors: Sequence[Tensor]) -> Tensor:
    """[count, *dims] of tensors of equal dims and scale."""
    rows = [tensor.viewed((1, *tensor.dims)) for tensor in tensors]
    while len(rows) > 1:
        rows = [concatenated(b, rows[start : start + MAX_PORTS], 0) for start in range(0, len(rows), MAX_PORTS)]
    return rows[0]


RULES: dict[str, Rule] = dict.fromkeys(NAMES, recurrent)
