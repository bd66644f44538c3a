"""A model's inputs made definite: some frozen to a value, every size a number, every type one that programs have."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from circuits.errors import InputError
from circuits.onnx.graph import FLOATS, INTEGERS, MAX_ELEMENTS, SIGNED, type_name

# An int64 input is one of those 32 bits that a program's values have; wider unsigned ones would lose their upper half.
# onnxruntime's Python takes no bfloat16.
INPUT_TYPES = (FLOATS - {TensorProto.BFLOAT16}) | SIGNED | {TensorProto.UINT8, TensorProto.BOOL}
# Of these, freezing to a value that the type does not have is a mistake; real numbers are rounded.
EXACT = INTEGERS | {TensorProto.BOOL}


def fix_inputs(graph: onnx.GraphProto, frozen: Mapping[str, Any], batch: int | None) -> None:
    """Makes frozen inputs initializers and every dimension of the others a number.

    `frozen` names inputs and symbolic dimensions; `batch` is the size of a first dimension that is left open, also
    where its symbol stands elsewhere. Raises InputError.
    """
    if batch is not None and batch < 1:
        raise InputError("bad_option", f"batch is {batch}, at least 1", option="batch", value=batch)
    initializers = {tensor.name for tensor in graph.initializer}
    given = [value for value in graph.input if value.name not in initializers]
    kept = [value for value in given if value.name not in frozen]
    _check_known(frozen, given)
    sizes = {symbol: _size(symbol, frozen[symbol]) for symbol in _symbols(given) if symbol in frozen}
    for value in given:
        if value.name in frozen:
            graph.initializer.append(_frozen(value, frozen[value.name], sizes))
    _check_types(kept)
    if batch is not None:
        sizes = dict.fromkeys(_first_symbols(kept), batch) | sizes
    for value in kept:
        _fix_dims(value, sizes, batch)
        _check_size(value.name, [dim.dim_value for dim in value.type.tensor_type.shape.dim])
    del graph.input[:]
    graph.input.extend(kept)


def _symbols(values: Iterable[onnx.ValueInfoProto]) -> list[str]:
    dims = (dim for value in values for dim in value.type.tensor_type.shape.dim)
    return list(dict.fromkeys(dim.dim_param for dim in dims if dim.dim_param))


def _first_symbols(values: Iterable[onnx.ValueInfoProto]) -> list[str]:
    first = (value.type.tensor_type.shape.dim[0] for value in values if value.type.tensor_type.shape.dim)
    return [dim.dim_param for dim in first if dim.dim_param]


def _check_known(frozen: Mapping[str, Any], given: list[onnx.ValueInfoProto]) -> None:
    names, symbols = [value.name for value in given], _symbols(given)
    unknown = sorted(set(frozen) - {*names, *symbols})
    if unknown:
        there = f"inputs {', '.join(names)}" + (f" and dimensions {', '.join(symbols)}" if symbols else "")
        raise InputError(
            "onnx_unknown_name",
            f"--freeze names {', '.join(unknown)}, which the model has neither as input nor as dimension; "
            f"there are {there}",
            names=unknown,
        )


def _size(symbol: str, given: Any) -> int:
    """A frozen dimension: a whole number, at least 1."""
    if isinstance(given, bool) or not isinstance(given, int | float) or given != int(given) or given < 1:
        raise InputError(
            "onnx_bad_freeze", f"dimension {symbol!r} needs a whole number of 1 or more, got {given!r}", symbol=symbol
        )
    return int(given)


def _frozen(value: onnx.ValueInfoProto, given: Any, sizes: Mapping[str, int]) -> onnx.TensorProto:
    """The input as an initializer; where the model leaves a size open, it is the given value's."""
    kind = value.type.tensor_type
    known = [sizes.get(dim.dim_param, dim.dim_value) for dim in kind.shape.dim]
    try:
        dtype = helper.tensor_dtype_to_np_dtype(kind.elem_type)
        shape = tuple(known) if all(known) else np.shape(given)
        _check_size(value.name, shape)
        values = np.broadcast_to(np.asarray(given, dtype), shape)
        if kind.elem_type in EXACT and not np.array_equal(values, np.broadcast_to(given, shape)):
            raise ValueError(f"{given!r} is no {type_name(kind.elem_type)}")
    except (ValueError, TypeError, OverflowError, KeyError) as error:
        raise InputError(
            "onnx_bad_freeze",
            f"input {value.name!r} of shape {known} cannot be frozen: {error}",
            input=value.name,
        ) from error
    return numpy_helper.from_array(np.array(values), value.name)


def _check_size(name: str, shape: Sequence[int]) -> None:
    # A size of 0 counts as 1: what is empty is laid out by its other axes too.
    if math.prod(max(1, size) for size in shape) > MAX_ELEMENTS:
        raise InputError(
            "onnx_unsupported_input",
            f"input {name!r} has shape {list(shape)}, over {MAX_ELEMENTS} elements",
            input=name,
        )


def _check_types(values: list[onnx.ValueInfoProto]) -> None:
    if not values:
        raise InputError("onnx_unsupported_input", "the model has no input left: its output is a constant")
    for value in values:
        form = value.type.WhichOneof("value") or "of no type"
        kind = type_name(value.type.tensor_type.elem_type) if form == "tensor_type" else form.removesuffix("_type")
        if form != "tensor_type" or value.type.tensor_type.elem_type not in INPUT_TYPES:
            raise InputError(
                "onnx_unsupported_input",
                f"input {value.name!r} is {kind}; inputs are float, double, float16, int8 to int64, uint8 or bool "
                f"(or freeze it with --freeze {value.name}=VALUE)",
                input=value.name,
                type=kind,
            )


def _fix_dims(value: onnx.ValueInfoProto, sizes: Mapping[str, int], batch: int | None) -> None:
    for axis, dim in enumerate(value.type.tensor_type.shape.dim):
        if dim.HasField("dim_value") and dim.dim_value >= 0:  # 0 is a size: an empty axis
            continue
        if dim.dim_param in sizes:
            dim.dim_value = sizes[dim.dim_param]
        elif axis == 0 and batch is not None:
            dim.dim_value = batch
        else:
            name, symbol = dim.dim_param or f"dimension {axis}", dim.dim_param
            how = f"fix it with --freeze {symbol}=SIZE" if symbol else "give it one in the model, or a name to freeze"
            how = "fix it with --batch SIZE" if axis == 0 and not symbol else how
            first = value.type.tensor_type.shape.dim[0].dim_param
            taken = f"; {first}, its first, is taken to be the batch: {batch}" if axis and first in sizes else ""
            raise InputError(
                "onnx_dynamic_shape",
                f"input {value.name!r} has no fixed size for {name}; {how}{taken}",
                input=value.name,
                axis=axis,
                symbol=symbol,
            )
