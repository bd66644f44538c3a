"""What a compilation is asked for. Every field changes the program, and so its modelId."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from circuits.errors import InputError
from circuits.program.refs import Visibility

# Reals up to here, and twice that, are finite in float32.
MOST_DECLARED = 1e38


@dataclass(frozen=True)
class CompileOptions:
    """`bits` of activations, `weight_bits` of constants, a table has at most 2^`table_bits` entries.

    `headroom` is how far beyond the largest calibrated value a scale still reaches. `input_bits` gives an input other
    bits than `bits` (8 to 32); `input_scales` pins its scale (a contract that makes its input on-chain needs a known
    one); `input_ranges` declares (low, high) where there
    is no calibration data. `per_feature` names inputs with one scale for each element of their last axis.
    `per_channel` gives small output channels finer weights. `freeze` and `batch` are as `import_onnx` takes them.
    """

    bits: int = 16
    weight_bits: int = 16
    table_bits: int = 12
    headroom: float = 2.0
    per_channel: bool = True
    input_visibility: Visibility = Visibility.PUBLIC
    input_bits: Mapping[str, int] = field(default_factory=dict)
    input_scales: Mapping[str, int] = field(default_factory=dict)
    input_ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    per_feature: tuple[str, ...] = ()
    freeze: Mapping[str, Any] = field(default_factory=dict)
    batch: int | None = 1
    held_out: float = 0.2
    fidelity_samples: int = 256

    def __post_init__(self) -> None:
        for name, low, high in (("bits", 8, 24), ("weight_bits", 8, 24), ("table_bits", 8, 16)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError("bad_option", f"{name} is {value}, outside {low} to {high}", option=name, value=value)
        for name, bits in self.input_bits.items():
            if not 8 <= bits <= 32:
                raise InputError("bad_option", f"input_bits[{name!r}] is {bits}, outside 8 to 32", option=name)
        for name, scale in self.input_scales.items():
            if not -64 <= scale <= 64:
                raise InputError("bad_option", f"input_scales[{name!r}] is {scale}, outside -64 to 64", option=name)
        for name, (below, above) in self.input_ranges.items():
            if not -MOST_DECLARED <= below <= above <= MOST_DECLARED:
                raise InputError(
                    "bad_option",
                    f"input_ranges[{name!r}] is {below:g} to {above:g}; a range within ±{MOST_DECLARED:g} is needed",
                    option=name,
                )
        if not 1.0 <= self.headroom <= 1024.0:
            raise InputError("bad_option", f"headroom is {self.headroom}, outside 1 to 1024", option="headroom")
        if not 0.0 <= self.held_out < 1.0:
            raise InputError("bad_option", f"held_out is {self.held_out}, outside 0 to 1", option="held_out")
