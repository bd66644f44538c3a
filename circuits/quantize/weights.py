"""Real constants against a tensor: the accumulating ops whose other operand is a weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from circuits.program.limits import MAX_SHIFT
from circuits.program.ops import Contract, Mul
from circuits.program.refs import AffineMap
from circuits.quantize.builder import UNQUANTIZED, Builder, Reading, Tensor
from circuits.quantize.scales import MAX_WEIGHT_SCALE, Exact, Floats, Reach, Target, Want, quantize_weights
from circuits.quantize.shadow import Shadow


@dataclass(frozen=True)
class Weights:
    """Real weights as they are stored, how an op reads them, and the axes whose slices may have scales of their own.

    `divisors` are a program input's scales an element, as factors 2^-scale that broadcast over `values`.
    """

    values: Floats
    how: AffineMap
    channels: tuple[int, ...] = ()
    divisors: Floats | None = None
    first: bool = False  # whether they are operand a


def weighted(
    b: Builder,
    name: str,
    kind: type[Contract] | type[Mul],
    x: tuple[Tensor, AffineMap],
    weights: Weights,
    dims: tuple[int, ...],
    want: Want,
    *,
    inner: tuple[int, ...] = (),
    bias: tuple[Floats, AffineMap] | None = None,
) -> Tensor:
    """x · weights (+ bias), summed over `inner`. `bias` is (values, how they are read over dims and inner)."""
    tensor, how = x
    x_scale = 0 if weights.divisors is not None else tensor.scale
    readings: list[Reading] = [(tensor.ref, how), (UNQUANTIZED, weights.how)]
    if weights.first:
        readings.reverse()
    real = weights.values if weights.divisors is None else weights.values * weights.divisors
    acc = b.shadow_of(kind, readings, dims, inner, Shadow(real, constant=True))
    if bias is not None:
        acc = acc + _broadcast(bias, dims) * 2.0**x_scale
    target: Want
    if isinstance(want, Exact):
        target, stored = want, b.fixed(f"{name}.weights", real, 0)
    else:
        target = chosen = b.resolve(want, acc, x_scale, b.interval(tensor))
        largest = min(MAX_WEIGHT_SCALE, chosen.scale + MAX_SHIFT - x_scale)
        channels = weights.channels if b.options.per_channel else ()
        offset = 0.0 if bias is None else float(np.abs(bias[0]).max(initial=0.0)) * 2.0**x_scale
        reach = float(b.interval(tensor).magnitude)
        quantized = quantize_weights(real, b.options.weight_bits, largest, channels, reach, offset)
        stored = b.constant(f"{name}.weights", quantized.values, quantized.scale)
    readings = [(stored.ref if ref is UNQUANTIZED else ref, read) for ref, read in readings]
    acc_scale = x_scale + stored.scale
    if bias is not None:
        readings.append((b.bias(f"{name}.bias", bias[0], acc_scale).ref, bias[1]))
    return b.accumulate(kind, readings, dims, acc_scale, target, inner=inner, shadow=acc * 2.0**stored.scale)


def _broadcast(bias: tuple[Floats, AffineMap], dims: tuple[int, ...]) -> Floats:
    """A bias over the output: its map only broadcasts."""
    values, how = bias
    shape = [1] * len(dims)
    for size, row in zip(values.shape, how.strides, strict=True):
        if size != 1:
            shape[row.index(1)] = size
    return values.reshape(shape)


def times_constant(
    b: Builder, name: str, x: Tensor, factor: Floats, dims: tuple[int, ...], want: Target | Reach
) -> Tensor:
    """x · factor, broadcast over dims."""
    divisors = None
    if x.per_feature:
        divisors = 2.0 ** -np.array(x.scales, np.float64)
        factor = np.broadcast_to(factor, np.broadcast_shapes(factor.shape, x.dims[-1:]))
    weights = Weights(factor, AffineMap.broadcast(factor.shape, dims), divisors=divisors)
    return weighted(b, name, Mul, (x, x.broadcast(dims)[1]), weights, dims, want)
