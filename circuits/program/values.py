"""Real numbers in and out of a program: q = floor(x · 2^scale + 1/2), x = q / 2^scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from circuits.errors import InputError
from circuits.program.graph import Program
from circuits.program.intervals import Interval
from circuits.program.refs import Port

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def _scaled(port: Port, real: npt.ArrayLike) -> Floats:
    """`real` times 2^scale, rounded half up; of the port's dims."""
    try:
        values = np.asarray(real, np.float64)
    except (ValueError, TypeError) as error:
        raise InputError("input_wrong_shape", f"input {port.name!r} is no array of numbers: {error}") from error
    if port.dims and port.dims[0] == 1 and values.shape == port.dims[1:]:
        values = values.reshape(port.dims)
    if values.shape != port.dims:
        raise InputError(
            "input_wrong_shape",
            f"input {port.name!r} must be one sample, of shape {list(port.dims)}; got {list(values.shape)}",
            input=port.name,
            expected=list(port.dims),
            got=list(values.shape),
        )
    if not np.isfinite(values).all():
        place = [int(i) for i in np.argwhere(~np.isfinite(values))[0]]
        raise InputError(
            "input_not_finite", f"input {port.name!r} is {values[tuple(place)]} at {place}", input=port.name, at=place
        )
    scales = np.array(port.scales if len(port.scales) > 1 else port.scales[0], np.float64)
    return np.floor(values * 2.0**scales + 0.5)


def quantize_input(port: Port, real: npt.ArrayLike) -> Integers:
    """The integers of a real input of the port's shape (a leading batch of 1 may be left out).

    Raises InputError `input_wrong_shape`, `input_not_finite` or `input_out_of_range`; nothing is clamped.
    """
    scaled, allowed = _scaled(port, real), Interval.of_bits(port.bits)
    outside = np.argwhere((scaled < allowed.lo) | (scaled > allowed.hi))
    if len(outside):
        place = [int(i) for i in outside[0]]
        scale = port.scales[place[-1]] if len(port.scales) > 1 else port.scales[0]
        raise InputError(
            "input_out_of_range",
            f"input {port.name!r} at {place} is {scaled[tuple(place)] / 2.0**scale:g}; it must lie within "
            f"[{allowed.lo / 2.0**scale:g}, {allowed.hi / 2.0**scale:g}] ({port.bits} bits at scale {scale}); "
            "for more, compile the model with calibration data, or an --input-range, that holds it",
            input=port.name,
            at=place,
            bits=port.bits,
            scale_bits=scale,
        )
    return scaled.astype(np.int64)


def quantize_clamped(port: Port, real: npt.ArrayLike) -> Integers:
    """As `quantize_input`, but clamped to the port's range: for measuring a model, never for a statement."""
    allowed = Interval.of_bits(port.bits)
    return np.clip(_scaled(port, real), allowed.lo, allowed.hi).astype(np.int64)


def real_values(port: Port, integers: Integers) -> Floats:
    """What a port's integers mean."""
    scales = np.array(port.scales if len(port.scales) > 1 else port.scales[0], np.float64)
    return integers.astype(np.float64) / 2.0**scales


def outputs_document(program: Program, outputs: Sequence[Integers]) -> dict[str, Any]:
    """`{"outputs": {NAME: {"shape", "scale_bits", "integers", "values"}}}`, as every command prints them.

    An output with labels also has `"labels"`: the label of every integer, null for an integer that has none (no run of
    the program gives one).
    """
    document: dict[str, dict[str, Any]] = {}
    for output, integers in zip(program.outputs, outputs, strict=True):
        port = output.port
        document[port.name] = {
            "shape": list(port.dims),
            "scale_bits": port.scales[0],
            "integers": integers.reshape(-1).tolist(),
            "values": real_values(port, integers).reshape(-1).tolist(),
        }
        if port.labels:
            known = dict(enumerate(port.labels))
            document[port.name]["labels"] = [known.get(index) for index in integers.reshape(-1).tolist()]
    return {"outputs": document}
