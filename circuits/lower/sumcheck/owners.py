"""Which op brought what into a system, so that costs can be told op by op."""

from __future__ import annotations

from dataclasses import dataclass, field

# An op's position in the program; None for what is no single op's: public tensors, outputs, shared tables.
Owner = int | None


@dataclass
class Owners:
    """Of every tensor, identity and fractions block, in the system's order. What several ops share is the first's."""

    tensors: list[Owner] = field(default_factory=list)
    identities: list[Owner] = field(default_factory=list)
    fractions: list[Owner] = field(default_factory=list)
