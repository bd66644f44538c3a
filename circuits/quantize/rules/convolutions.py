"""Conv, and ConvTranspose as a Conv of its input spread out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from circuits.onnx.graph import FloatNode, Floats
from circuits.program.ops import Contract
from circuits.program.refs import AffineMap
from circuits.quantize.builder import Builder, Tensor
from circuits.quantize.moves import axes_map, moved
from circuits.quantize.rules import Rule
from circuits.quantize.rules.layers import Bias, read_over
from circuits.quantize.rules.tables import wanted
from circuits.quantize.rules.windows import Window, window_of
from circuits.quantize.weights import Weights, weighted

Dims = tuple[int, ...]


@dataclass(frozen=True)
class _Reads:
    """How a convolution reads x and its weights, over (batch, channels, pixels) and (channels of a group, kernel).

    With groups, channels are seen as (group, channel of the group) on both sides: then every map is affine.
    """

    x: AffineMap
    weights: AffineMap
    dims: Dims
    inner: Dims
    lead: Dims  # (groups,), or nothing where there is one


def _reads(x_dims: Dims, out: Dims, per_group: int, window: Window, group: int) -> _Reads:
    """`per_group` is how many input channels a group has; `out` the float output's dims."""
    lead = (group,) if group > 1 else ()
    dims, inner = (out[0], *lead, out[1] // group, *out[2:]), (per_group, *window.kernel)
    rank, space = len(dims) + len(inner), len(window.kernel)

    def walk(axis: int) -> Dims:
        return tuple(int(d == axis) for d in range(rank))

    leads = [walk(1)] if lead else []
    pixels = tuple(
        tuple(
            window.strides[s] * (d == len(dims) - space + s) + window.dilations[s] * (d == len(dims) + 1 + s)
            for d in range(rank)
        )
        for s in range(space)
    )
    x_view = (x_dims[0], *lead, per_group, *x_dims[2:])
    offsets = (0,) * (len(x_view) - space) + tuple(-begin for begin in window.begins)
    w_view = (*lead, out[1] // group, *inner)
    w_rows = (*leads, walk(1 + len(lead)), *(walk(len(dims) + i) for i in range(len(inner))))
    return _Reads(
        AffineMap(x_view, offsets, (walk(0), *leads, walk(len(dims)), *pixels)),
        AffineMap(w_view, (0,) * len(w_view), w_rows),
        dims,
        inner,
        lead,
    )


def conv(b: Builder, node: FloatNode) -> None:
    x, out = b.tensor(node.input(0)), b.graph.shapes[node.output]
    shape = b.graph.shapes[node.input(1)]
    window = window_of(node, x.dims[2:], out[2:], shape[2:])
    reads = _reads(x.dims, out, shape[1], window, int(node.attributes.get("group", 1)))
    if b.graph.is_constant(node.input(1)):
        b.values[node.output] = _weighted(b, node, x, b.graph.constant(node.input(1)), reads)
        return
    kernel = b.tensor(node.input(1))
    readings, acc_scale = [(x.ref, reads.x), (kernel.ref, reads.weights)], x.scale + kernel.scale
    bias = _bias(b, node, reads)
    if bias is not None:
        readings.append((b.bias(f"{node.output}.bias", bias[0], acc_scale).ref, bias[1]))
    made = b.accumulate(Contract, readings, reads.dims, acc_scale, wanted(b, node.output), inner=reads.inner)
    b.values[node.output] = made.viewed(out)


def _weighted(b: Builder, node: FloatNode, x: Tensor, values: Floats, reads: _Reads) -> Tensor:
    """With constant weights [channels, channels of a group, *kernel]."""
    weights = Weights(values.reshape(reads.weights.view), reads.weights, channels=tuple(range(len(reads.lead) + 1)))
    want, read = wanted(b, node.output), (x, reads.x)
    bias = _bias(b, node, reads)
    made = weighted(b, node.output, Contract, read, weights, reads.dims, want, inner=reads.inner, bias=bias)
    return made.viewed(b.graph.shapes[node.output])


def _bias(b: Builder, node: FloatNode, reads: _Reads) -> Bias:
    """A bias that broadcasts over (batch, channels, pixels), its channel axis split when there are groups."""
    if not node.input(2):
        return None
    values = b.graph.constant(node.input(2))
    unsplit = len(reads.dims) - 2
    if reads.lead and values.ndim >= unsplit:
        axis = values.ndim - unsplit
        split = reads.dims[1:3] if values.shape[axis] != 1 else (1, 1)
        values = values.reshape(*values.shape[:axis], *split, *values.shape[axis + 1 :])
    return read_over(values, reads.dims, len(reads.inner))


def conv_transpose(b: Builder, node: FloatNode) -> None:
    """y[o] = Σ x[i] · w[k] over all i, k with o = stride·i + dilation·k − begin.

    Spread out with zeros, x is read at o + begin − dilation·k: an ordinary convolution with the kernel flipped.
    """
    x, out = b.tensor(node.input(0)), b.graph.shapes[node.output]
    values, group = b.graph.constant(node.input(1)), int(node.attributes.get("group", 1))
    kernel, space = values.shape[2:], values.ndim - 2
    strides, dilations = (tuple(node.attributes.get(name, [1] * space)) for name in ("strides", "dilations"))
    spans = [dilation * (size - 1) for dilation, size in zip(dilations, kernel, strict=True)]
    begins = _begins(node, x.dims[2:], out[2:], strides, spans)
    after = tuple(span - begin for span, begin in zip(spans, begins, strict=True))
    # [inputs, outputs of a group, *kernel], inputs of all groups, as a convolution has them.
    flipped = np.flip(values, tuple(range(2, values.ndim))).reshape(group, -1, *values.shape[1:]).swapaxes(1, 2)
    window = Window(kernel, (1,) * space, dilations, after, after)
    spread = _spread(b, x, strides)
    reads = _reads(spread.dims, out, x.dims[1] // group, window, group)
    b.values[node.output] = _weighted(b, node, spread, flipped, reads)


def _begins(node: FloatNode, inputs: Dims, outputs: Dims, strides: Dims, spans: list[int]) -> Dims:
    """The padding before each axis, as ONNX derives it where the output's shape is given instead."""
    auto, shape = node.attributes.get("auto_pad", "NOTSET"), node.attributes.get("output_shape")
    if auto == "NOTSET" and not shape:
        return tuple(node.attributes.get("pads", [0] * len(inputs))[: len(inputs)])
    more = node.attributes.get("output_padding", [0] * len(inputs))
    totals = [
        max(0, stride * (size - 1) + extra + span + 1 - out)
        for size, out, stride, extra, span in zip(inputs, outputs, strides, more, spans, strict=True)
    ]
    return tuple(total // 2 if auto == "SAME_UPPER" else total - total // 2 for total in totals)


def _spread(b: Builder, x: Tensor, strides: Dims) -> Tensor:
    """stride − 1 zeros after each element along every spatial axis: an axis of size 1 beside it, read out of bounds."""
    if set(strides) == {1}:
        return x
    lead = x.dims[0] * x.dims[1]
    pairs = list(zip(x.dims[2:], strides, strict=True))
    view = (lead, *(part for size, _ in pairs for part in (size, 1)))
    dims = (lead, *(part for pair in pairs for part in pair))
    how = axes_map(view, [0] * len(view), [(axis, 1) for axis in range(len(view))], len(view))
    return moved(b, x, how, dims).viewed((*x.dims[:2], *(size * stride for size, stride in pairs)))


RULES: dict[str, Rule] = {"Conv": conv, "ConvTranspose": conv_transpose}
