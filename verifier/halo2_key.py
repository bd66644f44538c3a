"""The halo2 route's key: what `contracts/src/verifiers/Halo2Adapter.sol` stores, docs/protocol/halo2.md section 3."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from circuits.statement import MAX_RANK, keccak256
from verifier.abi_words import Words
from verifier.errors import VerificationError

_KEY_TYPE = "(bytes32,uint8,uint8,uint256[],uint32,(uint32[],uint8)[],(uint32[],uint8)[],bytes32[])"
_MIN_WORDS = 34  # up to the first word that `derived_proof_length` reads
_ELEMENT_LIMIT = 1 << 20


class ParamMode(IntEnum):
    """How a proof binds the parameters, section 1. PRIVATE binds nothing."""

    FIXED = 0
    HASHED = 1
    PRIVATE = 2


class InputMode(IntEnum):
    """How a proof binds the input, section 1. PRIVATE binds nothing."""

    PUBLIC = 0
    HASHED = 1
    PRIVATE = 2


@dataclass(frozen=True)
class PortSpec:
    """Shape and signed width of one program input or output."""

    dims: tuple[int, ...]
    bits: int

    def size(self) -> int:
        return math.prod(self.dims)


@dataclass(frozen=True)
class Halo2Key:
    """Everything a verifier needs about one program under one SRS. `vka` is ezkl's artifact in 32-byte words."""

    model_id: bytes
    param_mode: ParamMode
    input_mode: InputMode
    param_hashes: tuple[int, ...]
    proof_length: int
    inputs: tuple[PortSpec, ...]
    outputs: tuple[PortSpec, ...]
    vka: tuple[bytes, ...]

    def encode(self) -> bytes:
        """`abi.encode(key)`."""
        from eth_abi.abi import encode  # for which no other route should wait

        return encode([_KEY_TYPE], [self._fields()])

    def as_tuple(self) -> tuple[Any, ...]:
        """The struct as `Halo2Adapter.registerKey` takes it; refuses a key that leaves something unbound."""
        return self.for_registration()._fields()

    def _fields(self) -> tuple[Any, ...]:
        ports = [[(list(p.dims), p.bits) for p in side] for side in (self.inputs, self.outputs)]
        head = (self.model_id, int(self.param_mode), int(self.input_mode), list(self.param_hashes), self.proof_length)
        return (*head, *ports, list(self.vka))

    def digest(self) -> bytes:
        return keccak256(self.encode())

    @classmethod
    def decode(cls, raw: bytes) -> Halo2Key:
        """Parses the canonical encoding only; refuses keys whose parts contradict each other."""
        try:
            key = cls.from_tuple(_parse(Words(raw)))
        except ValueError as error:
            message = "the key is not the canonical encoding of a Halo2Key"
            raise VerificationError("key_malformed", message, reason=str(error)[:200]) from error
        if key.encode() != raw:
            raise VerificationError("key_not_canonical", "the key's encoding is not the canonical one")
        key.check()
        return key

    @classmethod
    def from_tuple(cls, fields: tuple[Any, ...]) -> Halo2Key:
        """The inverse of `as_tuple`; raises ValueError for a mode that does not exist."""
        model_id, param_mode, input_mode, hashes, length, inputs, outputs, vka = fields
        return cls(
            model_id,
            ParamMode(param_mode),
            InputMode(input_mode),
            tuple(hashes),
            length,
            tuple(PortSpec(tuple(dims), bits) for dims, bits in inputs),
            tuple(PortSpec(tuple(dims), bits) for dims, bits in outputs),
            tuple(vka),
        )

    def check(self) -> None:
        """Refuses a key that no program can have, so that nothing after this meets one."""
        ports = (*self.inputs, *self.outputs)
        if not self.inputs or not self.outputs or any(not self._sound(p) for p in ports):
            raise VerificationError("key_malformed", "the key's ports have impossible shapes or widths")
        if sum(p.size() for p in ports) > _ELEMENT_LIMIT:
            raise VerificationError("key_malformed", f"the key's ports have more than {_ELEMENT_LIMIT} elements")
        if len(self.param_hashes) != (self.param_mode is ParamMode.HASHED):
            raise VerificationError("key_malformed", "the number of parameter hashes does not fit the mode")
        if len(self.vka) < _MIN_WORDS:
            raise VerificationError("key_malformed", "the verifying key artifact is cut short", words=len(self.vka))
        if self.proof_length != derived_proof_length(self.vka):
            message = "the key's proof length contradicts its artifact"
            expected = derived_proof_length(self.vka)
            raise VerificationError("key_malformed", message, expected=expected, got=self.proof_length)

    @staticmethod
    def _sound(port: PortSpec) -> bool:
        return len(port.dims) <= MAX_RANK and port.size() > 0 and 2 <= port.bits <= 32

    def hash_count(self) -> int:
        return (self.input_mode is InputMode.HASHED) + (self.param_mode is ParamMode.HASHED)

    def instance_count(self) -> int:
        """Section 2."""
        count = self.hash_count() + sum(p.size() for p in self.outputs)
        if self.input_mode is InputMode.PUBLIC:
            count += sum(p.size() for p in self.inputs)
        return count + (self.input_mode is not InputMode.PUBLIC)

    def unbound(self) -> list[str]:
        """What a proof under this key does not bind."""
        parts = [("the parameters", self.param_mode is ParamMode.PRIVATE)]
        parts.append(("the input", self.input_mode is InputMode.PRIVATE))
        return [name for name, is_unbound in parts if is_unbound]

    def for_registration(self) -> Halo2Key:
        """This key, unless it leaves something unbound."""
        if self.unbound():
            message = f"the key leaves {' and '.join(self.unbound())} unbound, so it cannot be registered"
            raise VerificationError("unbound_cannot_register", message, unbound=self.unbound())
        return self


def _parse(words: Words) -> tuple[Any, ...]:
    """The fields in `_KEY_TYPE`'s order; what may follow them, and what they mean together, is for the caller."""
    words.expect(words.integer(), 0)
    start = words.position
    model_id, param_mode, input_mode = words.bytes32(), words.integer(8), words.integer(8)
    hashes_at, length = words.integer(), words.integer(32)
    inputs_at, outputs_at, vka_at = (words.integer() for _ in range(3))
    words.expect(hashes_at, start)
    hashes = words.integers()
    words.expect(inputs_at, start)
    inputs = _parse_ports(words)
    words.expect(outputs_at, start)
    outputs = _parse_ports(words)
    words.expect(vka_at, start)
    vka = tuple(words.bytes32() for _ in range(words.count()))
    return model_id, param_mode, input_mode, hashes, length, inputs, outputs, vka


def _parse_ports(words: Words) -> list[tuple[tuple[int, ...], int]]:
    count, start = words.count(), words.position
    ports = []
    for offset in [words.integer() for _ in range(count)]:
        words.expect(offset, start)
        port = words.position
        dims_at, bits = words.integer(), words.integer(8)
        words.expect(dims_at, port)
        ports.append((words.integers(32), bits))
    return ports


def derived_proof_length(vka: tuple[bytes, ...]) -> int:
    """Bytes the reusable verifier reads: commitments by phase, evaluations, two opening points; section 3.

    Word 33 starts a list of (bytes of commitments: u16, challenges: u8) packed from the low end; its lowest byte is the
    number of words. Word 3 is the number of evaluations.
    """
    words = [int.from_bytes(word, "big") for word in vka]
    count, packed = words[33] & 0xFF, words[33] >> 8
    total = 0
    for position in range(1, count + 1):
        while packed:
            total += packed & 0xFFFF
            packed >>= 24
        packed = words[33 + position] if 33 + position < len(words) else 0
    return total + 32 * (words[3] & 0xFFFFFFFF) + 128
