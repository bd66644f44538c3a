"""A small convolutional network for scikit-learn's 8×8 digits: [n, 1, 8, 8] pixels of 0 to 1 to ten logits."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class DigitsModel(nn.Module):
    """Conv 3×3 → ReLU → max-pool 2×2 → Conv 3×3 → ReLU → dense; 4 and 16 channels, 802 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3)
        self.pool = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(4, 16, 3)
        self.logits = nn.Linear(16, 10)

    def forward(self, pixels: Tensor) -> Tensor:
        hidden: Tensor = self.pool(torch.relu(self.conv1(pixels)))
        hidden = torch.relu(self.conv2(hidden))
        logits: Tensor = self.logits(torch.flatten(hidden, 1))
        return logits
