"""Writes docs/onnx-ops.md."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.onnx_node_tests import outcomes
from tests.onnx_page import PAGE, page

if __name__ == "__main__":
    PAGE.write_text(page(outcomes()))
