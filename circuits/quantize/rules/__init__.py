"""Which rule lowers which node, by family of operators."""

from collections.abc import Callable

from circuits.onnx.graph import FloatNode
from circuits.quantize.builder import Builder

Rule = Callable[[Builder, FloatNode], None]
