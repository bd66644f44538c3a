"""A transformer block (attention, LayerNorm, GELU) at 16 bits: near onnxruntime, executor equal to interpreter."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from circuits.execute import execute
from circuits.program.graph import Program
from circuits.program.interpreter import run
from circuits.program.values import quantize_input
from circuits.quantize import CompileOptions, FidelityReport, compile_model

TOKENS, WIDTH, HEADS = 16, 32, 2
SAMPLES = 20
# Of the largest output.
TOLERANCE = 1e-3


@dataclass
class Block:
    """A pre-norm block under construction; weights are He-scaled."""

    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(11))
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, values: np.ndarray) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        made = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [made], **attributes))
        return made

    def dense(self, x: str, inputs: int, outputs: int) -> str:
        weights = self.rng.standard_normal((inputs, outputs)) * math.sqrt(2 / inputs)
        bias = self.rng.standard_normal(outputs) * 0.1
        product = self.op("MatMul", x, self.constant(weights.astype(np.float32)))
        return self.op("Add", product, self.constant(bias.astype(np.float32)))

    def norm(self, x: str) -> str:
        scale, bias = 1 + 0.2 * self.rng.standard_normal((2, WIDTH)) - np.array([[0], [1]])
        names = [self.constant(v.astype(np.float32)) for v in (scale, bias)]
        return self.op("LayerNormalization", x, *names, axis=-1, epsilon=1e-5)

    def heads(self, x: str, order: list[int]) -> str:
        shape = self.constant(np.array([1, TOKENS, HEADS, WIDTH // HEADS], np.int64))
        return self.op("Transpose", self.op("Reshape", x, shape), perm=order)

    def attention(self, x: str, masked: bool) -> str:
        q, k, v = (self.dense(x, WIDTH, WIDTH) for _ in range(3))
        scores = self.op("MatMul", self.heads(q, [0, 2, 1, 3]), self.heads(k, [0, 2, 3, 1]))
        scale = np.array(math.sqrt(WIDTH / HEADS), np.float32)
        scores = self.op("Div", scores, self.constant(scale))
        if masked:
            past = np.where(np.tri(TOKENS, dtype=bool), 0, -1e4).astype(np.float32)
            scores = self.op("Add", scores, self.constant(past))
        mixed = self.op("MatMul", self.op("Softmax", scores, axis=-1), self.heads(v, [0, 2, 1, 3]))
        together = self.op("Transpose", mixed, perm=[0, 2, 1, 3])
        shape = self.constant(np.array([1, TOKENS, WIDTH], np.int64))
        return self.dense(self.op("Reshape", together, shape), WIDTH, WIDTH)

    def gelu(self, x: str, in_parts: bool) -> str:
        """As one operator, or as exporters before opset 20 write it."""
        if not in_parts:
            return self.op("Gelu", x)
        root, one, half = (self.constant(np.array(v, np.float32)) for v in (math.sqrt(2), 1.0, 0.5))
        inner = self.op("Add", self.op("Erf", self.op("Div", x, root)), one)
        return self.op("Mul", self.op("Mul", x, inner), half)

    def whole(self, masked: bool, in_parts: bool) -> onnx.ModelProto:
        x = self.op("Add", "x", self.attention(self.norm("x"), masked))
        hidden = self.gelu(self.dense(self.norm(x), WIDTH, 4 * WIDTH), in_parts)
        y = self.op("Add", x, self.dense(hidden, 4 * WIDTH, WIDTH))
        shape = [1, TOKENS, WIDTH]
        graph = helper.make_graph(
            self.nodes,
            "block",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(y, TensorProto.FLOAT, shape)],
            self.constants,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def compiled(path: Path, options: CompileOptions, **kind: bool) -> tuple[Program, FidelityReport, np.ndarray]:
    onnx.save(Block().whole(**kind), path)
    data = np.random.default_rng(5).standard_normal((SAMPLES, 1, TOKENS, WIDTH)).astype(np.float32)
    return *compile_model(path, {"x": data}, options), data


@pytest.mark.parametrize(("masked", "in_parts"), [(False, False), (True, True)])
def test_block_is_near_onnxruntime_at_16_bits(masked: bool, in_parts: bool, tmp_path: Path) -> None:
    program, report, data = compiled(tmp_path / "block.onnx", CompileOptions(), masked=masked, in_parts=in_parts)
    for output in report.outputs:
        assert output.max_abs_error <= TOLERANCE * output.max_abs_value, output
    assert not report.saturated
    integers = [quantize_input(program.inputs[0], data[0])]
    for fast, defined in zip(execute(program, integers), run(program, integers), strict=True):
        np.testing.assert_array_equal(fast, defined)
