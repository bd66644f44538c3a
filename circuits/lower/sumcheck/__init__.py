"""A program as identities and fractions over committed tensors (docs/protocol/sumcheck.md).

`lowering` makes a system of a program. A verifier, which knows no ops, imports what it shares with a prover by its name:
`system`, `layout`, `reading`, `encoding`, `bounds`.
"""
