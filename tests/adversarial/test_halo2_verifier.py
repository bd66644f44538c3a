"""What verifier/halo2.py refuses, each beside the honest proof that it accepts."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import halo2_programs
import pytest

from circuits.errors import EnvironmentFailure
from circuits.statement import Statement, input_root, output_root
from prover.halo2 import Halo2Options, prove, setup
from prover.halo2.process import run_in_child
from prover.halo2.proving import field_elements, phase_request, read_proof
from verifier.errors import VerificationError
from verifier.evm import accepts
from verifier.halo2 import verify
from verifier.halo2_key import Halo2Key, InputMode, ParamMode, PortSpec
from verifier.halo2_srs import DEVELOPMENT_S_G2, Accepted
from verifier.halo2_values import SCALAR_MODULUS, Halo2Proof, open_instances

DEVELOPMENT = Accepted(frozenset([DEVELOPMENT_S_G2]))
FIXTURES = Path(__file__).parents[2] / "contracts" / "test" / "fixtures" / "halo2"


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


@pytest.fixture(scope="module")
def honest(halo2_case: Any) -> Parts:
    result = halo2_case.result
    return Parts(result.statement, halo2_case.keys.key, Halo2Proof.decode(result.proof_file.proof))


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


def root_of_outputs(parts: Parts) -> bytes:
    return output_root(open_instances(parts.key, parts.proof.instances).outputs)


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


def test_rejects_key_over_another_srs(honest: Parts) -> None:
    other = from_fixture("gemm_relu_other_srs")
    rejects(other, "srs_not_accepted")
    # The proof itself is a good one, for whoever accepts that SRS.
    accepted = Accepted(frozenset([json_s_g2("gemm_relu_other_srs")]))
    verify(other.statement, other.key, other.proof.encode(), accepted)
    rejects(dataclasses.replace(honest, proof=other.proof), "proof_invalid")


def json_s_g2(name: str) -> tuple[int, int, int, int]:
    words = json.loads((FIXTURES / f"{name}.json").read_text())["srsG2"]
    a, b, c, d = (int(word, 16) for word in words)
    return (a, b, c, d)


def test_rejects_key_whose_generator_was_replaced(honest: Parts) -> None:
    vka = list(honest.key.vka)
    vka[16:20] = vka[20:24]
    rejects(dataclasses.replace(honest, key=dataclasses.replace(honest.key, vka=tuple(vka))), "key_wrong_generators")


def test_rejects_development_srs_unless_allowed(honest: Parts) -> None:
    with pytest.raises(VerificationError) as caught:
        verify(honest.statement, honest.key, honest.proof.encode(), Accepted(frozenset()))
    assert caught.value.code == "srs_not_accepted"


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
