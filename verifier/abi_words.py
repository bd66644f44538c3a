"""Reading a canonical ABI encoding word by word, in the one order in which an encoder writes it.

A decoder that follows offsets can be led to read the same bytes again and again: 64 kB that name one list of thousand
dims from a thousand ports cost it a million reads. Here every word is read once, and an offset may only say what it
must.
"""

from __future__ import annotations

WORD = 32


class Words:
    """A cursor over 32-byte words. Everything raises ValueError, and nothing reads further than the bytes go."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self.position = 0  # in bytes

    def bytes32(self) -> bytes:
        word = self._raw[self.position : self.position + WORD]
        if len(word) != WORD:
            raise ValueError(f"the bytes end inside the word at {self.position}")
        self.position += WORD
        return word

    def integer(self, bits: int = 256) -> int:
        value = int.from_bytes(self.bytes32(), "big")
        if value >> bits:
            raise ValueError(f"the word at {self.position - WORD} does not fit {bits} bits")
        return value

    def count(self) -> int:
        """The length of an array, each of whose elements takes at least a word."""
        count = self.integer()
        if count > (len(self._raw) - self.position) // WORD:
            raise ValueError(f"the array at {self.position - WORD} claims {count} elements, more than there are bytes")
        return count

    def integers(self, bits: int = 256) -> tuple[int, ...]:
        """A dynamic array of integers."""
        return tuple(self.integer(bits) for _ in range(self.count()))

    def expect(self, offset: int, start: int) -> None:
        """An offset, counted from `start`, must point at the next word."""
        if offset != self.position - start:
            raise ValueError(f"an offset says {offset} where only {self.position - start} is canonical")
