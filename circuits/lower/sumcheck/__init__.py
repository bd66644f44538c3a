"""A program as identities and fractions over committed tensors (docs/protocol/sumcheck.md)."""

from circuits.lower.sumcheck.lowering import Lowering, lower

__all__ = ["Lowering", "lower"]
