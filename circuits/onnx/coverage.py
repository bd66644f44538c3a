"""Which ONNX nodes a program can hold. All that it cannot are named at once, before anything is built."""

from __future__ import annotations

from collections.abc import Callable

from onnx import TensorProto

from circuits.errors import InputError
from circuits.onnx.graph import FloatGraph, FloatNode

Check = Callable[[FloatNode, FloatGraph], str | None]
FLOATS = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16}

SIGMOIDAL = frozenset(("Sigmoid", "Tanh", "Softsign", "HardSigmoid", "Erf"))
RECTIFYING = frozenset(("Softplus", "Gelu", "Elu", "Selu", "HardSwish", "Mish"))
TABLE_FUNCTIONS = SIGMOIDAL | RECTIFYING | {"Exp", "Log", "Sqrt", "Sin", "Cos"}


def _always(node: FloatNode, graph: FloatGraph) -> str | None:
    return None


def _constant(*positions: int) -> Check:
    """The inputs at `positions`, where given, have to be constants."""

    def check(node: FloatNode, graph: FloatGraph) -> str | None:
        for position in positions:
            if node.input(position) and not graph.is_constant(node.input(position)):
                return f"input {position} ({node.input(position)!r}) is not a constant"
        return None

    return check


def _attribute(name: str, allowed: set[object], default: object) -> Check:
    def check(node: FloatNode, graph: FloatGraph) -> str | None:
        value = node.attributes.get(name, default)
        return None if value in allowed else f"{name}={value!r} is not supported"

    return check


def _one_output(node: FloatNode, graph: FloatGraph) -> str | None:
    used = set(graph.outputs).union(*(n.inputs for n in graph.nodes))
    return "its second output is used" if used.intersection(o for o in node.outputs[1:] if o) else None


def _all(*checks: Check) -> Check:
    def check(node: FloatNode, graph: FloatGraph) -> str | None:
        return next((reason for c in checks if (reason := c(node, graph))), None)

    return check


def _average_pool(node: FloatNode, graph: FloatGraph) -> str | None:
    """With ceil_mode a window may hang over the padding; runtimes then disagree about its divisor."""
    return "ceil_mode=1 is not supported" if node.attributes.get("ceil_mode", 0) else None


def _gather(node: FloatNode, graph: FloatGraph) -> str | None:
    if reason := _constant(1)(node, graph):
        return reason
    indices = graph.constants[node.input(1)]
    if indices.ndim > 1:
        return f"its indices have rank {indices.ndim}; at most 1 is supported"
    steps = {int(b) - int(a) for a, b in zip(indices.reshape(-1), indices.reshape(-1)[1:], strict=False)}
    return None if len(steps) <= 1 else "its indices are not evenly spaced"


def _pow(node: FloatNode, graph: FloatGraph) -> str | None:
    if reason := _constant(1)(node, graph):
        return reason
    return None if graph.constants[node.input(1)].size == 1 else "its exponent is not one number"


def _split(node: FloatNode, graph: FloatGraph) -> str | None:
    missing = [o for o in node.outputs if o not in graph.shapes]
    return f"the shape of {missing[0]!r} is not known" if missing else _constant(1)(node, graph)


SUPPORTED: dict[str, Check] = {
    **dict.fromkeys(TABLE_FUNCTIONS, _always),
    **dict.fromkeys(("Add", "Sub", "Mul", "Neg", "Relu", "LeakyRelu", "Abs", "Min", "Max", "MatMul", "Gemm"), _always),
    **dict.fromkeys(("Identity", "Flatten", "Transpose", "Concat"), _always),
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool"), _always),
    **dict.fromkeys(("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "Squeeze", "Unsqueeze"), _constant(1)),
    **dict.fromkeys(("Reshape", "Expand", "Div", "PRelu"), _constant(1)),
    "Clip": _constant(1, 2),
    "Slice": _constant(1, 2, 3, 4),
    "Conv": _constant(1, 2),
    "BatchNormalization": _all(_attribute("training_mode", {0}, 0), _constant(1, 2, 3, 4), _one_output),
    "Dropout": _one_output,
    "MaxPool": _all(_attribute("storage_order", {0}, 0), _one_output),
    "AveragePool": _average_pool,
    "Pad": _all(_attribute("mode", {"constant"}, "constant"), _constant(1, 2, 3)),
    "Cast": _attribute("to", set(FLOATS), None),
    "Gather": _gather,
    "Pow": _pow,
    "Split": _split,
}
# What people meet most often, and what to do about it.
ADVICE = {
    "Softmax": "leave it off: the largest logit is the largest probability",
    "LogSoftmax": "leave it off: the largest logit is the largest probability",
    "ArgMax": "leave it off and take the largest output",
    "LayerNormalization": "not yet part of the integer program",
}


def check_coverage(graph: FloatGraph) -> None:
    """Raises InputError `onnx_unsupported_ops` with every node that no program can hold, and why."""
    for name in graph.outputs:
        if graph.is_constant(name):
            raise InputError("onnx_constant_output", f"output {name!r} is a constant: there is nothing to prove")
    found = []
    for node in graph.nodes:
        if node.op not in SUPPORTED:
            reason = ADVICE.get(node.op, "the operator is not supported")
        elif node.output not in graph.shapes:
            known = all(name in graph.shapes for name in node.inputs if name)
            reason = "its output's shape is not known" if known else ""  # else it is another node's fault
        elif any(0 in graph.shapes.get(output, ()) for output in node.outputs):
            reason = "its output has no elements"
        else:
            reason = SUPPORTED[node.op](node, graph) or ""
        if reason:
            found.append({"node": node.name, "op": node.op, "reason": reason})
    if found:
        listed = "; ".join(f"{f['op']} ({f['node']}): {f['reason']}" for f in found)
        raise InputError("onnx_unsupported_ops", f"{len(found)} node(s) cannot be compiled: {listed}", nodes=found)
