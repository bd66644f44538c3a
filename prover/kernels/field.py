"""Fast arithmetic of the sumcheck route over BN254's scalar field; each kernel has a plain twin in field_reference.py.

Scalars are ints of absolute value below the modulus, a negative one standing for its residue; results are in
[0, modulus). Points are lists of scalars, lowest variable first, as are the bits of an index. Integers are arrays of
int64, read in row-major order. Sections cited are those of docs/protocol/sumcheck.md. What has a wrong length or lies
out of range raises ValueError, an array of another dtype TypeError.
"""

from __future__ import annotations

from prover.kernels._native import (
    FractionTree,
    LayerSumcheck,
    ProductSumcheck,
    ReferenceString,
    Vector,
    combine_integers,
    divide_by_linear,
    eq_table,
    evaluate,
    fingerprints,
    fold,
    functional,
    linear_combination,
    msm,
    outer,
    pairing_check,
    scatter,
    weighted_sum,
)

__all__ = [
    "FractionTree",
    "LayerSumcheck",
    "ProductSumcheck",
    "ReferenceString",
    "Vector",
    "combine_integers",
    "divide_by_linear",
    "eq_table",
    "evaluate",
    "fingerprints",
    "fold",
    "functional",
    "linear_combination",
    "msm",
    "outer",
    "pairing_check",
    "scatter",
    "weighted_sum",
]
