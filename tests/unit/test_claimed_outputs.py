"""The file of outputs that `verify --output` compares with: what it has to hold, and what it may not say beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from service_fakes import tiny_program

from circuits.errors import InputError
from circuits.program.graph import Program
from verifier import claimed_outputs as module
from verifier.claimed_outputs import claimed_outputs
from verifier.errors import VerificationError

INTEGERS = {"y": [3, -6], "z": [1, 2]}


@pytest.fixture
def program() -> Program:
    """With outputs `y` and `z` of two integers each."""
    made = tiny_program()
    (y,) = made.outputs
    return replace(made, outputs=(y, replace(y, port=replace(y.port, name="z"))))


def read(folder: Path, program: Program, outputs: object) -> list[list[int]]:
    path = folder / "outputs"
    path.write_text(outputs if isinstance(outputs, str) else json.dumps({"outputs": outputs}))
    return [each.tolist() for each in claimed_outputs(path, program)]


def refused(folder: Path, program: Program, outputs: object) -> None:
    with pytest.raises(InputError) as caught:
        read(folder, program, outputs)
    assert caught.value.code == "output_unreadable"


def entry(name: str, /, **others: Any) -> dict[str, Any]:
    return {"integers": INTEGERS[name], **others}


def test_outputs_are_told_by_name_in_any_order_and_in_a_list_by_the_programs(tmp_path: Path, program: Program) -> None:
    expected = [INTEGERS["y"], INTEGERS["z"]]
    assert read(tmp_path, program, {"z": entry("z"), "y": entry("y")}) == expected
    assert read(tmp_path, program, [entry("y"), entry("z")]) == expected
    assert read(tmp_path, program, [entry("y", name="y"), entry("z", name="z")]) == expected


def test_refuses_a_list_whose_names_are_not_the_programs_in_its_order(tmp_path: Path, program: Program) -> None:
    refused(tmp_path, program, [entry("z", name="z"), entry("y", name="y")])
    refused(tmp_path, program, [entry("z", name="z"), entry("y")])
    refused(tmp_path, program, [entry("y", name="y"), entry("z")])
    refused(tmp_path, program, [entry("y", name="y"), entry("y", name="y")])


def test_refuses_another_number_of_outputs(tmp_path: Path, program: Program) -> None:
    refused(tmp_path, program, [entry("y")])
    refused(tmp_path, program, [entry("y"), entry("z"), entry("z")])
    refused(tmp_path, program, {"y": entry("y")})
    refused(tmp_path, program, {"y": entry("y"), "z": entry("z"), "w": entry("z")})


@pytest.mark.parametrize("name", ["y", "z"])
@pytest.mark.parametrize(
    ("field", "claimed"), [("values", []), ("values", None), ("scale_bits", None), ("shape", []), ("labels", [])]
)
def test_what_a_file_says_beside_any_outputs_integers_is_compared_even_if_it_is_nothing(
    name: str, field: str, claimed: object, tmp_path: Path, program: Program
) -> None:
    outputs = {each: entry(each) for each in INTEGERS}
    outputs[name][field] = claimed
    with pytest.raises(VerificationError) as caught:
        read(tmp_path, program, outputs)
    assert (caught.value.code, caught.value.details["output"]) == ("output_differs", name)
    assert caught.value.details["field"] == field


@pytest.mark.parametrize("element", [-(2**31), 2**31 - 1])
def test_integers_of_four_bytes_are_read(element: int, tmp_path: Path, program: Program) -> None:
    assert read(tmp_path, program, [{"integers": [element, 0]}, entry("z")])[0] == [element, 0]


@pytest.mark.parametrize("element", [-(2**31) - 1, 2**31, 1.0, True, "1", None])
def test_refuses_what_is_no_integer_of_four_bytes(element: object, tmp_path: Path, program: Program) -> None:
    refused(tmp_path, program, [{"integers": [0, element]}, entry("z")])


@pytest.mark.parametrize("integers", [[3], [3, -6, 0], [], 3, None, {"0": 3}, [[3, -6], [1, 2]]])
def test_refuses_another_number_of_integers(integers: object, tmp_path: Path, program: Program) -> None:
    refused(tmp_path, program, [{"integers": integers}, entry("z")])


@pytest.mark.parametrize("output", [1, None, [3, -6], "integers"])
def test_refuses_an_output_that_is_no_object(output: object, tmp_path: Path, program: Program) -> None:
    refused(tmp_path, program, [output, entry("z")])
    refused(tmp_path, program, {"y": output, "z": entry("z")})


def test_refuses_a_field_that_is_given_twice(tmp_path: Path, program: Program) -> None:
    twice = '{"outputs": {"y": {"integers": [0, 0], "integers": [3, -6]}, "z": {"integers": [1, 2]}}}'
    refused(tmp_path, program, twice)


def test_a_file_is_read_up_to_the_limit_and_refused_above_it(
    tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = json.dumps({"outputs": [entry("y"), entry("z")]})
    monkeypatch.setattr(module, "MAX_FILE_BYTES", len(text))
    assert read(tmp_path, program, text) == [INTEGERS["y"], INTEGERS["z"]]
    refused(tmp_path, program, text + " ")
