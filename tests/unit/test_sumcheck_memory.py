"""Memory by op: the parts are what the lowering made, and add up to what a proof holds."""

from __future__ import annotations

import pytest
from sumcheck_programs import CASES, program

from circuits.execute.layouts import layout_bytes
from circuits.lower.sumcheck.layout import box_bits, fraction_layout, layout
from circuits.lower.sumcheck.lowering import lower
from circuits.program.ops import Linear
from circuits.program.refs import AffineMap
from prover.backend import PhaseReport
from prover.optimistic.estimate import estimate as optimistic_estimate
from prover.sumcheck import Plan, estimate, make_plan, memory
from prover.sumcheck.memory import PHASES, Memory
from prover.sumcheck.reading_costs import reading_costs
from tests.programs import X, made
from verifier.claims import product_instances

ROW_BITS = 4
ONE = AffineMap.identity((1,))

# Setup cells, witness cells, leaves and product points of each op, all of one element, over limbs of 16 bits.
OWNED = {
    "linear that is its sum": {"linear": (0, 1, 0, 0)},
    "linear that rescales": {"linear": (0, 1, 3, 0)},
    "linear that saturates, without a rescale": {"linear": (0, 4, 2, 1)},
    "linear that saturates far": {"linear": (0, 5, 2, 1)},
    "linear that saturates to flags": {"linear": (0, 5, 6, 2)},
    "relu of a saturating sum": {"linear, max": (0, 5, 2, 1)},
    "contract that rescales": {"contract": (2, 2, 3, 2)},
    "mul that rescales": {"mul": (0, 2, 3, 1)},
    "max of two": {"max": (0, 2, 2, 2)},
    "max of three": {"max": (0, 4, 7, 0)},
    "less": {"compare": (0, 1, 2, 0)},
    "equal": {"compare": (0, 2, 4, 0)},
    "select": {"compare": (0, 1, 2, 0), "select": (0, 1, 0, 2)},
    "divide": {"max": (0, 2, 2, 1), "divide": (0, 2, 3, 1)},
    "rsqrt": {"max": (0, 2, 2, 1), "rsqrt": (0, 3, 4, 2)},
}


def planned(name: str) -> Plan:
    lowering = lower(CASES[name]()[0], 16)
    return Plan(lowering, layout(lowering.system, ROW_BITS), PhaseReport("lower", 0.0))


def total(told: Memory, name: str) -> int:
    return sum(getattr(part, name) for part in told.parts)


@pytest.mark.parametrize("name", sorted(OWNED))
def test_an_op_owns_what_its_lowering_makes(name: str) -> None:
    told = memory(planned(name))
    ops = [part for part in told.parts if part.ops]
    assert sorted(op for part in ops for op in part.ops) == list(range(len(CASES[name]()[0].ops)))
    assert {part.kind: (part.setup_cells, part.witness_cells, part.leaves, part.points) for part in ops} == OWNED[name]


def test_what_ops_share_is_the_firsts_and_tables_are_nobodys() -> None:
    first, second, after, tables, padding = memory(planned("lookups of one argument")).parts
    assert (first.ops, first.witness_cells, first.leaves) == ((0,), 1, 1)
    assert (second.ops, second.witness_cells, second.leaves) == ((1,), 1, 0)
    assert (after.kind, after.witness_cells, after.leaves) == ("linear", 1, 0)
    assert (tables.ops, tables.kind) == ((), "tables")
    assert (tables.setup_cells, tables.witness_cells, tables.leaves) == (512, 256, 256)
    assert (padding.ops, padding.kind) == ((), "padding")


@pytest.mark.parametrize("name", sorted(CASES))
def test_parts_add_up_to_the_table_the_tree_and_the_products(name: str) -> None:
    plan = planned(name)
    told, table, system = memory(plan), plan.layout, plan.lowering.system
    assert total(told, "setup_cells") == len(table.setup_rows) << ROW_BITS
    assert total(told, "witness_cells") == len(table.witness_rows) << ROW_BITS
    assert total(told, "leaves") == 1 << fraction_layout(system).depth
    assert total(told, "points") == sum(1 << box_bits(product.shared_dims) for product in product_instances(system))
    costs = reading_costs(system, plan.lowering.owners)
    assert total(told, "kept_bytes") == sum(cost.kept_bytes for cost in costs)
    assert total(told, "summed_bytes") == max(cost.summed_bytes for cost in costs)
    assert total(told, "laid_out_bytes") == sum(layout_bytes(plan.lowering.program))
    assert all(min(part.setup_cells, part.witness_cells, part.leaves, part.points) >= 0 for part in told.parts)


@pytest.mark.parametrize("name", ["contract that rescales", "linear that is its sum"])
def test_the_peak_is_the_largest_phases_sum_of_parts(name: str) -> None:
    plan = planned(name)
    told = memory(plan)
    sums = {phase: sum(part.phase_bytes()[phase] for part in told.parts) for phase in PHASES}
    assert told.phase_bytes() == {phase: told.base_bytes + count for phase, count in sums.items()}
    assert sums[told.peak_phase] == max(sums.values())
    assert estimate(plan).peak_memory_bytes == told.peak_bytes == told.base_bytes + max(sums.values())


def test_what_a_program_reads_far_out_of_bounds_is_its_peak() -> None:
    """Once in the executor, in every phase; and once more while the witness is made."""
    far = 30_000_000
    how = AffineMap((4,), (-far,), ((far,),))
    plan = make_plan(program([Linear((X,), (how,), (2,), (), 16, 0, 0, False, (1,))], [(4,)]))
    told = memory(plan)
    (box,) = (part.laid_out_bytes for part in told.parts if part.ops)
    assert box == 8 * (far + 4)
    assert told.peak_phase == "witness"
    assert told.peak_bytes == estimate(plan).peak_memory_bytes > 2 * box
    assert min(told.phase_bytes().values()) > box
    assert optimistic_estimate(plan.lowering.program).peak_memory_bytes > box


def test_each_op_of_a_chain_is_counted() -> None:
    def chain(length: int) -> int:
        ops = [Linear((made(n - 1) if n else X,), (ONE,), (1,), (), 16, 0, 0, False, (1,)) for n in range(length)]
        return memory(make_plan(program(ops, [(1,)]))).base_bytes

    assert chain(64) - chain(4) >= 60 * (32 << 10)
