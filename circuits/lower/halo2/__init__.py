"""Program -> integer-exact ONNX graph for ezkl (docs/protocol/halo2.md section 5)."""

from circuits.lower.halo2.lowering import SALT_BITS, SALT_ELEMENTS, Lowered, hides_input, lower

__all__ = ["SALT_BITS", "SALT_ELEMENTS", "Lowered", "hides_input", "lower"]
