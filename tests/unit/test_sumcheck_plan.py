"""A program is refused before any work where no verifier would take its key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from service_fakes import tiny_program

from circuits.errors import InputError
from circuits.program.graph import Program
from circuits.program.refs import AffineMap
from prover.key_cache import KeyCache
from prover.sumcheck import estimate, setup


def setting_up(folder: Path) -> Callable[[Program], object]:
    return lambda program: setup(program, cache=KeyCache(folder))


def test_refuses_a_program_with_a_tensor_beyond_what_verifiers_look_at(tmp_path: Path) -> None:
    program = tiny_program(size=1)
    dims = (1 << 29,)
    repeated = replace(program.ops[0], maps=(AffineMap.broadcast((1,), dims),), dims=dims)
    output = replace(program.outputs[0], port=replace(program.outputs[0].port, dims=dims))
    large = replace(program, ops=(repeated,), outputs=(output,))
    for refuse in (estimate, setting_up(tmp_path)):
        refuse(program)
        with pytest.raises(InputError) as caught:
            refuse(large)
        assert caught.value.code == "route_unsupported"
        assert "verifier" in caught.value.message


def test_refuses_a_program_that_no_input_feeds(tmp_path: Path) -> None:
    program = replace(tiny_program(), inputs=(), ops=(), outputs=())
    for refuse in (estimate, setting_up(tmp_path)):
        with pytest.raises(InputError) as caught:
            refuse(program)
        assert caught.value.code == "route_unsupported"
