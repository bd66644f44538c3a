"""A halo2 proof's public values, parsed strictly (docs/protocol/halo2.md section 2)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from circuits.statement import Statement, input_commitment, input_root, output_root
from verifier.errors import VerificationError
from verifier.halo2_key import Halo2Key, InputMode, ParamMode
from verifier.opened import Opened, Tensors

SCALAR_MODULUS = 21888242871839275222246405745257275088548364400416034343698204186575808495617
_PROOF_TYPES = ("uint256[]", "bytes")


@dataclass(frozen=True)
class Halo2Proof:
    """Public values and proof bytes, parsed from `abi.encode(uint256[] instances, bytes proof)`."""

    instances: tuple[int, ...]
    proof: bytes

    def encode(self) -> bytes:
        return encode(_PROOF_TYPES, [list(self.instances), self.proof])

    @classmethod
    def decode(cls, raw: bytes) -> Halo2Proof:
        try:
            instances, proof = decode(_PROOF_TYPES, raw)
        except (DecodingError, OverflowError, ValueError) as error:
            message = "the proof is not abi.encode(uint256[], bytes)"
            raise VerificationError("proof_malformed", message, reason=str(error)[:200]) from error
        parsed = cls(tuple(instances), proof)
        if parsed.encode() != raw:
            raise VerificationError("proof_not_canonical", "the proof's encoding is not the canonical one")
        return parsed


def open_instances(key: Halo2Key, instances: Sequence[int]) -> Opened:
    """Sections 2.1 and 2.4: exact count, canonical scalars, every element inside its port's range."""
    if len(instances) != key.instance_count():
        message = f"the proof has {len(instances)} public values, the key's shapes need {key.instance_count()}"
        raise VerificationError("instance_count", message, expected=key.instance_count(), got=len(instances))
    for position, value in enumerate(instances):
        if value >= SCALAR_MODULUS:
            message = f"public value {position} is not below the field's modulus"
            raise VerificationError("instance_not_canonical", message, position=position)
    cursor = key.hash_count()
    inputs: Tensors | None = None
    if key.input_mode is InputMode.PUBLIC:
        inputs = []
        for port in key.inputs:
            inputs.append(_signed(instances, cursor, port.dims, port.bits))
            cursor += math.prod(port.dims)
    outputs: Tensors = []
    for port in key.outputs:
        outputs.append(_signed(instances, cursor, port.dims, port.bits))
        cursor += math.prod(port.dims)
    return Opened(inputs, outputs)


def _signed(instances: Sequence[int], start: int, dims: tuple[int, ...], bits: int) -> npt.NDArray[np.int64]:
    half = 1 << (bits - 1)
    values = []
    for position in range(start, start + math.prod(dims)):
        value = instances[position]
        if value >= half:
            value -= SCALAR_MODULUS
        if not -half <= value < half:
            message = f"public value {position} does not fit {bits} signed bits"
            raise VerificationError("value_out_of_range", message, position=position, bits=bits)
        values.append(value)
    return np.array(values, dtype=np.int64).reshape(dims)


def check_roots(statement: Statement, key: Halo2Key, instances: Sequence[int], opened: Opened) -> None:
    if opened.inputs is not None and input_root(opened.inputs) != statement.input_root:
        raise VerificationError(
            "input_differs", "the proof is for another input", expected="0x" + statement.input_root.hex()
        )
    if key.input_mode is InputMode.HASHED and input_commitment(instances[0]) != statement.input_root:
        message = "the proof's input hash is not the committed one"
        raise VerificationError("input_differs", message, expected="0x" + statement.input_root.hex())
    if key.input_mode is not InputMode.PUBLIC and instances[-1] != 0:
        raise VerificationError("input_out_of_range", "an element of the hidden input is outside its port's range")
    if key.param_mode is ParamMode.HASHED and instances[key.hash_count() - 1] != key.param_hashes[0]:
        raise VerificationError("parameters_differ", "the proof's parameter hash is not the key's")
    if output_root(opened.outputs) != statement.output_root:
        message = "the proof is for another output"
        raise VerificationError("output_differs", message, expected="0x" + statement.output_root.hex())
