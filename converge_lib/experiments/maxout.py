"""Maxout against ReLU with as many parameters, on MNIST, with dropout and a bound on the weights.

After Goodfellow et al. (2013), sections 5.1, 7 and 8.2, at a smaller size. Tanh, and maxout units
that also compare with 0, say what makes the difference.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from converge_lib.data import mnist
from converge_lib.recorded import Record, Run
from converge_lib.structure.maxout import Maxout
from converge_lib.training import accuracy, train_classifier

SIZES: dict[str, dict[str, Any]] = {
    "page": {"cases": 10_000, "epochs": 30, "pieces": 2, "maxout": 128, "others": 230},
    "paper": {"cases": 50_000, "epochs": 100, "pieces": 5, "maxout": 240, "others": 782},
}
"""Images to train on, and the units of both hidden layers: about as many parameters in all nets."""
VALIDATION = 10_000
UNITS = ("maxout", "maxout and 0", "ReLU", "tanh")
RATES = (0.02, 0.05, 0.1, 0.2, 0.4)
UNBOUND = (0.05, 0.1)
"""Rates at which maxout and ReLU also run without the bound on the norm."""
MOMENTUM = 0.9
NORM = 2.0
"""The largest norm of the weights that come into a filter."""
SEEDS = range(5)
MASKS = (1, 2, 5, 10, 20, 50, 100)
"""Numbers of dropout masks whose predictions are averaged."""
AVERAGED = 1_000
"""Test images for which that is done."""
KEPT = 100
"""Updates whose losses are recorded one by one."""


def plan(scale: str, runs: list[Run]) -> list[dict[str, Any]]:
    """Each rate on seed 0, and the one with the lowest validation error on the other seeds."""
    wanted = []
    for units in UNITS:
        start = {"units": units, "seed": 0, "scale": scale, "updates": None}
        grid = [{**start, "rate": rate, "norm": NORM} for rate in RATES]
        wanted += grid
        done = [run for run in runs if run.settings in grid]
        if len(done) == len(grid):
            best = min(done, key=lambda run: run.result["validation"]).settings
            wanted += [{**best, "seed": seed} for seed in SEEDS if seed != 0]
        if units in ("maxout", "ReLU"):
            wanted += [{**start, "rate": rate, "norm": None} for rate in UNBOUND]
    return wanted


def slices(record: Record) -> list[tuple[Run, dict[str, Any]]]:
    """The first updates of maxout at its best rate."""
    grid = record.where(units="maxout", norm=NORM, seed=0)
    return [
        (
            min(grid, key=lambda run: run.result["validation"]),
            {"updates": 20, "precision": "float64"},
        )
    ]


def network(units: str, seed: int, scale: str) -> nn.Sequential:
    """Return a network at its start: two hidden layers, dropout before each layer."""
    size = SIZES[scale]
    width = size["maxout" if units.startswith("maxout") else "others"]
    layers: list[nn.Module] = []
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for before, drop in ((784, 0.2), (width, 0.5)):
            layers.append(nn.Dropout(drop))
            if units.startswith("maxout"):
                layers.append(Maxout(before, width, size["pieces"]))
            else:
                layers.append(nn.Linear(before, width))
            if units != "maxout":
                layers.append(nn.Tanh() if units == "tanh" else nn.ReLU())
        return nn.Sequential(*layers, nn.Dropout(0.5), nn.Linear(width, 10))


def bound(network: nn.Module, norm: float) -> None:
    """Shorten the weights that come into a filter, where they are longer than ``norm``."""
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.Linear):
                layer.weight.copy_(layer.weight.renorm(2, 0, norm))


def data(split: str, cases: slice, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Return images, shape (n, 784), and labels."""
    images, labels = mnist(split)
    x = torch.tensor(images[cases], device=device).flatten(1)
    return x, torch.tensor(labels[cases], device=device)


def run(
    *,
    units: str,
    rate: float,
    norm: float | None,
    seed: int,
    scale: str,
    updates: int | None,
    precision: str = "float32",
    device: str = "cpu",
) -> dict[str, Any]:
    """Train, and count the images that are classified wrongly at the end.

    The seed decides the start, the order of the images and the masks. "losses" are those of the
    first updates; a run of only some "updates" returns nothing else, and may have another
    "precision".
    """
    dtype = getattr(torch, precision)
    model = network(units, seed, scale).to(device, dtype)
    cases, epochs = SIZES[scale]["cases"], SIZES[scale]["epochs"]
    images, labels = data("train", slice(cases), device)
    images = images.to(dtype)
    unused_before = unused(model, images)
    losses = train_classifier(
        model,
        images,
        labels,
        optimiser=torch.optim.SGD(model.parameters(), lr=rate, momentum=MOMENTUM),
        epochs=epochs,
        seed=seed,
        updates=updates,
        after_update=(lambda: bound(model, norm)) if norm else (lambda: None),
    )
    if updates is not None:
        return {"losses": losses[:KEPT]}
    test = data("test", slice(None), device)
    return {
        "losses": losses[:KEPT],
        "epochs": torch.tensor(losses).view(epochs, -1).mean(1).tolist(),
        "train": wrong(model, images, labels),
        "validation": wrong(model, *data("train", slice(cases, cases + VALIDATION), device)),
        "test": wrong(model, *test),
        "unused before": unused_before,
        "unused": unused(model, images),
        **averaging(model, test[0][:AVERAGED], test[1][:AVERAGED]),
    }


def wrong(network: nn.Module, images: Tensor, labels: Tensor) -> int:
    """Return the number of images classified wrongly."""
    return round(len(images) * (1 - accuracy(network, images, labels)))


def winners(network: nn.Sequential, x: Tensor) -> list[Tensor]:
    """Return which piece wins, shape (n, units), layer by layer; −1 where 0 does."""
    found = []
    for layer, following in pairwise(network):
        if isinstance(layer, (Maxout, nn.Linear)):
            maxout = isinstance(layer, Maxout)
            z = layer.linear(x).unflatten(-1, layer.units) if maxout else layer(x)[..., None]
            largest = z.max(-1)
            zero = (largest.values <= 0) & isinstance(following, nn.ReLU)
            found.append(largest.indices.masked_fill(zero, -1))
        x = layer(x)
    return found


@torch.no_grad()
def unused(network: nn.Sequential, images: Tensor) -> list[float]:
    """Return the share of pieces that win on none of the images, layer by layer."""
    network.eval()
    shares = []
    layers = [m for m in network if isinstance(m, (Maxout, nn.Linear))][:-1]
    for layer, wins in zip(layers, winners(network, images), strict=True):
        pieces = layer.units[1] if isinstance(layer, Maxout) else 1
        used = torch.stack([(wins == piece).any(0) for piece in range(pieces)])
        shares.append(1 - used.float().mean().item())
    return shares


@torch.no_grad()
def averaging(network: nn.Sequential, images: Tensor, labels: Tensor) -> dict[str, Any]:
    """Compare the network with the mean of its thinned ones, after 1, 2, 5 … masks.

    "divergence" is KL(mean ‖ network), averaged over the images; the mean is geometric, and
    normalised. "averaged" is how many images the mean classifies wrongly, "whole" how many the
    network does. "same piece" is the share in which a unit has the same winner in both, by layer.
    """
    whole, wins = network(images).log_softmax(1), winners(network, images)
    same = torch.zeros(len(wins), device=images.device)
    total, divergence, averaged = torch.zeros_like(whole), [], []
    network.train()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for mask in range(1, max(MASKS) + 1):
            total += network(images).log_softmax(1)
            if mask in MASKS:
                mean = (total / mask).log_softmax(1)
                apart = (mean.exp() * (mean - whole)).sum(1).mean()
                divergence.append(apart.item())
                averaged.append(int((mean.argmax(1) != labels).sum()))
                thinned = zip(winners(network, images), wins, strict=True)
                same += torch.stack([(a == b).float().mean() for a, b in thinned])
    network.eval()
    return {
        "divergence": divergence,
        "averaged": averaged,
        "whole": int((whole.argmax(1) != labels).sum()),
        "same piece": (same / len(MASKS)).tolist(),
    }
