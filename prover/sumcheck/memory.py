"""Peak memory of a proof, op by op (docs/protocol/sumcheck.md section 13).

The figures per cell, leaf and point are measured on two cores.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from circuits.execute.layouts import layout_bytes
from circuits.lower.sumcheck.layout import box_bits, fraction_layout, last_cell
from circuits.lower.sumcheck.owners import Owner
from circuits.lower.sumcheck.system import Kind
from prover.sumcheck.plan import Plan
from prover.sumcheck.reading_costs import reading_costs
from verifier.claims import product_instances
from verifier.curve import POINT_BYTES

# The interpreter, its libraries and what threads need of their own; the reference string, read and decoded; and a
# public element, given and decoded.
_PROCESS_BYTES, _STRING_BYTES, _ELEMENT_BYTES = 60 << 20, 2 * POINT_BYTES, 2 * 8
# Throughout: of the key's cells, and of the constants that they come from, here and in the executor; of the witness's,
# and of its values.
_SETUP_CELL_BYTES, _WITNESS_CELL_BYTES = 8 + 3 * 8, 8 + 8
# What a phase adds: of a leaf, the tree's numerators and denominators; of a product's point, both factors; of a cell,
# its weight, and half a field element once the first variable is bound.
_LEAF_BYTES, _POINT_BYTES, _CELL_BYTES = 4 * 32 + 12, 2 * 32, 32 + 16

# Of an op: its part of the candidates among which a lowering is searched, two at a time.
_OP_BYTES = 32 << 10

# Commit and opening need less than one of these. What readings add is in reading_costs.py.
PHASES = ("witness", "fractions", "identities", "evaluation", "verify")

_COUNTED = ("setup_cells", "witness_cells", "leaves", "points", "kept_bytes", "summed_bytes", "laid_out_bytes")


@dataclass(frozen=True)
class Part:
    """What one op owns, or two that are lowered as one; tables that ops share and padding have no op."""

    ops: tuple[int, ...]
    kind: str
    setup_cells: int
    witness_cells: int
    leaves: int
    points: int
    kept_bytes: int  # of its readings' vectors of weights
    summed_bytes: int  # of the largest reading that is summed point by point, if that is its
    laid_out_bytes: int  # by the executor, to read operands; once more while the witness is made

    def phase_bytes(self) -> dict[str, int]:
        """That are there because of it, phase by phase."""
        throughout = self.setup_cells * _SETUP_CELL_BYTES + self.witness_cells * _WITNESS_CELL_BYTES
        throughout += self.laid_out_bytes
        cells = self.setup_cells + self.witness_cells
        added = (
            self.laid_out_bytes,
            self.leaves * _LEAF_BYTES,
            self.points * _POINT_BYTES,
            self.kept_bytes + cells * _CELL_BYTES,
            self.kept_bytes + self.summed_bytes,
        )
        return {phase: throughout + more for phase, more in zip(PHASES, added, strict=True)}


@dataclass(frozen=True)
class Memory:
    """`base_bytes` belong to no part. With them the parts' sum in the largest phase is the peak."""

    base_bytes: int
    parts: tuple[Part, ...]

    def phase_bytes(self) -> dict[str, int]:
        total = Counter(dict.fromkeys(PHASES, self.base_bytes))
        for part in self.parts:
            total.update(part.phase_bytes())
        return dict(total)

    @property
    def peak_phase(self) -> str:
        """The one that counts."""
        total = self.phase_bytes()
        return max(PHASES, key=lambda phase: total[phase])

    @property
    def peak_bytes(self) -> int:
        return max(self.phase_bytes().values())

    def as_dict(self) -> dict[str, Any]:
        return {
            "peak_phase": self.peak_phase,
            "base_bytes": self.base_bytes,
            "phase_bytes": self.phase_bytes(),
            "parts": [{**vars(part), "phase_bytes": part.phase_bytes()} for part in self.parts],
        }


def memory(plan: Plan) -> Memory:
    """Every op in order, with the sum that it clamps, then the shared tables, then what fills up rows and tree."""
    ops, table, row = plan.lowering.program.ops, plan.layout, 1 << plan.layout.row_bits
    sizes = _sizes(plan)
    padding = Counter(
        setup_cells=len(table.setup_rows) * row,
        witness_cells=len(table.witness_rows) * row,
        leaves=1 << fraction_layout(plan.lowering.system).depth,
    )
    for name in padding:
        padding[name] -= sum(owned[name] for owned in sizes.values())
    fused = plan.lowering.fused
    parts = []
    for position in sorted({*range(len(ops))} - {*fused.values()}):
        together = (fused[position], position) if position in fused else (position,)
        kinds = ", ".join(ops[each].opcode.name.lower() for each in together)
        parts.append(_part(together, kinds, sizes[position]))
    parts += [_part((), "tables", sizes[None]), _part((), "padding", padding)]
    public = sum(tensor.size for tensor in plan.lowering.system.tensors if tensor.kind in (Kind.INPUT, Kind.OUTPUT))
    base_bytes = _PROCESS_BYTES + len(ops) * _OP_BYTES + row * _STRING_BYTES + public * _ELEMENT_BYTES
    return Memory(base_bytes, tuple(parts))


def _sizes(plan: Plan) -> dict[Owner, Counter[str]]:
    """Cells, leaves, points and bytes by owner, boxes padded; a tensor's cells up to its last real one."""
    system, owners = plan.lowering.system, plan.lowering.owners
    found: dict[Owner, Counter[str]] = defaultdict(Counter)
    for tensor, owner in zip(system.tensors, owners.tensors, strict=True):
        if tensor.kind.committed and tensor.size:
            name = "setup_cells" if tensor.kind is Kind.SETUP else "witness_cells"
            found[owner][name] += last_cell(tensor.dims) + 1
    for fractions, owner in zip(system.fractions, owners.fractions, strict=True):
        found[owner]["leaves"] += 1 << box_bits(fractions.dims)
    for product in product_instances(system):
        found[owners.identities[product.identity]]["points"] += 1 << box_bits(product.shared_dims)
    costs = reading_costs(system, owners)
    for cost in costs:
        found[cost.owner]["kept_bytes"] += cost.kept_bytes
    for largest in sorted(costs, key=lambda cost: cost.summed_bytes, reverse=True)[:1]:
        found[largest.owner]["summed_bytes"] = largest.summed_bytes
    clamps = {source: position for position, source in plan.lowering.fused.items()}
    for position, laid_out in enumerate(layout_bytes(plan.lowering.program)):
        found[clamps.get(position, position)]["laid_out_bytes"] += laid_out
    return found


def _part(ops: tuple[int, ...], kind: str, sizes: Counter[str]) -> Part:
    return Part(ops, kind, **{name: sizes[name] for name in _COUNTED})
