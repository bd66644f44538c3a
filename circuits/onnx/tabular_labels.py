"""Labels without strings: a program knows integers, so the name of a class becomes its index.

Rewrites a model before anything else looks at it: classifiers number their classes, constants of names become indices,
nodes that only move labels stay, and a `Cast` or `LabelEncoder` of names becomes a `Gather` from what each name is made
into. `ZipMap` is dropped: what it makes a list of dictionaries of is the output. Any other node that reads names is
refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from circuits.errors import InputError
from circuits.onnx.signature import plain

Names = tuple[str, ...]

ML = "ai.onnx.ml"
# Where each classifier keeps its classes when they are numbers.
CLASSIFIERS = {
    "TreeEnsembleClassifier": "classlabels_int64s",
    "LinearClassifier": "classlabels_ints",
    "SVMClassifier": "classlabels_ints",
}
# They move elements of their first input and never look at them.
MOVES = {"Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose", "Gather", "ArrayFeatureExtractor"}
# What a LabelEncoder gives for a key that it does not have, unless it says so.
DEFAULTS = {"values_int64s": ("default_int64", -1), "values_floats": ("default_float", -0.0)}
UNUSED = "_Unused"
READS_NAMES = "it reads names of classes, which only Cast, LabelEncoder and nodes that move elements can"
# For a model that has no operators but those of ai.onnx.ml: any version has Identity and Gather.
PLAIN_OPSET = 13


def index_labels(model: onnx.ModelProto) -> dict[str, Names]:
    """Takes strings and maps out of `model`. Returns, for each output that is labels, what its indices stand for.

    Raises InputError `onnx_unsupported_ops` with every node that would have to read names.
    """
    rewriter = _Rewriter(model.graph)
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.STRING:
            tensor.CopyFrom(rewriter.constant(tensor, tensor.name))
    for position, node in enumerate(model.graph.node):
        rewriter.visit(node, position)
    if rewriter.refused:
        listed = "; ".join(f"{f['op']} ({f['node']}, node {f['position']}): {f['reason']}" for f in rewriter.refused)
        message = f"{len(rewriter.refused)} node(s) cannot be compiled: {listed}"
        raise InputError("onnx_unsupported_ops", message, nodes=rewriter.refused)
    if rewriter.changed and not any(o.domain in ("", "ai.onnx") for o in model.opset_import):
        model.opset_import.append(helper.make_opsetid("", PLAIN_OPSET))
    for output in model.graph.output:
        if output.name in rewriter.names:
            output.type.CopyFrom(helper.make_tensor_type_proto(TensorProto.INT64, None))
        elif output.name in rewriter.unzipped:
            output.type.CopyFrom(helper.make_tensor_type_proto(TensorProto.FLOAT, None))
    return {output.name: rewriter.names[output.name] for output in model.graph.output if output.name in rewriter.names}


class _Rewriter:
    """`names`: what the indices in each value that was strings stand for. `changed`: nodes of the main domain came."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._graph = graph
        self.names: dict[str, Names] = {}
        self.unzipped: set[str] = set()
        self.refused: list[dict[str, Any]] = []
        self.changed = False

    def constant(self, tensor: onnx.TensorProto, name: str) -> onnx.TensorProto:
        """Indices into the names that occur, in order of first occurrence."""
        indices = self._indexed(name, [text.decode("utf-8", "replace") for text in tensor.string_data])
        return numpy_helper.from_array(np.array(indices, np.int64).reshape(tuple(tensor.dims)), tensor.name)

    def _indexed(self, name: str, texts: Sequence[str]) -> list[int]:
        """The value `name`, which was `texts`, as indices."""
        self.names[name] = tuple(dict.fromkeys(texts))
        return [self.names[name].index(text) for text in texts]

    def visit(self, node: onnx.NodeProto, position: int) -> None:
        get = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        names = [name for name in node.input if name in self.names]
        if node.domain == ML and node.op_type == "ZipMap":
            self.unzipped.add(node.output[0])
            self._become(node, "Identity", node.input[:1])
        elif node.domain == ML and node.op_type in CLASSIFIERS and get.get("classlabels_strings"):
            self.names[node.output[0]] = _texts(get["classlabels_strings"])
            classes = list(range(len(get["classlabels_strings"])))
            _replace(node, {"classlabels_strings": None, CLASSIFIERS[node.op_type]: classes})
        elif node.op_type == "Constant" and _is_text(get.get("value")):
            _replace(node, {"value": self.constant(get["value"], node.output[0])})
        elif not names and _is_text(get.get("values_strings", get.get("values_tensor"))):
            self._name(node, get)
        elif names:
            try:
                reason = "" if self._read(node, get) else READS_NAMES
            except (LookupError, ValueError) as error:
                reason = f"its attributes do not fit together ({error})"
            if reason:
                self._refuse(node, position, reason)

    def _refuse(self, node: onnx.NodeProto, position: int, reason: str) -> None:
        name, op = node.name or f"{node.op_type}_{position}", f"{node.domain}::{node.op_type}".removeprefix("::")
        self.refused.append({"node": name, "op": op, "position": position, "reason": reason})

    def _read(self, node: onnx.NodeProto, get: dict[str, Any]) -> bool:
        """Rewrites a node that reads names, if it can be."""
        source, made = node.input[0], node.output[0]
        if any(name in self.names for name in node.input[1:]):
            return False
        if node.op_type in MOVES:
            self.names[made] = self.names[source]
        elif node.op_type == "Cast" and get["to"] == TensorProto.STRING:
            self.names[made] = self.names[source]
            self._become(node, "Identity", [source])
        elif node.op_type == "Cast":
            try:
                numbers = np.array([float(name) for name in self.names[source]])
            except ValueError:
                return False
            self._look_up(node, numbers.astype(helper.tensor_dtype_to_np_dtype(get["to"])))
        elif node.op_type == "LabelEncoder":
            self._look_up(node, self._encoded(node, get))
        else:
            return False
        return True

    def _encoded(self, node: onnx.NodeProto, get: dict[str, Any]) -> npt.NDArray[Any]:
        """What a LabelEncoder makes of each name that there is."""
        known = self.names[node.input[0]]
        if "classes_strings" in get:
            index = {text: at for at, text in enumerate(_texts(get["classes_strings"]))}
            return np.array([index.get(name, get.get("default_int64", -1)) for name in known], np.int64)
        keys = _texts(get.get("keys_strings", get.get("keys_tensor")))
        fallback = numpy_helper.to_array(get["default_tensor"]).reshape(-1) if "default_tensor" in get else None
        for kind, (name, default) in DEFAULTS.items():
            if kind in get:
                dtype = np.int64 if kind == "values_int64s" else np.float32
                table = dict(reversed(list(zip(keys, get[kind], strict=True))))
                return np.array([table.get(text, get.get(name, default)) for text in known], dtype)
        if not _is_text(get.get("values_strings", get.get("values_tensor"))):
            values = numpy_helper.to_array(get["values_tensor"]).reshape(-1)
            numbers = dict(reversed(list(zip(keys, values, strict=True))))
            other = values.dtype.type(-1) if fallback is None else fallback[0]
            return np.array([numbers.get(text, other) for text in known], values.dtype)
        texts = dict(reversed(list(zip(keys, _values(get), strict=True))))
        return np.array(self._indexed(node.output[0], [texts.get(text, _fallback(get)) for text in known]), np.int64)

    def _look_up(self, node: onnx.NodeProto, table: npt.NDArray[Any]) -> None:
        """The node as a Gather from `table` by the index of the name."""
        name = f"{node.output[0]}.table"
        self._graph.initializer.append(numpy_helper.from_array(table, name))
        self._become(node, "Gather", [name, node.input[0]])

    def _name(self, node: onnx.NodeProto, get: dict[str, Any]) -> None:
        """A LabelEncoder from numbers to names."""
        *indices, default = self._indexed(node.output[0], [*_values(get), _fallback(get)])
        dropped = dict.fromkeys(("values_strings", "values_tensor", "default_string", "default_tensor"))
        if "keys_tensor" in get:
            as_array = numpy_helper.from_array
            values, other = as_array(np.array(indices, np.int64)), as_array(np.array([default], np.int64))
            _replace(node, dropped | {"values_tensor": values, "default_tensor": other})
        else:
            _replace(node, dropped | {"values_int64s": indices, "default_int64": default})

    def _become(self, node: onnx.NodeProto, op: str, inputs: Sequence[str]) -> None:
        kept = list(inputs)
        node.op_type, node.domain = op, ""
        del node.attribute[:]
        del node.input[:]
        node.input.extend(kept)
        self.changed = True


def _is_text(value: Any) -> bool:
    """Whether an attribute holds strings."""
    if isinstance(value, onnx.TensorProto):
        return bool(value.data_type == TensorProto.STRING)
    return isinstance(value, list) and bool(value) and isinstance(value[0], bytes)


def _texts(value: Any) -> Names:
    strings = value.string_data if isinstance(value, onnx.TensorProto) else value
    return tuple(plain(list(strings)))


def _values(get: dict[str, Any]) -> Names:
    return _texts(get.get("values_strings", get.get("values_tensor")))


def _fallback(get: dict[str, Any]) -> str:
    """The name that a LabelEncoder gives for a key that it does not have."""
    if _is_text(get.get("default_tensor")):
        return next(iter(_texts(get["default_tensor"])), UNUSED)
    return str(plain(get.get("default_string", UNUSED)))


def _replace(node: onnx.NodeProto, values: dict[str, Any]) -> None:
    """Sets attributes; None takes one away."""
    kept = [a for a in node.attribute if a.name not in values]
    made = [helper.make_attribute(name, value) for name, value in values.items() if value is not None]
    del node.attribute[:]
    node.attribute.extend([*kept, *made])
