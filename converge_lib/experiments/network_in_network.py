"""A network of mlpconv layers against plain convolutions, with equal parameters, on MNIST.

After Lin, Chen and Yan (2014), at a smaller size. All networks have three blocks, the same patches,
the same pooling between them and the same head. Two more tell what makes the difference: the
mlpconv network without the ReLUs inside its blocks, and plain convolutions with as many
multiplications.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from converge_lib._validation import choice
from converge_lib.data import mnist
from converge_lib.recorded import Record, Run
from converge_lib.structure.network_in_network import MlpConv
from converge_lib.training import accuracy, train_classifier

NETWORKS = {
    "NIN": [[24, 16, 12], [32, 24, 16], [48, 32, 32]],
    "without ReLU": [[24, 16, 12], [32, 24, 16], [48, 32, 32]],
    "plain": [[14], [28], [44]],
    "wider": [[16], [32], [50]],
}
"""The channels of the layers in each of three blocks; "wider" multiplies as much as "NIN"."""
PATCHES = (5, 5, 3)
"""Height and width of the filters that open each block."""
STARTS = {
    "He": {"NIN": range(5), "without ReLU": range(5), "plain": range(5), "wider": range(5)},
    "torch": {"NIN": range(3)},
}
"""The seeds, by the start of the weights and the network."""
CASES, VALIDATION, EPOCHS = 5_000, 2_000, 8
RATES = (0.001, 0.003, 0.01, 0.03, 0.1)


def plan(scale: str, runs: list[Run]) -> list[dict[str, Any]]:
    """Each rate on seed 0, and the one with the lowest validation error on the other seeds."""
    choice("scale", scale, ["page"])  # CIFAR does not ship with the library
    wanted = []
    for start, networks in STARTS.items():
        for name, seeds in networks.items():
            first = {"name": name, "start": start, "seed": 0, "updates": EPOCHS * CASES // 100}
            grid = [{**first, "rate": rate} for rate in RATES]
            wanted += grid
            done = [run for run in runs if run.settings in grid]
            if len(done) == len(grid):
                best = min(done, key=lambda run: run.result["validation"]).settings
                wanted += [{**best, "seed": seed} for seed in seeds if seed != 0]
    return wanted


def slices(record: Record) -> list[tuple[Run, dict[str, Any]]]:
    """The first updates of the network in network."""
    return [(record.one(name="NIN", start="He", seed=1), {"updates": 4, "precision": "float64"})]


def network(name: str, start: str, seed: int) -> nn.Sequential:
    """Return a network at its start: three blocks, global average pooling, a linear layer."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    before = 1
    for channels, patch in zip(NETWORKS[name], PATCHES, strict=True):
        block: nn.Module = MlpConv(before, channels, patch, padding=patch // 2)
        if name == "without ReLU":
            block = nn.Sequential(*block[::2], nn.ReLU())
        layers += [block, nn.MaxPool2d(2)]
        before = channels[-1]
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 10)
    model = nn.Sequential(*layers[:-1], *head)
    if start == "He":
        for layer in model.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)
    return model


def data(split: str, cases: slice, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Return images, shape (n, 1, 28, 28), and labels."""
    images, labels = mnist(split)
    x = torch.tensor(images[cases], device=device)[:, None]
    return x, torch.tensor(labels[cases], device=device)


def run(
    *,
    name: str,
    start: str,
    rate: float,
    seed: int,
    updates: int,
    precision: str = "float32",
    device: str = "cpu",
) -> dict[str, Any]:
    """Train by Adam; the "losses" at each update, and the shares classified wrongly at the end.

    The seed decides the weights at the start and the order of the images. A run of only some
    "updates" returns the losses alone, and may train in another "precision".
    """
    dtype = getattr(torch, precision)
    model = network(name, start, seed).to(device, dtype)
    images, labels = data("train", slice(CASES), device)
    losses = train_classifier(
        model,
        images.to(dtype),
        labels,
        optimiser=torch.optim.Adam(model.parameters(), lr=rate),
        epochs=EPOCHS,
        seed=seed,
        updates=updates,
    )
    if updates < EPOCHS * CASES // 100:
        return {"losses": losses}
    held_out = data("train", slice(CASES, CASES + VALIDATION), device)
    return {
        "losses": losses,
        "train": 1 - accuracy(model, images, labels),
        "validation": 1 - accuracy(model, *held_out),
        "test": 1 - accuracy(model, *data("test", slice(None), device)),
    }
