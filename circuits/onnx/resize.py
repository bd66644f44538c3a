"""Resize, one axis at a time: a constant matrix for each axis that changes.

Every mode interpolates along one axis after the other, so a matrix says all of it. Its columns are what the operator
makes of a single 1 in onnxruntime, which fidelity is measured against: where a scaled size is no whole number, or
becomes 1, onnx's reference evaluator takes other places.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper, numpy_helper

from circuits.onnx.graph import FloatGraph, FloatNode, Floats
from circuits.onnx.reference import session

OPSET, IR_VERSION = 19, 9
TAKEN = (
    "antialias",
    "coordinate_transformation_mode",
    "cubic_coeff_a",
    "exclude_outside",
    "extrapolation_value",
    "mode",
    "nearest_mode",
)


def axis_matrices(graph: FloatGraph, node: FloatNode) -> Iterator[tuple[int, Floats]]:
    """(axis, [output size, input size]) of every axis that the node changes."""
    before, after = graph.shapes[node.input(0)], graph.shapes[node.output]
    if before == after:  # onnxruntime copies then, whatever the scales are
        return
    axes = [axis % len(before) for axis in node.attributes.get("axes") or range(len(before))]
    scales = graph.constant(node.input(2)).reshape(-1) if node.input(2) else np.zeros(0)
    regions = graph.constant(node.input(1)).reshape(-1) if node.input(1) else np.zeros(0)
    cropped = node.attributes["coordinate_transformation_mode"] == "tf_crop_and_resize"
    for position, axis in enumerate(axes):
        scale = float(scales[position]) if scales.size else None
        region = regions[[position, position + len(axes)]] if cropped else np.zeros(0)
        if cropped or before[axis] != after[axis] or scale not in (None, 1.0):
            yield axis, _matrix(node, before[axis], after[axis], scale, region)


def _matrix(node: FloatNode, before: int, after: int, scale: float | None, region: Floats) -> Floats:
    """The operator on the identity's rows, each [1, before], along the last axis.

    The axis before that is doubled, which changes nothing that is kept: onnxruntime would copy where no size changes.
    """
    if not before or not after:
        return np.zeros((after, before))
    given: dict[str, npt.NDArray[Any]] = {}
    if region.size:
        given["roi"] = np.array([0, 0, 0, region[0], 1, 1, 1, region[1]], np.float32)
    if scale is not None:
        given["scales"] = np.array([1, 1, 2, scale], np.float32)
    else:
        given["sizes"] = np.array([before, 1, 2, after], np.int64)
    inputs = ["x", *(name if name in given else "" for name in ("roi", "scales", "sizes"))]
    attributes = {name: node.attributes[name] for name in TAKEN if name in node.attributes}
    one = helper.make_node("Resize", inputs if scale is None else inputs[:3], ["y"], **attributes)
    graph = helper.make_graph(
        [one],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [before, 1, 1, before])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [before, 1, 2, after])],
        [numpy_helper.from_array(values, name) for name, values in given.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    (columns,) = session(model).run(None, {"x": np.eye(before, dtype=np.float32).reshape(before, 1, 1, before)})
    matrix: Floats = np.asarray(columns, np.float64)[:, 0, 0].T
    return matrix
