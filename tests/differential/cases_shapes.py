"""Elements moved: paddings by mode, tiles, blocks and resizes."""

from __future__ import annotations

import numpy as np

from tests.differential.op_cases import Case, ints, node, one


def resized(shape: tuple[int, ...], factors: tuple[float, ...], **attributes: object) -> Case:
    return [node("Resize", "x", "", "f", **attributes)], {"f": np.array(factors, np.float32)}, {"x": shape}


CASES: dict[str, Case] = {
    "Pad-edge": one("Pad", (2, 4), {"p": ints(1, -1, 2, 3)}, mode="edge"),
    "Pad-reflect": one("Pad", (2, 4), {"p": ints(0, 2, 1, 3)}, mode="reflect"),
    "Pad-axes": ([node("Pad", "x", "p", "", "a", mode="reflect")], {"p": ints(2, 1), "a": ints(-1)}, {"x": (2, 4)}),
    "Slice-from-before-the-first": one(
        "Slice", (2, 3), {"s": ints(-3), "e": ints(-(2**63) + 1), "a": ints(0), "p": ints(-1)}
    ),
    "Tile": one("Tile", (2, 3), {"r": ints(2, 3)}),
    "Tile-deep": one("Tile", (1, 2, 1, 2, 2), {"r": ints(2, 2, 3, 1, 2)}),
    "SpaceToDepth": one("SpaceToDepth", (1, 2, 4, 6), blocksize=2),
    "DepthToSpace": one("DepthToSpace", (1, 8, 2, 3), blocksize=2),
    "DepthToSpace-columns-first": one("DepthToSpace", (1, 8, 2, 3), blocksize=2, mode="CRD"),
    "Resize": resized((1, 2, 4, 3), (1, 1, 2, 2)),
    "Resize-down": resized(
        (1, 2, 5, 6), (1, 1, 0.6, 0.5), nearest_mode="floor", coordinate_transformation_mode="asymmetric"
    ),
    "Resize-linear": resized((1, 2, 4, 3), (1, 1, 2, 1.5), mode="linear"),
    "Resize-linear-corners": resized(
        (1, 1, 4, 4), (1, 1, 2, 2), mode="linear", coordinate_transformation_mode="align_corners"
    ),
    "Resize-by-less-than-one-element": resized((1, 1, 3, 4), (1, 1, 1.3, 2.7), mode="linear"),
    "Resize-cubic": resized((1, 1, 4, 4), (1, 1, 2, 2), mode="cubic"),
    "Resize-sizes": ([node("Resize", "x", "", "", "s", mode="linear")], {"s": ints(1, 1, 3, 7)}, {"x": (1, 1, 5, 4)}),
}
