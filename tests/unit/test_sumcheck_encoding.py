"""The bytes of a system: one encoding each, and a reader that takes no other (docs/protocol/sumcheck.md section 10)."""

import itertools

import pytest
from hypothesis import given, settings
from random_programs import programs
from tiny_systems import ALONG, THREE, tiny_system

from circuits.lower.sumcheck import encoding
from circuits.lower.sumcheck.bounds import require_bounded
from circuits.lower.sumcheck.encoding import MAX_AXES, decode_system, encode_system
from circuits.lower.sumcheck.layout import choose_row_bits
from circuits.lower.sumcheck.lowering import lower
from circuits.program.graph import Program
from circuits.program.refs import UNMAPPED
from circuits.statement import keccak256

RAW = encode_system(tiny_system())
TENSORS_END = 4 + sum(3 + 4 * len(tensor.dims) for tensor in tiny_system().tensors)


def with_u32(raw: bytes, at: int, value: int) -> bytes:
    return raw[:at] + value.to_bytes(4, "big") + raw[at + 4 :]


def test_the_format_is_pinned():
    assert keccak256(RAW).hex() == "f280a951fe930fbfbe57eca4136847311a4f0f141da50036942c0002e6b11fdb"
    assert RAW[: 4 + 7] == bytes.fromhex("00000008" + "0008" + "01" + "00000004")
    maps = "00000003" + "01" + "01" + "00000004" + "00000000" + "00000001" + "00" + "00" + "01" + "01" + "00000003"
    assert RAW[TENSORS_END:].startswith(bytes.fromhex(maps))


def test_a_system_is_read_as_it_was_written():
    assert decode_system(RAW) == tiny_system()


@settings(max_examples=40)
@given(programs())
def test_every_lowered_program_has_one_encoding_and_keeps_to_the_bounds(program: Program):
    system = lower(program).system
    raw = encode_system(system)
    assert decode_system(raw) == system
    require_bounded(system, choose_row_bits(system))


def test_rejects_every_truncation():
    for size in range(len(RAW)):
        with pytest.raises(ValueError, match="within something"):
            decode_system(RAW[:size])


def test_rejects_a_trailing_byte():
    with pytest.raises(ValueError, match="goes on after its end: 1 bytes"):
        decode_system(RAW + b"\0")


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_any_byte_changed_is_refused_or_names_another_system(flip):
    different = 0
    for at in range(len(RAW)):
        changed = RAW[:at] + bytes([RAW[at] ^ flip]) + RAW[at + 1 :]
        try:
            system = decode_system(changed)
        except ValueError:
            continue
        assert system != tiny_system()
        assert encode_system(system) == changed
        different += 1
    assert different  # a coefficient, say


def test_rejects_a_list_that_promises_more_than_there_is():
    with pytest.raises(ValueError, match="within something"):
        decode_system(with_u32(RAW[:TENSORS_END], 0, 2**32 - 1))


def test_rejects_more_axes_than_anything_has():
    axes = MAX_AXES + 1
    raw = RAW[:6] + bytes([axes]) + bytes(4 * axes) + RAW[11:]
    with pytest.raises(ValueError, match=f"{axes} axes"):
        decode_system(raw)
    at = TENSORS_END + 4  # the first map's axes
    with pytest.raises(ValueError, match=f"{axes} axes"):
        decode_system(RAW[:at] + bytes([axes]) + RAW[at + 1 :])


def test_rejects_a_kind_of_tensor_that_there_is_not():
    with pytest.raises(ValueError, match="6 is not a valid Kind"):
        decode_system(RAW[:4] + b"\x06" + RAW[5:])


FIRST, SECOND = 4, 4 + 14  # where the maps begin in their list: one of rank 1, then the one of rank 0
MAPS = RAW[TENSORS_END:][: 4 + 14 + 2 + 14]
REST = RAW[TENSORS_END + len(MAPS) :]


@pytest.mark.parametrize(
    "maps",
    [
        (4).to_bytes(4, "big") + MAPS[4:] + MAPS[FIRST:SECOND],
        (4).to_bytes(4, "big") + MAPS[4:] + bytes.fromhex("0101000000050000000000000001"),
        (3).to_bytes(4, "big") + MAPS[FIRST:SECOND] + b"\1\0" + MAPS[SECOND + 2 :],
    ],
    ids=["twice", "never read", "of rank 0 and for a rank of its own"],
)
def test_rejects_a_second_encoding_of_the_same_maps(maps):
    assert decode_system(RAW[:TENSORS_END] + MAPS + REST) == tiny_system()
    with pytest.raises(ValueError, match="another encoding"):
        decode_system(RAW[:TENSORS_END] + maps + REST)


def test_rejects_maps_numbered_in_another_order_than_they_are_read_in():
    system = tiny_system()
    for order in itertools.permutations((ALONG, UNMAPPED, THREE)):
        maps = {how: number for number, how in enumerate(order)}
        boxes = [encoding._list([encoding._identity(identity, maps) for identity in system.identities])]
        boxes.append(encoding._list([encoding._fractions(fractions, maps) for fractions in system.fractions]))
        raw = b"".join((RAW[:TENSORS_END], encoding._list(map(encoding._map, order)), *boxes))
        if order == (ALONG, UNMAPPED, THREE):
            assert raw == RAW
        else:
            with pytest.raises(ValueError, match="another encoding"):
                decode_system(raw)


@pytest.mark.parametrize("place", [0, 4], ids=["tensor", "map"])
def test_rejects_a_reading_of_what_is_not_there(place):
    first_reading = TENSORS_END + len(MAPS) + 4 + 5 + 4 + 16 + 1 + 1
    with pytest.raises(ValueError, match="a reading names"):
        decode_system(with_u32(RAW, first_reading + place, 8))
