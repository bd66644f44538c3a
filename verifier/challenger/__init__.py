"""Catches wrong claims of the optimistic route and overturns them (docs/protocol/optimistic.md)."""
