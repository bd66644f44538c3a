"""`inferproof model`: from an ONNX file to a program, and into one."""

from __future__ import annotations

from prover.cli.late_verbs import Verb, late_group

VERBS = {
    "compile": Verb("Compiles an ONNX model to an integer program", "prover.cli.model_compile", "compile_"),
    "run": Verb("Runs a program on one input", "prover.cli.model_run", "run_"),
    "inspect": Verb("Shows a program", "prover.cli.model_inspect", "inspect_"),
    "check": Verb("Says whether every node of an ONNX model can be compiled", "prover.cli.model_check", "check"),
    "register": Verb("Registers the program under the paying account", "prover.cli.listing", "register"),
    "audit": Verb("Rebuilds the key from the program and compares it", "prover.cli.audit", "audit"),
}

app = late_group(VERBS, "Compile, run and look into programs; list them on a chain.")
