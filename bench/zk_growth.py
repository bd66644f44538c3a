"""Time, memory and proof against parameters (four dense layers, ever wider) and against activations (a ReLU over ever
more channels of 64x64), with plain inference beside them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from bench import models, zk_sumcheck
from bench.models import Network, ReferenceModel
from circuits.program.file import save_program
from circuits.program.values import quantize_input
from circuits.quantize import compile_model

Say = Callable[[str], None]
WIDTHS = (58, 183, 577, 1826)  # three square layers of 10^4, 10^5, 10^6 and 10^7 parameters
CHANNELS = (1, 12, 122, 1221)  # of 8,192 activations each: 10^4, 10^5, 10^6 and 10^7
SIDE = 64
CALIBRATION_SAMPLES = 8


def run(say: Say) -> dict[str, Any]:
    """Rows by parameters and by activations."""
    return {
        "parameters": [_measure(f"dense {width}", _dense(width), say) for width in WIDTHS],
        "activations": [_measure(f"{channels} channels", _channels(channels), say) for channels in CHANNELS],
    }


def _dense(width: int) -> ReferenceModel:
    return ReferenceModel((1, width), (1, 8), lambda network: network.dense_chain([width] * 4 + [8]))


def _channels(channels: int) -> ReferenceModel:
    def layers(network: Network) -> None:
        network.op("Mul", network.constant("scales", network.rng.standard_normal((channels, 1, 1))))
        network.op("Relu")
        network.op("ReduceMean", axes=[1, 2, 3], keepdims=0)

    return ReferenceModel((1, 1, SIDE, SIDE), (1,), layers)


def _measure(name: str, model: ReferenceModel, say: Say) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        onnx.save(models.assemble(name, model), folder / "m.onnx")
        data = models.samples(model, CALIBRATION_SAMPLES)
        program, _ = compile_model(folder / "m.onnx", data)
        save_program(program, folder / "m.program")
        (port,) = program.inputs
        np.savez(folder / "input.npz", quantize_input(port, data["input"][:1].reshape(port.dims)))
        say(name)
        figures = zk_sumcheck.measure(folder / "m.program", folder / "input.npz", folder / "cache", say)
    return {
        "parameters": sum(constant.values.size for constant in program.constants),
        "activations": sum(int(np.prod(op.dims)) for op in program.ops),
        **figures,
    }
