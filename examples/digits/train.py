"""Train the digits model and write `digits.onnx`, `calibration.npz` and `holdout.npz` beside this file.

    python -m examples.digits.train             # needs the `train` and `dev` extras; seconds on one core

Seeded and single-threaded. The images are the 1,797 of the UCI set "Optical Recognition of Handwritten Digits" that
scikit-learn carries.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from sklearn.datasets import load_digits

from examples.digits.model import DigitsModel
from examples.torch_export import export

HERE = Path(__file__).parent
SEED = 0
STEPS = 800
BATCH = 128
LEARNING_RATE = 1e-2
WEIGHT_DECAY = 0.01
TRAINING_IMAGES = 1200
KEPT = 512


@dataclass(frozen=True)
class Images:
    """`pixels` float32 [n, 1, 8, 8] from 0 to 1, `labels` int64 [n]."""

    pixels: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]


def load() -> tuple[Images, Images]:
    """Training and test images, split at random with SEED."""
    digits = load_digits()
    order = np.random.default_rng(SEED).permutation(len(digits.target))
    pixels = (digits.images[order, None] / 16.0).astype(np.float32)
    labels = digits.target[order].astype(np.int64)
    cut = TRAINING_IMAGES
    return Images(pixels[:cut], labels[:cut]), Images(pixels[cut:], labels[cut:])


def train(images: Images) -> DigitsModel:
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    pixels, labels = torch.from_numpy(images.pixels), torch.from_numpy(images.labels)
    model = DigitsModel()
    optimiser = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    for _ in range(STEPS):
        batch = torch.randint(len(pixels), (BATCH,))
        loss = torch.nn.functional.cross_entropy(model(pixels[batch]), labels[batch])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return model.eval()


def accuracy(model: DigitsModel, images: Images) -> float:
    with torch.no_grad():
        predicted = model(torch.from_numpy(images.pixels)).argmax(dim=1).numpy()
    return float((predicted == images.labels).mean())


def main() -> None:
    training, test = load()
    model = train(training)
    proto = export(model, torch.from_numpy(test.pixels[:KEPT]), input_name="pixels", output_name="logits")
    onnx.save(proto, HERE / "digits.onnx")
    np.savez(HERE / "calibration.npz", pixels=training.pixels[:KEPT])
    np.savez(HERE / "holdout.npz", pixels=test.pixels[:KEPT], labels=test.labels[:KEPT])
    print(f"{sum(p.numel() for p in model.parameters())} parameters")
    for name, images in (("training", training), ("test", test)):
        print(f"{name}: {len(images.labels)} images, accuracy {accuracy(model, images):.1%}")


if __name__ == "__main__":
    main()
