"""Elements moved, none changed."""

from __future__ import annotations

from circuits.onnx.coverage.checks import Check, always, attribute, constant
from circuits.onnx.graph import FloatGraph, FloatNode

# How near scale · size comes to a whole number that it is meant to be, the scale a 32-bit float.
WHOLE = 1e-6
NEAREST = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


def _trains(node: FloatNode, graph: FloatGraph) -> str | None:
    """training_mode is false (then it is Identity); before opset 12, its mask is not read"""
    return "training_mode is not false" if node.input(2) else "its mask is read, of which older opsets say nothing"


def _resize(node: FloatNode, graph: FloatGraph) -> str | None:
    """inputs 1, 2, 3 constant; keep_aspect_ratio_policy is stretch; what is cropped is filled with 0; scaled sizes are
    whole where corners are aligned, or pytorch_half_pixel leaves one element"""
    if reason := constant(1, 2, 3)(node, graph):
        return reason
    if node.attributes.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        return f"keep_aspect_ratio_policy={node.attributes['keep_aspect_ratio_policy']!r} is not supported"
    if node.attributes["mode"] == "nearest" and node.attributes["nearest_mode"] not in NEAREST:
        return f"nearest_mode={node.attributes['nearest_mode']!r} is not supported"
    if node.attributes["coordinate_transformation_mode"] == "tf_crop_and_resize":
        return (
            "an extrapolation_value that is not 0 is not supported" if node.attributes["extrapolation_value"] else None
        )
    return _fraction(node, graph)


def _fraction(node: FloatNode, graph: FloatGraph) -> str | None:
    """Where onnx counts with scale · size, onnxruntime with the whole number below: corners stand elsewhere then."""
    if not node.input(2):
        return None
    mode, before = node.attributes["coordinate_transformation_mode"], graph.shapes[node.input(0)]
    axes = node.attributes.get("axes") or range(len(before))
    for axis, scale in zip(axes, graph.constant(node.input(2)).reshape(-1), strict=False):
        size, made = float(scale) * before[axis], graph.shapes[node.output][axis]
        counted = mode == "align_corners" or (mode == "pytorch_half_pixel" and made == 1)
        if counted and abs(size - made) > WHOLE * max(1, made):
            return f"{mode} at a size of {size:.6g}, no whole number, about which onnx and onnxruntime differ"
    return None


CHECKS: dict[str, Check] = {
    **dict.fromkeys(("Identity", "Flatten", "Transpose", "Concat", "DepthToSpace"), always),
    **dict.fromkeys(("Squeeze", "Unsqueeze", "Reshape", "Expand", "Tile"), constant(1)),
    # onnxruntime knows no other, and fidelity is measured against it.
    "SpaceToDepth": attribute("mode", {"DCR"}, "DCR"),
    "Slice": constant(1, 2, 3, 4),
    "Dropout": _trains,
    "Pad": constant(1, 2, 3),
    "Split": constant(1),
    "Resize": _resize,
}
