"""Which rule lowers which node, and the inputs before them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from onnx import TensorProto

from circuits.errors import InferproofError, InputError
from circuits.onnx.graph import FloatGraph, Floats
from circuits.program.errors import ProgramError
from circuits.program.refs import Port
from circuits.quantize.builder import Builder
from circuits.quantize.calibration import Sample
from circuits.quantize.lives import Lives
from circuits.quantize.options import CompileOptions
from circuits.quantize.rules import (
    Rule,
    convolutions,
    einsum,
    elementwise,
    gathering,
    layers,
    normalize,
    recurrent,
    reductions,
    scaled,
    selection,
    shapes,
    tables,
    tabular,
    windows,
)
from circuits.quantize.rules.tabular_inputs import MAX_COLUMN_SCALE, Table, table_of
from circuits.quantize.scales import scale_for

# Inputs that are no real numbers: what their element type can hold, at scale 0.
INPUT_BITS: dict[int, int] = {
    TensorProto.BOOL: 8, TensorProto.INT8: 8, TensorProto.UINT8: 9, TensorProto.INT16: 16,
    TensorProto.INT32: 32, TensorProto.INT64: 32,
}  # fmt: skip

# Operators whose constants may be infinite.
INFINITE = {"Clip", "Where", "Max", "Min"}

RULES: dict[str, Rule] = {
    **convolutions.RULES,
    **einsum.RULES,
    **elementwise.RULES,
    **gathering.RULES,
    **layers.RULES,
    **normalize.RULES,
    **recurrent.RULES,
    **reductions.RULES,
    **scaled.RULES,
    **selection.RULES,
    **shapes.RULES,
    **tables.RULES,
    **tabular.RULES,
    **windows.RULES,
}


def lower(
    graph: FloatGraph, samples: Sequence[Sample], options: CompileOptions, progress: Callable[[float], None]
) -> Builder:
    """Every node of a canonical graph as ops of a program, their scales chosen from calibration samples."""
    _check_names(graph, options)
    _check_constants(graph)
    builder = Builder(graph, len(samples), options)
    for name, dims in graph.inputs.items():
        values = np.stack([sample[name] for sample in samples])
        table = table_of(graph, name, options)
        bits = options.input_bits.get(name, INPUT_BITS.get(graph.types[name], table.bits if table else options.bits))
        scales = _input_scales(graph, name, bits, values, options, table)
        builder.add_input(Port(name, dims, bits, scales, options.input_visibility), values)
    lives = Lives(graph, builder)
    for position, node in enumerate(graph.nodes):
        progress(position / len(graph.nodes))
        try:
            RULES[node.op](builder, node)
        except InferproofError as error:
            message = f"{node.op} ({node.name}): {error.message}"
            raise ProgramError(error.code, message, node=node.name, node_op=node.op, **error.details) from error
        lives.after(position, node.outputs)
    return builder


def _input_scales(
    graph: FloatGraph, name: str, bits: int, values: Floats, options: CompileOptions, table: Table | None
) -> tuple[int, ...]:
    """Whole numbers have scale 0; real ones the finest at which calibrated and declared values fit."""
    if name in options.input_scales:
        return (options.input_scales[name],)
    if not graph.is_real(name):
        return (0,)
    declared = max(map(abs, options.input_ranges.get(name, (0.0, 0.0))))
    if (table and table.by_column) or name in options.per_feature:
        peaks = np.abs(values).reshape(-1, values.shape[-1]).max(axis=0)
        if table:
            peaks = np.maximum(np.maximum(peaks, declared), table.reach) * options.headroom
            return tuple(scale_for(float(peak), bits, MAX_COLUMN_SCALE) for peak in peaks)
        return tuple(scale_for(max(float(peak), declared) * options.headroom, bits) for peak in peaks)
    peak = float(np.abs(values).max(initial=0.0))
    return (scale_for(max(peak, declared) * options.headroom, bits),)


def _check_names(graph: FloatGraph, options: CompileOptions) -> None:
    """Options that name an input have to name one that there is."""
    named = {*options.input_bits, *options.input_scales, *options.input_ranges, *options.per_feature}
    unknown = sorted(named - set(graph.inputs))
    if unknown:
        raise InputError(
            "bad_option", f"no input is called {', '.join(unknown)}; there are {', '.join(graph.inputs)}", names=unknown
        )


def _check_constants(graph: FloatGraph) -> None:
    """A weight that is no number has no integer. An infinite bound never acts, an infinite choice is far beyond all.

    A mask of a softmax leaves nothing of where it is −∞.
    """
    consumers = graph.consumers()
    for node in graph.nodes:
        reader = graph.sole_consumer(node.output, consumers)
        masks = node.op == "Add" and reader is not None and reader.op == "Softmax"
        for name in node.inputs:
            if not graph.is_constant(name) or node.op in INFINITE:
                continue
            values = graph.constant(name)
            if not np.isfinite(values[values != -np.inf] if masks else values).all():
                raise InputError(
                    "onnx_bad_constant",
                    f"{node.op} ({node.name}) has a constant {name!r} that is not finite",
                    node=node.name,
                )
