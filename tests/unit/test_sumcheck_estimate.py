"""The estimate against what a setup writes and a proof needs."""

from __future__ import annotations

import halo2_programs
import pytest

from prover.key_cache import KeyCache
from prover.sumcheck import estimate, make_plan, setup


def test_memory_and_disk_follow_the_systems_shape(tmp_path_factory: pytest.TempPathFactory) -> None:
    program = halo2_programs.gemm_relu()
    plan = make_plan(program)
    expected = estimate(plan)
    cache = KeyCache(tmp_path_factory.mktemp("sumcheck"))
    key = setup(plan, cache=cache).key
    cells = (len(key.layout.setup_rows) + len(key.layout.witness_rows)) << key.row_bits
    assert expected.peak_memory_bytes > 80 * cells
    written = sum(
        path.stat().st_size for path in cache.root.rglob("*") if path.is_file() and path.name in {"srs", "commitments"}
    )
    assert abs(written - expected.disk_bytes) < 1024
    assert 0 < expected.setup_s < expected.prove_s < 1
