"""What a proof shows to whoever has accepted it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Tensors = list[npt.NDArray[np.int64]]


@dataclass(frozen=True)
class Opened:
    """The public tensors, in the program's order. `inputs` is None unless the input is public."""

    inputs: Tensors | None
    outputs: Tensors
