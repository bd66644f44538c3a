"""The lowered graph in Python integers, without ezkl; and the part of a random program that the halo2 route takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import onnx

from circuits.errors import InputError
from circuits.lower.halo2 import Lowered, lower
from circuits.program.graph import Program
from circuits.program.refs import Ref, Source

ARITHMETIC: dict[str, Callable[..., np.ndarray]] = {
    "Identity": lambda a: a,
    "Cast": lambda a: a,
    "Add": lambda a, b: a + b,
    "Sub": lambda a, b: a - b,
    "Mul": lambda a, b: a * b,
    "MatMul": lambda a, b: a @ b,
    "Relu": lambda a: np.where(a > 0, a, 0),
    "Sign": np.sign,
    "Equal": lambda a, b: (a == b).astype(int).astype(object),
    "Reshape": lambda a, dims: a.reshape([int(d) for d in dims]),
}


def evaluate(lowered: Lowered, inputs: list[np.ndarray]) -> list[list[int]]:
    """The graph's outputs in exact integers. Asserts what the lowering promises of every value that ezkl decomposes: it
    fits the digits, and no sign is asked of an even integer."""
    graph = onnx.load_from_string(lowered.model).graph
    integers = [int(value) for tensor in inputs for value in tensor.reshape(-1)]
    known = {graph.input[0].name: np.array([integers], object)}
    for constant in graph.initializer:
        exact = [int(value) for value in onnx.numpy_helper.to_array(constant).reshape(-1).tolist()]
        known[constant.name] = np.array(exact, object).reshape(list(constant.dims))
    quotients = {}
    for node in graph.node:
        operands = [known.get(name) for name in node.input]
        (name,) = node.output
        axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
        if node.op_type in ("Relu", "Sign", "Div"):
            assert abs(operands[0]).max() < lowered.ezkl_base() ** lowered.digits
        if node.op_type == "Sign":
            assert (operands[0] % 2).all()
        if node.op_type == "Div":
            quotients[name] = operands
        elif node.op_type == "Floor":
            dividend, divisor = quotients[node.input[0]]
            known[name] = dividend // divisor
        elif node.op_type == "Concat":
            known[name] = np.concatenate(operands, axis)
        elif node.op_type == "Gather":
            known[name] = np.take(operands[0], operands[1].astype(np.int64), axis)
        else:
            known[name] = ARITHMETIC[node.op_type](*operands)
    return [[int(v) for v in known[output.name].reshape(-1)] for output in graph.output]


def provable(program: Program) -> tuple[Program | None, list[InputError]]:
    """`program` without the ops that the route refuses and what needs them (None if nothing is left); the refusals."""
    refusals: list[InputError] = []
    while program.ops:
        try:
            lower(program, salted=False)
        except InputError as error:
            refusals.append(error)
            program = _without(program, error.details["position"])
        else:
            return program, refusals
    return None, refusals


def _without(program: Program, position: int) -> Program:
    kept: list = []
    moved: dict[int, int] = {}
    for i, op in enumerate(program.ops):
        if i != position and all(ref.source is not Source.OP or ref.index in moved for ref in op.operands):
            moved[i] = len(kept)
            kept.append(dataclasses.replace(op, operands=tuple(_moved(ref, moved) for ref in op.operands)))
    outputs = [dataclasses.replace(o, ref=_moved(o.ref, moved)) for o in program.outputs if o.ref.index in moved]
    return dataclasses.replace(program, ops=tuple(kept), outputs=tuple(outputs))


def _moved(ref: Ref, moved: dict[int, int]) -> Ref:
    return Ref(ref.source, moved[ref.index]) if ref.source is Source.OP else ref
