"""The estimate against measurements: ezkl 23.0.5 on two cores, public input and output, fixed parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import halo2_programs
import pytest

from circuits.errors import InputError
from circuits.program.ops import Linear
from circuits.program.refs import AffineMap
from prover.halo2.estimate import check_limits, choose_logrows, estimate_cost
from prover.halo2.options import Halo2Options, Limits
from prover.halo2.plan import make_plan
from prover.key_cache import KeyCache
from tests.programs import X


def settings(rows: int, *, tables: int = 1024, dynamic: int = 0, poseidon: int = 0, values: int = 10) -> dict[str, Any]:
    return {
        "num_rows": rows,
        "model_instance_shapes": [[1, values]],
        "required_range_checks": [[-1, 1], [0, 1], [0, tables - 1]],
        "total_dynamic_col_size": dynamic,
        "num_dynamic_lookups": int(dynamic > 0),
        "module_sizes": {"poseidon": [poseidon, [0]]},
    }


@pytest.mark.parametrize(
    ("logrows", "setup_s", "prove_s", "memory_gb", "key_gb"),
    [(15, 4.4, 5.7, 0.34, 0.138), (20, 192, 213, 9.6, 4.4), (21, 422, 438, 23.2, 10.5)],
    ids=["one layer", "lenet", "3.4m parameters"],
)
def test_is_within_a_third_of_what_was_measured(
    logrows: int, setup_s: float, prove_s: float, memory_gb: float, key_gb: float
) -> None:
    found = estimate_cost(settings((1 << logrows) - 100), logrows)
    pairs = [
        (found.setup_s, setup_s),
        (found.prove_s, prove_s),
        (found.peak_memory_bytes / 1e9, memory_gb),
        (found.disk_bytes / 1e9, key_gb),
    ]
    for expected, measured in pairs:
        assert measured / 1.33 < expected < measured * 1.33


def test_key_size_is_the_one_that_setup_writes(halo2_case: Any) -> None:
    written = halo2_case.keys.file("pk").stat().st_size
    assert written / 1.15 < halo2_case.keys.plan.estimate.disk_bytes < written * 1.15


def test_domain_holds_rows_tables_and_values() -> None:
    assert choose_logrows(settings(900)) == 11  # the 1,024-entry table and the blinding rows do not fit 2^10
    assert choose_logrows(settings(900, tables=256)) == 10
    assert choose_logrows(settings(1000, tables=256)) == 11
    assert choose_logrows(settings(900, tables=256, values=3000)) == 12
    assert choose_logrows(settings(900, tables=256, dynamic=5000)) == 13
    assert choose_logrows(settings(900, tables=256, poseidon=20_000)) == 15


def test_models_whose_rows_fill_the_domain_take_digits_of_16_bits(tmp_path: Path) -> None:
    elements, cache = (1000,), KeyCache(tmp_path)
    same = AffineMap.identity(elements)
    rescaled = Linear((X,), (same,), elements, (), 16, 0, 16, False, (3,))
    plans = [
        make_plan(halo2_programs.program([rescaled], [], elements, bits=32), Halo2Options(digit_bits=bits), cache)
        for bits in (None, 14, 16)
    ]
    assert [plan.lowered.digit_bits for plan in plans] == [16, 14, 16]
    assert [plan.logrows for plan in plans] == [17, 18, 17]


@pytest.mark.parametrize("field", ["max_memory_bytes", "max_disk_bytes", "max_prove_s"])
def test_refuses_what_is_over_a_limit(field: str) -> None:
    found = estimate_cost(settings(100_000), 17)
    reached = {
        "max_memory_bytes": found.peak_memory_bytes,
        "max_disk_bytes": found.disk_bytes,
        "max_prove_s": found.prove_s,
    }[field]
    check_limits(found, Limits(**{field: reached}))
    with pytest.raises(InputError) as caught:
        check_limits(found, Limits(**{field: reached - 1}))
    assert caught.value.code == "model_too_large"
    assert caught.value.details["rows"] == 100_000


def test_refuses_what_no_srs_can_hold() -> None:
    with pytest.raises(InputError) as caught:
        check_limits(estimate_cost(settings(2**26), 27), Limits())
    assert caught.value.code == "model_too_large"
