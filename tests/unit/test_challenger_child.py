"""A child answers, refuses, or ends: nothing in it ends the process that asks, or keeps it waiting past the limit."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import challenger_hostile as hostile
import pytest

from circuits.errors import InputError
from verifier.challenger.child import Child, ChildFailedError, Limits, Question, wait_for
from verifier.challenger.errors import ChallengerError

LIMITS = Limits(work=1, seconds=2, memory_bytes=2**28)


@contextmanager
def child(limits: Limits = LIMITS) -> Iterator[Child]:
    made = Child(limits, "subject")
    try:
        yield made
    finally:
        made.kill()


def asked(made: Child, function: Callable[..., Any], *arguments: Any) -> Any:
    made.ask(Question(function, arguments))
    wait_for([made], None)
    assert made.answered()
    return made.answer()


def test_questions_are_answered_one_after_the_other_by_the_same_process() -> None:
    with child() as made:
        assert asked(made, hostile.echo, 1, b"two") == ("subject", 1, b"two")
        first = asked(made, hostile.process_id)
        assert first == asked(made, hostile.process_id) != os.getpid()


def test_a_refusal_comes_back_as_it_was_raised_and_ends_nothing() -> None:
    with child() as made:
        with pytest.raises(InputError) as refused:
            asked(made, hostile.refuses)
        assert (refused.value.code, refused.value.details) == ("op_too_large_to_dispute", {"op": 7})
        assert asked(made, hostile.echo) == ("subject",)


@pytest.mark.parametrize("act", [hostile.never_ends, hostile.burns])
def test_an_answer_that_never_comes_ends_the_child(act: Callable[..., Any]) -> None:
    with child(Limits(1, 1)) as made:
        with pytest.raises(ChallengerError) as refused:
            asked(made, act)
        assert refused.value.code == "program_too_large_to_check"
        assert refused.value.details["what"] == "seconds"


@pytest.mark.parametrize("act", [hostile.eats_memory, hostile.eats_memory_slowly])
def test_memory_beyond_the_limit_is_refused(act: Callable[..., Any]) -> None:
    with child(Limits(1, 60, 2**28)) as made:
        with pytest.raises(ChallengerError) as refused:
            asked(made, act)
        assert refused.value.code == "program_too_large_to_check"
        assert refused.value.details["what"] == "bytes of memory"


def test_an_unexpected_error_is_an_error_of_ours_with_its_traceback() -> None:
    with child() as made, pytest.raises(ChildFailedError, match="KeyError: 'no such key'"):
        asked(made, hostile.raises)


@pytest.mark.parametrize(("act", "code"), [(hostile.dies, -11), (hostile.leaves, 0)])
def test_a_child_that_ends_by_itself_is_an_error_of_ours(act: Callable[..., Any], code: int) -> None:
    with child() as made:
        with pytest.raises(ChildFailedError, match=f"exit code {code}"):
            asked(made, act)
        with pytest.raises(ChildFailedError):  # and stays one
            asked(made, hostile.echo)


def test_whoever_asks_does_not_wait_unless_he_says_so() -> None:
    before = set(multiprocessing.active_children())
    with child(Limits(1, 60)) as made:
        began = time.monotonic()
        made.ask(Question(hostile.never_ends))
        assert not made.answered()
        wait_for([made], 0.05)
        assert not made.answered()
        assert time.monotonic() - began < 30
    assert set(multiprocessing.active_children()) <= before
