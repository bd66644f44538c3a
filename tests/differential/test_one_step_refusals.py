"""OneStep.sol and verifier/dispute refuse alike: anything else than the openings of what the roots commit to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from eth_abi.abi import decode
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from circuits.lower.optimistic import element_count, start, term_count
from circuits.program.interpreter import trace
from circuits.program.ops import Op
from circuits.statement import CHUNK_BYTES
from tests.one_step_cases import Case, open_all, whole
from tests.one_step_chain import OneStepChain, Reverted, one_step_chain
from tests.random_programs import GROW, inputs_of, programs
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.errors import DisputeError
from verifier.dispute.one_step import run_step
from verifier.dispute.types import Opening

Openings = tuple[Opening, ...]
LARGE = ((2,), (150,), (2, 90))
ROUNDS = 3


@pytest.fixture(scope="module")
def chain() -> Iterator[OneStepChain]:
    with one_step_chain() as deployed:
        yield deployed


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def without(words: tuple[bytes, ...], at: int) -> tuple[bytes, ...]:
    return words[:at] + words[at + 1 :]


# What may be done to one opening, with a random number; None where there is nothing to do it to.
FORGERIES: dict[str, Callable[[Opening, int], Opening | None]] = {
    "another element": lambda o, n: replace(o, chunks=flipped(o.chunks, n % len(o.chunks))),
    "a chunk too few": lambda o, n: replace(o, chunks=o.chunks[:-CHUNK_BYTES]),
    "a byte too few": lambda o, n: replace(o, chunks=o.chunks[:-1]),
    "a byte too many": lambda o, n: replace(o, chunks=o.chunks + b"\0"),
    "no chunk": lambda o, n: replace(o, chunks=b"", numbers=(), siblings=()),
    "a chunk twice": lambda o, n: replace(
        o, chunks=o.chunks[:CHUNK_BYTES] + o.chunks, numbers=o.numbers[:1] + o.numbers
    ),
    "chunks backwards": lambda o, n: replace(o, numbers=o.numbers[::-1]) if len(o.numbers) > 1 else None,
    "another chunk's number": lambda o, n: replace(o, numbers=(*o.numbers[:-1], o.numbers[-1] + 1)),
    "a number past the tensor": lambda o, n: replace(o, numbers=(*o.numbers[:-1], 2**32 - 1)),
    "another sibling": lambda o, n: (
        replace(o, siblings=(flipped(o.siblings[0], n % 32), *o.siblings[1:])) if o.siblings else None
    ),
    "a sibling too few": lambda o, n: replace(o, siblings=o.siblings[:-1]) if o.siblings else None,
    "a sibling left over": lambda o, n: replace(o, siblings=(*o.siblings, bytes(32))),
    "another tensor's path": lambda o, n: (
        replace(o, path=(*o.path[:-1], flipped(o.path[-1], n % 32))) if o.path else None
    ),
    "a path too short": lambda o, n: replace(o, path=o.path[:-1]) if o.path else None,
    "a path too long": lambda o, n: replace(o, path=(*o.path, bytes(32))),
    "other dims of the same size": lambda o, n: replace(o, dims=(*o.dims, 1)),
    "other dims": lambda o, n: replace(o, dims=(*o.dims[:-1], o.dims[-1] + 1)) if o.dims else replace(o, dims=(2,)),
    "too many dims": lambda o, n: replace(o, dims=o.dims + (1,) * 8),
    "another operand": lambda o, n: replace(o, operand=(o.operand + 1 + n % 255) % 256),
}


def forged(openings: Openings, rng: np.random.Generator) -> Iterator[tuple[str, Openings]]:
    """Each forgery of one of the openings, and of their list."""
    at, n = int(rng.integers(len(openings))), int(rng.integers(2**16))
    for name, forge in FORGERIES.items():
        made = forge(openings[at], n)
        if made is not None:
            yield name, (*openings[:at], made, *openings[at + 1 :])
    yield "an opening too few", openings[:at] + openings[at + 1 :]
    yield "an opening twice", (*openings[: at + 1], *openings[at:])
    yield "an operand that there is not", (*openings, replace(openings[-1], operand=255))
    if len(openings) > 1:
        yield "openings backwards", openings[::-1]


def accepted_in_python(case: Case, openings: Openings) -> bool:
    try:
        run_step(case.node, case.trace.step_roots, case.element, case.lo, case.hi, case.acc, openings)
    except DisputeError:
        return False
    return True


def drawn(data: st.DataObject, kind: type[Op], shapes: tuple[tuple[int, ...], ...]) -> Iterator[Case]:
    """A whole element of each op of a random program, if anything is read for it."""
    program = data.draw(programs([kind], most=3, shapes=shapes))
    inputs = data.draw(inputs_of(program))
    true = CommittedTrace(program, inputs, trace(program, inputs))
    for j, op in enumerate(program.ops):
        if type(op) is kind and element_count(op):
            case = whole(true, j, data.draw(st.integers(0, element_count(op) - 1)))
            if case.openings:
                yield case


@pytest.mark.parametrize("kind", GROW, ids=lambda kind: kind.__name__.lower())
def test_rejects_every_forged_opening(kind: type[Op], chain: OneStepChain) -> None:
    seen: Counter[str] = Counter()

    def refused(data: st.DataObject, shapes: tuple[tuple[int, ...], ...]) -> None:
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        for case in drawn(data, kind, shapes):
            assert accepted_in_python(case, case.openings)
            attempts = list(forged(case.openings, rng))
            answers = chain.values([case.call(), *(case.call(openings) for _, openings in attempts)])
            assert answers[0] == case.expected
            for (name, openings), answer in zip(attempts, answers[1:], strict=True):
                assert isinstance(answer, Reverted), (name, case, answer)
                assert not accepted_in_python(case, openings), (name, case)
                seen[name] += 1

    for number in range(ROUNDS):
        for shapes in ((), LARGE):
            given_data = given(st.data(), st.just(shapes))
            seed(number)(settings(max_examples=4, database=None)(given_data(refused)))()
    assert all(seen[name] for name in FORGERIES if name != "chunks backwards"), seen


def test_more_than_is_read_may_be_opened(chain: OneStepChain) -> None:
    """The chunks prove themselves; a longer proof costs only who sends it."""

    @settings(max_examples=30)
    @given(st.data(), st.sampled_from(list(GROW)))
    def accepted(data: st.DataObject, kind: type[Op]) -> None:
        for case in drawn(data, kind, ()):
            assert chain.values([case.call(open_all(case.trace, case.op))]) == [case.expected]

    accepted()


@settings(max_examples=60)
@given(st.data())
def test_descriptors_are_read_to_the_last_byte(chain: OneStepChain, data: st.DataObject) -> None:
    for op in data.draw(programs()).ops:
        descriptor = op.encode()
        cuts = [descriptor[:length] for length in range(len(descriptor))]
        answers = chain.answers([OneStepChain.shape(d) for d in (descriptor, descriptor + b"\0", *cuts)])
        assert not isinstance(answers[0], Reverted)
        dims, elements, terms, first = decode(["uint32[]", "uint32", "uint48", "int128"], answers[0])
        assert (tuple(dims), elements, terms, first) == (op.dims, element_count(op), term_count(op), start(op))
        assert all(isinstance(answer, Reverted) for answer in answers[1:])
