"""The sumcheck route as a `ports.Prover`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from circuits.program.graph import Program
from circuits.statement import Route
from prover import sumcheck
from prover.backend import Estimate, Progress
from prover.kernels import fast_hasher
from prover.key_cache import KeyCache
from prover.service.adapters.pairing_routes import require_pinned, require_srs
from prover.service.adapters.ports import Integers, Proof
from verifier.messages import KeyFile

_POINT_BYTES = 64
# Measured with tracemalloc, a tensor, identity or fraction: 1,840 bytes in 200 or 800 ops, 1,970 in one of 60 operands.
_PART_BYTES = 1 << 11
_PROGRAM_BYTES = 1 << 15  # beside them: two ops keep 52,000 bytes, in 15 parts


class SumcheckProver:
    """Commitments come from the content-addressed cache. Keys of the programs proven last stay in the process, up to
    `kept_bytes`: preparing them may take longer than a proof."""

    route = int(Route.SUMCHECK)

    def __init__(
        self, cache_dir: Path, srs: Path | None, *, allow_insecure_srs: bool, kept_bytes: int = 1 << 30
    ) -> None:
        require_srs(srs, allow_insecure=allow_insecure_srs)
        self._cache = KeyCache(cache_dir)
        self._srs = srs
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[bytes, sumcheck.SumcheckKeys] = OrderedDict()

    def estimate(self, program: Program) -> Estimate:
        return sumcheck.estimate(sumcheck.make_plan(program))

    def prove(
        self, program: Program, inputs: Sequence[Integers], progress: Progress, expected_key: bytes | None = None
    ) -> Proof:
        keys, fresh = self._keys(program, progress)
        digest = keys.key.digest()
        require_pinned(digest, expected_key)
        made = sumcheck.prove(keys.lowering.program, inputs, keys.afresh(), progress)
        phases = (*(keys.phases.as_list() if fresh else ()), *made.phases.as_list())
        key_file = KeyFile(Route.SUMCHECK, keys.key.encode()).to_json()
        return Proof(made.proof_file.to_json(), key_file, made.statement, digest, made.outputs, phases)

    def _keys(self, program: Program, progress: Progress) -> tuple[sumcheck.SumcheckKeys, bool]:
        """The program's keys, and whether they were prepared just now."""
        model_id = program.model_id(fast_hasher)
        found = self._kept.get(model_id)
        if found is not None:
            self._kept.move_to_end(model_id)
            return found, False
        plan = sumcheck.make_plan(program, progress)
        made = sumcheck.setup(plan, self._srs, cache=self._cache, progress=progress)
        self._kept[model_id] = made
        while len(self._kept) > 1 and sum(map(_size, self._kept.values())) > self._kept_bytes:
            self._kept.popitem(last=False)
        return made, True


def _size(keys: sumcheck.SumcheckKeys) -> int:
    """Of what weighs in keys: cells, the reference string, the program's constants, and the objects of a lowering,
    which are most of it where many ops are small."""
    system = keys.lowering.system
    parts = len(system.tensors) + len(system.identities) + len(system.fractions)
    constants = sum(constant.values.nbytes for constant in keys.lowering.program.constants)
    arrays = keys.proving.setup_rows.nbytes + (_POINT_BYTES << keys.key.row_bits) + constants
    return arrays + _PART_BYTES * parts + _PROGRAM_BYTES
