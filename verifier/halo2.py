"""Accepting a halo2 proof: strict parsing, roots recomputed, then ezkl's reusable verifier in py-evm.

Sections cited are of docs/protocol/halo2.md. Nothing here is native code of ours, and nothing raises anything but
VerificationError on hostile bytes.
"""

from __future__ import annotations

from circuits.statement import Statement
from verifier.errors import VerificationError
from verifier.evm import accepts
from verifier.halo2_key import Halo2Key
from verifier.halo2_srs import check_artifact
from verifier.halo2_values import Halo2Proof, check_roots, open_instances
from verifier.opened import Opened
from verifier.srs import Accepted

__all__ = ["Accepted", "Halo2Key", "Halo2Proof", "Opened", "verify"]


def verify(statement: Statement, key: Halo2Key, proof: bytes, accepted: Accepted) -> Opened:
    """Returns the public tensors if the proof convinces of `statement` under `key`; raises VerificationError else."""
    key.check()
    if key.model_id != statement.model_id:
        message = "the key belongs to another model"
        details = {"expected": "0x" + statement.model_id.hex(), "got": "0x" + key.model_id.hex()}
        raise VerificationError("key_for_another_model", message, **details)
    _check_bound(key, accepted)
    parsed = Halo2Proof.decode(proof)
    if len(parsed.proof) != key.proof_length:
        message = f"the Halo2 proof has {len(parsed.proof)} bytes, the key says {key.proof_length}"
        raise VerificationError("proof_wrong_length", message, expected=key.proof_length, got=len(parsed.proof))
    check_artifact(key, accepted)
    opened = open_instances(key, parsed.instances)
    check_roots(statement, key, parsed.instances, opened)
    if not accepts(parsed.proof, parsed.instances, key.vka):
        raise VerificationError("proof_invalid", "the Halo2 verifier rejects the proof")
    return opened


def _check_bound(key: Halo2Key, accepted: Accepted) -> None:
    unbound = key.unbound()
    if unbound and not accepted.allow_unbound:
        message = f"under this key the proof does not bind {' and '.join(unbound)}; such a proof is for local use only"
        raise VerificationError("statement_unbound", message, unbound=unbound)
