"""Forged witnesses and the honest prover that argues for them, for tests of the sumcheck route.

An honest prover says what it is made to say of any assignment: whatever it then takes to be accepted, the forger has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from circuits.lower.sumcheck.lowering import Lowering
from circuits.lower.sumcheck.satisfy import Violation, violations
from circuits.lower.sumcheck.system import Kind
from circuits.program.graph import Program
from circuits.program.interpreter import evaluate_op, trace
from circuits.program.refs import Ref, Source
from circuits.statement import Statement, input_root, output_root
from prover.kernels import KnownTauSrs, field
from prover.kernels.field import ReferenceString
from prover.key_cache import KeyCache
from prover.srs import DEVELOPMENT_TAU
from prover.sumcheck import Argument, ProvingKey, SumcheckKeys, make_plan, setup
from prover.sumcheck.channel import Channel
from prover.sumcheck.table import fill_rows
from verifier.errors import VerificationError
from verifier.opened import Opened
from verifier.srs import DEVELOPMENT_S_G2, Accepted
from verifier.sumcheck import verify
from verifier.sumcheck_key import SumcheckKey

DEVELOPMENT = Accepted(frozenset([DEVELOPMENT_S_G2]))
Integers = np.ndarray
Assignment = list[Integers]


@dataclass(frozen=True)
class Forger:
    """One program, its keys, and one honest run of it."""

    program: Program
    keys: SumcheckKeys
    inputs: list[Integers]

    @classmethod
    def of(cls, program: Program, inputs: list[Integers], cache: KeyCache) -> Forger:
        return cls(program, setup(make_plan(program), cache=cache), inputs)

    @property
    def lowering(self) -> Lowering:
        return self.keys.lowering

    @cached_property
    def made(self) -> list[Integers]:
        return trace(self.program, self.inputs)

    @cached_property
    def honest(self) -> Assignment:
        return self.lowering.assign(self.inputs, self.made)

    def changed(self, changes: dict[int, Integers]) -> Assignment:
        """The honest assignment with some tensors changed, and multiplicities to fit them."""
        return self.lowering.recount([changes.get(t, values) for t, values in enumerate(self.honest)])

    def continued(self, position: int, output: Integers) -> Assignment:
        """As if op number `position` had made `output`: everything after it follows honestly."""
        made = [*self.made[:position], output]
        sources = {Source.INPUT: self.inputs, Source.CONST: [c.values for c in self.program.constants], Source.OP: made}

        def operand(ref: Ref) -> Integers:
            return sources[ref.source][ref.index]

        for op in self.program.ops[position + 1 :]:
            made.append(evaluate_op(op, [operand(ref) for ref in op.operands]))
        return self.lowering.assign(self.inputs, made)

    def statement(self, assignment: Sequence[Integers]) -> Statement:
        """What the assignment's public tensors say."""
        inputs, outputs = ([assignment[t] for t in self.lowering.system.of_kind(k)] for k in (Kind.INPUT, Kind.OUTPUT))
        return Statement(self.keys.key.model_id, input_root(inputs), output_root(outputs))

    def violations(self, assignment: Sequence[Integers]) -> list[Violation]:
        return violations(self.lowering.system, assignment)

    def argue(
        self, assignment: Sequence[Integers], keys: ProvingKey | None = None, channel: Channel | None = None
    ) -> bytes:
        return Argument(keys or self.keys.proving, assignment, channel=channel).prove(self.statement(assignment))

    def rejected(self, assignment: Sequence[Integers], keys: ProvingKey | None = None) -> str:
        """The code with which the honest prover's argument for an assignment that is none is refused."""
        return rejection(self.statement(assignment), self.keys.key, self.argue(assignment, keys))


def proving_key(key: SumcheckKey, values: Assignment) -> ProvingKey:
    """Of a system made by hand, over the development string."""
    string = KnownTauSrs(key.row_bits, DEVELOPMENT_TAU.to_bytes(32, "big")).monomial(0, 1 << key.row_bits)
    rows = fill_rows(key.system, key.layout, dict(enumerate(values)), Kind.SETUP)
    return ProvingKey(key, rows, ReferenceString(string))


def check(statement: Statement, key: SumcheckKey, proof: bytes) -> Opened:
    return verify(statement, key, proof, DEVELOPMENT, field)


def rejection(statement: Statement, key: SumcheckKey, proof: bytes) -> str:
    """The code of the refusal; an accepted proof fails the test."""
    try:
        check(statement, key, proof)
    except VerificationError as refusal:
        return refusal.code
    raise AssertionError("a forged proof was accepted")


def parts(lowering: Lowering, identity: int) -> dict[int, int]:
    """Of an identity: its WITNESS tensors that are read alone, by the absolute value of their coefficients."""
    system = lowering.system
    terms = [term for term in system.identities[identity].terms if len(term.readings) == 1]
    witness = [term for term in terms if system.tensors[term.readings[0].tensor].kind is Kind.WITNESS]
    return {abs(term.coefficient): term.readings[0].tensor for term in witness}
