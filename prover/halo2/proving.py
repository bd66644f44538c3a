"""Proving: witness, comparison with the interpreter, proof, cross-check (docs/protocol/halo2.md section 6)."""

from __future__ import annotations

import json
import secrets
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from circuits.errors import EnvironmentFailure, InputError
from circuits.lower.halo2 import SALT_BITS, SALT_ELEMENTS
from circuits.program.graph import Program
from circuits.program.interpreter import run
from circuits.statement import Route, Statement, input_commitment, input_root, output_root
from prover.backend import Phases, Progress, silent
from prover.halo2.keys import CIRCUIT, PK, SETTINGS, VK, Halo2Keys
from prover.halo2.process import run_in_child
from verifier.halo2_key import InputMode
from verifier.halo2_values import SCALAR_MODULUS, Halo2Proof, open_instances
from verifier.messages import ProofFile
from verifier.srs import srs_digest

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ProofResult:
    """A proof and what it is a proof of. `unbound` names what the proof leaves open; empty for a registrable key."""

    proof_file: ProofFile
    statement: Statement
    outputs: list[Integers]
    phases: Phases
    unbound: list[str]


def draw_salt() -> tuple[int, ...]:
    """Fresh salt for a hidden input: SALT_ELEMENTS numbers of SALT_BITS bits."""
    return tuple(secrets.randbits(SALT_BITS) for _ in range(SALT_ELEMENTS))


def commit_input(inputs: Sequence[Integers], salt: Sequence[int]) -> bytes:
    """What a request for a hidden input carries in inputRoot's place, section 4."""
    import ezkl  # slow to load, and needed nowhere else in this process

    (digest,) = ezkl.poseidon_hash(field_elements(inputs, salt))
    return input_commitment(int.from_bytes(bytes.fromhex(digest), "little"))


def prove(
    program: Program,
    inputs: Sequence[Integers],
    keys: Halo2Keys,
    progress: Progress = silent,
    *,
    salt: Sequence[int] | None = None,
    cancel: threading.Event | None = None,
) -> ProofResult:
    """Proves `program`, whose keys `keys` are, on integer inputs; `salt` (hidden input only) is drawn if not given.

    Raises `witness_differs` if ezkl computes anything but the interpreter's integers.
    """
    if program.model_id() != keys.key.model_id:
        message = "these keys belong to another program"
        raise InputError("key_for_another_model", message, keys="0x" + keys.key.model_id.hex())
    outputs = run(program, inputs)
    salt = _checked_salt(keys, salt)
    phases = Phases()
    with tempfile.TemporaryDirectory(prefix="inferproof-halo2-") as scratch:
        request = phase_request(keys, Path(scratch))
        data = {"input_data": [field_elements(inputs, salt)]}
        Path(request["input"]).write_text(json.dumps(data))
        phases.add(run_in_child("witness", request, progress, cancel=cancel))
        _compare_witness(json.loads(Path(request["witness"]).read_text()), outputs, bool(salt))
        expected = keys.plan.estimate.prove_s
        phases.add(run_in_child("prove", request, progress, expected_s=expected, cancel=cancel))
        phases.add(run_in_child("verify", request, progress, cancel=cancel))
        proof = read_proof(Path(request["proof"]))
    statement = _statement(keys, inputs, outputs, proof)
    return ProofResult(_proof_file(keys, statement, proof), statement, outputs, phases, keys.key.unbound())


def _checked_salt(keys: Halo2Keys, salt: Sequence[int] | None) -> Sequence[int]:
    count = keys.plan.lowered.salt_size
    if salt is None:
        return draw_salt() if count else ()
    if len(salt) != count or any(not 0 <= value < 1 << SALT_BITS for value in salt):
        message = f"the salt must be {count} numbers below 2^{SALT_BITS}" if count else "a public input takes no salt"
        raise InputError("salt_malformed", message, expected=count, got=len(salt))
    return salt


def field_elements(inputs: Sequence[Integers], salt: Sequence[int]) -> list[str]:
    """Little-endian hex, the one spelling that ezkl reads without going through a float32."""
    values = [int(value) for tensor in inputs for value in tensor.reshape(-1)] + [int(value) for value in salt]
    return [(value % SCALAR_MODULUS).to_bytes(32, "little").hex() for value in values]


def phase_request(keys: Halo2Keys, scratch: Path) -> dict[str, str]:
    names = {"input": "input.json", "witness": "witness.json", "proof": "proof.json"}
    kept = {"circuit": CIRCUIT, "pk": PK, "vk": VK, "settings": SETTINGS}
    request = {name: str(scratch / file) for name, file in names.items()}
    return {**request, **{name: str(keys.file(file)) for name, file in kept.items()}, "srs": str(keys.srs)}


def _integer(word: str) -> int:
    value = int.from_bytes(bytes.fromhex(word), "little")
    return value - SCALAR_MODULUS if value > SCALAR_MODULUS // 2 else value


def _compare_witness(witness: dict[str, list[list[str]]], outputs: Sequence[Integers], salted: bool) -> None:
    """The honest prover's check; what makes a dishonest one fail is docs/security.md's argument."""
    computed = [[_integer(word) for word in row] for row in witness["outputs"]]
    expected = [[int(value) for value in tensor.reshape(-1)] for tensor in outputs] + ([[0]] if salted else [])
    if computed == expected:
        return
    places = [
        (index, position)
        for index, (got, want) in enumerate(zip(computed, expected, strict=False))
        for position in range(len(want))
        if position >= len(got) or got[position] != want[position]
    ]
    output, position = places[0] if places else (-1, -1)
    message = "ezkl's witness is not the program's output; this is a defect of the lowering, please report it"
    raise EnvironmentFailure("witness_differs", message, output=output, position=position, count=len(places))


def read_proof(path: Path) -> Halo2Proof:
    document = json.loads(path.read_text())
    words = [word for column in document["instances"] for word in column]
    instances = tuple(int.from_bytes(bytes.fromhex(word), "little") for word in words)
    return Halo2Proof(instances, bytes(document["proof"]))


def _statement(
    keys: Halo2Keys, inputs: Sequence[Integers], outputs: Sequence[Integers], proof: Halo2Proof
) -> Statement:
    """The statement from our own values, after the proof's public values were found to say the same."""
    opened = open_instances(keys.key, proof.instances)
    hashed = keys.key.input_mode is InputMode.HASHED
    root = input_commitment(proof.instances[0]) if hashed else input_root(inputs)
    if output_root(opened.outputs) != output_root(outputs) or (opened.inputs and input_root(opened.inputs) != root):
        raise EnvironmentFailure("witness_differs", "the proof's public values are not the program's")
    return Statement(keys.key.model_id, root, output_root(outputs))


def _proof_file(keys: Halo2Keys, statement: Statement, proof: Halo2Proof) -> ProofFile:
    return ProofFile(Route.HALO2, statement, keys.key.digest(), srs_digest(keys.s_g2), proof.encode())
