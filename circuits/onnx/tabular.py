"""ai.onnx.ml in the words of the main domain: what the quantizer sees of models of tables.

Every node becomes nodes that everything after import knows, and a few that `circuits.quantize.rules.tabular` adds:
Trees (x → scores, and whether one of them is over a bound), Dense (x, weights, bias → scores), Scale (x, factors,
summands → columns of one unit), Columns (some columns), Over (x > threshold), Kernel (x → its kernel with support
vectors), Curve (a function of one number), Normalize (a row over its norm) and Encode (keys → values).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from circuits.onnx.graph import FloatGraph, FloatNode
from circuits.onnx.tabular_classes import (
    linear_classifier,
    require_features,
    transform_of,
    transformed,
    tree_classifier,
)
from circuits.onnx.tabular_parts import BOOLEAN, INTEGER, REAL, Parts, Refused
from circuits.onnx.tabular_trees import TreeError, Trees, numbers, read_trees
from circuits.onnx.tabular_vectors import svm_classifier, svm_regressor

ML = "ai.onnx.ml::"


def without_tabular(graph: FloatGraph) -> FloatGraph:
    """The same function without ai.onnx.ml. `graph` has passed `check_coverage` and is not changed."""
    if not any(node.op.startswith(ML) for node in graph.nodes):
        return graph
    constants, shapes, types = dict(graph.constants), dict(graph.shapes), dict(graph.types)
    result = replace(graph, nodes=[], constants=constants, shapes=shapes, types=types, of_tables=True)
    for node in graph.nodes:
        result.nodes.extend(_rewritten(result, node) if node.op.startswith(ML) else [node])
    makers = {node.output: node for node in result.nodes}
    result.nodes = [_unscaled(result, node, makers) for node in result.nodes]
    return result


def _unscaled(graph: FloatGraph, node: FloatNode, makers: Mapping[str, FloatNode]) -> FloatNode:
    """Trees of scaled columns as trees of the columns, where decisions are exact: x·k + c ≤ t is x ≤ (t − c)/k."""
    source = makers.get(node.input(0))
    while node.op == "Trees" and source is not None and source.op in ("Scale", "Identity"):
        trees: Trees = node.attributes["trees"]
        if source.op == "Scale":
            factors, summands = (graph.constant(source.input(position)) for position in (1, 2))
            if not factors.all():
                break
            trees = trees.unscaled(factors, np.broadcast_to(summands, factors.shape))
        inputs = (source.input(0), *node.inputs[1:])
        node = replace(node, inputs=inputs, attributes={**node.attributes, "trees": trees})
        source = makers.get(node.input(0))
    return node


def refusal(node: FloatNode, graph: FloatGraph) -> str | None:
    """Why no program holds an ai.onnx.ml node, or None."""
    try:
        REWRITES[node.op](Parts(graph, node))
    except (Refused, TreeError) as error:
        return str(error)
    except (LookupError, TypeError, ValueError) as error:
        return f"its attributes do not fit together ({type(error).__name__}: {error})"
    return None


def _rewritten(graph: FloatGraph, node: FloatNode) -> list[FloatNode]:
    parts = Parts(graph, node)
    REWRITES[node.op](parts)
    return parts.commit()


def _tree_regressor(p: Parts) -> None:
    x, rows, columns = p.table()
    trees = read_trees(p.node.op.removeprefix(ML), p.get)
    require_features(trees, columns)
    base, transform, targets = numbers(p.get, "base_values"), transform_of(p), trees.targets
    if trees.aggregate in ("MIN", "MAX") and not trees.complete():
        raise Refused(f"some leaves have no weight for a target, of which the {trees.aggregate} is wanted")
    added = tuple(base) if len(base) == targets else (0.0,) * targets
    # One target alone onnxruntime does not transform.
    if targets > 1 and transform != "NONE":
        transformed(p, p.emit("Trees", [x], (rows, targets), trees=trees, base=added), transform, p.node.output)
    else:
        p.emit("Trees", [x], (rows, targets), REAL, p.node.output, trees=trees, base=added)


def _linear_regressor(p: Parts) -> None:
    x, _, columns = p.table()
    targets, transform = int(p.get.get("targets", 1)), transform_of(p)
    weights = p.matrix("coefficients", targets)
    if weights.shape[1] != columns:
        raise Refused(f"it has {weights.shape[1]} coefficients for {columns} columns")
    bias = np.asarray(p.get.get("intercepts", ()), np.float64)
    bias = bias if len(bias) == targets else np.zeros(targets)
    if targets > 1 and transform != "NONE":
        transformed(p, p.dense(x, weights.T, bias), transform, p.node.output)
    else:
        p.dense(x, weights.T, bias, p.node.output)


def _scaler(p: Parts) -> None:
    x, _, columns = p.table()
    scale, offset = (p.column_count(key, columns, one=True) for key in ("scale", "offset"))
    scale = np.broadcast_to(scale, columns)
    _as_shaped(p, p.emit("Scale", [x, p.constant(scale), p.constant(-offset * scale)], p.shape(x)))


def _as_shaped(p: Parts, name: str, kind: int = REAL) -> None:
    """The node's output, of its input's shape."""
    shape = p.graph.shapes[p.node.input(0)]
    if p.shape(name) == shape:
        p.emit("Identity", [name], shape, kind, p.node.output)
    else:
        p.reshape(name, shape, kind, p.node.output)


def _normalizer(p: Parts) -> None:
    x, _, _ = p.table()
    norm = p.get.get("norm", "MAX")
    if norm not in ("MAX", "L1", "L2"):
        raise Refused(f"norm={norm!r} is none of MAX, L1, L2")
    _as_shaped(p, p.emit("Normalize", [x], p.shape(x), norm=norm))


def _binarizer(p: Parts) -> None:
    x, shape = p.node.input(0), p.graph.shapes[p.node.input(0)]
    kind = p.graph.types[x]
    threshold = float(p.get.get("threshold", 0.0))
    table = len(shape) == 2 and p.graph.is_real(x)
    over = (
        p.emit("Over", [x], shape, BOOLEAN, threshold=threshold)
        if table
        else p.emit("Greater", [x, p.constant(threshold)], shape, BOOLEAN)
    )
    p.emit("Cast", [over], shape, kind, p.node.output, to=kind)


def _imputer(p: Parts) -> None:
    x, shape = p.node.input(0), p.graph.shapes[p.node.input(0)]
    whole = p.graph.is_integer(x)
    values = np.asarray(p.get.get("imputed_value_int64s" if whole else "imputed_value_floats") or (), np.float64)
    replaced = p.get.get("replaced_value_int64" if whole else "replaced_value_float", 0)
    kind = p.graph.types[x]
    if not len(values) or len(shape) not in (1, 2):
        raise Refused(f"it has {len(values)} values for an input of shape {list(shape)}")
    if np.isnan(replaced):  # which no integer is
        p.emit("Identity", [x], shape, kind, p.node.output)
        return
    dtype = np.int64 if whole else np.float64
    values = values if len(values) == shape[-1] else values[:1]
    missing = p.emit("Equal", [x, p.constant(replaced, dtype)], shape, BOOLEAN)
    p.emit("Where", [missing, p.constant(values, dtype), x], shape, kind, p.node.output)


def _extractor(p: Parts) -> None:
    x, indices = p.node.inputs[:2]
    shape, taken = p.graph.shapes[x], p.graph.shapes[p.node.output][-1]
    kind = p.graph.types[x]
    if p.graph.is_constant(indices):
        places = p.graph.integers(indices)
        if len(shape) == 2 and p.graph.is_real(x) and not p.graph.is_constant(x):
            p.emit("Columns", [x], (shape[0], taken), kind, p.node.output, places=places)
            return
        indices = p.constant(places, np.int64)
    elif p.graph.shapes[indices] != (taken,):
        indices = p.reshape(indices, (taken,), INTEGER)
    if len(shape) == 1:
        found = p.emit("Gather", [x, indices], (taken,), kind, axis=0)
        p.reshape(found, (1, taken), kind, p.node.output)
    else:
        p.emit("Gather", [x, indices], (*shape[:-1], taken), kind, p.node.output, axis=len(shape) - 1)


def _one_hot(p: Parts) -> None:
    x, made = p.node.input(0), p.graph.shapes[p.node.output]
    kinds = p.get.get("cats_int64s") or ()
    if not kinds:
        raise Refused("it has no cats_int64s")
    wide = p.reshape(x, (*made[:-1], 1), p.graph.types[x])
    dtype = np.int64 if p.graph.is_integer(x) else np.float64
    hit = p.emit("Equal", [wide, p.constant(kinds, dtype)], made, BOOLEAN)
    p.emit("Cast", [hit], made, REAL, p.node.output, to=REAL)


def _vectorizer(p: Parts) -> None:
    parts, rows = [], p.graph.shapes[p.node.output][0]
    for name, wanted in zip(p.node.inputs, p.get.get("inputdimensions", ()), strict=True):
        shape = p.graph.shapes[name]
        if shape != (rows, wanted):
            raise Refused(f"its input {name!r} has shape {list(shape)}, inputdimensions say {[rows, wanted]}")
        parts.append(name if p.graph.is_real(name) else p.emit("Cast", [name], shape, REAL, to=REAL))
    p.emit("Concat", parts, p.graph.shapes[p.node.output], REAL, p.node.output, axis=1)


def _encoder(p: Parts) -> None:
    x, get = p.node.input(0), p.get
    keys = next((get[k] for k in ("keys_int64s", "keys_floats", "keys_tensor") if np.size(get.get(k, ()))), ())
    kinds = (("values_int64s", "default_int64", -1), ("values_floats", "default_float", -0.0))
    values, default = next(((get[v], get.get(d, e)) for v, d, e in kinds if get.get(v)), ((), 0))
    if "values_tensor" in get:
        values, default = get["values_tensor"], get.get("default_tensor", -1)
    table = {float(k): float(v) for k, v in reversed(list(zip(np.ravel(keys), np.ravel(values), strict=False)))}
    if not table or np.size(keys) != np.size(values):
        raise Refused(f"it has {np.size(keys)} keys and {np.size(values)} values that are numbers")
    if any(np.isnan(key) for key in table):
        table = {key: value for key, value in table.items() if not np.isnan(key)}
    shape, kind = p.graph.shapes[p.node.output], p.graph.types[p.node.output]
    other = float(np.ravel(default)[0])
    p.emit("Encode", [x], shape, kind, p.node.output, keys=tuple(table), values=tuple(table.values()), default=other)


REWRITES: dict[str, Callable[[Parts], None]] = {
    f"{ML}TreeEnsembleClassifier": tree_classifier,
    f"{ML}TreeEnsembleRegressor": _tree_regressor,
    f"{ML}TreeEnsemble": _tree_regressor,
    f"{ML}LinearClassifier": linear_classifier,
    f"{ML}LinearRegressor": _linear_regressor,
    f"{ML}SVMClassifier": svm_classifier,
    f"{ML}SVMRegressor": svm_regressor,
    f"{ML}Scaler": _scaler,
    f"{ML}Normalizer": _normalizer,
    f"{ML}Binarizer": _binarizer,
    f"{ML}Imputer": _imputer,
    f"{ML}ArrayFeatureExtractor": _extractor,
    f"{ML}LabelEncoder": _encoder,
    f"{ML}OneHotEncoder": _one_hot,
    f"{ML}FeatureVectorizer": _vectorizer,
}
