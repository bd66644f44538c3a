"""What the service asks of every route whose keys stand on an SRS."""

from __future__ import annotations

from pathlib import Path

from circuits.errors import InputError
from prover.srs import srs_g2
from verifier.srs import DEVELOPMENT_S_G2


def require_srs(srs: Path | None, *, allow_insecure: bool) -> None:
    """The INSECURE development SRS is used by who asks for it by name only."""
    insecure = srs is None or srs_g2(srs) == DEVELOPMENT_S_G2
    if insecure and not allow_insecure:
        raise InputError(
            "srs_missing",
            "name an SRS file of a ceremony (INFERPROOF_SRS), or for development allow the INSECURE one "
            "(INFERPROOF_ALLOW_INSECURE_SRS=true): anybody can forge proofs over it",
        )


def require_pinned(digest: bytes, expected: bytes | None) -> None:
    """Refuses, before anything is proven, a request for a proof under another key than this service's."""
    if expected is not None and digest != expected:
        raise InputError(
            "key_of_another_setup",
            "the request pins another key than this service's setup gives: another SRS, or another lowering",
            expected="0x" + expected.hex(),
            got="0x" + digest.hex(),
        )
