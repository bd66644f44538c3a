"""Which rule lowers which node, and the inputs before them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from circuits.errors import InferproofError, InputError
from circuits.onnx.graph import FloatGraph, FloatNode
from circuits.program.errors import ProgramError
from circuits.program.refs import Port
from circuits.quantize import elementwise, layers, shapes, windows
from circuits.quantize.builder import Builder
from circuits.quantize.calibration import Reach
from circuits.quantize.options import CompileOptions
from circuits.quantize.scales import scale_for
from circuits.quantize.tables import TABLE_OPS, table

Rule = Callable[[Builder, FloatNode], None]

RULES: dict[str, Rule] = {
    **dict.fromkeys(TABLE_OPS, table),
    **dict.fromkeys(("Identity", "Dropout", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze"), shapes.view),
    "MatMul": layers.matmul,
    "Conv": layers.conv,
    "ScaleShift": layers.scale_shift,
    "Add": elementwise.add,
    "Sub": elementwise.subtract,
    "Mul": elementwise.multiply,
    "Neg": elementwise.negate,
    "Abs": elementwise.absolute,
    "Relu": elementwise.relu,
    "LeakyRelu": elementwise.leaky_relu,
    "PRelu": elementwise.prelu,
    "Clip": elementwise.clip,
    "Max": elementwise.maximum,
    "Min": elementwise.minimum,
    "MaxPool": windows.max_pool,
    "AveragePool": windows.average_pool,
    "GlobalAveragePool": windows.reduce_mean,
    "GlobalMaxPool": windows.reduce_max,
    "ReduceMean": windows.reduce_mean,
    "ReduceSum": windows.reduce_sum,
    "ReduceMax": windows.reduce_max,
    "ReduceMin": windows.reduce_min,
    "Transpose": shapes.transpose,
    "Concat": shapes.concat,
    "Slice": shapes.slice_,
    "Split": shapes.split,
    "Gather": shapes.gather,
    "Pad": shapes.pad,
    "Expand": shapes.expand,
}


def lower(graph: FloatGraph, reach: Reach, options: CompileOptions) -> Builder:
    """Every node of a canonical graph as ops of a program."""
    _check_names(graph, options)
    _check_constants(graph)
    builder = Builder(graph, reach.peaks, options)
    for name, dims in graph.inputs.items():
        bits = options.input_bits.get(name, options.bits)
        scales = _input_scales(name, bits, builder, reach)
        builder.add_input(Port(name, dims, bits, scales, options.input_visibility))
    for node in graph.nodes:
        try:
            RULES[node.op](builder, node)
        except InferproofError as error:
            message = f"{node.op} ({node.name}): {error.message}"
            raise ProgramError(error.code, message, node=node.name, node_op=node.op, **error.details) from error
    return builder


def _input_scales(name: str, bits: int, builder: Builder, reach: Reach) -> tuple[int, ...]:
    options = builder.options
    if name in options.input_scales:
        return (options.input_scales[name],)
    if name in options.per_feature:
        return tuple(scale_for(float(peak) * options.headroom, bits) for peak in reach.features[name])
    return (scale_for(builder.peak(name), bits),)


def _check_names(graph: FloatGraph, options: CompileOptions) -> None:
    """Options that name an input have to name one that there is."""
    named = {*options.input_bits, *options.input_scales, *options.input_ranges, *options.per_feature}
    unknown = sorted(named - set(graph.inputs))
    if unknown:
        raise InputError(
            "bad_option", f"no input is called {', '.join(unknown)}; there are {', '.join(graph.inputs)}", names=unknown
        )


def _check_constants(graph: FloatGraph) -> None:
    """A weight that is no number has no integer. Infinite bounds of Clip are bounds that never act."""
    for node in graph.nodes:
        for name in node.inputs:
            finite = graph.is_constant(name) and node.op != "Clip" and not np.isfinite(graph.constant(name)).all()
            if finite:
                raise InputError(
                    "onnx_bad_constant",
                    f"{node.op} ({node.name}) has a constant {name!r} that is not finite",
                    node=node.name,
                )
