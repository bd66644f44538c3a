"""Which route's verifier answers: the one that the caller's own key file names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from circuits.errors import InputError
from circuits.statement import Hasher, Route, Statement, keccak256
from verifier.curve import Arithmetic
from verifier.errors import VerificationError
from verifier.halo2_key import Halo2Key
from verifier.halo2_srs import key_s_g2
from verifier.messages import KeyFile, ProofFile
from verifier.opened import Opened
from verifier.srs import DEVELOPMENT_S_G2, Accepted, srs_digest
from verifier.sumcheck import verify as verify_sumcheck
from verifier.sumcheck_key import SumcheckKey

Key = Halo2Key | SumcheckKey


@dataclass(frozen=True)
class Wanted:
    """What the caller asks for, and over which SRS; a root that is None may be any."""

    model_id: bytes
    accepted: Accepted
    input_root: bytes | None = None
    output_root: bytes | None = None


# The caller's own wish is compared first, so what is left is between a file's statement and its proof.
CONTRADICTIONS = {"input_differs": "input", "output_differs": "output"}
DECODERS: Mapping[Route, Callable[[bytes], Key]] = {Route.HALO2: Halo2Key.decode, Route.SUMCHECK: SumcheckKey.decode}


def load_key(path: Path) -> Key:
    """The caller's own key file: one that does not parse is bad input, no answer about a proof."""
    try:
        file = KeyFile.load(path)
        if file.route not in DECODERS:
            raise _unknown(file.route)
        return DECODERS[file.route](file.key)
    except VerificationError as error:
        raise InputError(error.code, f"key file {path}: {error.message}", **error.details) from error


def route_of(key: Key) -> Route:
    return Route.SUMCHECK if isinstance(key, SumcheckKey) else Route.HALO2


def key_srs_digest(key: Key) -> bytes:
    return key.srs_digest if isinstance(key, SumcheckKey) else srs_digest(key_s_g2(key))


def accept(
    proof: ProofFile,
    key: Key,
    wanted: Wanted,
    arithmetic: Arithmetic | None = None,
    hasher: Hasher = keccak256,
) -> Opened:
    """Compares every field of the proof file with the key and the caller's wish before the proof is looked at.

    Returns the public tensors; raises VerificationError for whatever does not convince. `arithmetic` and `hasher` are
    plain Python by default; the halo2 route has its own.
    """
    _compare_with_key(proof, key, wanted.accepted)
    _compare_statement(proof.statement, wanted)
    try:
        if isinstance(key, SumcheckKey):
            return verify_sumcheck(proof.statement, key, proof.proof, wanted.accepted, arithmetic, hasher)
        from verifier.halo2 import verify as verify_halo2  # an EVM that no other route should wait for

        return verify_halo2(proof.statement, key, proof.proof, wanted.accepted)
    except VerificationError as error:
        tensors = CONTRADICTIONS.get(error.code)
        if tensors is None:
            raise
        message = f"the proof file contradicts itself: its statement names another {tensors} than its proof shows"
        raise VerificationError(error.code, message, **error.details) from error


def _compare_with_key(proof: ProofFile, key: Key, accepted: Accepted) -> None:
    if proof.route not in DECODERS:
        raise _unknown(proof.route)
    if proof.route is not route_of(key):
        route, keys_route = proof.route.name.lower(), route_of(key).name.lower()
        raise VerificationError("route_differs", f"the proof is of the route {route}, the key of {keys_route}")
    if proof.key_digest != key.digest():
        raise VerificationError("key_differs", "the proof was made for another key", expected="0x" + key.digest().hex())
    if proof.srs_digest not in {srs_digest(point) for point in accepted.srs_g2}:
        message = (
            "the proof's SRS is not accepted: where you trust its file, "
            "name with --srs-g2 the s·G2 that `inferproof srs verify FILE` prints"
        )
        if proof.srs_digest == srs_digest(DEVELOPMENT_S_G2):
            message = "the proof stands on the INSECURE development SRS, which only --allow-insecure-srs accepts"
        raise VerificationError("srs_not_accepted", message, srs_digest="0x" + proof.srs_digest.hex())
    if proof.srs_digest != key_srs_digest(key):
        message = "the proof names another SRS than its key stands on"
        raise VerificationError("srs_differs", message, expected="0x" + key_srs_digest(key).hex())


def _compare_statement(statement: Statement, wanted: Wanted) -> None:
    if statement.model_id != wanted.model_id:
        details = {"expected": "0x" + wanted.model_id.hex(), "got": "0x" + statement.model_id.hex()}
        raise VerificationError("model_differs", "the proof is for another model", **details)
    if wanted.input_root not in (None, statement.input_root):
        raise VerificationError("input_differs", "the proof is for another input")
    if wanted.output_root not in (None, statement.output_root):
        raise VerificationError("output_differs", "the proof is for another output")


def _unknown(route: Route) -> VerificationError:
    known = " and ".join(known.name.lower() for known in DECODERS)
    return VerificationError("route_unknown", f"this verifier knows the routes {known}", route=route.name.lower())
