"""Nobody satisfies a lowered system with another output: forged assignments, and a search of all that there are.

The search (tests/sumcheck_search.py) works in the field and finds every assignment of what a prover commits, so what
it says of a forged output holds for any witness that a cheater could put beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_programs import GROW, inputs_of, programs
from sumcheck_programs import CASES, Case, split_input
from sumcheck_search import assignments, outputs

from circuits.lower.sumcheck.lowering import Lowering, lower
from circuits.lower.sumcheck.satisfy import violations
from circuits.lower.sumcheck.system import Kind, System
from circuits.program.interpreter import run, trace
from circuits.program.ops import Op

TRIES = 5


def lowered(name: str, limb_bits: int | None = None) -> tuple[Lowering, list[tuple[int, ...]]]:
    case: Case = CASES[name]()
    return lower(case[0], limb_bits), case[1]


def result(lowering: Lowering, elements: Sequence[int]) -> tuple[int, ...]:
    made = run(lowering.program, split_input(lowering.program, elements))[0]
    return tuple(int(value) for value in made.reshape(-1))


def can_be(lowering: Lowering, elements: Sequence[int], output: Sequence[int]) -> bool:
    """Whether any assignment has this output."""
    inputs = split_input(lowering.program, elements)
    found = assignments(lowering.system, inputs, lowering.setup_values(), output)
    return all(len(column) > 0 for column in found.values())


@pytest.mark.parametrize("limb_bits", [None, 16])
@pytest.mark.parametrize("name", sorted(CASES))
def test_only_the_interpreters_output_can_be_satisfied(name: str, limb_bits: int | None) -> None:
    lowering, tries = lowered(name, limb_bits)
    for elements in tries[:TRIES]:
        inputs = split_input(lowering.program, elements)
        assert outputs(lowering.system, inputs, lowering.setup_values()) == {result(lowering, elements)}


@pytest.mark.parametrize("name", ["linear that saturates far", "relu of a saturating sum", "less", "max of two"])
def test_every_lookup_is_needed(name: str) -> None:
    """Without any one of them the search finds a forgery, or that something is bounded by nothing."""
    lowering, tries = lowered(name)
    lookups = [f for f in lowering.system.fractions if f.numerator.coefficient > 0]
    for left_out in lookups:
        weak = replace(lowering.system, fractions=tuple(f for f in lowering.system.fractions if f is not left_out))
        assert any(is_forgeable(weak, lowering, elements) for elements in tries), left_out


def is_forgeable(weak: System, lowering: Lowering, elements: Sequence[int]) -> bool:
    inputs = split_input(lowering.program, elements)
    try:
        return len(outputs(weak, inputs, lowering.setup_values())) > 1
    except AssertionError as unbounded:
        return "nothing bounds" in str(unbounded)


@pytest.mark.parametrize("kind", sorted(GROW, key=lambda kind: kind.__name__), ids=lambda kind: kind.__name__)
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_rejects_any_element_of_an_output_changed_with_the_rest_made_to_fit(
    kind: type[Op], data: st.DataObject
) -> None:
    program = data.draw(programs([kind], most=2, empty_axes=False))
    inputs = data.draw(inputs_of(program))
    made = trace(program, inputs)
    made[-1] = made[-1].copy()
    element = data.draw(st.integers(0, made[-1].size - 1))
    made[-1].reshape(-1)[element] += data.draw(st.sampled_from([-1, 1, 256, -(1 << 16)]))
    lowering = lower(program)
    assert violations(lowering.system, lowering.assign(inputs, made)) != []


def test_rejects_a_quotient_moved_by_one_with_the_remainder_moved_by_the_divisor() -> None:
    for name in ("linear that rescales", "contract that rescales", "mul that rescales", "divide by a constant"):
        lowering, tries = lowered(name)
        for elements in tries[:3]:
            (y,) = result(lowering, elements)
            assert can_be(lowering, elements, (y,))
            assert not can_be(lowering, elements, (y + 1,))
            assert not can_be(lowering, elements, (y - 1,))


def test_rejects_a_quotient_moved_by_the_number_of_its_bits() -> None:
    for name, bits in (("linear that rescales", 8), ("linear that rescales", 16), ("divide", 16)):
        lowering, tries = lowered(name)
        (y,) = result(lowering, tries[3])
        assert not can_be(lowering, tries[3], (y + (1 << bits),))
        assert not can_be(lowering, tries[3], (y - (1 << bits),))


def test_rejects_a_saturation_where_there_is_none_and_none_where_there_is_one() -> None:
    lowering, _ = lowered("linear that saturates far")
    assert result(lowering, (1,)) == (8,)  # 30 / 4, half up
    assert not can_be(lowering, (1,), (127,))
    assert not can_be(lowering, (1,), (-128,))
    assert result(lowering, (127,)) == (127,)  # 953, clamped
    for claimed in (953, 953 - 256 * 4, 126, -128):
        assert not can_be(lowering, (127,), (claimed,))
    assert result(lowering, (-128,)) == (-128,)
    assert not can_be(lowering, (-128,), (127,))


def test_rejects_a_relu_with_the_wrong_sign_at_zero() -> None:
    for name in ("relu of a saturating sum", "relu of a sum"):
        lowering, _ = lowered(name)
        for x in (-1, 0, 1):
            (y,) = result(lowering, (x,))
            for claimed in {-8, -1, 0, 1, 8, 127, y} - {y}:
                assert not can_be(lowering, (x,), (claimed,))


def test_rejects_a_maximum_that_is_another_element_or_none() -> None:
    for name, elements in (
        ("max of a window that misses", (5, 9)),
        ("max of two", (5, 5, 9)),
        ("max of three", (5, 7, 9)),
    ):
        lowering, _ = lowered(name)
        assert can_be(lowering, elements, (9,))
        # 0 is what is read out of bounds; 13 = 9 + 9 - 5 is a sum of selected elements with a negative selector.
        for claimed in (5, 7, 0, 13, 10):
            assert not can_be(lowering, elements, (claimed,))
    lowering, _ = lowered("max of a window that misses")
    assert not can_be(lowering, (-5, -9), (0,))


def test_rejects_multiplicities_with_negatives() -> None:
    lowering, _ = lowered("max of three")
    inputs = split_input(lowering.program, (5, 7, 9))
    made = [np.array([5])]
    forged = lowering.assign(inputs, made)
    counted = [f.numerator.readings[0].tensor for f in lowering.system.fractions if f.numerator.coefficient < 0]
    for tensor in counted[:3]:
        if forged[tensor].size == 1:
            forged[tensor] = -forged[tensor]
    assert violations(lowering.system, forged) != []


def test_rejects_a_tie_that_goes_to_a_later_index() -> None:
    lowering, _ = lowered("argmax")
    for elements, first, later in (((5, 5, 5), 0, (1, 2)), ((-1, 5, 5), 1, (2,)), ((7, 7, -128), 0, (1,))):
        assert can_be(lowering, elements, (first,))
        for claimed in (*later, 3, -1):
            assert not can_be(lowering, elements, (claimed,))


def test_rejects_an_index_that_is_out_of_bounds() -> None:
    """The first of three points misses, and reads 0, which is larger than the elements."""
    lowering, _ = lowered("argmax that misses")
    assert result(lowering, (-5, -6, -7)) == (1,)
    for claimed in (0, 2, 3):
        assert not can_be(lowering, (-5, -6, -7), (claimed,))


def test_rejects_a_wrong_comparison() -> None:
    for name in ("less", "less or equal", "equal"):
        lowering, tries = lowered(name)
        for elements in tries[:4]:
            (y,) = result(lowering, elements)
            assert can_be(lowering, elements, (y,))
            for claimed in (1 - y, 2, -1):
                assert not can_be(lowering, elements, (claimed,))


def test_rejects_the_other_operand_of_a_select() -> None:
    lowering, _ = lowered("select")
    assert result(lowering, (3, 9)) == (3,)
    for claimed in (9, 6, 0, 12):
        assert not can_be(lowering, (3, 9), (claimed,))


def test_rejects_a_neighbour_of_what_is_gathered() -> None:
    lowering, _ = lowered("gather of rows")
    elements = (10, 11, 12, 13, 14, 15, 0, 1)
    right = result(lowering, elements)
    for row in range(2):
        for claimed in set(range(10, 16)) - {right[row]}:
            forged = list(right)
            forged[row] = claimed
            assert not can_be(lowering, elements, forged)
    assert not can_be(lowering, elements, right[::-1])


def test_rejects_a_quotient_that_is_off_by_one_as_in_a_softmax() -> None:
    lowering, _ = lowered("divide")
    for elements in ((3, 2), (-3, 2), (127, -128), (-128, 3)):
        (y,) = result(lowering, elements)
        for claimed in (y - 1, y + 1):
            assert not can_be(lowering, elements, (claimed,))


def test_rejects_a_root_that_is_off_by_one_or_zero() -> None:
    for name in ("rsqrt", "rsqrt that may be zero"):
        lowering, _ = lowered(name)
        for x in (3, 16, 17, 127):
            (y,) = result(lowering, (x,))
            for claimed in {y - 1, y + 1, -y, 0} - {y}:
                assert not can_be(lowering, (x,), (claimed,))


def test_rejects_a_public_tensor_that_is_not_what_everybody_knows() -> None:
    lowering, tries = lowered("lookups of one argument")
    inputs = split_input(lowering.program, tries[0])
    assignment = lowering.assign(inputs, trace(lowering.program, inputs))
    for kind in (Kind.ONES, Kind.IOTA):
        (tensor, *_) = lowering.system.of_kind(kind)
        changed = [values.copy() for values in assignment]
        changed[tensor].reshape(-1)[-1] += 1
        assert any(v.kind == "public" for v in violations(lowering.system, changed))
    beyond = [values.copy() for values in assignment]
    beyond[lowering.system.of_kind(Kind.INPUT)[0]][0] = 128
    assert any(v.kind == "public" for v in violations(lowering.system, beyond))
