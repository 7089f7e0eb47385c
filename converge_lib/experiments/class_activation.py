"""Where networks look that were trained on labels alone: class activation maps against others.

After Zhou et al. (2016), section 3.2, at a small size: a digit of MNIST somewhere in an image of
48×48 pixels among pieces of other digits. Three networks learn its class from the label alone.
They share their convolutions and differ in what follows: global average pooling, global maximum
pooling, or two dense layers. Then each is asked where the digit is, by every method that it allows.
A box counts as right from an intersection over union of one half with the box of the digit's ink.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from converge_lib._validation import choice
from converge_lib.data import cluttered_mnist
from converge_lib.recorded import Record, Run
from converge_lib.structure.class_activation import (
    Box,
    box_of,
    cam,
    grad_cam,
    iou,
    pointing_hit,
    saliency,
    upsample,
)
from converge_lib.training import accuracy, train_classifier

SIZE = 48
CHANNELS = (8, 16, 32, 64)
"""Of the four convolutions; after the first and the second the maps are halved, to 12×12."""
SEEDS = range(3)
IMAGES, EPOCHS = 10_000, 8
RATES = {
    "average": (0.03, 0.1, 0.3, 1.0),
    "max": (0.01, 0.03, 0.1, 0.3),
    "dense": (3e-4, 1e-3, 3e-3, 0.01),
}
"""Peaks of Adam's learning rate, of which each network gets its best."""
VALIDATION, TEST = 300, 1000
WIDTHS = (0.0, 2.0, 4.0, 6.0, 8.0)
"""Standard deviations in pixels of the Gaussian that smooths a map; 0 leaves it as it is."""
THRESHOLDS = tuple(np.arange(1, 20) / 20)
OVERLAPS = tuple(np.arange(1, 10) / 10)
"""At which the share of wrong boxes is recorded; one half is the usual one."""

Data = tuple[Tensor, Tensor, np.ndarray]


def plan(scale: str, runs: list[Run]) -> list[dict[str, Any]]:
    """A grid of rates on seed 0, then the one of lowest loss in validation on all seeds."""
    choice("scale", scale, ["page"])
    wanted = []
    for head in RATES:
        start = {"head": head, "images": IMAGES, "epochs": EPOCHS, "updates": None}
        grid = [{**start, "seed": 0, "split": "validation", "lr": lr} for lr in RATES[head]]
        wanted += grid
        done = [run for run in runs if run.settings in grid]
        if len(done) == len(grid):
            best = min(done, key=lambda run: run.result["validation_loss"]).settings
            wanted += [{**best, "seed": seed, "split": "test"} for seed in SEEDS]
    return wanted


def slices(record: Record) -> list[tuple[Run, dict[str, Any]]]:
    """The first updates of the network with the mean."""
    return [
        (record.one(head="average", split="test", seed=0), {"updates": 4, "precision": "float64"})
    ]


def run(
    *,
    head: str,
    seed: int,
    split: str,
    images: int,
    epochs: int,
    lr: float,
    updates: int | None,
    precision: str = "float32",
    device: str = "cpu",
) -> dict[str, Any]:
    """Train on labels, then point and draw boxes by every method that the network allows.

    Args:
        head: what follows the convolutions, a key of :data:`RATES`.
        seed: of the training images, their order and the weights. Validation and test images are
            always the same.
        split: "validation" ends with the loss on the validation images.
        images: in training.
        epochs: passes over them.
        lr: peak of the learning rate.
        updates: stop the training after so many, and do not ask for maps.
        precision: in which such a short run is trained; whole ones are in single precision.
        device: as torch names it.

    Returns:
        The losses at each update. After a whole training the loss in validation. On the split
        "test" also the share of wrong classes there, and for each method, with its maps as they
        are and smoothed: the width and threshold that were best in validation, and in the test the
        shares of wrong boxes by overlap, of wrong boxes at one half for the class that the network
        itself gives, of images with a wrong class or a wrong box, and of misses in pointing.
    """
    x, y, _ = data(images, seed, device=device)
    dtype = getattr(torch, precision)
    model = network(head, seed).to(device, dtype)
    losses = train(model, x.to(dtype), y, seed=seed, epochs=epochs, lr=lr, updates=updates)
    if updates is not None:
        return {"losses": losses}
    (x, y, boxes), test = validation(device), tests(device)
    with torch.no_grad():
        loss = nn.functional.cross_entropy(model(x), y)
    result = {"losses": losses, "validation_loss": loss}
    if split == "validation":
        return result
    result["wrong_class"] = 1 - accuracy(model, test[0], test[1])
    with torch.no_grad():
        given = torch.cat([model(part).argmax(1) for part in test[0].split(100)])
    right = (given == test[1]).cpu().numpy()
    tuning, truths, own = (maps(model, *asked) for asked in ((x, y), test[:2], (test[0], given)))
    for method in truths:
        for name, widths in ((method, WIDTHS[:1]), (f"{method}, smoothed", WIDTHS)):
            width, threshold, pointing_width = tune(tuning[method], boxes, widths)
            overlap = overlaps(smoothed(truths[method], width), threshold, test[2])
            own_overlap = overlaps(smoothed(own[method], width), threshold, test[2])
            result |= {
                f"{name}: width": width,
                f"{name}: threshold": threshold,
                f"{name}: pointing width": pointing_width,
                f"{name}: wrong boxes": [np.mean(overlap < least) for least in OVERLAPS],
                f"{name}: wrong boxes, own class": np.mean(own_overlap < 0.5),
                f"{name}: wrong class or box": 1 - np.mean(right & (own_overlap >= 0.5)),
                f"{name}: misses": misses(smoothed(truths[method], pointing_width), test[2]),
            }
    return result


def data(n: int, seed: int, split: str = "train", device: str = "cpu") -> Data:
    """Return images, shape (n, 1, 48, 48), labels and boxes."""
    images, labels, boxes = cluttered_mnist(n, SIZE, seed, split)
    return torch.tensor(images, device=device)[:, None], torch.tensor(labels, device=device), boxes


def validation(device: str = "cpu") -> Data:
    """Return the images on which thresholds are tuned: new scenes with digits for training."""
    return data(VALIDATION, 1000, device=device)


def tests(device: str = "cpu") -> Data:
    """Return the images that every number is measured on: digits that no network has met."""
    return data(TEST, 0, "test", device)


def network(head: str, seed: int) -> nn.Sequential:
    """Return a network whose first part makes the feature maps, shape (n, 64, 12, 12)."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layers, before = [], 1
        for depth, channels in enumerate(CHANNELS):
            layers += [
                nn.Conv2d(before, channels, 3, padding=1),
                nn.BatchNorm2d(channels),
                nn.ReLU(),
                *([nn.MaxPool2d(2)] if depth < 2 else []),
            ]
            before = channels
        ends = {
            "average": [nn.AdaptiveAvgPool2d(1), nn.Flatten()],
            "max": [nn.AdaptiveMaxPool2d(1), nn.Flatten()],
            "dense": [nn.Flatten(), nn.Linear(before * (SIZE // 4) ** 2, before), nn.ReLU()],
        }
        return nn.Sequential(nn.Sequential(*layers), *ends[head], nn.Linear(before, 10))


def train(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    seed: int,
    epochs: int,
    lr: float,
    updates: int | None = None,
) -> list[float]:
    """Train by Adam with batches of 100; the loss at each update."""
    adam = torch.optim.Adam(model.parameters(), lr)
    return train_classifier(
        model, x, y, optimiser=adam, epochs=epochs, batch=100, seed=seed, updates=updates
    )


def maps(model: nn.Sequential, images: Tensor, classes: Tensor) -> dict[str, np.ndarray]:
    """Return for each method the maps of the classes, shape (n, 48, 48)."""
    parts = [
        _maps(model, *part) for part in zip(images.split(100), classes.split(100), strict=True)
    ]
    return {method: np.concatenate([part[method] for part in parts]) for method in parts[0]}


def _maps(model: nn.Sequential, images: Tensor, classes: Tensor) -> dict[str, np.ndarray]:
    features, last = model[0], model[-1]
    found = {}
    if isinstance(model[1], (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)):
        with torch.no_grad():
            pairs = zip(features(images), classes, strict=True)
            found["CAM"] = torch.stack([cam(f, last.weight, int(c)) for f, c in pairs])
    found["Grad-CAM"] = grad_cam(model, features, images, classes)
    found["saliency"] = saliency(model, images, classes)
    return {method: upsample(map.cpu().numpy(), SIZE) for method, map in found.items()}


def smoothed(maps: np.ndarray, width: float) -> np.ndarray:
    """Return maps, shape (n, h, w), each blurred by a Gaussian of that width in pixels."""
    return gaussian_filter(maps, (0, width, width))


def overlaps(maps: np.ndarray, threshold: float, boxes: np.ndarray) -> np.ndarray:
    """Return the intersection over union of each map's box with the right one, shape (n,)."""
    return np.array(
        [iou(box_of(map, threshold), box) for map, box in zip(maps, boxes, strict=True)]
    )


def misses(maps: np.ndarray, boxes: np.ndarray) -> float:
    """Return the share of maps whose brightest pixel is outside of the box."""
    return 1 - np.mean([pointing_hit(map, box) for map, box in zip(maps, boxes, strict=True)])


def tune(
    maps: np.ndarray, boxes: np.ndarray, widths: Sequence[float]
) -> tuple[float, float, float]:
    """Return the width and threshold with the fewest wrong boxes, and the best width to point."""
    wrong, missed = {}, {}
    for width in widths:
        blurred = smoothed(maps, width)
        missed[width] = misses(blurred, boxes)
        for threshold in THRESHOLDS:
            wrong[width, threshold] = np.mean(overlaps(blurred, threshold, boxes) < 0.5)
    return *min(wrong, key=wrong.get), min(missed, key=missed.get)


def centred_box(side: int) -> Box:
    """Return the box of that side in the middle of an image."""
    start = (SIZE - side) // 2
    return start, start, start + side, start + side
