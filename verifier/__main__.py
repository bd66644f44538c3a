"""`python -m verifier verify ...`: the verifier without the rest of the product."""

import sys

from verifier.cli import app
from verifier.console import run

sys.exit(run(app))
