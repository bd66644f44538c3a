"""What judging a claim takes from the chain, and whether a program is the one that it is about."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from circuits.statement import ModelHeader
from contracts.client.dispute_types import Claim, DisputeKey
from contracts.client.types import Request
from verifier.challenger.errors import ChallengerError
from verifier.challenger.records import Block
from verifier.dispute.commitment import CommittedProgram
from verifier.dispute.types import key_digest

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ClaimView:
    """A claim with everything that judging it needs. `locator` is the trace's, `program_locator` the program's."""

    claim_id: bytes
    claim: Claim
    key: DisputeKey
    top: tuple[bytes, ...]
    locator: str
    made_at: Block
    made_by: bytes  # the transaction
    request: Request
    inputs: tuple[Integers, ...]
    program_locator: str


def require_same_model(view: ClaimView, committed: CommittedProgram, header: ModelHeader) -> None:
    """Refuses to judge a claim by another program or another version of the ops, or under a key that is not its own."""
    key, program = view.key, committed.program
    ours = header.model_id(committed.hasher)
    if key.model_id != ours:
        versions = (v for v in range(256) if v != header.opset_version)
        for version in versions:
            if replace(header, opset_version=version).model_id(committed.hasher) == key.model_id:
                raise ChallengerError(
                    "opset_version_mismatch",
                    f"the claim is about opset version {version}, this program computes {header.opset_version}",
                    claimed=version,
                    known=header.opset_version,
                )
        raise ChallengerError(
            "claim_of_another_model",
            f"the claim is about model 0x{key.model_id.hex()}, the program is 0x{ours.hex()}",
            claimed="0x" + key.model_id.hex(),
            program="0x" + ours.hex(),
        )
    expected = (len(program.ops), committed.graph.root, committed.weights.root, key_digest(ours, key.terms))
    if (key.num_ops, key.graph_tree, key.weights_root, view.claim.key_digest) != expected:
        raise ChallengerError("claim_of_another_model", "the key's graph or weights are not its model's")
