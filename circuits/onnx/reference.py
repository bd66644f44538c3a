"""The float model as onnxruntime runs it: what calibration reads and what fidelity is measured against."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import helper, version_converter
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from circuits.errors import InputError
from circuits.onnx.division import total
from circuits.onnx.graph import FLOATS, FloatGraph, Floats, type_name
from circuits.onnx.layout import steps_first

ORT_ERRORS = [e for _, e in inspect.getmembers(ort_errors, inspect.isclass) if issubclass(e, Exception)]
REFUSALS: tuple[type[Exception], ...] = (*ORT_ERRORS, RuntimeError, ValueError)
UNCONVERTIBLE: tuple[type[Exception], ...] = (*REFUSALS, version_converter.ConvertError)
FATAL_ONLY = 4
# The newest opset whose operators onnxruntime has, of those of any use to a program.
COMPLETE_OPSET = 25


class FloatModel:
    """A model in onnxruntime, with the graph's intermediate values as outputs too."""

    def __init__(self, model: onnx.ModelProto, graph: FloatGraph) -> None:
        self._inputs = {value.name: value.type.tensor_type.elem_type for value in model.graph.input}
        named = {output.name for output in model.graph.output}
        known = {output for node in model.graph.node for output in node.output}
        made = [n.output for n in graph.nodes if n.output in known and n.output in graph.shapes]
        self._shapes = graph.shapes
        self.names = [*graph.outputs, *(name for name in dict.fromkeys(made) if name not in named)]
        extended = onnx.ModelProto()
        extended.CopyFrom(model)
        steps_first(extended)
        extended.graph.output.extend(helper.make_empty_tensor_value_info(n) for n in self.names if n not in named)
        _drop_dead(extended.graph)
        self._undefined = total(extended, graph.types)
        self._session = session(extended)

    def run(self, inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, Floats]:
        """Every known value of one sample, by name, as float64. Inputs have the graph's shapes.

        Raises InputError: `input_wrong_type`, `onnxruntime_cannot_run`.
        """
        feed = {name: self._as_input(name, values) for name, values in inputs.items()}
        try:
            results: Sequence[Any] = self._session.run([*self.names, *self._undefined], feed)
        except REFUSALS as error:
            raise InputError(
                "onnxruntime_cannot_run", f"onnxruntime failed on a sample: {_first_line(error)}"
            ) from error
        for name, wrong in zip(self._undefined, results[len(self.names) :], strict=True):
            if np.any(wrong):
                raise InputError(
                    "onnxruntime_cannot_run",
                    f"a sample makes {name.removesuffix('.undefined')!r} a whole number over 0, or the least over -1",
                )
        return {name: self._as_inferred(name, r) for name, r in zip(self.names, results, strict=False)}

    def _as_inferred(self, name: str, result: Any) -> Floats:
        """A result, which has the shape that onnx infers: they differ about nodes whose parameters do not fit."""
        values = np.asarray(result, np.float64)
        if values.shape != self._shapes[name]:
            raise InputError(
                "onnxruntime_cannot_run",
                f"onnxruntime makes {name!r} of shape {list(values.shape)}, onnx infers {list(self._shapes[name])}",
                value=name,
            )
        return values

    def _as_input(self, name: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """In the input's own type. A real number may be rounded for it, an integer or boolean has to be one."""
        kind = self._inputs[name]
        with np.errstate(invalid="ignore"):  # what does not fit is refused below
            made = np.asarray(values).astype(helper.tensor_dtype_to_np_dtype(kind))
        if kind not in FLOATS and not np.array_equal(made, values):
            raise InputError(
                "input_wrong_type", f"input {name!r} is {type_name(kind)}; a sample holds other values", input=name
            )
        return made


def _drop_dead(graph: onnx.GraphProto) -> None:
    """Forgets nodes that no output depends on: nobody has looked at what they do."""
    needed, kept = {output.name for output in graph.output}, []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept[::-1])


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """The model in onnxruntime, in an older opset where its own is too new for one of its operators.

    Raises InputError `onnxruntime_cannot_run`.
    """
    try:
        return _loaded(model)
    except REFUSALS as error:
        try:
            return _loaded(version_converter.convert_version(model, COMPLETE_OPSET))
        except UNCONVERTIBLE:  # what onnxruntime says of the model as it is says more
            raise InputError(
                "onnxruntime_cannot_run",
                f"onnxruntime, which fidelity is measured against, cannot run the model: {_first_line(error)}",
            ) from error


def _loaded(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = FATAL_ONLY
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
