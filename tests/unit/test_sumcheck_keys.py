"""Setup and what it finds in its cache."""

from __future__ import annotations

from pathlib import Path

import halo2_programs
import pytest

from circuits.errors import EnvironmentFailure
from prover.key_cache import MANIFEST, KeyCache
from prover.sumcheck import make_plan, setup


@pytest.mark.parametrize(("kind", "name"), [("rows", "commitments"), ("srs", "srs")])
def test_an_entry_that_lost_its_file_and_says_nothing_of_it_is_damaged(tmp_path: Path, kind: str, name: str) -> None:
    plan = make_plan(halo2_programs.gemm_relu())
    setup(plan, cache=KeyCache(tmp_path))
    (folder,) = (path for path in (tmp_path / kind).iterdir() if path.is_dir())
    (folder / MANIFEST).write_text("{}")
    (folder / name).unlink()
    with pytest.raises(EnvironmentFailure) as caught:
        setup(plan, cache=KeyCache(tmp_path))
    assert caught.value.code == "key_corrupt"
    assert str(folder) in caught.value.message
