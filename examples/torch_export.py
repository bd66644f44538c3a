"""torch module → ONNX file: one fixed-batch graph, nothing in it but the computation, checked against torch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

OPSET = 17
TOLERANCE = 1e-6


class ExportMismatch(RuntimeError):
    """The exported graph does not compute what the torch module computes."""

    def __init__(self, worst: float, tolerance: float) -> None:
        super().__init__(f"exported graph and torch differ by {worst:.3g}, over {tolerance:.3g}")


def export(module: nn.Module, samples: Tensor, *, input_name: str, output_name: str) -> onnx.ModelProto:
    """`module` for a batch of 1 as an ONNX model of opset 17; every row of `samples` must agree within TOLERANCE.

    The tolerance is relative to the largest output, or absolute if that is below 1.
    """
    program = torch.onnx.export(
        module.eval(),
        (samples[:1],),
        input_names=[input_name],
        output_names=[output_name],
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    assert program is not None  # only an export straight to a file returns None
    model = program.model_proto
    _strip(model)
    onnx.checker.check_model(model, full_check=True)
    _compare(module, model, samples, input_name)
    return model


def run(model: onnx.ModelProto, samples: npt.NDArray[np.float32], input_name: str) -> npt.NDArray[np.float32]:
    """onnxruntime's outputs for each row of `samples`, one at a time."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {input_name: row[None]})[0] for row in samples])


def _strip(model: onnx.ModelProto) -> None:
    """Drop what the exporter says about the machine and the source it ran on."""
    model.producer_version = torch.__version__.partition("+")[0]
    del model.metadata_props[:]
    graph = model.graph
    del graph.metadata_props[:]
    for part in (*graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info):
        del part.metadata_props[:]
        part.doc_string = ""


def _compare(module: nn.Module, model: onnx.ModelProto, samples: Tensor, input_name: str) -> None:
    with torch.no_grad():
        expected = module(samples).numpy()
    worst = float(np.abs(run(model, samples.numpy(), input_name) - expected).max())
    tolerance = TOLERANCE * max(1.0, float(np.abs(expected).max()))
    if worst > tolerance:
        raise ExportMismatch(worst, tolerance)
