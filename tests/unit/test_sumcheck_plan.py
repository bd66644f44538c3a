"""A program is refused before any work where no verifier would take its key."""

from __future__ import annotations

from dataclasses import replace

import pytest
from service_fakes import tiny_program

from circuits.errors import InputError
from circuits.program.refs import AffineMap
from prover.sumcheck import make_plan


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
