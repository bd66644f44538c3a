"""Resize, one axis at a time: a constant matrix for each axis that changes.

Every mode interpolates along one axis after the other, so a matrix says all of it. Its columns are what the operator
makes of a single 1, as onnx's reference evaluator computes it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from circuits.onnx.graph import FloatGraph, FloatNode, Floats

OPSET = 19
TAKEN = ("coordinate_transformation_mode", "cubic_coeff_a", "exclude_outside", "extrapolation_value", "nearest_mode")


def axis_matrices(graph: FloatGraph, node: FloatNode) -> Iterator[tuple[int, Floats]]:
    """(axis, [output size, input size]) of every axis that the node changes."""
    before, after = graph.shapes[node.input(0)], graph.shapes[node.output]
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
    """The operator on [before rows of the identity, before] along its last axis."""
    attributes = {name: node.attributes[name] for name in TAKEN if name in node.attributes}
    inputs = [
        "x",
        "roi" if region.size else "",
        "scales" if scale is not None else "",
        "sizes" if scale is None else "",
    ]
    one = helper.make_node(
        "Resize",
        inputs,
        ["y"],
        mode=node.attributes["mode"],
        antialias=node.attributes["antialias"],
        axes=[1],
        **attributes,
    )
    declared = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [before, before])]
    feed: dict[str, np.ndarray] = {"x": np.eye(before, dtype=np.float32)}
    for name, values, kind in (
        ("roi", region.astype(np.float32), TensorProto.FLOAT),
        ("scales", np.array([] if scale is None else [scale], np.float32), TensorProto.FLOAT),
        ("sizes", np.array([after] if scale is None else [], np.int64), TensorProto.INT64),
    ):
        if values.size:
            declared.append(helper.make_tensor_value_info(name, kind, values.shape))
            feed[name] = values
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, [before, after])
    model = helper.make_model(
        helper.make_graph([one], "one", declared, [made]), opset_imports=[helper.make_opsetid("", OPSET)]
    )
    (columns,) = ReferenceEvaluator(model).run(None, feed)
    matrix: Floats = np.asarray(columns, np.float64).T
    return matrix
