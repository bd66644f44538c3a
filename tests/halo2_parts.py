"""A statement, a key and a proof, ready to be changed in one place; and the committed ones."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from circuits.statement import Statement, output_root
from verifier.errors import VerificationError
from verifier.halo2 import verify
from verifier.halo2_key import Halo2Key
from verifier.halo2_values import Halo2Proof, open_instances
from verifier.srs import DEVELOPMENT_S_G2, Accepted

DEVELOPMENT = Accepted(frozenset([DEVELOPMENT_S_G2]))
FIXTURES = Path(__file__).parents[1] / "contracts" / "test" / "fixtures" / "halo2"


@dataclasses.dataclass(frozen=True)
class Parts:
    """What a caller hands to the verifier, ready to be changed in one place."""

    statement: Statement
    key: Halo2Key
    proof: Halo2Proof

    def check(self) -> None:
        verify(self.statement, self.key, self.proof.encode(), DEVELOPMENT)


def from_fixture(name: str) -> Parts:
    document = json.loads((FIXTURES / f"{name}.json").read_text())
    words = [bytes.fromhex(document["statement"][field][2:]) for field in ("modelId", "inputRoot", "outputRoot")]
    key = Halo2Key.decode(bytes.fromhex(document["key"][2:]))
    return Parts(Statement(*words), key, Halo2Proof.decode(bytes.fromhex(document["proof"][2:])))


def rejects(parts: Parts, code: str) -> None:
    with pytest.raises(VerificationError) as caught:
        parts.check()
    assert caught.value.code == code


def with_instance(parts: Parts, position: int, value: int) -> Parts:
    instances = list(parts.proof.instances)
    instances[position] = value
    return dataclasses.replace(parts, proof=dataclasses.replace(parts.proof, instances=tuple(instances)))


def with_proof_bytes(parts: Parts, raw: bytes) -> Parts:
    return dataclasses.replace(parts, proof=dataclasses.replace(parts.proof, proof=raw))


def root_of_outputs(parts: Parts) -> bytes:
    return output_root(open_instances(parts.key, parts.proof.instances).outputs)


def json_s_g2(name: str) -> tuple[int, int, int, int]:
    words = json.loads((FIXTURES / f"{name}.json").read_text())["srsG2"]
    a, b, c, d = (int(word, 16) for word in words)
    return (a, b, c, d)
