"""What a caller chooses about a halo2 key, and the limits it sets on the work."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from circuits.lower.halo2 import Lowered
from verifier.halo2_key import InputMode, ParamMode

_PARAMETERS = {ParamMode.FIXED: "fixed", ParamMode.HASHED: "hashed", ParamMode.PRIVATE: "private"}
_INPUTS = {InputMode.PUBLIC: "public", InputMode.HASHED: "hashed", InputMode.PRIVATE: "private"}


@dataclass(frozen=True)
class Limits:
    """Refuse before starting (`model_too_large`) what the estimate puts above these; None: no limit."""

    max_memory_bytes: int | None = None
    max_disk_bytes: int | None = None
    max_prove_s: float | None = None


@dataclass(frozen=True)
class Halo2Options:
    """`srs`: path of an SRS file; None takes the INSECURE development string, generated where it is missing.

    `digit_bits`: size of the digits that ezkl decomposes integers into; None picks the cheapest. `private_input` and
    ParamMode.PRIVATE leave the statement unbound: for local use only.
    """

    parameters: ParamMode = ParamMode.FIXED
    private_input: bool = False
    srs: Path | None = None
    digit_bits: int | None = None
    limits: Limits = field(default_factory=Limits)


def run_args(lowered: Lowered, parameters: ParamMode, inputs: InputMode, logrows: int) -> dict[str, Any]:
    """ezkl's run arguments under which a lowered program is exact, docs/protocol/halo2.md section 6."""
    return {
        "input_scale": 0,
        "param_scale": 0,
        "input_visibility": _INPUTS[inputs],
        "output_visibility": "public",
        "param_visibility": _PARAMETERS[parameters],
        "logrows": logrows,
        "decomp_base": lowered.ezkl_base(),
        "decomp_legs": lowered.digits,
        # Its randomised matrix check would need an argument of its own; plain dot products have none to make.
        "disable_freivalds": True,
        # The verifier checks public values against their ports' bits, the circuit a hidden input's (section 4).
        "ignore_range_check_inputs_outputs": True,
        "check_mode": "unsafe",
    }
