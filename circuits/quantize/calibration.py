"""Calibration data: samples of the model's inputs, given or random."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from circuits.errors import InputError
from circuits.onnx.graph import FloatGraph, Floats
from circuits.program.intervals import Interval
from circuits.program.limits import MAX_BITS
from circuits.quantize.options import CompileOptions

Sample = dict[str, Floats]
Data = Mapping[str, npt.NDArray[Any]]

RANDOM_SAMPLES = 64
# A large model is run over fewer: this many values in all.
RANDOM_ELEMENTS = 2**28
SEED = 0


@dataclass(frozen=True)
class Samples:
    """Some to choose scales by, others to judge by. `random` where nobody gave data."""

    calibration: list[Sample]
    held_out: list[Sample]
    random: bool

    def limited(self, most: int) -> Samples:
        """At most `most` of each."""
        return Samples(self.calibration[:most], self.held_out[:most], self.random)


def samples_of(graph: FloatGraph, data: Data | None, options: CompileOptions) -> Samples:
    """The samples of `data` ({input: [count, *shape]}, or without a batch of 1), the last of them held out."""
    if data is None:
        made = _random_samples(graph, options)
    else:
        _check_names(graph, data)
        columns = {name: _rows(name, shape, data[name]) for name, shape in graph.inputs.items()}
        counts = {name: len(column) for name, column in columns.items()}
        if len(set(counts.values())) != 1 or not min(counts.values()):
            raise InputError("calibration_wrong_shape", f"as many samples of every input are needed, got {counts}")
        count = next(iter(counts.values()))
        made = [{name: column[i] for name, column in columns.items()} for i in range(count)]
    held_out = int(len(made) * options.held_out)
    return Samples(made[: len(made) - held_out], made[len(made) - held_out :], random=data is None)


def _check_names(graph: FloatGraph, data: Data) -> None:
    """Every input has its data. Other arrays (labels, say) are left alone."""
    if not set(graph.inputs) <= set(data):
        raise InputError(
            "calibration_wrong_names",
            f"calibration data is for {', '.join(data)}; the model's inputs are {', '.join(graph.inputs)}",
            expected=sorted(graph.inputs),
            got=sorted(data),
        )


def _rows(name: str, shape: tuple[int, ...], values: npt.NDArray[Any]) -> Floats:
    """[count, *shape] in float64."""
    sample = values.shape[1:]
    without_batch = bool(shape) and shape[0] == 1 and sample == shape[1:]
    if values.ndim == 0 or (sample != shape and not without_batch):
        raise InputError(
            "calibration_wrong_shape",
            f"calibration for {name!r} has shape {list(values.shape)}, [count, {', '.join(map(str, shape))}] is needed",
            input=name,
            expected=list(shape),
            got=list(values.shape),
        )
    if values.dtype.kind not in "fiub" or not np.isfinite(values).all():
        raise InputError(
            "input_not_finite", f"calibration for {name!r} has values that are no finite numbers", input=name
        )
    return np.asarray(values, np.float64).reshape(len(values), *shape)


def _random_samples(graph: FloatGraph, options: CompileOptions) -> list[Sample]:
    """Uniform over the declared range of each input, or over ±1; whole numbers over the range, or over 0 and 1."""
    rng = np.random.default_rng(SEED)
    elements = sum(math.prod(shape) for shape in graph.shapes.values())
    count = max(2, min(RANDOM_SAMPLES, RANDOM_ELEMENTS // max(1, elements)))
    return [{name: _random(rng, graph, name, options) for name in graph.inputs} for _ in range(count)]


def _random(rng: np.random.Generator, graph: FloatGraph, name: str, options: CompileOptions) -> Floats:
    shape = graph.inputs[name]
    if graph.is_real(name):
        return rng.uniform(*options.input_ranges.get(name, (-1.0, 1.0)), shape)
    low, high = options.input_ranges.get(name, (0.0, 1.0))
    least, most = math.ceil(low), math.floor(high)
    whole = Interval.of_bits(MAX_BITS)
    if not whole.lo <= least <= most <= whole.hi:
        raise InputError(
            "bad_option",
            f"input_ranges[{name!r}] is {low:g} to {high:g}; whole numbers within {MAX_BITS} bits are needed",
            option=name,
        )
    return rng.integers(least, most, shape, endpoint=True).astype(np.float64)
