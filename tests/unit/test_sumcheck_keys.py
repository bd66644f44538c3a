"""Setup and what it finds in its cache."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import halo2_programs
import pytest
from other_srs import write_other_srs

from circuits.errors import EnvironmentFailure, InputError
from circuits.lower.sumcheck.system import System
from prover.key_cache import MANIFEST, KeyCache
from prover.srs import SrsReport, generate_dev_srs, verify_srs
from prover.sumcheck import audit, make_plan, setup
from verifier.curve import G1_GENERATOR
from verifier.sumcheck_key import SumcheckKey


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


def test_a_reference_string_may_have_as_many_points_as_a_row_has_cells(tmp_path: Path) -> None:
    plan = make_plan(halo2_programs.gemm_relu())
    generate_dev_srs(plan.layout.row_bits, tmp_path / "srs")
    named = setup(plan, tmp_path / "srs", cache=KeyCache(tmp_path / "named"))
    assert named.key == setup(plan, cache=KeyCache(tmp_path / "own")).key


def test_rows_over_another_reference_string_are_other_rows(tmp_path: Path) -> None:
    plan, cache = make_plan(halo2_programs.gemm_relu()), KeyCache(tmp_path / "cache")
    own = setup(plan, cache=cache)
    write_other_srs(plan.layout.row_bits, tmp_path / "srs")
    other = setup(plan, tmp_path / "srs", cache=cache)
    assert other.key.commitments == setup(plan, tmp_path / "srs", cache=KeyCache(tmp_path / "fresh")).key.commitments
    assert other.key.commitments != own.key.commitments
    assert audit(plan.lowering.program, other.key, tmp_path / "srs", cache=cache).key == other.key


def test_a_reference_string_that_changes_while_it_is_looked_at_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_plan(halo2_programs.gemm_relu())
    generate_dev_srs(plan.layout.row_bits, tmp_path / "srs")
    generate_dev_srs(plan.layout.row_bits + 1, tmp_path / "later")

    def late(path: Path, **options: Any) -> SrsReport:
        shutil.copy(tmp_path / "later", path)
        return verify_srs(path, **options)

    monkeypatch.setattr("prover.sumcheck.keys.verify_srs", late)
    with pytest.raises(InputError) as caught:
        setup(plan, tmp_path / "srs", cache=KeyCache(tmp_path / "cache"))
    assert caught.value.code == "srs_digest_mismatch"


def changed(key: SumcheckKey, part: str) -> SumcheckKey:
    system = key.system
    systems = {
        "an identity less": System(system.tensors, system.identities[:-1], system.fractions),
        "a fraction less": System(system.tensors, system.identities, system.fractions[:-1]),
    }
    if part in systems:
        return replace(key, system=systems[part])
    return {
        "model": replace(key, model_id=bytes(32)),
        "reference string": replace(key, srs_digest=bytes(32)),
        "row": replace(key, row_bits=key.row_bits + 1),
        "weights": replace(key, commitments=(*key.commitments[:-1], G1_GENERATOR)),
    }[part]


@pytest.mark.parametrize("part", ["model", "reference string", "row", "weights", "an identity less", "a fraction less"])
def test_an_audit_tells_a_key_with_any_part_changed(part: str, tmp_path: Path) -> None:
    program, cache = halo2_programs.gemm_relu(), KeyCache(tmp_path)
    key = setup(make_plan(program), cache=cache).key
    audit(program, key, cache=cache)
    with pytest.raises(InputError) as caught:
        audit(program, changed(key, part), cache=cache)
    assert caught.value.code == "audit_differs"
