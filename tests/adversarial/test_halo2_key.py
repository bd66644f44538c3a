"""What verifier/halo2.py refuses of keys: other SRS, other parameters, contradictions, unbound modes, any damage."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import random
import time
from pathlib import Path
from typing import Any

import halo2_programs
import pytest
from halo2_parts import (
    DEVELOPMENT,
    Parts,
    from_fixture,
    json_s_g2,
    rejects,
    with_instance,
)

from circuits.statement import Route, Statement, input_root, output_root
from prover.halo2 import Halo2Options, prove, setup
from prover.halo2.process import run_in_child
from prover.halo2.proving import field_elements, phase_request, read_proof
from verifier.acceptance import Wanted, accept, key_srs_digest
from verifier.errors import VerificationError
from verifier.evm import accepts
from verifier.halo2 import verify
from verifier.halo2_key import Halo2Key, InputMode, ParamMode, PortSpec
from verifier.halo2_values import Halo2Proof, open_instances
from verifier.messages import ProofFile
from verifier.srs import DEVELOPMENT_S_G2, Accepted, srs_digest


def test_rejects_key_over_another_srs(honest: Parts) -> None:
    other = from_fixture("gemm_relu_other_srs")
    rejects(other, "srs_not_accepted")
    # The proof itself is a good one, for whoever accepts that SRS.
    accepted = Accepted(frozenset([json_s_g2("gemm_relu_other_srs")]))
    verify(other.statement, other.key, other.proof.encode(), accepted)
    rejects(dataclasses.replace(honest, proof=other.proof), "proof_invalid")


def test_rejects_key_whose_generator_was_replaced(honest: Parts) -> None:
    vka = list(honest.key.vka)
    vka[16:20] = vka[20:24]
    rejects(dataclasses.replace(honest, key=dataclasses.replace(honest.key, vka=tuple(vka))), "key_wrong_generators")


def test_rejects_development_srs_unless_allowed(honest: Parts) -> None:
    with pytest.raises(VerificationError) as caught:
        verify(honest.statement, honest.key, honest.proof.encode(), Accepted(frozenset()))
    assert caught.value.code == "srs_not_accepted"


def test_rejects_other_parameters_than_the_registered_ones() -> None:
    parts = from_fixture("gemm_relu_hashed_parameters")
    key = dataclasses.replace(parts.key, param_hashes=(parts.key.param_hashes[0] ^ 1,))
    rejects(dataclasses.replace(parts, key=key), "parameters_differ")
    rejects(with_instance(dataclasses.replace(parts, key=key), 0, key.param_hashes[0]), "proof_invalid")


def test_unbound_statement_needs_leave_and_is_never_registrable(halo2_case: Any) -> None:
    options = Halo2Options(parameters=ParamMode.PRIVATE, private_input=True)
    keys = setup(halo2_case.program, options, halo2_case.cache)
    result = prove(halo2_case.program, halo2_case.inputs, keys)
    assert result.unbound == ["the parameters", "the input"]
    with pytest.raises(VerificationError) as caught:
        verify(result.statement, keys.key, result.proof_file.proof, DEVELOPMENT)
    assert caught.value.code == "statement_unbound"
    opened = verify(
        result.statement, keys.key, result.proof_file.proof, dataclasses.replace(DEVELOPMENT, allow_unbound=True)
    )
    assert opened.inputs is None
    with pytest.raises(VerificationError) as caught:
        keys.key.as_tuple()
    assert caught.value.code == "unbound_cannot_register"


def test_key_encoding_is_canonical_and_complete(honest: Parts) -> None:
    raw = honest.key.encode()
    assert Halo2Key.decode(raw) == honest.key
    for bad in (raw + bytes(32), raw[:-1], raw[:-32], b"", bytes(64)):
        with pytest.raises(VerificationError) as caught:
            Halo2Key.decode(bad)
        assert caught.value.code in {"key_malformed", "key_not_canonical"}


def test_rejects_key_that_names_the_same_bytes_a_thousand_times() -> None:
    """64 kB, which a decoder that follows offsets reads as 2 · 1000 · 1000 dims, for 15 seconds."""

    def word(value: int) -> bytes:
        return value.to_bytes(32, "big")

    count = 1000
    port = word(64) + word(16) + word(count) + word(1) * count
    ports = word(count) + word(32 * count) * count + port
    head = [word(1), word(0), word(0), word(256), word(32), word(288), word(288), word(256)]
    raw = word(32) + b"".join(head) + word(0) + ports
    start = time.process_time()
    with pytest.raises(VerificationError) as caught:
        Halo2Key.decode(raw)
    assert caught.value.code == "key_malformed"
    assert time.process_time() - start < 1


def test_rejects_every_offset_and_count_that_is_not_the_canonical_one(honest: Parts) -> None:
    raw = honest.key.encode()
    for position in range(0, len(raw) - 32 * len(honest.key.vka), 32):
        for value in (0, 32, 64, 2**16, 2**63, 2**255, len(raw), len(raw) - position):
            changed = raw[:position] + value.to_bytes(32, "big") + raw[position + 32 :]
            with contextlib.suppress(VerificationError):
                assert Halo2Key.decode(changed).encode() == changed


@pytest.mark.parametrize(
    "change",
    [
        {"proof_length": 32},
        {"inputs": ()},
        {"inputs": (PortSpec((0,), 16),)},
        {"inputs": (PortSpec((2**20, 2**20), 16),)},
        {"outputs": (PortSpec((3,), 33),)},
        {"param_hashes": (1,)},
        {"vka": (bytes(32),) * 5},
    ],
)
def test_rejects_keys_that_contradict_themselves(honest: Parts, change: dict[str, Any]) -> None:
    with pytest.raises(VerificationError) as caught:
        Halo2Key.decode(dataclasses.replace(honest.key, **change).encode())
    assert caught.value.code == "key_malformed"


def test_rejects_key_of_unknown_mode(honest: Parts) -> None:
    raw = bytearray(honest.key.encode())
    raw[32 + 32 + 31] = 3  # paramMode, after the offset and the model id
    with pytest.raises(VerificationError) as caught:
        Halo2Key.decode(bytes(raw))
    assert caught.value.code == "key_malformed"


def test_rejects_artifact_for_another_number_of_instances(honest: Parts) -> None:
    key = dataclasses.replace(honest.key, outputs=(PortSpec((1, 4), 16),))
    rejects(dataclasses.replace(honest, key=key), "key_malformed")


def test_rejects_hashed_input_claimed_for_a_public_key(honest: Parts) -> None:
    key = dataclasses.replace(honest.key, input_mode=InputMode.HASHED)
    rejects(dataclasses.replace(honest, key=key), "key_malformed")


def test_rejects_other_parameters_proven_with_the_right_key(halo2_case: Any, tmp_path: Path) -> None:
    """With hashed parameters the proving key fits every model of the same shape: only the hash tells them apart."""
    options = Halo2Options(parameters=ParamMode.HASHED)
    mine = setup(halo2_case.program, options, halo2_case.cache)
    other = setup(halo2_programs.gemm_relu(seed=2), options, halo2_case.cache)
    request = {**phase_request(mine, tmp_path), "circuit": str(other.file("circuit.ezkl"))}
    Path(request["input"]).write_text(json.dumps({"input_data": [field_elements(halo2_case.inputs, ())]}))
    for phase in ("witness", "prove"):
        run_in_child(phase, request)
    proof = read_proof(Path(request["proof"]))
    assert accepts(proof.proof, proof.instances, mine.key.vka)
    root = output_root(open_instances(mine.key, proof.instances).outputs)
    statement = Statement(mine.key.model_id, input_root(halo2_case.inputs), root)
    rejects(Parts(statement, mine.key, proof), "parameters_differ")


def test_no_mutation_of_key_or_proof_bytes_does_anything_but_refuse(honest: Parts) -> None:
    """Without the EVM: everything before it, on thousands of hostile encodings."""
    rng = random.Random(11)
    for decode, raw in ((Halo2Key.decode, honest.key.encode()), (Halo2Proof.decode, honest.proof.encode())):
        refused = 0
        for _ in range(1500):
            changed = bytearray(raw)
            for _ in range(rng.choice((1, 1, 2, 8))):
                # Heads and lengths are where parsers break: most changes go to the first kilobyte.
                position = rng.randrange(min(len(raw), rng.choice((64, 512, len(raw)))))
                changed[position] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
            cut = rng.choice((len(raw), len(raw), rng.randrange(len(raw))))
            try:
                decode(bytes(changed[:cut]))
            except VerificationError:
                refused += 1
        assert refused > 300


def test_a_verifier_who_was_given_no_leave_rejects_what_does_not_bind_the_parameters() -> None:
    """Whatever weights: `verify` has no option for it."""
    parts = from_fixture("gemm_relu")
    key = dataclasses.replace(parts.key, param_mode=ParamMode.PRIVATE)
    file = ProofFile(Route.HALO2, parts.statement, key.digest(), srs_digest(DEVELOPMENT_S_G2), parts.proof.encode())
    with pytest.raises(VerificationError) as caught:
        accept(file, key, Wanted(key.model_id, DEVELOPMENT))
    assert caught.value.code == "statement_unbound"


def test_a_proof_over_a_named_srs_is_accepted_under_that_name_alone() -> None:
    parts, s_g2 = from_fixture("gemm_relu_other_srs"), json_s_g2("gemm_relu_other_srs")
    assert key_srs_digest(parts.key) == srs_digest(s_g2)
    named = ProofFile(Route.HALO2, parts.statement, parts.key.digest(), srs_digest(s_g2), parts.proof.encode())
    wanted = Wanted(parts.key.model_id, Accepted(frozenset([s_g2, DEVELOPMENT_S_G2])))
    accept(named, parts.key, wanted)
    with pytest.raises(VerificationError) as caught:
        accept(dataclasses.replace(named, srs_digest=srs_digest(DEVELOPMENT_S_G2)), parts.key, wanted)
    assert caught.value.code == "srs_differs"
