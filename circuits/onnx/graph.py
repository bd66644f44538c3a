"""The float graph: what an ONNX model says, once every shape is known and every constant is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

Floats = npt.NDArray[np.float64]

FLOATS = frozenset((TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16))
SIGNED = frozenset((TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64))
UNSIGNED = frozenset((TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64))
INTEGERS = SIGNED | UNSIGNED

# Of any one value: the bound of `circuits.program` on the dims of a tensor.
MAX_ELEMENTS = 2**28


@dataclass(frozen=True)
class FloatNode:
    """One operation. `inputs` are names of values, "" for one that is left out; `attributes` are plain Python.

    `position` is the node's place in the file's list of nodes, from 0, once its functions are inlined.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    position: int = 0

    def input(self, position: int) -> str:
        """The name at `position`, "" if it is left out."""
        return self.inputs[position] if position < len(self.inputs) else ""

    @property
    def output(self) -> str:
        """The first that is not left out."""
        return next(name for name in self.outputs if name)


@dataclass
class FloatGraph:
    """Nodes in execution order. Every value name has a shape and an element type (of onnx.TensorProto); constants have
    their values too.

    `labels` names the classes of outputs that are indices of them; `of_tables` says that the inputs are tables, as
    those of ai.onnx.ml's operators are.
    """

    inputs: dict[str, tuple[int, ...]]
    outputs: list[str]
    nodes: list[FloatNode]
    constants: dict[str, npt.NDArray[Any]]
    shapes: dict[str, tuple[int, ...]]
    types: dict[str, int]
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    of_tables: bool = False

    def is_real(self, name: str) -> bool:
        return self.types.get(name) in FLOATS

    def is_integer(self, name: str) -> bool:
        return self.types.get(name) in INTEGERS

    def is_boolean(self, name: str) -> bool:
        return self.types.get(name) == TensorProto.BOOL

    def type_name(self, name: str) -> str:
        """As a user knows it: "float", "int64"."""
        return type_name(self.types.get(name, TensorProto.UNDEFINED))

    def is_constant(self, name: str) -> bool:
        return name in self.constants

    def constant(self, name: str) -> Floats:
        """The values of a constant, as float64."""
        return np.asarray(self.constants[name], np.float64)

    def integers(self, name: str) -> list[int]:
        """The values of a constant of integers (a shape, axes, starts)."""
        return [int(v) for v in np.asarray(self.constants[name]).reshape(-1)]

    def consumers(self) -> dict[str, list[FloatNode]]:
        """Who reads each value. A graph output is read by nobody here."""
        found: dict[str, list[FloatNode]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                found.setdefault(name, []).append(node)
        return found

    def sole_consumer(self, name: str, consumers: Mapping[str, list[FloatNode]]) -> FloatNode | None:
        """The only reader of `name`, if there is exactly one and `name` is no output."""
        readers = consumers.get(name, [])
        return readers[0] if len(readers) == 1 and name not in self.outputs else None

    def drop_dead(self) -> None:
        """Forgets nodes and constants that no output depends on."""
        needed = set(self.outputs)
        kept = []
        for node in reversed(self.nodes):
            if needed.intersection(node.outputs):
                needed.update(name for name in node.inputs if name)
                kept.append(node)
        self.nodes = kept[::-1]
        self.constants = {name: values for name, values in self.constants.items() if name in needed}


def type_name(elem_type: int) -> str:
    """The name of an onnx.TensorProto element type, as ONNX's own documents write it."""
    known: dict[int, str] = {number: kind.lower() for kind, number in TensorProto.DataType.items()}
    return known.get(elem_type, "of no known type")
