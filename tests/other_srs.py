"""A reference string that takes the place of a ceremony's: of another secret than the development string's."""

from __future__ import annotations

from pathlib import Path

import pytest

from prover.srs import generate_dev_srs


def write_other_srs(k: int, path: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("prover.srs.DEVELOPMENT_TAU", 0x1234567)
        generate_dev_srs(k, path)
    return path
