"""What a node may be asked, as small checks that combine. A check gives the reason for a refusal, or None.

Its docstring says what has to hold: docs/onnx-ops.md prints it.
"""

from __future__ import annotations

from collections.abc import Callable

from circuits.onnx.graph import FloatGraph, FloatNode

Check = Callable[[FloatNode, FloatGraph], str | None]


def always(node: FloatNode, graph: FloatGraph) -> str | None:
    return None


def says(condition: str, check: Check) -> Check:
    """`check`, which holds where `condition` does."""
    check.__doc__ = condition
    return check


def _inputs(positions: tuple[int, ...]) -> str:
    return ("input " if len(positions) == 1 else "inputs ") + ", ".join(map(str, positions))


def constant(*positions: int) -> Check:
    """The inputs at `positions`, where given, have to be constants."""

    def check(node: FloatNode, graph: FloatGraph) -> str | None:
        for position in positions:
            if node.input(position) and not graph.is_constant(node.input(position)):
                return f"input {position} ({node.input(position)!r}) is not a constant"
        return None

    return says(f"{_inputs(positions)} constant", check)


def real(*positions: int) -> Check:
    """The inputs at `positions`, where given, have to be real numbers."""

    def check(node: FloatNode, graph: FloatGraph) -> str | None:
        for position in positions:
            name = node.input(position)
            if name and not graph.is_real(name):
                return f"input {position} ({name!r}) is {graph.type_name(name)}, no real number"
        return None

    return says(f"{_inputs(positions)} of real numbers", check)


def attribute(name: str, allowed: set[object], default: object) -> Check:
    """The attribute has to be one of `allowed`."""

    def check(node: FloatNode, graph: FloatGraph) -> str | None:
        value = node.attributes.get(name, default)
        return None if value in allowed else f"{name}={value!r} is not supported"

    return says(f"{name} is {' or '.join(sorted(map(str, allowed)))}", check)


def one_output(node: FloatNode, graph: FloatGraph) -> str | None:
    """only the first output is read"""
    used = set(graph.outputs).union(*(n.inputs for n in graph.nodes))
    return "its second output is used" if used.intersection(o for o in node.outputs[1:] if o) else None


def every(*checks: Check) -> Check:
    """All of `checks`; the first reason is given."""

    def check(node: FloatNode, graph: FloatGraph) -> str | None:
        return next((reason for c in checks if (reason := c(node, graph))), None)

    return says("; ".join(c.__doc__ for c in checks if c.__doc__), check)
