"""Reading an ONNX file: checked, its functions inlined, its shapes and frozen inputs fixed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.inliner
from google.protobuf.message import DecodeError, EncodeError  # type: ignore[import-untyped]
from onnx import TensorProto, helper, numpy_helper

from circuits.errors import InputError

MAX_FILE_BYTES = 2**31
FLOATS = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16}
Frozen = Mapping[str, Any]


def unreadable(path: str | os.PathLike[str], why: object) -> InputError:
    return InputError("onnx_unreadable", f"{os.fspath(path)} is no usable ONNX model: {why}", path=os.fspath(path))


def load_onnx(path: str | os.PathLike[str], *, freeze: Frozen | None = None, batch: int | None = 1) -> onnx.ModelProto:
    """The model at `path`, ready to run: static shapes, float inputs, no functions.

    `freeze` maps the name of an input to the value it always has (a number or a nested list), or the name of a
    symbolic dimension to its size. `batch` is the size of an unnamed or leftover symbolic first dimension; None
    refuses such a dimension.
    """
    frozen = dict(freeze or {})
    try:
        if Path(path).exists() and not Path(path).is_file():  # a pipe would never answer
            raise unreadable(path, "it is no file")
        size = Path(path).stat().st_size
        if size > MAX_FILE_BYTES:
            raise unreadable(path, f"{size} bytes, at most {MAX_FILE_BYTES}")
        model = onnx.load(os.fspath(path), format="protobuf")
        onnx.checker.check_model(model)
        model = onnx.inliner.inline_local_functions(model)
    except OSError as error:
        raise unreadable(path, error.strerror or error) from error
    except (DecodeError, EncodeError, onnx.checker.ValidationError, ValueError, RuntimeError) as error:
        raise unreadable(path, str(error).splitlines()[0] if str(error) else type(error).__name__) from error
    _fix_inputs(model.graph, frozen, batch)
    if frozen:
        raise InputError(
            "onnx_unknown_name",
            f"--freeze names {', '.join(sorted(frozen))}, which the model has neither as input nor as dimension",
            names=sorted(frozen),
        )
    return model


def _fix_inputs(graph: onnx.GraphProto, frozen: dict[str, Any], batch: int | None) -> None:
    """Makes frozen inputs initializers and every dimension a number; takes what it uses out of `frozen`."""
    initializers = {tensor.name for tensor in graph.initializer}
    given = [value for value in graph.input if value.name not in initializers]
    symbols = {dim.dim_param for value in given for dim in value.type.tensor_type.shape.dim if dim.dim_param}
    sizes = {name: int(frozen.pop(name)) for name in sorted(symbols & set(frozen))}
    for value in given:
        if value.name in frozen:
            _freeze(graph, value, frozen.pop(value.name), sizes)
        else:
            _fix_dims(value, sizes, batch)
    kept = [value for value in given if value.name not in {tensor.name for tensor in graph.initializer}]
    del graph.input[:]
    graph.input.extend(kept)
    # Shapes and types of intermediate values may name the old symbols; they are inferred again.
    del graph.value_info[:]
    for output in graph.output:
        output.type.tensor_type.ClearField("shape")
    _check_inputs(kept)


def _fix_dims(value: onnx.ValueInfoProto, sizes: Mapping[str, int], batch: int | None) -> None:
    for axis, dim in enumerate(value.type.tensor_type.shape.dim):
        if dim.WhichOneof("value") == "dim_value" and dim.dim_value > 0:
            continue
        if dim.dim_param in sizes:
            dim.dim_value = sizes[dim.dim_param]
        elif axis == 0 and batch is not None:
            dim.dim_value = batch
        else:
            name, symbol = dim.dim_param or f"dimension {axis}", dim.dim_param or "NAME"
            raise InputError(
                "onnx_dynamic_shape",
                f"input {value.name!r} has no fixed size for {name}; fix it with --freeze {symbol}=SIZE",
                input=value.name,
                axis=axis,
                symbol=dim.dim_param,
            )


def _freeze(graph: onnx.GraphProto, value: onnx.ValueInfoProto, given: Any, sizes: Mapping[str, int]) -> None:
    """The input as an initializer; where the model leaves a size open, it is the given value's."""
    dims = value.type.tensor_type.shape.dim
    known = [sizes.get(dim.dim_param, dim.dim_value) for dim in dims]
    dtype = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
    try:
        shape = tuple(known) if all(known) else np.shape(given)
        values = np.broadcast_to(np.asarray(given, dtype), shape)
    except (ValueError, TypeError) as error:
        raise InputError(
            "onnx_bad_freeze",
            f"input {value.name!r} of shape {known} cannot be frozen: {error}",
            input=value.name,
        ) from error
    graph.initializer.append(numpy_helper.from_array(np.array(values), value.name))


def _check_inputs(inputs: list[onnx.ValueInfoProto]) -> None:
    for value in inputs:
        if value.type.tensor_type.elem_type not in FLOATS:
            kinds = {number: kind for kind, number in TensorProto.DataType.items()}
            kind = kinds.get(value.type.tensor_type.elem_type, "of no known type")
            raise InputError(
                "onnx_unsupported_input",
                f"input {value.name!r} is {kind}; inputs are real numbers (freeze it with --freeze {value.name}=VALUE)",
                input=value.name,
                type=kind,
            )
    if not inputs:
        raise InputError("onnx_unsupported_input", "the model has no input left: its output is a constant")
