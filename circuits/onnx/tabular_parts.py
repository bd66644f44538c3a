"""What the rewriting of an ai.onnx.ml node is written with: nodes and constants, kept apart until it is complete."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from circuits.onnx.graph import FloatGraph, FloatNode

Shape = tuple[int, ...]
REAL, INTEGER, BOOLEAN = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


class Refused(ValueError):
    """The node means something that no program holds; says why."""


class Parts:
    """The nodes that stand for `node`. Names of values between them start with the node's first output."""

    def __init__(self, graph: FloatGraph, node: FloatNode) -> None:
        self.graph = graph
        self.node = node
        self.get = node.attributes
        self.nodes: list[FloatNode] = []
        self.constants: dict[str, npt.NDArray[Any]] = {}
        self._shapes: dict[str, Shape] = {}
        self._types: dict[str, int] = {}

    def shape(self, name: str) -> Shape:
        return self._shapes[name] if name in self._shapes else self.graph.shapes[name]

    def constant(self, values: npt.ArrayLike, dtype: Any = np.float64) -> str:
        name = f"{self.node.output}.constant{len(self.constants)}"
        self.constants[name] = np.asarray(values, dtype)
        self._shapes[name] = self.constants[name].shape
        self._types[name] = INTEGER if self.constants[name].dtype.kind == "i" else REAL
        return name

    def emit(
        self, op: str, inputs: Sequence[str], shape: Shape, kind: int = REAL, output: str = "", **attributes: Any
    ) -> str:
        """The next node; makes `output`, or a value in between."""
        made = output or self._between(shape, kind)
        self._emit(op, inputs, (made,), attributes)
        return made

    def emit_two(
        self, op: str, inputs: Sequence[str], first: tuple[Shape, int], second: tuple[Shape, int], **attributes: Any
    ) -> tuple[str, str]:
        """The next node, of two outputs."""
        one = self._between(*first)
        two = self._between(*second)
        self._emit(op, inputs, (one, two), attributes)
        return one, two

    def _emit(self, op: str, inputs: Sequence[str], outputs: tuple[str, ...], attributes: dict[str, Any]) -> None:
        self.nodes.append(FloatNode(op, self.node.name, tuple(inputs), outputs, attributes, self.node.position))

    def _between(self, shape: Shape, kind: int) -> str:
        name = f"{self.node.output}.part{len(self._shapes)}"
        self._shapes[name], self._types[name] = shape, kind
        return name

    def commit(self) -> list[FloatNode]:
        """The nodes, once the graph knows everything between them."""
        self.graph.constants.update(self.constants)
        self.graph.shapes.update(self._shapes)
        self.graph.types.update(self._types)
        return self.nodes

    # What many of them start or end with.

    def table(self) -> tuple[str, int, int]:
        """The first input as real numbers [rows, columns]. Raises Refused."""
        name = self.node.input(0)
        if not (self.graph.is_real(name) or self.graph.is_integer(name)):
            raise Refused(f"its input is {self.graph.type_name(name)}, no number")
        shape = self.graph.shapes[name]
        if len(shape) not in (1, 2):
            raise Refused(f"its input has rank {len(shape)}; a table has 1 or 2")
        if self.graph.is_integer(name):
            name = self.emit("Cast", [name], shape, to=REAL)
        rows, columns = (1, *shape)[-2:]
        if len(shape) == 1:
            name = self.reshape(name, (1, columns))
        return name, rows, columns

    def reshape(self, name: str, shape: Shape, kind: int = REAL, output: str = "") -> str:
        return self.emit("Reshape", [name, self.constant(shape, np.int64)], shape, kind, output, allowzero=0)

    def columns(self, names: Sequence[str], rows: int, output: str = "") -> str:
        """[rows, 1] each, side by side."""
        return self.emit("Concat", names, (rows, len(names)), REAL, output, axis=1)

    def dense(self, x: str, weights: npt.NDArray[Any], bias: npt.NDArray[Any], output: str = "") -> str:
        """x · weights + bias; `weights` are [columns, made]."""
        shape = (self.shape(x)[0], weights.shape[1])
        return self.emit("Dense", [x, self.constant(weights.T), self.constant(bias)], shape, REAL, output)

    def column_count(self, key: str, columns: int, *, one: bool = False) -> npt.NDArray[np.float64]:
        """An attribute of one number for each column (or, with `one`, one for all). Raises Refused."""
        values = np.asarray(self.get.get(key, ()), np.float64).reshape(-1)
        if len(values) != columns and not (one and len(values) == 1):
            raise Refused(f"{key} has {len(values)} entries for {columns} columns")
        return values

    def matrix(self, key: str, rows: int) -> npt.NDArray[np.float64]:
        """An attribute of numbers as a matrix of `rows`. Raises Refused."""
        values = np.asarray(self.get.get(key, ()), np.float64).reshape(-1)
        if rows < 1 or not len(values) or len(values) % rows:
            raise Refused(f"{key} has {len(values)} entries, no {rows} rows")
        return values.reshape(rows, math.ceil(len(values) / rows))
