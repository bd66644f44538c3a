"""Reading an ONNX file: checked, its functions inlined, its shapes and frozen inputs fixed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import onnx.inliner
from google.protobuf.message import DecodeError, EncodeError  # type: ignore[import-untyped]

from circuits.errors import InputError
from circuits.onnx.einsum import is_equation
from circuits.onnx.functions import check_expansion
from circuits.onnx.inputs import fix_inputs

MAX_FILE_BYTES = 2**31
OLDEST_OPSET = 7
Frozen = Mapping[str, Any]


def unreadable(path: str | os.PathLike[str], why: object) -> InputError:
    return InputError("onnx_unreadable", f"{os.fspath(path)} is no usable ONNX model: {why}", path=os.fspath(path))


def load_onnx(path: str | os.PathLike[str], *, freeze: Frozen | None = None, batch: int | None = 1) -> onnx.ModelProto:
    """The model at `path`, ready to run: static shapes, inputs of numbers and booleans, no functions.

    `freeze` maps the name of an input to the value it always has (a number or a nested list), or the name of a
    symbolic dimension to its size. `batch` is the size of an unnamed or leftover symbolic first dimension; None
    refuses such a dimension.
    """
    try:
        if Path(path).exists() and not Path(path).is_file():  # a pipe would never answer
            raise unreadable(path, "it is no file")
        size = Path(path).stat().st_size
        if size > MAX_FILE_BYTES:
            raise unreadable(path, f"{size} bytes, at most {MAX_FILE_BYTES}")
        model = onnx.load(os.fspath(path), format="protobuf")
        onnx.checker.check_model(model)
        check_expansion(model)
        model = onnx.inliner.inline_local_functions(model)
    except OSError as error:
        raise unreadable(path, error.strerror or error) from error
    except (DecodeError, EncodeError, onnx.checker.ValidationError, ValueError, RuntimeError) as error:
        raise unreadable(path, _what_it_is(Path(path)) or _first_line(error)) from error
    _check_opsets(model)
    _check_equations(model)
    fix_inputs(model.graph, dict(freeze or {}), batch)
    # Shapes and types of intermediate values may name the old symbols; they are inferred again.
    del model.graph.value_info[:]
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    return model


def _what_it_is(path: Path) -> str | None:
    """Of a file that is no model: what else it begins like."""
    with path.open("rb") as file:
        head = file.read(64)
    if head.startswith(b"PK\3\4") and b"graph.json" in head:
        return "it is a program already"
    return "it is JSON" if head.lstrip()[:1] in (b"{", b"[") else None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _check_opsets(model: onnx.ModelProto) -> None:
    """Before opset 7 some operators broadcast in a way of their own; beyond the newest, nobody knows what they mean."""
    newest = onnx.defs.onnx_opset_version()
    for opset in model.opset_import:
        if opset.domain not in ("", "ai.onnx") or OLDEST_OPSET <= opset.version <= newest:
            continue
        if opset.version < OLDEST_OPSET and not any(_changed(node, opset.version) for node in model.graph.node):
            continue
        raise InputError(
            "onnx_unsupported_opset",
            f"the model is of opset {opset.version}; {OLDEST_OPSET} to {newest} are supported",
            opset=opset.version,
        )


def _check_equations(model: onnx.ModelProto) -> None:
    """Before shape inference, which would not return from some."""
    for node in model.graph.node:
        for attribute in node.attribute if node.op_type == "Einsum" else ():
            text = attribute.s.decode("utf-8", "replace")
            if attribute.name == "equation" and not is_equation(text):
                raise InputError(
                    "onnx_unreadable", f"Einsum ({node.name}) has {text[:80]!r} as its equation", node=node.name
                )


def _changed(node: onnx.NodeProto, version: int) -> bool:
    """Whether the node's operator was another one in opset `version`."""
    try:
        schemas = [onnx.defs.get_schema(node.op_type, v, node.domain) for v in (version, OLDEST_OPSET)]
    except onnx.defs.SchemaError:
        return node.domain in ("", "ai.onnx")
    return schemas[0].since_version != schemas[1].since_version
