"""graph.json: a program without its constants' values (docs/protocol/program.md section 7). Strict both ways."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from circuits import strict_json
from circuits.program.errors import ProgramError
from circuits.program.graph import Constant, Program
from circuits.program.ops import (
    Argmax,
    Compare,
    Contract,
    Divide,
    Gather,
    Index,
    Linear,
    Lookup,
    Max,
    Mul,
    Op,
    ReduceSum,
    Relation,
    Rsqrt,
    Select,
)
from circuits.program.refs import AffineMap, Output, Port, Ref, Source, Visibility
from circuits.statement import OPSET_VERSION

FORMAT = "inferproof-program/1"
OP_TYPES: tuple[type[Op], ...] = (
    Contract, Linear, Mul, ReduceSum, Lookup, Max, Argmax, Compare, Select, Index, Gather, Divide, Rsqrt
)  # fmt: skip
OPS = {cls.opcode.name.lower(): cls for cls in OP_TYPES}
# Every integer in a graph fits 64 bits; anything wider is refused before it reaches a computation.
INTEGER_LIMIT = 2**63

Item = TypeVar("Item")
Tensors = dict[str, npt.NDArray[np.signedinteger[Any]]]


def malformed(where: str, problem: str) -> ProgramError:
    return ProgramError("program_malformed", f"{where}: {problem}", where=where)


# Writing.


def _port(port: Port) -> dict[str, Any]:
    labels = {"labels": list(port.labels)} if port.labels else {}
    return labels | {
        "name": port.name,
        "dims": list(port.dims),
        "bits": port.bits,
        "scales": list(port.scales),
        "visibility": port.visibility.name.lower(),
        "width": port.width,
    }


def _map(how: AffineMap) -> dict[str, Any]:
    return {"view": list(how.view), "offsets": list(how.offsets), "strides": [list(row) for row in how.strides]}


def _ref(ref: Ref) -> list[Any]:
    return [ref.source.name.lower(), ref.index]


def _op(op: Op) -> dict[str, Any]:
    fields: dict[str, Any] = {f.name: getattr(op, f.name) for f in dataclasses.fields(op)}
    fields["operands"] = [_ref(ref) for ref in op.operands]
    fields["maps"] = [_map(how) for how in op.maps]
    if isinstance(op, Compare):
        fields["relation"] = op.relation.name.lower()
    return {"op": op.opcode.name.lower(), **fields}


def dump_graph(program: Program) -> bytes:
    """Canonical JSON of everything but the constants' values."""
    graph = {
        "format": FORMAT,
        "opset_version": OPSET_VERSION,
        "inputs": [_port(port) for port in program.inputs],
        "constants": [{"name": c.name, "width": c.width, "scale": c.scale} for c in program.constants],
        "ops": [_op(op) for op in program.ops],
        "outputs": [{"ref": _ref(o.ref), "port": _port(o.port)} for o in program.outputs],
    }
    return json.dumps(graph, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


# Reading.


class _Reader:
    """One JSON object whose fields are taken one by one; `close` refuses what was not taken."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise malformed(where, f"an object is needed, got {type(value).__name__}")
        self._fields = dict(value)
        self.where = where

    def take(self, name: str) -> Any:
        if name not in self._fields:
            raise malformed(self.where, f"field {name!r} is missing")
        return self._fields.pop(name)

    def integer(self, name: str) -> int:
        return _integer(self.take(name), f"{self.where}.{name}")

    def integers(self, name: str) -> tuple[int, ...]:
        return tuple(self.items(name, _integer))

    def text(self, name: str) -> str:
        return _text(self.take(name), f"{self.where}.{name}")

    def texts_if_any(self, name: str) -> tuple[str, ...]:
        """A list that is left out when it is empty."""
        if name not in self._fields:
            return ()
        texts = tuple(self.items(name, _text))
        if not texts:
            raise malformed(f"{self.where}.{name}", "an empty list is left out")
        return texts

    def boolean(self, name: str) -> bool:
        value = self.take(name)
        if not isinstance(value, bool):
            raise malformed(f"{self.where}.{name}", "true or false is needed")
        return value

    def items(self, name: str, parse: Callable[[Any, str], Item]) -> list[Item]:
        where = f"{self.where}.{name}"
        return [parse(item, f"{where}[{i}]") for i, item in enumerate(_list(self.take(name), where))]

    def close(self) -> None:
        if self._fields:
            raise malformed(self.where, f"unknown field {sorted(self._fields)[0][:64]!r}")


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise malformed(where, f"a list is needed, got {type(value).__name__}")
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise malformed(where, "a string is needed")
    return value


def _integer(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -INTEGER_LIMIT <= value < INTEGER_LIMIT:
        raise malformed(where, "an integer of at most 64 bits is needed")
    return value


def _integer_row(value: Any, where: str) -> tuple[int, ...]:
    return tuple(_integer(item, where) for item in _list(value, where))


def _parse_ref(value: Any, where: str) -> Ref:
    pair = _list(value, where)
    kinds = {source.name.lower(): source for source in Source}
    if len(pair) != 2 or not isinstance(pair[0], str) or pair[0] not in kinds:
        raise malformed(where, 'a reference is ["input" | "const" | "op", index]')
    index = _integer(pair[1], where)
    if not 0 <= index < 2**32:
        raise malformed(where, f"index {index} is no u32")
    return Ref(kinds[pair[0]], index)


def _parse_map(value: Any, where: str) -> AffineMap:
    reader = _Reader(value, where)
    how = AffineMap(reader.integers("view"), reader.integers("offsets"), tuple(reader.items("strides", _integer_row)))
    reader.close()
    return how


def _parse_relation(text: str, where: str) -> Relation:
    relations = {relation.name.lower(): relation for relation in Relation}
    if text not in relations:
        raise malformed(where, f"relation is one of {', '.join(relations)}")
    return relations[text]


def _parse_port(value: Any, where: str) -> Port:
    reader = _Reader(value, where)
    visibility = reader.text("visibility")
    visibilities = {v.name.lower(): v for v in Visibility}
    if visibility not in visibilities:
        raise malformed(where, f"visibility is one of {', '.join(visibilities)}")
    port = Port(
        reader.text("name"),
        reader.integers("dims"),
        reader.integer("bits"),
        reader.integers("scales"),
        visibilities[visibility],
        reader.integer("width"),
        reader.texts_if_any("labels"),
    )
    reader.close()
    return port


def _parse_output(value: Any, where: str) -> Output:
    reader = _Reader(value, where)
    output = Output(_parse_ref(reader.take("ref"), where), _parse_port(reader.take("port"), where))
    reader.close()
    return output


def _parse_op(value: Any, where: str) -> Op:
    reader = _Reader(value, where)
    name = reader.text("op")
    if name not in OPS:
        raise malformed(where, f"op {name[:64]!r} is not one of {', '.join(OPS)}")
    take: dict[str, Callable[[str], Any]] = {
        "int": reader.integer,
        "bool": reader.boolean,
        "Relation": lambda field: _parse_relation(reader.text(field), where),
        "tuple[int, ...]": reader.integers,
        "tuple[Ref, ...]": lambda field: tuple(reader.items(field, _parse_ref)),
        "tuple[AffineMap, ...]": lambda field: tuple(reader.items(field, _parse_map)),
    }
    fields = {field.name: take[str(field.type)](field.name) for field in dataclasses.fields(OPS[name])}
    reader.close()
    return OPS[name](**fields)


def _parse_constant(value: Any, where: str) -> tuple[str, int, int]:
    reader = _Reader(value, where)
    constant = reader.text("name"), reader.integer("width"), reader.integer("scale")
    reader.close()
    return constant


def _no_float(text: str) -> Any:
    raise ValueError(f"{text[:64]} is not an integer")


def parse_graph(raw: bytes, tensors: Tensors) -> Program:
    """The program that `raw` describes, with `tensors` (by constant index) as its constants; not yet validated."""
    try:
        document = strict_json.parse(raw, parse_float=_no_float)
    except ValueError as error:
        raise malformed("graph.json", f"is not JSON: {error}") from error
    reader = _Reader(document, "graph.json")
    if reader.text("format") != FORMAT or reader.integer("opset_version") != OPSET_VERSION:
        raise malformed("graph.json", f"format {FORMAT!r} with opset_version {OPSET_VERSION} is needed")
    inputs = reader.items("inputs", _parse_port)
    labels = reader.items("constants", _parse_constant)
    ops = reader.items("ops", _parse_op)
    outputs = reader.items("outputs", _parse_output)
    reader.close()
    if set(tensors) != {str(i) for i in range(len(labels))}:
        raise malformed("weights.safetensors", f"exactly the tensors 0 to {len(labels) - 1} are needed")
    constants = [_with_values(tensors[str(i)], *label, i) for i, label in enumerate(labels)]
    return Program(tuple(inputs), tuple(constants), tuple(ops), tuple(outputs))


def _with_values(stored: npt.NDArray[np.signedinteger[Any]], name: str, width: int, scale: int, index: int) -> Constant:
    if stored.dtype.itemsize != width:
        raise malformed(f"tensor {index}", f"is {stored.dtype}, while graph.json says width {width}")
    return Constant(name, stored.astype(np.int64), width, scale)
