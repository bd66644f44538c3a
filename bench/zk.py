"""How much faster than ezkl is the sumcheck route, and how do its time, memory and proof grow?

Every model is proven here and, with `--against ezkl`, the two smallest by ezkl too: the same ONNX file, the same run
(the next one takes ezkl 23 GB and a quarter of an hour); where this machine has the memory for it, our own halo2 route
proves the same program as well. `--growth` proves networks of 10^4 to 10^7 parameters, and of 10^4 to 10^7 activations,
instead.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from bench import models, zk_ezkl, zk_growth, zk_halo2, zk_plot, zk_sumcheck
from circuits.program.file import save_program
from circuits.program.values import quantize_input
from circuits.quantize import compile_model

Say = Callable[[str], None]
CALIBRATION_SAMPLES = 20
EZKL_MODELS = ("mlp91k", "lenet")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--models", default="mlp91k,lenet,credit-3.4m,block128,gpt1m", help="reference models, separated by commas"
    )
    parser.add_argument("--against", choices=["nothing", "ezkl"], default="nothing", help="what else proves them")
    parser.add_argument("--growth", action="store_true", help="measure growth instead of models")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="also draw the figures")


def run(say: Say, models: str, against: str, growth: bool, plot: Path | None) -> dict[str, Any]:
    if growth:
        figures: dict[str, Any] = {"growth": zk_growth.run(say)}
    else:
        rows = [_model(name, against == "ezkl" and name in EZKL_MODELS, say) for name in models.split(",")]
        figures = {"compared_with": against, "models": rows}
    if plot is not None:
        zk_plot.draw(figures, plot)
    return figures


def _model(name: str, with_ezkl: bool, say: Say) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        model, program_file, input_file = folder / "m.onnx", folder / "m.program", folder / "input.npz"
        onnx.save(models.build(name), model)
        data = models.calibration(name, CALIBRATION_SAMPLES)
        program, _ = compile_model(model, data)
        save_program(program, program_file)
        (port,) = program.inputs
        integers = quantize_input(port, data["input"][:1].reshape(port.dims))
        np.savez(input_file, integers)
        say(f"{name}: sumcheck")
        ours = zk_sumcheck.measure(program_file, input_file, folder / "cache", say)
        found: dict[str, Any] = {
            "model": name,
            "parameters": models.parameter_count(onnx.load(model)),
            "sumcheck": ours,
        }
        if with_ezkl:
            found["ezkl"] = zk_ezkl.measure(model, data["input"], folder / "ezkl", say)
            found["ezkl_over_sumcheck_prove_ratio"] = found["ezkl"]["prove_s"] / ours["prove_s"]
            found["halo2"] = zk_halo2.measure(program, [integers], folder / "halo2", say)
            if "prove_s" in found["halo2"]:
                found["halo2_over_sumcheck_prove_ratio"] = found["halo2"]["prove_s"] / ours["prove_s"]
        return found
