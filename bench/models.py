"""The reference models every benchmark and many tests share, built with onnx.helper and seed 0: no torch, no files.

| name | shape of the network | parameters | public values |
|---|---|---|---|
| `mlp91k` | 256 → 256 → 96 → 10, ReLU between | 91,434 | 266 |
| `lenet` | 1×32×32, 5×5 convolutions of 6 and 16 channels, 2×2 max-pools, dense 120-84-10, ReLU | 61,706 | 1,034 |
| `credit-3.4m` | 96 → 13 × 540 ReLU → 1 sigmoid (the name is the published test's own rounding) | 3,558,601 | 97 |
| `wide1024` | 1,024 → 4, one Gemm: many public inputs, little work | 4,100 | 1,028 |
| `block128` | transformer block, 64 tokens of 128: LayerNorm, 4 heads, softmax, GELU 512 wide | 198,272 | 16,384 |
| `gpt1m` | 4 causal blocks of 128, 4 heads; 32 token ids of 1,024 in, the next one's logits out | 1,061,632 | 1,056 |
| `gpt30m` | 9 blocks of 512, 8 heads, otherwise the same | 29,439,488 | 1,056 |
| `lstm` | an LSTM of 32 over 24 steps of 8 values, dense to 1 from its last state | 5,409 | 193 |

The weights are random (He's scaling, so that the second moment of the activations stays near 1 at every depth): these
models measure cost and exactness, they predict nothing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from circuits.errors import InputError

Floats = npt.NDArray[np.float32]

SEED = 0
OPSET = 17
IR_VERSION = 8  # the IR that opset 17 came with: every runtime we meet reads it
BIAS_STD = 0.05


VOCABULARY = 1024


@dataclass(frozen=True)
class _Transformer:
    """What the blocks of a transformer have in common."""

    tokens: int
    width: int
    heads: int
    causal: bool = True


BLOCK128 = _Transformer(64, 128, 4, causal=False)
GPT1M, GPT30M = _Transformer(32, 128, 4), _Transformer(32, 512, 8)


@dataclass
class Network:
    """A chain of layers under construction: `tip` is the value the next layer reads."""

    rng: np.random.Generator
    tip: str = "input"
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, name: str, values: npt.NDArray[np.float64]) -> str:
        return self._initializer(numpy_helper.from_array(values.astype(np.float32), name))

    def _initializer(self, tensor: onnx.TensorProto) -> str:
        """Kept once: what several layers name alike is the same."""
        if tensor.name not in {known.name for known in self.constants}:
            self.constants.append(tensor)
        return tensor.name

    def _parameters(self, label: str, shape: tuple[int, ...], gain: float) -> list[str]:
        """Weights of std sqrt(gain / fan-in), output channel first, and a bias of std BIAS_STD."""
        weights = self.rng.standard_normal(shape) * math.sqrt(gain / math.prod(shape[1:]))
        bias = self.rng.standard_normal(shape[0]) * BIAS_STD
        return [self.constant(f"{label}.weight", weights), self.constant(f"{label}.bias", bias)]

    def op(self, op_type: str, *operands: str, **attributes: Any) -> None:
        output = f"{op_type.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, [self.tip, *operands], [output], name=output, **attributes))
        self.tip = output

    def dense(self, inputs: int, outputs: int, *, gain: float = 2.0) -> None:
        self.op("Gemm", *self._parameters(f"dense{len(self.nodes)}", (outputs, inputs), gain), transB=1)

    def conv5x5(self, inputs: int, outputs: int) -> None:
        parameters = self._parameters(f"conv{len(self.nodes)}", (outputs, inputs, 5, 5), 2.0)
        self.op("Conv", *parameters, kernel_shape=[5, 5], strides=[1, 1])  # ezkl wants strides spelled out

    def max_pool2x2(self) -> None:
        self.op("MaxPool", kernel_shape=[2, 2], strides=[2, 2])

    def linear(self, inputs: int, outputs: int) -> None:
        """A dense layer over the last axis of a tensor of any rank."""
        label = f"linear{len(self.nodes)}"
        weights = self.rng.standard_normal((inputs, outputs)) / math.sqrt(inputs)
        self.op("MatMul", self.constant(f"{label}.weight", weights))
        self.op("Add", self.constant(f"{label}.bias", self.rng.standard_normal(outputs) * BIAS_STD))

    def layer_norm(self, width: int) -> None:
        label = f"norm{len(self.nodes)}"
        scale = self.constant(f"{label}.scale", 1 + self.rng.standard_normal(width) * BIAS_STD)
        bias = self.constant(f"{label}.bias", self.rng.standard_normal(width) * BIAS_STD)
        self.op("LayerNormalization", scale, bias, axis=-1)

    def gelu(self) -> None:
        """x/2 · (1 + erf(x/√2)), as opset 17 has to spell it."""
        x = self.tip
        self.op("Mul", self.constant("gelu.root", np.array(math.sqrt(0.5))))
        self.op("Erf")
        self.op("Add", self.constant("gelu.one", np.array(1.0)))
        self.op("Mul", x)
        self.op("Mul", self.constant("gelu.half", np.array(0.5)))

    def attention(self, of: _Transformer) -> None:
        """Softmax((q/√d)·kᵀ)·v by heads, and the projection of what comes out."""
        read, size = self.tip, of.width // of.heads
        split = self.integers("heads", [1, of.tokens, of.heads, size])
        joined = self.integers("joined", [1, of.tokens, of.width])
        heads = []
        for order in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]):  # queries, keys transposed, values
            self.tip = read
            self.linear(of.width, of.width)
            self.op("Reshape", split)
            self.op("Transpose", perm=order)
            heads.append(self.tip)
        queries, keys, values = heads
        self.tip = queries
        self.op("Mul", self.constant("attention.scale", np.array(1 / math.sqrt(size))))
        self.op("MatMul", keys)
        if of.causal:
            self.op("Add", self.constant("attention.mask", np.triu(np.full((of.tokens, of.tokens), -1e4), 1)))
        self.op("Softmax", axis=-1)
        self.op("MatMul", values)
        self.op("Transpose", perm=[0, 2, 1, 3])
        self.op("Reshape", joined)
        self.linear(of.width, of.width)

    def block(self, of: _Transformer) -> None:
        """Pre-norm: x + attention(norm(x)), then y + mlp(norm(y))."""
        read = self.tip
        self.layer_norm(of.width)
        self.attention(of)
        self.op("Add", read)
        read = self.tip
        self.layer_norm(of.width)
        self.linear(of.width, 4 * of.width)
        self.gelu()
        self.linear(4 * of.width, of.width)
        self.op("Add", read)

    def embedding(self, of: _Transformer) -> None:
        """Rows of a table by token, plus rows by position."""
        ids = self.tip
        self.tip = self.constant("embedding.tokens", self.rng.standard_normal((VOCABULARY, of.width)))
        self.op("Gather", ids, axis=0)
        self.op("Add", self.constant("embedding.positions", self.rng.standard_normal((of.tokens, of.width)) * 0.1))

    def lstm(self, inputs: int, state: int) -> None:
        """One direction over [steps, batch, inputs]; what is left is the last state, [1, batch, state]."""
        gates, label = 4 * state, f"lstm{len(self.nodes)}"
        weights = self.rng.standard_normal((1, gates, inputs)) / math.sqrt(inputs)
        recurrent = self.rng.standard_normal((1, gates, state)) / math.sqrt(state)
        bias = self.rng.standard_normal((1, 2 * gates)) * BIAS_STD
        names = [
            self.constant(f"{label}.{name}", values)
            for name, values in (("weights", weights), ("recurrent", recurrent), ("bias", bias))
        ]
        self.op("LSTM", *names, hidden_size=state)
        every_step = self.tip
        self.nodes[-1].output.append(f"{every_step}.last")
        self.tip = f"{every_step}.last"

    def integers(self, name: str, values: list[int]) -> str:
        return self._initializer(numpy_helper.from_array(np.array(values, np.int64), name))

    def dense_chain(self, widths: list[int]) -> None:
        """Dense layers through `widths`, ReLU between, none after the last (gain 1 there: no ReLU halves it)."""
        for inputs, outputs in itertools.pairwise(widths[:-1]):
            self.dense(inputs, outputs)
            self.op("Relu")
        self.dense(widths[-2], widths[-1], gain=1.0)


def _mlp91k(network: Network) -> None:
    network.dense_chain([256, 256, 96, 10])


def _lenet(network: Network) -> None:
    for inputs, outputs in ((1, 6), (6, 16)):
        network.conv5x5(inputs, outputs)
        network.op("Relu")
        network.max_pool2x2()
    network.op("Flatten", axis=1)
    network.dense_chain([400, 120, 84, 10])


def _credit(network: Network) -> None:
    network.dense_chain([96, *[540] * 13, 1])
    network.op("Sigmoid")


def _wide1024(network: Network) -> None:
    network.dense(1024, 4, gain=1.0)


def _gpt(of: _Transformer, layers: int) -> Callable[[Network], None]:
    """Token ids in, the logits of the token after the last out."""

    def build_layers(network: Network) -> None:
        network.embedding(of)
        for _ in range(layers):
            network.block(of)
        network.layer_norm(of.width)
        network.op("Gather", network.integers("last", [of.tokens - 1]), axis=1)
        network.linear(of.width, VOCABULARY)

    return build_layers


STEPS, FEATURES, STATE = 24, 8, 32


def _lstm(network: Network) -> None:
    network.op("Transpose", perm=[1, 0, 2])
    network.lstm(FEATURES, STATE)
    network.op("Squeeze", network.integers("first", [0]))
    network.dense(STATE, 1, gain=1.0)


@dataclass(frozen=True)
class ReferenceModel:
    """What a reference model reads and writes, with a batch of 1, and how its layers are made."""

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    layers: Callable[[Network], None]
    tokens: bool = False  # the input holds token ids


MODELS: dict[str, ReferenceModel] = {
    "mlp91k": ReferenceModel((1, 256), (1, 10), _mlp91k),
    "lenet": ReferenceModel((1, 1, 32, 32), (1, 10), _lenet),
    "credit-3.4m": ReferenceModel((1, 96), (1, 1), _credit),
    "wide1024": ReferenceModel((1, 1024), (1, 4), _wide1024),
    "block128": ReferenceModel((1, 64, 128), (1, 64, 128), lambda network: network.block(BLOCK128)),
    "gpt1m": ReferenceModel((1, 32), (1, 1, VOCABULARY), _gpt(GPT1M, 4), tokens=True),
    "gpt30m": ReferenceModel((1, 32), (1, 1, VOCABULARY), _gpt(GPT30M, 9), tokens=True),
    "lstm": ReferenceModel((1, STEPS, FEATURES), (1, 1), _lstm),
}


def _find(name: str) -> ReferenceModel:
    if name not in MODELS:
        raise InputError(
            "reference_model_unknown",
            f"no reference model {name!r}; there are {', '.join(sorted(MODELS))}",
            name=name,
            known=sorted(MODELS),
        )
    return MODELS[name]


def build(name: str) -> onnx.ModelProto:
    """The reference model `name` as a checked ONNX model: input `input`, output `output`, float32, opset 17."""
    return assemble(name, _find(name))


def assemble(name: str, model: ReferenceModel) -> onnx.ModelProto:
    """Any model described as the reference models are."""
    network = Network(np.random.default_rng(SEED))
    model.layers(network)
    network.nodes[-1].output[0] = "output"
    element = TensorProto.INT64 if model.tokens else TensorProto.FLOAT
    graph = helper.make_graph(
        network.nodes,
        name,
        [helper.make_tensor_value_info("input", element, model.input_shape)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, model.output_shape)],
        network.constants,
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="inferproof.bench")
    proto.ir_version = IR_VERSION
    onnx.checker.check_model(proto, full_check=True)
    return proto


def calibration(name: str, count: int) -> dict[str, Floats]:
    """`count` samples for `build(name)`, {"input": [count, *input_shape without its batch]}: normal, or token ids."""
    return samples(_find(name), count)


def samples(model: ReferenceModel, count: int) -> dict[str, Floats]:
    """As `calibration`, for any model."""
    rng, shape = np.random.default_rng(SEED + 1), (count, *model.input_shape[1:])
    if model.tokens:
        return {"input": rng.integers(0, VOCABULARY, shape).astype(np.float32)}
    return {"input": rng.standard_normal(shape).astype(np.float32)}


def parameter_count(proto: onnx.ModelProto) -> int:
    """How many numbers the model has learnt: shapes and single factors in its initializers are not counted."""
    learnt = (tensor for tensor in proto.graph.initializer if tensor.data_type == TensorProto.FLOAT and tensor.dims)
    return sum(math.prod(tensor.dims) for tensor in learnt)
