"""`python -m prover` is `inferproof`."""

from prover.cli import main

main()
