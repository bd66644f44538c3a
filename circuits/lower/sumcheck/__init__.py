"""A program as identities and fractions over committed tensors (docs/protocol/sumcheck.md)."""
