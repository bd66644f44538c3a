"""A program is refused before any work where no verifier would take its key."""

from __future__ import annotations

from dataclasses import replace

import pytest
from service_fakes import tiny_program

from circuits.errors import InputError
from circuits.program.refs import AffineMap
from circuits.statement import Route, Statement
from prover.sumcheck import make_plan, plan
from verifier.messages import MAX_FILE_BYTES, MAX_PROOF_BYTES, ProofFile
from verifier.sumcheck_proof import ProofShape


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


def test_refuses_a_program_whose_proofs_no_verifier_would_read(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_plan(tiny_program())
    length = ProofShape.of(made.lowering.system, made.layout).length
    monkeypatch.setattr(plan, "MAX_PROOF_BYTES", length)
    make_plan(tiny_program())
    monkeypatch.setattr(plan, "MAX_PROOF_BYTES", length - 1)
    with pytest.raises(InputError) as caught:
        make_plan(tiny_program())
    assert caught.value.code == "proof_too_large"
    assert caught.value.details == {"bytes": length, "limit": length - 1}


def test_a_proof_of_the_greatest_length_fits_a_file() -> None:
    words = [bytes(32)] * 3
    file = ProofFile(Route.SUMCHECK, Statement(*words), bytes(32), bytes(32), bytes(MAX_PROOF_BYTES))
    assert len(file.to_json()) <= MAX_FILE_BYTES
