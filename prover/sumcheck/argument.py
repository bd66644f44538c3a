"""One proof, message by message, in the order of docs/protocol/sumcheck.md section 5."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from circuits.lower.sumcheck.system import Kind
from circuits.statement import Statement
from prover.backend import Phases, Progress, silent
from prover.kernels import fast_hasher, field
from prover.sumcheck.channel import Channel
from prover.sumcheck.fractions import prove_fractions
from prover.sumcheck.functionals import WeightBook
from prover.sumcheck.identities import prove_products
from prover.sumcheck.keys import ProvingKey
from prover.sumcheck.ledger import prove_evaluation, weigh_claims
from prover.sumcheck.measuring import Stopwatch
from prover.sumcheck.opening import prove_opening
from prover.sumcheck.table import fill_rows
from verifier.claims import Terms, extra_coordinates
from verifier.field import eq_index
from verifier.forms import Form, identity_form, leaf_forms
from verifier.sumcheck_proof import public_bytes
from verifier.transcript import Tag

Integers = npt.NDArray[np.int64]


class Argument:
    """What an honest prover says of an assignment, whether that satisfies the system or not.

    `values` are those of every tensor of the system, in its dims. An argument is made once.
    """

    def __init__(
        self,
        keys: ProvingKey,
        values: Sequence[Integers],
        phases: Phases | None = None,
        progress: Progress = silent,
        channel: Channel | None = None,
    ) -> None:
        self._keys, self._system, self._layout = keys, keys.key.system, keys.key.layout
        self._values = values
        self._phases, self._progress = phases or Phases(), progress
        self._channel = channel or Channel(fast_hasher)
        self._book = WeightBook(keys.key.group_book)

    def prove(self, statement: Statement) -> bytes:
        """The proof; the statement's roots should be those of the values' public tensors."""
        return self.prove_rows(statement, self.witness_rows())

    def witness_rows(self) -> Integers:
        """The cells that step 1 commits to."""
        return fill_rows(self._system, self._layout, dict(enumerate(self._values)), Kind.WITNESS)

    def prove_rows(self, statement: Statement, witness: Integers) -> bytes:
        """As `prove`, with these cells committed: outside real cells they may hold anything."""
        key, channel = self._keys.key, self._channel
        words = (key.srs_digest, self._keys.digest, statement.input_root, statement.output_root)
        channel.absorb(Tag.STATEMENT, b"".join(words))
        with self._phase("commit"):
            commitments = self._keys.reference_string.commit_integers(list(witness))
            channel.absorb(Tag.WITNESS_ROWS, b"".join(commitments))
        with self._phase("fractions"):
            claims, zeta = self._prove_fractions()
        with self._phase("identities"):
            claims += self._prove_identities(zeta)
        rows = [*self._keys.setup_rows, *witness]
        with self._phase("evaluation"):
            point = self._evaluate(rows, claims)
        with self._phase("opening"):
            self._open(rows, point)
        return self._public_bytes() + channel.messages()

    def _phase(self, name: str) -> Stopwatch:
        return Stopwatch(name, self._phases, self._progress)

    def _prove_fractions(self) -> tuple[list[Terms], list[int]]:
        """Steps 2 to 4: what is claimed of the leaves, and the point ζ."""
        places, channel = self._keys.key.fraction_layout, self._channel
        beta, alpha = channel.challenge(Tag.BETA), channel.challenge(Tag.ALPHA)
        zeta = prove_fractions(self._system, places, self._values, alpha, beta, channel)
        zeta += [channel.challenge(Tag.ZETA) for _ in range(extra_coordinates(self._system, places.depth))]
        forms = leaf_forms(self._system, places, zeta, (alpha, beta))
        return [self._claim(form, zeta) for form in forms], zeta

    def _prove_identities(self, zeta: Sequence[int]) -> list[Terms]:
        """Steps 5 to 7: what is claimed of the identities' linear readings, and of every factor."""
        gamma = self._channel.challenge(Tag.GAMMA)
        factors = prove_products(self._system, self._values, zeta, gamma, self._book, self._channel)
        return [self._claim(identity_form(self._system.identities, gamma), zeta), *factors]

    def _claim(self, form: Form, zeta: Sequence[int]) -> Terms:
        """The committed part of a form."""
        read = [(reading.functional(zeta), coefficient) for reading, coefficient in form.readings.items()]
        return tuple(part for part in read if self._system.tensors[part[0].tensor].kind.committed)

    def _evaluate(self, rows: Sequence[Integers], claims: Sequence[Terms]) -> list[int]:
        """Steps 8 and 9: the point x."""
        delta = self._channel.challenge(Tag.DELTA)
        weights = weigh_claims(self._system, self._layout, claims, delta, self._book)
        return prove_evaluation(self._layout, rows, weights, self._channel)

    def _open(self, rows: Sequence[Integers], point: Sequence[int]) -> None:
        """Steps 10 to 13, of the rows' combination at the point's upper coordinates."""
        low, high = point[: self._layout.row_bits], point[self._layout.row_bits :]
        factors = [eq_index(high, row) for row in (*self._layout.setup_rows, *self._layout.witness_rows)]
        combined = field.combine_integers(list(rows), factors, 1 << self._layout.row_bits)
        prove_opening(combined, low, self._channel, self._keys.reference_string)

    def _public_bytes(self) -> bytes:
        public = [*self._system.of_kind(Kind.INPUT), *self._system.of_kind(Kind.OUTPUT)]
        tensors = [self._system.tensors[tensor] for tensor in public]
        return public_bytes(tensors, [self._values[tensor] for tensor in public])
