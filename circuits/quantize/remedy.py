"""What to change about a program whose integers would not be exact: found by trying, so that what is advised works."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from circuits.errors import InferproofError
from circuits.program.errors import ProgramError
from circuits.program.limits import MIN_BITS
from circuits.quantize.options import CompileOptions
from circuits.quantize.prepared import PreparedModel, Progress

OVERFLOW = "program_range_overflow"


@dataclass(frozen=True)
class _Knob:
    """Something a user can turn down: `flag` names it, `at` is the options with it at another number of bits."""

    flag: str
    name: str
    bits: int
    at: Callable[[int], CompileOptions]


def _knobs(prepared: PreparedModel, options: CompileOptions) -> Iterator[_Knob]:
    yield _Knob("--weight-bits ", "weight_bits", options.weight_bits, lambda n: replace(options, weight_bits=n))
    yield _Knob("--bits ", "bits", options.bits, lambda n: replace(options, bits=n))
    graph = prepared.model.graph
    for name in graph.inputs:
        bits = options.input_bits.get(name, 32 if graph.is_integer(name) else 0)
        if bits > MIN_BITS:

            def at(n: int, name: str = name) -> CompileOptions:
                return replace(options, input_bits={**options.input_bits, name: n})

            yield _Knob(f"--input-bits {name}=", f"input_bits.{name}", bits, at)


def with_remedy(
    error: InferproofError, prepared: PreparedModel, options: CompileOptions, progress: Progress
) -> ProgramError:
    """The same refusal, with the changes that would make the model compile."""
    found: dict[str, int] = {}
    advice = []
    for knob in _knobs(prepared, options):
        works = _most_bits(knob, prepared, progress)
        if works is not None:
            found[knob.name] = works
            advice.append(f"{knob.flag}{works} or fewer")
    text = (
        f"what fits: {', or '.join(advice)}" if advice else "no bits of at least 8 are few enough: compute less in it"
    )
    return ProgramError(error.code, f"{error.message}; {text}", **{**error.details, "fix": found})


def _most_bits(knob: _Knob, prepared: PreparedModel, progress: Progress) -> int | None:
    """The most bits, below those asked for, at which the model compiles; by bisection, so few are tried."""

    def compiles(bits: int) -> bool:
        try:
            prepared.lower(knob.at(bits), lambda phase, done: progress("look for a setting that fits", done))
        except InferproofError as error:
            if error.code != OVERFLOW:
                raise
            return False
        return True

    works, fails = MIN_BITS, knob.bits
    if fails <= MIN_BITS or not compiles(works):
        return None
    while fails - works > 1:
        middle = (works + fails) // 2
        works, fails = (middle, fails) if compiles(middle) else (works, middle)
    return works
