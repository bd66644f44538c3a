"""ONNX to float graph: import, constant folding, op coverage, and onnxruntime as the reference."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from circuits.onnx.canonical import canonical
from circuits.onnx.expand import covered
from circuits.onnx.graph import FloatGraph, FloatNode
from circuits.onnx.load import load_onnx
from circuits.onnx.reference import FloatModel
from circuits.onnx.tabular import without_tabular
from circuits.onnx.tabular_labels import index_labels

__all__ = ["FloatGraph", "FloatModel", "FloatNode", "ImportedModel", "import_onnx"]


@dataclass(frozen=True)
class ImportedModel:
    """A model that a program can hold: its canonical graph, `source` as the file says it (constants folded), and the
    original to compare with."""

    graph: FloatGraph
    source: FloatGraph
    reference: FloatModel


def import_onnx(
    path: str | os.PathLike[str], *, freeze: dict[str, Any] | None = None, batch: int | None = 1
) -> ImportedModel:
    """Reads, folds and checks an ONNX file.

    Raises InputError: `onnx_unreadable`, `onnx_unsupported_opset`, `onnx_dynamic_shape`, `onnx_unknown_name`,
    `onnx_bad_freeze`, `onnx_unsupported_input`, `onnx_constant_output`, `onnx_unsupported_ops` (all of them at once,
    by node), `onnxruntime_cannot_run`.
    """
    model = load_onnx(path, freeze=freeze, batch=batch)
    labels = index_labels(model)
    model, graph = covered(model)
    graph.labels.update(labels)
    return ImportedModel(canonical(without_tabular(graph)), graph, FloatModel(model, graph))
