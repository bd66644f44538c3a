"""What a program is refused with."""

from __future__ import annotations

from circuits.errors import InferproofError


class ProgramError(InferproofError):
    """A program that breaks a rule of docs/protocol/program.md, or a file that holds none.

    Codes: `program_unreadable`, `program_malformed`, `program_too_large`, `program_bad_reference`, `program_bad_map`,
    `program_bad_shape`, `program_bad_bits`, `program_bad_constant`, `program_bad_attribute`, `program_bad_table`,
    `program_bad_port`, `program_bad_name`, `program_range_overflow`.
    """
