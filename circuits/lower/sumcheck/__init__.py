"""A program as identities and fractions over committed tensors (docs/protocol/sumcheck.md).

`lowering` makes a system of a program. A verifier knows no ops; it imports by its name what it shares with a prover:
`system`, `layout`, `reading`, `encoding`, `bounds`.
"""
