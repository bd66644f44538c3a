"""A program as the optimistic route disputes it: every output element is a fold of terms (docs/protocol/optimistic.md).

`run_terms` is the definition, in plain integers; `accumulators` finds the same values fast.
"""

from circuits.lower.optimistic.geometry import (
    DATA_HEIGHT,
    FANOUT,
    MAX_DESCRIPTOR_BYTES,
    NEVER,
    REVEAL_DEPTH,
    SEGMENT_TERMS,
    TOP_DEPTH,
    chunk_count,
    element_count,
    finish,
    longest_game,
    longest_game_of,
    ops_too_large,
    points,
    require_disputable,
    spacing,
    start,
    term_count,
    tree_height,
    work,
)
from circuits.lower.optimistic.prefix import accumulators
from circuits.lower.optimistic.terms import UndefinedTermError, fold_terms, reads, run_terms

__all__ = [
    "DATA_HEIGHT",
    "FANOUT",
    "MAX_DESCRIPTOR_BYTES",
    "NEVER",
    "REVEAL_DEPTH",
    "SEGMENT_TERMS",
    "TOP_DEPTH",
    "UndefinedTermError",
    "accumulators",
    "chunk_count",
    "element_count",
    "finish",
    "fold_terms",
    "longest_game",
    "longest_game_of",
    "ops_too_large",
    "points",
    "reads",
    "require_disputable",
    "run_terms",
    "spacing",
    "start",
    "term_count",
    "tree_height",
    "work",
]
