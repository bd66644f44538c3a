"""What verifier/halo2.py refuses of proofs, each beside the honest one that it accepts."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from halo2_parts import (
    DEVELOPMENT,
    Parts,
    from_fixture,
    rejects,
    root_of_outputs,
    with_instance,
    with_proof_bytes,
)

from circuits.errors import EnvironmentFailure
from circuits.statement import input_root, output_root
from prover.halo2.process import run_in_child
from prover.halo2.proving import field_elements, phase_request, read_proof
from verifier.errors import VerificationError
from verifier.evm import accepts
from verifier.halo2 import verify
from verifier.halo2_values import SCALAR_MODULUS, open_instances


def test_accepts_an_honest_proof_and_returns_its_tensors(honest: Parts, halo2_case: Any) -> None:
    opened = verify(honest.statement, honest.key, honest.proof.encode(), DEVELOPMENT)
    assert opened.inputs is not None
    assert input_root(opened.inputs) == input_root(halo2_case.inputs)
    assert output_root(opened.outputs) == output_root(halo2_case.result.outputs)


@pytest.mark.parametrize(
    "name", ["gemm_relu", "gemm_relu_hashed_input", "gemm_relu_hashed_parameters", "wide1024", "gemm_relu_other_model"]
)
def test_accepts_committed_proofs(name: str) -> None:
    from_fixture(name).check()


def test_rejects_a_tampered_byte_anywhere(honest: Parts) -> None:
    raw = honest.proof.proof
    sampled = sorted({0, 31, 32, len(raw) - 1, *random.Random(5).sample(range(len(raw)), 4)})
    for position in sampled:
        changed = bytearray(raw)
        changed[position] ^= 1
        rejects(with_proof_bytes(honest, bytes(changed)), "proof_invalid")


@pytest.mark.parametrize(
    "change", [lambda p: p[:-32], lambda p: p[:-1], lambda p: p + bytes(7), lambda p: p + bytes(32)]
)
def test_rejects_truncated_and_appended_proofs(honest: Parts, change: Callable[[bytes], bytes]) -> None:
    rejects(with_proof_bytes(honest, change(honest.proof.proof)), "proof_wrong_length")


def test_ezkls_verifier_alone_would_accept_32_appended_bytes(honest: Parts) -> None:
    # Why the exact length is checked before.
    assert accepts(honest.proof.proof + bytes(32), honest.proof.instances, honest.key.vka)


@pytest.mark.parametrize("tail", [bytes(7), bytes(32)])
def test_rejects_bytes_after_the_encoding(honest: Parts, tail: bytes) -> None:
    with pytest.raises(VerificationError) as caught:
        verify(honest.statement, honest.key, honest.proof.encode() + tail, DEVELOPMENT)
    assert caught.value.code == "proof_not_canonical"


@pytest.mark.parametrize("raw", [b"", bytes(31), bytes(64), b"\xff" * 256])
def test_rejects_bytes_that_are_no_encoding(honest: Parts, raw: bytes) -> None:
    with pytest.raises(VerificationError) as caught:
        verify(honest.statement, honest.key, raw, DEVELOPMENT)
    assert caught.value.code in {"proof_malformed", "proof_not_canonical", "proof_wrong_length"}


def test_rejects_proof_for_another_input(honest: Parts) -> None:
    other = from_fixture("gemm_relu_other_input")
    rejects(dataclasses.replace(honest, proof=other.proof), "input_differs")


def test_rejects_statement_about_another_output(honest: Parts) -> None:
    statement = dataclasses.replace(honest.statement, output_root=bytes(32))
    rejects(dataclasses.replace(honest, statement=statement), "output_differs")


def test_rejects_another_output_even_with_a_matching_statement(honest: Parts) -> None:
    changed = with_instance(honest, -1, honest.proof.instances[-1] + 1)
    outputs = root_of_outputs(changed)
    statement = dataclasses.replace(honest.statement, output_root=outputs)
    rejects(dataclasses.replace(changed, statement=statement), "proof_invalid")


def test_rejects_another_input_even_with_a_matching_statement(honest: Parts) -> None:
    other = from_fixture("gemm_relu_other_input")
    statement = dataclasses.replace(honest.statement, input_root=other.statement.input_root)
    count = sum(port.size() for port in honest.key.inputs)
    instances = other.proof.instances[:count] + honest.proof.instances[count:]
    proof = dataclasses.replace(honest.proof, instances=instances)
    rejects(Parts(statement, honest.key, proof), "proof_invalid")


def test_rejects_proof_for_another_model(honest: Parts) -> None:
    other = from_fixture("gemm_relu_other_model")
    rejects(dataclasses.replace(honest, key=other.key), "key_for_another_model")
    renamed = dataclasses.replace(other.key, model_id=honest.statement.model_id)
    rejects(dataclasses.replace(honest, key=renamed), "proof_invalid")


def test_rejects_instance_not_below_the_modulus(honest: Parts) -> None:
    # The same field element, spelled differently: a hash over the words would differ.
    rejects(with_instance(honest, 0, honest.proof.instances[0] % 2**15 + SCALAR_MODULUS), "instance_not_canonical")
    rejects(with_instance(honest, -1, SCALAR_MODULUS), "instance_not_canonical")


def test_rejects_wrong_number_of_instances(honest: Parts) -> None:
    for instances in (honest.proof.instances[:-1], (*honest.proof.instances, 0)):
        proof = dataclasses.replace(honest.proof, instances=instances)
        rejects(dataclasses.replace(honest, proof=proof), "instance_count")


@pytest.mark.parametrize("value", [2**15, SCALAR_MODULUS - 2**15 - 1, SCALAR_MODULUS // 2])
def test_rejects_value_outside_its_ports_bits(honest: Parts, value: int) -> None:
    rejects(with_instance(honest, 0, value), "value_out_of_range")
    rejects(with_instance(honest, -1, value), "value_out_of_range")


def test_rejects_hidden_input_outside_its_range() -> None:
    parts = from_fixture("gemm_relu_input_out_of_range")
    rejects(parts, "input_out_of_range")
    assert accepts(parts.proof.proof, parts.proof.instances, parts.key.vka)
    rejects(with_instance(parts, -1, 0), "proof_invalid")


def test_rejects_hidden_input_under_another_commitment() -> None:
    parts = from_fixture("gemm_relu_hashed_input")
    statement = dataclasses.replace(parts.statement, input_root=bytes(32))
    rejects(dataclasses.replace(parts, statement=statement), "input_differs")


def test_rejects_a_forged_witness_pushed_through_the_honest_prover(halo2_case: Any, tmp_path: Path) -> None:
    """The witness file claims another output; ezkl's prover is run on it all the same."""
    request = phase_request(halo2_case.keys, tmp_path)
    data = {"input_data": [field_elements(halo2_case.inputs, ())]}
    Path(request["input"]).write_text(json.dumps(data))
    run_in_child("witness", request)
    witness = json.loads(Path(request["witness"]).read_text())
    honest_word = witness["outputs"][0][0]
    forged = (int.from_bytes(bytes.fromhex(honest_word), "little") + 1) % SCALAR_MODULUS
    for row in (witness["outputs"][0], witness["pretty_elements"]["outputs"][0]):
        row[0] = forged.to_bytes(32, "little").hex() if row is witness["outputs"][0] else f"0x{forged:064x}"
    Path(request["witness"]).write_text(json.dumps(witness))
    try:
        run_in_child("prove", request)
    except EnvironmentFailure as error:
        assert error.code == "halo2_phase_failed"  # noqa: PT017 - either it does not prove, or the proof is refused
        return
    proof = read_proof(Path(request["proof"]))
    key = halo2_case.keys.key
    outputs = output_root(open_instances(key, proof.instances).outputs)
    assert outputs != halo2_case.result.statement.output_root
    statement = dataclasses.replace(halo2_case.result.statement, output_root=outputs)
    rejects(Parts(statement, key, proof), "proof_invalid")
