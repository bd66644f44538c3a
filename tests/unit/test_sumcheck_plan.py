"""A program is refused before any work where no verifier would take its key."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from service_fakes import tiny_program

from circuits.errors import InputError
from circuits.program.refs import AffineMap
from circuits.statement import Route, Statement
from prover.key_cache import KeyCache
from prover.sumcheck import make_plan, plan, prove, setup
from verifier.messages import MAX_CONTENT_BYTES, MAX_FILE_BYTES, ProofFile


def test_refuses_a_program_with_a_tensor_beyond_what_verifiers_look_at() -> None:
    program = tiny_program(size=1)
    dims = (1 << 29,)
    repeated = replace(program.ops[0], maps=(AffineMap.broadcast((1,), dims),), dims=dims)
    output = replace(program.outputs[0], port=replace(program.outputs[0].port, dims=dims))
    large = replace(program, ops=(repeated,), outputs=(output,))
    make_plan(program)
    with pytest.raises(InputError) as caught:
        make_plan(large)
    assert caught.value.code == "route_unsupported"
    assert "verifier" in caught.value.message


def test_refuses_a_program_that_no_input_feeds() -> None:
    program = replace(tiny_program(), inputs=(), ops=(), outputs=())
    with pytest.raises(InputError) as caught:
        make_plan(program)
    assert caught.value.code == "route_unsupported"


@pytest.mark.parametrize("name", ["key", "proof"])
def test_refuses_a_program_of_which_verifiers_would_not_read_the_files(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tiny_program()
    made = setup(make_plan(program), cache=KeyCache(tmp_path))
    inputs = [np.zeros(port.dims, np.int64) for port in program.inputs]
    files = {"key": made.key.encode(), "proof": prove(program, inputs, made).proof_file.proof}
    length = len(files[name])
    monkeypatch.setattr(plan, "MAX_CONTENT_BYTES", max(map(len, files.values())))
    make_plan(program)
    monkeypatch.setattr(plan, "MAX_CONTENT_BYTES", length - 1)
    with pytest.raises(InputError) as caught:
        make_plan(program)
    assert caught.value.code == f"{name}_too_large"
    assert caught.value.details == {"bytes": length, "limit": length - 1}


def test_a_proof_of_the_greatest_length_fits_a_file() -> None:
    words = [bytes(32)] * 3
    file = ProofFile(Route.SUMCHECK, Statement(*words), bytes(32), bytes(32), bytes(MAX_CONTENT_BYTES))
    assert len(file.to_json()) <= MAX_FILE_BYTES
