"""Fewer ways to say the same: what the quantizer sees after these rewrites, each exact in real numbers.

Gemm becomes MatMul; a constant added to a MatMul or a convolution becomes its bias; BatchNormalization is folded into
the layer before it, or becomes ScaleShift (x, scale, shift); division by a constant becomes multiplication; x² becomes
x·x; the logarithm of a sum of exponentials becomes ReduceLogSumExp.
A bias is a constant that broadcasts over the node's output.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from onnx import TensorProto

from circuits.onnx.direct import direct
from circuits.onnx.graph import FloatGraph, FloatNode, Floats

LAYERS = {"MatMul", "Conv", "ConvTranspose", "ScaleShift"}


def canonical(graph: FloatGraph) -> FloatGraph:
    """The same function over fewer kinds of nodes. `graph` has passed `check_coverage` and is not changed."""
    graph = direct(graph)
    constants, shapes, types = dict(graph.constants), dict(graph.shapes), dict(graph.types)
    result = replace(graph, nodes=[], constants=constants, shapes=shapes, types=types)
    rewriter = _Rewriter(graph, result)
    for node in graph.nodes:
        rewriter.visit(node)
    result.nodes = list(rewriter.nodes.values())
    result.drop_dead()
    return result


class _Rewriter:
    def __init__(self, source: FloatGraph, result: FloatGraph) -> None:
        self._consumers = source.consumers()
        self._source = source
        self._result = result
        # In execution order, by what they make.
        self.nodes: dict[str, FloatNode] = {}

    def visit(self, node: FloatNode) -> None:
        rewrites = {
            "Gemm": self._gemm,
            "Conv": self._conv,
            "ConvTranspose": self._conv,
            "BatchNormalization": self._batch_norm,
            "Add": self._add_constant,
            "Sub": self._sub,
            "Div": self._div,
            "Pow": self._pow,
            "Log": self._log,
        }
        # Integer arithmetic truncates and wraps: these identities are those of real numbers.
        rewrite = rewrites.get(node.op, self._emit) if self._source.is_real(node.output) else self._emit
        rewrite(node)

    def _emit(self, node: FloatNode) -> None:
        self.nodes[node.output] = node

    def _constant(self, name: str, values: Floats) -> str:
        self._result.constants[name] = values
        self._result.shapes[name] = tuple(values.shape)
        self._result.types[name] = TensorProto.DOUBLE
        return name

    def _value(self, name: str, shape: tuple[int, ...], node: FloatNode) -> str:
        """A value between two nodes that `node` is rewritten to, of its output's type."""
        self._result.shapes[name] = shape
        self._result.types[name] = self._result.types[node.output]
        return name

    def _layer_before(self, name: str) -> FloatNode | None:
        """The layer that makes `name`, if nobody else reads it."""
        layer = self._sole_maker(name)
        return layer if layer is not None and layer.op in LAYERS else None

    def _sole_maker(self, name: str) -> FloatNode | None:
        """The node that makes `name`, if only one other reads it."""
        return self.nodes.get(name) if self._source.sole_consumer(name, self._consumers) else None

    def _bias_of(self, node: FloatNode) -> Floats:
        return self._result.constant(node.input(2)) if node.input(2) else np.zeros(())

    def _replace_layer(self, layer: FloatNode, output: str, weights: str, bias: Floats) -> None:
        """The layer moves to the end, now making `output`, with other weights and bias; those it had are forgotten."""
        del self.nodes[layer.output]
        for name in {*layer.inputs[1:]} - {*layer.inputs[:1], weights} - self._source.constants.keys():
            self._result.constants.pop(name, None)
        name = self._constant(f"{output}.bias", bias)
        self._emit(replace(layer, inputs=(layer.inputs[0], weights, name), outputs=(output,)))

    def _gemm(self, node: FloatNode) -> None:
        get = node.attributes.get
        a, b, c = node.input(0), node.input(1), node.input(2)
        if get("transA", 0):
            a = self._transposed(node, a, "a")
        if self._result.is_constant(b):
            weights = self._result.constant(b)
            b = self._constant(
                f"{node.output}.weights", (weights.T if get("transB", 0) else weights) * get("alpha", 1.0)
            )
        elif get("transB", 0):
            b = self._transposed(node, b, "b")
        product = node.output
        scaled = get("alpha", 1.0) != 1.0 and not self._result.is_constant(b)
        constant_c = bool(c) and self._result.is_constant(c)
        if scaled or (c and not constant_c):
            product = self._intermediate(node, "product")
        inputs: tuple[str, ...] = (a, b)
        if constant_c and not scaled:
            bias = self._result.constant(c) * get("beta", 1.0)
            inputs = (a, b, self._constant(f"{node.output}.bias", bias))
        self._emit(FloatNode("MatMul", node.name, inputs, (product,)))
        if product != node.output:
            self._finish_gemm(node, product, scaled, c)

    def _finish_gemm(self, node: FloatNode, product: str, scaled: bool, c: str) -> None:
        """alpha of a product of two inputs, and a c that is no bias."""
        if scaled:
            alpha = self._constant(f"{node.output}.alpha", np.array(node.attributes["alpha"], np.float64))
            target = self._intermediate(node, "scaled") if c else node.output
            self._emit(FloatNode("Mul", node.name, (product, alpha), (target,)))
            product = target
        if c:
            factor = node.attributes.get("beta", 1.0)
            if factor != 1.0 and self._result.is_constant(c):
                c = self._constant(f"{node.output}.c", self._result.constant(c) * factor)
            elif factor != 1.0:
                beta = self._constant(f"{node.output}.beta", np.array(factor, np.float64))
                weighted = self._value(f"{node.output}.c", self._result.shapes[c], node)
                self._emit(FloatNode("Mul", node.name, (c, beta), (weighted,)))
                c = weighted
            self._emit(FloatNode("Add", node.name, (product, c), node.outputs))

    def _intermediate(self, node: FloatNode, suffix: str) -> str:
        return self._value(f"{node.output}.{suffix}", self._result.shapes[node.output], node)

    def _transposed(self, node: FloatNode, name: str, suffix: str) -> str:
        if self._result.is_constant(name):
            return self._constant(f"{node.output}.{suffix}", self._result.constant(name).T)
        made = self._value(f"{node.output}.{suffix}", self._result.shapes[name][::-1], node)
        self._emit(FloatNode("Transpose", node.name, (name,), (made,), {"perm": [1, 0]}))
        return made

    def _conv(self, node: FloatNode) -> None:
        if not node.input(2):
            self._emit(node)
            return
        spatial = len(self._result.shapes[node.output]) - 2
        bias = self._result.constant(node.input(2)).reshape(-1, *(1,) * spatial)
        self._emit(replace(node, inputs=(*node.inputs[:2], self._constant(f"{node.output}.bias", bias))))

    def _batch_norm(self, node: FloatNode) -> None:
        gamma, beta, mean, variance = (self._result.constant(name) for name in node.inputs[1:5])
        factor = gamma / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
        trailing = (1,) * (len(self._result.shapes[node.output]) - 2)
        scale = factor.reshape(-1, *trailing)
        shift = (beta - mean * factor).reshape(-1, *trailing)
        layer = self._layer_before(node.input(0))
        if layer is None or not self._folds(layer):
            names = [self._constant(f"{node.output}.{n}", v) for n, v in (("scale", scale), ("shift", shift))]
            self._emit(FloatNode("ScaleShift", node.name, (node.input(0), *names), (node.output,)))
            return
        weights = self._result.constant(layer.input(1))
        # Output channels are the first axis of Conv's weights and the last of MatMul's.
        by_channel = factor.reshape(-1, *(1,) * (weights.ndim - 1)) if layer.op == "Conv" else factor
        scaled = self._constant(f"{node.output}.weights", weights * by_channel)
        self._replace_layer(layer, node.output, scaled, self._bias_of(layer) * scale + shift)

    def _folds(self, layer: FloatNode) -> bool:
        """Whether a factor for each channel (axis 1) can go into the layer's weights."""
        by_channel = layer.op == "Conv" or (layer.op == "MatMul" and len(self._result.shapes[layer.output]) == 2)
        return by_channel and self._result.is_constant(layer.input(1))

    def _sub(self, node: FloatNode) -> None:
        if self._result.is_constant(node.input(1)):
            name = self._constant(f"{node.output}.negated", -self._result.constant(node.input(1)))
            self._add_constant(replace(node, op="Add", inputs=(node.input(0), name)))
        else:
            self._emit(node)

    def _add_constant(self, node: FloatNode) -> None:
        """x + constant: into the bias of the layer before, if it only broadcasts over that layer's output.

        A product of two inputs has no bias: what is added there is a mask.
        """
        for x, constant in (node.inputs, node.inputs[::-1]):
            layer = self._layer_before(x)
            fits = self._result.shapes[node.output] == self._result.shapes.get(x)
            if layer is not None and fits and self._result.is_constant(constant) and self._weighs(layer):
                bias = self._bias_of(layer) + self._result.constant(constant)
                self._replace_layer(layer, node.output, layer.input(1), bias)
                return
        self._emit(node)

    def _weighs(self, layer: FloatNode) -> bool:
        return any(self._result.is_constant(name) for name in layer.inputs[:2])

    def _div(self, node: FloatNode) -> None:
        if not self._result.is_constant(node.input(1)):
            self._emit(node)
            return
        divisor = self._result.constant(node.input(1))
        with np.errstate(divide="ignore"):  # a reciprocal that is not finite is refused with all such constants
            name = self._constant(f"{node.output}.reciprocal", 1.0 / divisor)
        self._emit(replace(node, op="Mul", inputs=(node.input(0), name)))

    def _pow(self, node: FloatNode) -> None:
        """A power of one constant exponent is a function of x alone, its exponent an attribute."""
        constant = self._result.is_constant(node.input(1)) and self._result.constants[node.input(1)].size == 1
        if not constant:
            self._emit(node)
            return
        exponent = float(self._result.constant(node.input(1)).reshape(-1)[0])
        if exponent == 2.0:
            self._emit(replace(node, op="Mul", inputs=(node.input(0),) * 2))
        else:
            self._emit(replace(node, inputs=(node.input(0),), attributes={"exponent": exponent}))

    def _log(self, node: FloatNode) -> None:
        """log Σ exp x is one operator: between them are numbers that no scale can hold."""
        found: list[FloatNode] = []
        name = node.input(0)
        for op in ("ReduceSum", "Exp"):
            maker = self._sole_maker(name)
            if maker is None or maker.op != op:
                self._emit(node)
                return
            found.append(maker)
            name = maker.input(0)
        summed = found[0]
        if 0 in self._result.shapes[name]:  # which has a sum, but no largest element
            self._emit(node)
            return
        for maker in found:
            del self.nodes[maker.output]
        self._emit(replace(summed, op="ReduceLogSumExp", inputs=(name, *summed.inputs[1:]), outputs=node.outputs))
