"""What a circuit will cost, from ezkl's settings, before anything heavy starts (docs/protocol/halo2.md section 7).

The figures per row are measured on two cores; a test compares them with committed measurements.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from circuits.errors import InputError
from prover.backend import Estimate
from prover.halo2.options import Limits

PROBE_LOGROWS = 26  # large enough for any circuit that could be proven; settings cost no memory in proportion
MIN_LOGROWS, MAX_LOGROWS = 6, 26
_RESERVED_ROWS = 32  # blinding factors, and the rows that ezkl keeps free at the end

_COLUMN_BYTES = 6 * 32  # of the proving key: values, coefficients, and evaluations over a four times larger domain
_COLUMNS, _DYNAMIC_COLUMNS, _POSEIDON_COLUMNS = 25, 26, 32
_MEMORY_PER_KEY_BYTE, _BASE_MEMORY_BYTES = 2.2, 60 << 20
# Transforms make the time grow with logrows as well as with cells.
_SETUP_S, _PROVE_S, _START_S = 3.7e-7, 4.2e-7, 0.3


def choose_logrows(settings: Mapping[str, Any]) -> int:
    """The smallest domain into which everything fits with one block of advice columns."""
    values = sum(math.prod(dims) for dims in settings["model_instance_shapes"])
    tables = [high - low + 1 for low, high in settings["required_range_checks"]]
    dynamic = int(settings["total_dynamic_col_size"])
    poseidon = int(settings["module_sizes"]["poseidon"][0])
    rows = max([int(settings["num_rows"]), values, dynamic, poseidon, *tables]) + _RESERVED_ROWS
    return max(MIN_LOGROWS, int(rows - 1).bit_length())


def key_columns(settings: Mapping[str, Any]) -> int:
    """Columns of the proving key: the gates' own, and those of table lookups and of hashing."""
    dynamic = _DYNAMIC_COLUMNS if settings["num_dynamic_lookups"] else 0
    poseidon = _POSEIDON_COLUMNS if settings["module_sizes"]["poseidon"][0] else 0
    return _COLUMNS + dynamic + poseidon


def estimate_cost(settings: Mapping[str, Any], logrows: int) -> Estimate:
    cells = key_columns(settings) << logrows
    key_bytes = cells * _COLUMN_BYTES
    return Estimate(
        rows=int(settings["num_rows"]),
        srs_k=logrows,
        setup_s=_START_S + cells * logrows * _SETUP_S,
        prove_s=_START_S + cells * logrows * _PROVE_S,
        peak_memory_bytes=int(_BASE_MEMORY_BYTES + key_bytes * _MEMORY_PER_KEY_BYTE),
        disk_bytes=key_bytes,
    )


def check_limits(estimate: Estimate, limits: Limits) -> None:
    """Raises InputError `model_too_large` naming what is over which limit."""
    checks = {
        "peak memory in bytes": (estimate.peak_memory_bytes, limits.max_memory_bytes),
        "disk in bytes": (estimate.disk_bytes, limits.max_disk_bytes),
        "proving time in seconds": (estimate.prove_s, limits.max_prove_s),
        "k of the SRS": (estimate.srs_k or 0, MAX_LOGROWS),
    }
    for what, (expected, limit) in checks.items():
        if limit is not None and expected > limit:
            message = (
                f"the model is too large for the halo2 route here: expected {what} {expected:,.0f}, limit {limit:,.0f} "
                f"({estimate.rows:,} rows, an SRS of k = {estimate.srs_k}); "
                "use a smaller model, another route or a larger machine"
            )
            details = {"what": what, "expected": expected, "limit": limit, "rows": estimate.rows}
            raise InputError("model_too_large", message, **details, srs_k=estimate.srs_k)
