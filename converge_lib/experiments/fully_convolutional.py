"""A class for every pixel: how fine are the layers that a score map must be read from?

After Long, Shelhamer and Darrell (2015), at a smaller size: two digits on a sheet among pieces of
others, and a network that names each pixel. Its scores come from features of stride 8 alone, or
from those and finer ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from converge_lib._validation import choice
from converge_lib.data import mnist
from converge_lib.recorded import Record, Run
from converge_lib.training import train_classifier

SIZE = 56
PAPER = 10
"""The class of what is no digit's ink."""
FINEST = (8, 4, 2)
SEEDS = range(3)
RATES = (0.003, 0.01, 0.03, 0.1)
TRAINED, VALIDATED, TESTED = 2_500, 500, 1_000
EPOCHS = 14
EACH = 10
"""Updates whose mean loss is one number of the record."""


def sheets(
    n: int, size: int, seed: int, *, split: str = "train", digits: int = 2, pieces: int = 6
) -> tuple[Tensor, Tensor, list[list[tuple[int, int, int]]]]:
    """Return sheets of paper with digits that do not touch, and pieces of others between them.

    Args:
        n: number of sheets.
        size: their height and width in pixels.
        seed: equal seeds give equal sheets.
        split: "train" or "test", which of MNIST's digits are on them.
        digits: on each sheet; fewer where there is no room.
        pieces: 8×8 pixels from the middle of other digits; ink of a digit stays on top.

    Returns:
        Images, (n, 1, size, size), float32; the class of each pixel, (n, size, size), 10 for what
        is no digit's ink; and of each sheet its digits, as (class, top, left) of their 28×28.
    """
    ink, labels = mnist(split)
    rng = np.random.default_rng(seed)
    images = np.zeros((n, size, size), np.float32)
    classes = np.full((n, size, size), PAPER)
    found: list[list[tuple[int, int, int]]] = []
    for image, pixels in zip(images, classes, strict=True):
        placed: list[tuple[int, int, int]] = []
        for _ in range(20 * digits):
            top, left = rng.integers(0, size - 27, 2).tolist()
            which = int(rng.integers(len(ink)))
            free = all(max(abs(top - y), abs(left - x)) >= 22 for _, y, x in placed)
            if len(placed) < digits and free:
                placed.append((int(labels[which]), top, left))
                spot = (slice(top, top + 28), slice(left, left + 28))
                image[spot] = np.maximum(image[spot], ink[which])
                pixels[spot][ink[which] > 0.5] = labels[which]
        for _ in range(pieces):
            cut = tuple(slice(c, c + 8) for c in rng.integers(6, 15, 2))
            piece = ink[rng.integers(len(ink))][cut]
            spot = tuple(slice(c, c + 8) for c in rng.integers(0, size - 7, 2))
            free = pixels[spot] == PAPER
            image[spot] = np.where(free, np.maximum(image[spot], piece), image[spot])
        found.append(placed)
    return torch.from_numpy(images)[:, None], torch.from_numpy(classes), found


class Segmenter(nn.Module):
    """Scores of 11 classes for each pixel, read from features of stride 8 up to the finest wanted.

    Each layer's scores, a 1×1 convolution of its features, are added to the coarser ones, brought
    to twice their size; the last sum is brought to the size of the picture.

    Source: Long, Shelhamer and Darrell (2015), section 4.2. Deviations: bilinear upsampling is
    fixed, not learned; all is trained at once, from no other network's weights.
    """

    def __init__(self, finest: int) -> None:
        super().__init__()
        widths = {1: 1, 2: 8, 4: 16, 8: 32}
        self.stages = nn.ModuleDict(
            {
                str(2 * stride): nn.Sequential(
                    nn.Conv2d(width, widths[2 * stride], 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)
                )
                for stride, width in widths.items()
                if stride < 8
            }
        )
        self.deep = nn.Sequential(
            *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(64, 64, 3, padding=1), nn.ReLU()),
        )
        self.scores = nn.ModuleDict(
            {
                str(s): nn.Conv2d(64 if s == 8 else widths[s], PAPER + 1, 1)
                for s in FINEST
                if s >= finest
            }
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores, (n, 11, height, width), of images whose sides 8 divides."""
        features = {}
        for stride, stage in self.stages.items():
            images = features[stride] = stage(images)
        total = self.scores["8"](self.deep(images))
        for stride, score in list(self.scores.items())[1:]:
            total = _larger(total, 2) + score(features[stride])
        return _larger(total, int(list(self.scores)[-1]))


def _larger(maps: Tensor, factor: int) -> Tensor:
    return functional.interpolate(maps, scale_factor=factor, mode="bilinear")


def mean_iu(found: Tensor, true: Tensor) -> float:
    """Return the intersection over union of the pixels found and true, mean over the 11 classes."""
    pairs = torch.bincount((PAPER + 1) * true.flatten() + found.flatten(), minlength=121)
    pairs = pairs.reshape(PAPER + 1, PAPER + 1).double()
    both = pairs.diagonal()
    return (both / (pairs.sum(0) + pairs.sum(1) - both)).mean().item()


def plan(scale: str, runs: list[Run]) -> list[dict[str, Any]]:
    """Rates on seed 0, judged on sheets of their own; then the best of each on the other seeds."""
    choice("scale", scale, ["page"])
    grid = [
        {"finest": finest, "rate": rate, "seed": 0, "updates": None}
        for finest in FINEST
        for rate in RATES
    ]
    done = [run for run in runs if run.settings in grid]
    if len(done) < len(grid):
        return grid
    chosen = [best(done, finest).settings for finest in FINEST]
    return grid + [{**one, "seed": seed} for one in chosen for seed in SEEDS if seed]


def slices(record: Record) -> list[tuple[Run, dict[str, Any]]]:
    """The first updates of the network that reads the finest layers, at its best rate."""
    return [(best(record.runs, min(FINEST)), {"updates": EACH, "precision": "float64"})]


def best(runs: Sequence[Run], finest: int) -> Run:
    """Return the run of seed 0 that is best on the sheets for validation."""
    tried = [run for run in runs if run.settings["finest"] == finest and run.settings["seed"] == 0]
    return max(tried, key=lambda run: run.result["validation"])


def run(
    *,
    finest: int,
    rate: float,
    seed: int,
    updates: int | None,
    precision: str = "float32",
    device: str = "cpu",
) -> dict[str, Any]:
    """Train a segmenter; return its losses, and its mean IU on validation and test sheets.

    Also the class of each pixel of the first test sheet, row by row. A run of only some "updates"
    returns the losses alone, and may train in another "precision".
    """
    torch.manual_seed(seed)
    dtype = getattr(torch, precision)
    network = Segmenter(finest).to(device, dtype)
    images, pixels, _ = sheets(TRAINED + VALIDATED, SIZE, seed)
    images, pixels = images.to(device), pixels.to(device)
    losses = train_classifier(
        network,
        images[:TRAINED].to(dtype),
        pixels[:TRAINED],
        optimiser=torch.optim.Adam(network.parameters(), lr=rate),
        epochs=EPOCHS,
        batch=25,
        seed=seed,
        updates=updates,
    )
    means = [float(np.mean(losses[i : i + EACH])) for i in range(0, len(losses), EACH)]
    if updates is not None:
        return {"losses": means}
    unseen, true, _ = sheets(TESTED, SIZE, 1000 + seed, split="test")
    found = named(network, unseen.to(device))
    return {
        "losses": means,
        "validation": mean_iu(named(network, images[TRAINED:]), pixels[TRAINED:]),
        "test": mean_iu(found, true.to(device)),
        "first": found[0].flatten().tolist(),
    }


def named(network: nn.Module, images: Tensor) -> Tensor:
    """Return the class of each pixel, shape (n, height, width)."""
    with torch.no_grad():
        return torch.cat([network(part).argmax(1) for part in images.split(100)])
