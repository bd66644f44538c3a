"""Einsum: two operands at a time, each pair one contraction whose maps say which label walks each axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_letters

import numpy as np

from circuits.onnx.einsum import Labels, equation_of, sizes_of
from circuits.onnx.graph import FloatNode, Floats
from circuits.program.ops import Contract, Mul
from circuits.program.refs import AffineMap
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.moves import axes_map, moved
from circuits.quantize.rules import Rule
from circuits.quantize.rules.tables import wanted
from circuits.quantize.scales import Want
from circuits.quantize.sums import total
from circuits.quantize.weights import Weights, weighted

Dims = tuple[int, ...]


@dataclass(frozen=True)
class Real:
    """Real constants, and what walks their axes."""

    labels: Labels
    value: Floats

    @property
    def dims(self) -> Dims:
        return self.value.shape


@dataclass(frozen=True)
class Quantized:
    """A tensor, and what walks its axes."""

    labels: Labels
    value: Tensor

    @property
    def dims(self) -> Dims:
        return self.value.dims


Operand = Real | Quantized


def einsum(b: Builder, node: FloatNode) -> None:
    equation = equation_of(node, b.graph)
    left: list[Operand] = [
        Real(labels, b.graph.constant(name)) if b.graph.is_constant(name) else Quantized(labels, b.tensor(name))
        for labels, name in zip(equation.operands, node.inputs, strict=True)
    ]
    sizes = sizes_of(equation.operands, [operand.dims for operand in left])
    for places in _order(left, equation.output):
        pair = [left[place] for place in places]
        left = [operand for place, operand in enumerate(left) if place not in places]
        needed = {*equation.output}.union(*(operand.labels for operand in left))
        labels = dict.fromkeys(label for operand in pair for label in operand.labels if label in needed)
        output, want = (tuple(labels), b.want(node.output)) if left else (equation.output, wanted(b, node.output))
        left.append(_contracted(b, node.output, pair, output, sizes, want))
    made = left[0]
    assert isinstance(made, Quantized)  # a node of constants alone is one by now
    b.values[node.output] = _summed(b, made, equation.output, sizes, wanted(b, node.output))


def _numpy(output: Labels, *operands: Labels) -> str:
    """The equation in letters of NumPy's."""
    letters = dict(zip(dict.fromkeys(label for labels in operands for label in labels), ascii_letters, strict=False))
    return ",".join("".join(letters[x] for x in o) for o in operands) + "->" + "".join(letters[x] for x in output)


def _order(operands: Sequence[Operand], output: Labels) -> list[tuple[int, int]]:
    """Which two operands come next; what they make goes to the end."""
    shapes = [np.broadcast_to(0.0, operand.dims) for operand in operands]
    path = np.einsum_path(_numpy(output, *(o.labels for o in operands)), *shapes, optimize="greedy")[0][1:]
    pairs = [places for places in path if len(places) == 2]
    # NumPy multiplies operands of equal labels all at once.
    return pairs if len(pairs) == len(path) else [(0, 1)] * (len(operands) - 1)


def _read(operand: Operand, places: dict[str, int]) -> AffineMap:
    """`places` says which axis of the iteration each label is; an axis of one element does not move."""
    walks = [
        (places[label], 1) if size != 1 else None for label, size in zip(operand.labels, operand.dims, strict=True)
    ]
    return axes_map(operand.dims, [0] * len(walks), walks, len(places))


def _contracted(
    b: Builder, name: str, pair: Sequence[Operand], output: Labels, sizes: dict[str, int], want: Want
) -> Operand:
    """The product of two operands, summed over the labels that are not in `output`."""
    over = tuple(dict.fromkeys(x for operand in pair for x in operand.labels if x not in output))
    places = {label: place for place, label in enumerate((*output, *over))}
    dims, inner = (tuple(sizes[label] for label in labels) for labels in (output, over))
    kind: type[Contract] | type[Mul] = Contract if over else Mul
    tensors = [operand for operand in pair if isinstance(operand, Quantized)]
    constants = [operand for operand in pair if isinstance(operand, Real)]
    readings = [(operand.value.ref, _read(operand, places)) for operand in tensors]
    if not constants:
        acc_scale = sum(operand.value.scale for operand in tensors)
        return Quantized(output, b.accumulate(kind, readings, dims, acc_scale, want, inner=inner))
    if not tensors:
        equation = _numpy(output, *(operand.labels for operand in constants))
        return Real(output, np.einsum(equation, *(operand.value for operand in constants)))
    stored = _innermost(constants[0], output)
    channels = tuple(axis for axis, label in enumerate(stored.labels) if label in output)
    weights = Weights(stored.value, _read(stored, places), channels)
    read = tensors[0].value, readings[0][1]
    return Quantized(output, weighted(b, name, kind, read, weights, dims, want, inner=inner))


def _innermost(constants: Real, output: Labels) -> Real:
    """Each label once, the contracted ones last: so weights are stored."""
    labels = tuple(sorted(dict.fromkeys(constants.labels), key=lambda label: label not in output))
    return Real(labels, np.einsum(_numpy(labels, constants.labels), constants.value))


def _summed(b: Builder, operand: Quantized, output: Labels, sizes: dict[str, int], want: Want) -> Tensor:
    """One operand with its axes in order, summed over the others; a diagonal where a label stands twice."""
    if operand.labels == output:
        return operand.value
    over = tuple(dict.fromkeys(label for label in operand.labels if label not in output))
    places = {label: place for place, label in enumerate((*output, *over))}
    dims, inner = (tuple(sizes[label] for label in labels) for labels in (output, over))
    how = _read(operand, places)
    if not over:
        return moved(b, operand.value, how, dims)
    return total(b, operand.value, (operand.value.ref, how), dims, inner, want)


RULES: dict[str, Rule] = {"Einsum": einsum}
