"""Before any money is staked: does this machine compute what the definition says?

Challengers with a wrong local model attack honest claims and lose their bonds. So the executor and the hashing that a
challenger was given are tested against golden vectors first, and against the interpreter on the very input and ops in
question.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import numpy as np

from circuits.program.graph import Program
from circuits.program.graph_json import parse_graph
from circuits.program.interpreter import evaluate_op
from circuits.program.validate import validate
from circuits.statement import tensor_root
from verifier.challenger.engine import Engine, LoadedProgram
from verifier.challenger.errors import ChallengerError
from verifier.dispute.commitment import CommittedTrace


def golden_vectors() -> dict[str, Any]:
    """Programs that show every op, by name: graph, constants, model id, inputs and traces."""
    text = resources.files("verifier").joinpath("data", "selftest.json").read_text(encoding="utf-8")
    vectors: dict[str, Any] = json.loads(text)
    return vectors


def _program(vector: dict[str, Any]) -> Program:
    widths = [constant["width"] for constant in vector["graph"]["constants"]]
    values = zip(vector["constants"], vector["constant_dims"], widths, strict=True)
    tensors = {str(i): np.array(v, f"<i{w}").reshape(dims) for i, (v, dims, w) in enumerate(values)}
    program = parse_graph(json.dumps(vector["graph"]).encode(), tensors)
    validate(program)
    return program


def self_test(engine: Engine) -> int:
    """Runs every golden vector; how many outputs of ops were compared. Raises ChallengerError `selftest_failed`."""
    compared = 0
    for name, vector in golden_vectors().items():
        loaded = LoadedProgram(_program(vector), engine)
        if loaded.model_id.hex() != vector["model_id"]:
            raise _failed(name, "the model id differs: its hashing is wrong", got=loaded.model_id.hex())
        for number, case in enumerate(vector["cases"]):
            compared += _run_case(name, number, case, loaded)
    return compared


def _run_case(name: str, number: int, case: dict[str, Any], loaded: LoadedProgram) -> int:
    ports, ops = loaded.program.inputs, loaded.program.ops
    inputs = [np.array(v, np.int64).reshape(port.dims) for v, port in zip(case["inputs"], ports, strict=True)]
    run = loaded.run(inputs)
    expected = [np.array(v, np.int64).reshape(op.dims) for v, op in zip(case["trace"], ops, strict=True)]
    for index, (made, wanted, root) in enumerate(zip(run.made, expected, run.tensor_roots, strict=True)):
        if not np.array_equal(made, wanted):
            raise _failed(name, f"op {index} differs in case {number}", op=index, case=number)
        if root != tensor_root(wanted):
            raise _failed(name, f"the root of op {index}'s output differs in case {number}", op=index, case=number)
    return len(expected)


def _failed(vector: str, problem: str, **details: Any) -> ChallengerError:
    message = f"self-test {vector!r}: {problem}. Nothing is staked on this machine"
    return ChallengerError("selftest_failed", message, vector=vector, **details)


def confirm_run(run: CommittedTrace, first: int, last: int) -> None:
    """Runs the definition itself on the ops first <= op <= last, over what our own run gives them to read.

    They are those under the first node of a claim's trace tree that is not ours. A dispute is about them alone: to the
    left of them the claim and we agree. Raises ChallengerError `executor_differs`.
    """
    for index in range(first, last + 1):
        defined = evaluate_op(run.program.ops[index], [tensor.astype(np.int64) for tensor in run.operands(index)])
        if not np.array_equal(run.made[index], defined):
            message = f"the executor's op {index} is not the interpreter's: nothing is staked on it"
            raise ChallengerError("executor_differs", message, op=index)
