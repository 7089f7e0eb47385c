"""A dense head against global average pooling, on the same convolutional trunk, from 1,000 digits.

After Lin, Chen and Yan (2014), section 4.6, at a smaller size. The digits are MNIST's as they are,
in the middle of 28×28 pixels, or scattered: each frame whole at a random place of 40×40.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from converge_lib._validation import choice
from converge_lib.data import cluttered_mnist, mnist
from converge_lib.recorded import Record, Run
from converge_lib.structure.fully_convolutional import convolutionalise
from converge_lib.training import accuracy, train_classifier

DIGITS = 1_000
"""Training images, a different thousand for each seed."""
VALIDATION = slice(55_000, 60_000)
MOVED = 500
"""Test images that are shifted, and put on larger sheets."""
SHIFTS = range(9)
SIZES = (28, 40, 56, 84)
CLUTTERED = 56
FRAMES = {"centred": 28, "scattered": 40}
RATES = {
    "dense": (0.001, 0.003, 0.01, 0.03),
    "dropout": (0.001, 0.003, 0.01, 0.03),
    "deeper": (0.001, 0.003, 0.01, 0.03),
    "average": (0.003, 0.01, 0.03, 0.1),
    "max": (0.003, 0.01, 0.03, 0.1),
}
EPOCHS = 30
BATCH = 50
SEEDS = {"centred": range(5), "scattered": range(3)}
UNSEEN = 1_000
"""Seed of the places in validation and test images."""


def dense_net(
    seed: int, *, size: int = 28, dropout: float = 0.0, deeper: bool = False
) -> nn.Sequential:
    """Return the trunk with a dense head, for images (n, 1, size, size) and no others.

    ``deeper``: behind one more convolution, as the mean of :func:`gap_net` is.
    """
    inputs = (48 if deeper else 32) * (size // 4) ** 2
    return _start(
        seed,
        *((nn.Conv2d(32, 48, 3, padding=1), nn.ReLU()) if deeper else ()),
        *(nn.Flatten(), nn.Linear(inputs, 64), nn.ReLU(), nn.Dropout(dropout), nn.Linear(64, 10)),
    )


def gap_net(seed: int, *, pool: type[nn.Module] = nn.AdaptiveAvgPool2d) -> nn.Sequential:
    """Return the trunk, one more convolution, and global pooling, for images of any size."""
    return _start(
        seed,
        *(nn.Conv2d(32, 48, 3, padding=1), nn.ReLU()),
        *(pool(1), nn.Flatten(), nn.Linear(48, 10)),
    )


def _start(seed: int, *head: nn.Module) -> nn.Sequential:
    """Return the trunk and the head: weights by He's rule, biases of zero."""
    network = nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU()),
        *head,
    )
    generator = torch.Generator().manual_seed(seed)
    for layer in network:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(layer.bias)
    return network


HEADS: dict[str, Callable[[int, int], nn.Sequential]] = {
    "dense": lambda seed, size: dense_net(seed, size=size),
    "dropout": lambda seed, size: dense_net(seed, size=size, dropout=0.5),
    "deeper": lambda seed, size: dense_net(seed, size=size, deeper=True),
    "average": lambda seed, size: gap_net(seed),
    "max": lambda seed, size: gap_net(seed, pool=nn.AdaptiveMaxPool2d),
}
WAYS = {
    "dense": ("slid",),
    "dropout": ("slid",),
    "deeper": ("slid",),
    "average": ("as trained", "sum", "paper removed", "highest"),
    "max": ("as trained",),
}
"""How a head may read a larger sheet, see :func:`scores`."""
WANTED = [(head, "centred") for head in HEADS]
WANTED += [(head, "scattered") for head in ("average", "dense", "dropout", "deeper")]


def plan(scale: str, runs: list[Run]) -> list[dict[str, Any]]:
    """Each head's rate is chosen on validation digits on seed 0, then tested on several seeds."""
    choice("scale", scale, ["page"])
    wanted = []
    for head, frame in WANTED:
        start = {"head": head, "frame": frame, "seed": 0, "split": "validation"}
        grid = [{**start, "rate": rate, "updates": None} for rate in RATES[head]]
        wanted += grid
        done = [run for run in runs if run.settings in grid]
        if len(done) == len(grid):
            best = max(done, key=lambda run: run.result["accuracy"]).settings
            wanted += [{**best, "seed": seed, "split": "test"} for seed in SEEDS[frame]]
    return wanted


def slices(record: Record) -> list[tuple[Run, dict[str, Any]]]:
    """The first updates of the network with the mean, on scattered digits."""
    run = record.one(head="average", frame="scattered", split="test", seed=1)
    return [(run, {"updates": 4, "precision": "float64"})]


def run(
    *,
    head: str,
    frame: str,
    seed: int,
    split: str,
    rate: float,
    updates: int | None,
    precision: str = "float32",
    device: str = "cpu",
) -> dict[str, Any]:
    """Train; the accuracies on the training digits and on those of the split.

    On the test split also the accuracies that :func:`when_shifted` measures on digits in the middle
    of the frame, and :func:`on_sheets` for those trained on centred digits or with the mean.
    Stopped early, after ``updates``, the losses alone; only then ``precision`` may be another.
    """
    size = FRAMES[frame]
    images, labels = digits("train", slice(seed * DIGITS, (seed + 1) * DIGITS), device)
    dtype = getattr(torch, precision)
    images = place(images, size, seed).to(dtype)
    network = HEADS[head](seed, size).to(device, dtype)
    losses = train(network, images, labels, rate, seed, updates)
    if updates is not None:
        return {"losses": losses}
    result = {"losses": losses, "train": accuracy(network, images, labels)}
    if split == "validation":
        images, labels = digits("train", VALIDATION, device)
        return {**result, "accuracy": accuracy(network, place(images, size, UNSEEN), labels)}
    images, labels = digits("test", slice(None), device)
    result["accuracy"] = accuracy(network, place(images, size, UNSEEN), labels)
    images, labels = images[:MOVED], labels[:MOVED]
    middle = nn.functional.pad(images, [(size - 28) // 2] * 4)
    result["shifted"] = [when_shifted(network, middle, labels, by) for by in SHIFTS]
    if frame == "centred" or head == "average":
        result |= on_sheets(network, head, size, images, labels)
    return result


def train(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    rate: float,
    seed: int,
    updates: int | None = None,
) -> list[float]:
    """Train with Adam and one cycle of the rate; the loss before each update."""
    adam = torch.optim.Adam(network.parameters(), lr=rate)
    return train_classifier(
        *(network, images, labels),
        optimiser=adam,
        epochs=EPOCHS,
        batch=BATCH,
        seed=seed,
        updates=updates,
    )


def digits(split: str, which: slice, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Return MNIST's images, shape (n, 1, 28, 28), and their labels."""
    images, labels = mnist(split, which.stop)
    images, labels = (torch.tensor(array[which], device=device) for array in (images, labels))
    return images[:, None], labels


def place(images: Tensor, size: int, seed: int) -> Tensor:
    """Return each image whole at a random place of a sheet of paper, shape (n, 1, size, size)."""
    n, _, height, width = images.shape
    rng = np.random.default_rng(seed)
    sheets = images.new_zeros(n, 1, size, size)
    corners = rng.integers(0, (size - height + 1, size - width + 1), (n, 2))
    for sheet, image, (top, left) in zip(sheets, images, corners.tolist(), strict=True):
        sheet[:, top : top + height, left : left + width] = image
    return sheets


def shift(images: Tensor, down: int, right: int) -> Tensor:
    """Return the images moved: paper comes in on one side, what goes out on the other is lost."""
    return nn.functional.pad(images, (right, -right, down, -down))


def when_shifted(network: nn.Module, images: Tensor, labels: Tensor, by: int) -> float:
    """Return the accuracy on digits shifted by so many pixels, the mean of eight directions."""
    ways = [(down, right) for down in (-by, 0, by) for right in (-by, 0, by) if down or right]
    found = [accuracy(network, shift(images, *way), labels) for way in ways or [(0, 0)]]
    return float(np.mean(found))


def on_sheets(
    network: nn.Sequential, head: str, size: int, images: Tensor, labels: Tensor
) -> dict[str, Any]:
    """Return for each way of reading the accuracies on sheets of each size, and among clutter."""
    cluttered, classes, _ = cluttered_mnist(MOVED, CLUTTERED, UNSEEN, "test")
    cluttered = torch.tensor(cluttered, device=images.device)[:, None]
    classes = torch.tensor(classes, device=images.device)
    found: dict[str, Any] = {}
    for way in WAYS[head]:
        read = partial(scores, network, way, size)
        sheets = (place(images, wider, UNSEEN) for wider in SIZES)
        found[way] = [accuracy(read, sheet, labels, batch=100) for sheet in sheets]
        found[f"{way}, clutter"] = accuracy(read, cluttered, classes, batch=100)
    return found


def scores(network: nn.Sequential, way: str, size: int, sheets: Tensor) -> Tensor:
    r"""Return the class scores, shape (n, 10), that a network for size × size gives other sheets.

    ============= ===============================================================================
    way           scores
    ============= ===============================================================================
    as trained    the network's own
    slid          the highest of each class over all the windows that the dense head fits in
    sum           W · a F + b, with a the area of the maps over that in training, F their mean
    paper removed W · (p + a (F − p)) + b, with p the features of empty paper
    highest       max over places of W f(x, y) + b, the confidence maps' highest values
    ============= ===============================================================================
    """
    if way == "as trained":
        return network(sheets)
    if way == "slid":
        return convolutionalise(network, (1, size, size))(sheets).amax((2, 3))
    *features, _, _, linear = network
    maps = nn.Sequential(*features)(sheets)
    if way == "highest":
        return linear(maps.movedim(1, -1)).amax((1, 2))
    paper = torch.zeros(linear.in_features, device=sheets.device)
    if way == "paper removed":
        paper = paper_features(network)
    area = maps[0, 0].numel() / (size // 4) ** 2
    return linear(paper + area * (maps.mean((2, 3)) - paper))


def paper_features(network: nn.Sequential) -> Tensor:
    """Return the last maps' values on empty paper, far from its edges."""
    maps = network[:-3](torch.zeros(1, 1, 84, 84, device=network[0].weight.device))
    return maps[0, :, 10, 10]
