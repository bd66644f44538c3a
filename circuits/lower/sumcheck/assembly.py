"""The system of a finished lowering: its tensors in the order of their kinds (docs/protocol/sumcheck.md section 2)."""

from __future__ import annotations

from circuits.lower.sumcheck.context import Context
from circuits.lower.sumcheck.system import Expression, Fractions, Identity, Reading, System, Term


def assemble(context: Context) -> tuple[System, list[int]]:
    """The system, and the context's number of each of its tensors.

    What nothing speaks of is left out, but for inputs and outputs. SETUP has the program's constants first, in order.
    """
    constants = {tensor: number for number, (_, tensor) in enumerate(sorted(context.constants.items()))}
    order = sorted(_used(context), key=lambda t: (context.tensors[t].kind, constants.get(t, len(constants)), t))
    place = {tensor: number for number, tensor in enumerate(order)}

    def moved(expression: Expression) -> Expression:
        return tuple(
            Term(t.coefficient, tuple(Reading(place[r.tensor], r.how) for r in t.readings), t.inner) for t in expression
        )

    return System(
        tuple(context.tensors[tensor] for tensor in order),
        tuple(Identity(identity.dims, moved(identity.terms)) for identity in context.identities),
        tuple(
            Fractions(f.tag, f.dims, moved((f.numerator,))[0], tuple(moved(column) for column in f.columns))
            for f in context.fractions
        ),
    ), order


def _used(context: Context) -> set[int]:
    terms = [term for identity in context.identities for term in identity.terms]
    for fraction in context.fractions:
        terms += [fraction.numerator, *(term for column in fraction.columns for term in column)]
    return {reading.tensor for term in terms for reading in term.readings} | {*context.inputs, *context.outputs}
