"""Einsum's equations: which label walks each axis. NumPy's meaning, which is ONNX's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from circuits.onnx.graph import FloatGraph, FloatNode

Labels = tuple[str, ...]
TERM = r"[A-Za-z]*(\.\.\.[A-Za-z]*)?"
EQUATION = re.compile(f"{TERM}(,{TERM})*(->{TERM})?")


@dataclass(frozen=True)
class Equation:
    """Labels of each operand's axes and of the output's. An ellipsis' axes are "...0", "...1" from the last one on."""

    operands: tuple[Labels, ...]
    output: Labels


def is_equation(text: str) -> bool:
    """Whether anything may read it: onnx itself does not return from some that are none."""
    return EQUATION.fullmatch(text.replace(" ", "")) is not None


def equation_of(node: FloatNode, graph: FloatGraph) -> Equation:
    """Raises ValueError for an equation that does not fit the operands' shapes."""
    text = str(node.attributes["equation"]).replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(node.inputs) or not is_equation(text):
        raise ValueError(f"equation {text!r} is none of {len(node.inputs)} operands")
    operands = tuple(_labels(term, len(graph.shapes[n])) for term, n in zip(terms, node.inputs, strict=True))
    widest = max((label for labels in operands for label in labels if label[0] == "."), default="", key=_place)
    ellipsis = tuple(f"...{place}" for place in range(_place(widest), -1, -1)) if widest else ()
    letters = [label for labels in operands for label in labels if label[0] != "."]
    if arrow:
        before, dots, after = right.partition("...")
        output: Labels = (*before, *(ellipsis if dots else ()), *after)
    else:
        output = (*ellipsis, *sorted(letter for letter in set(letters) if letters.count(letter) == 1))
    if not set(ellipsis) <= set(output) <= {*ellipsis, *letters} or len(set(output)) < len(output):
        raise ValueError(f"equation {text!r} has an output that does not follow from its operands")
    return Equation(operands, output)


def _place(label: str) -> int:
    return int(label[3:])


def _labels(term: str, rank: int) -> Labels:
    """One for each axis."""
    before, dots, after = term.partition("...")
    rest = rank - len(before) - len(after)
    if rest < 0 or (rest and not dots):
        raise ValueError(f"term {term!r} does not fit an operand of rank {rank}")
    return (*before, *(f"...{place}" for place in range(rest - 1, -1, -1)), *after)


def sizes_of(operands: Sequence[Labels], shapes: Sequence[tuple[int, ...]]) -> dict[str, int]:
    """How many elements each label has; an axis of one element is repeated."""
    sizes: dict[str, int] = {}
    for labels, shape in zip(operands, shapes, strict=True):
        for label, size in zip(labels, shape, strict=True):
            if sizes.get(label, 1) != 1 and size not in (1, sizes[label]):
                raise ValueError(f"label {label!r} has {sizes[label]} elements, and {size}")
            sizes[label] = size if size != 1 else sizes.get(label, 1)
    return sizes
