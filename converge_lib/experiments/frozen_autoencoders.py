"""Autoencoders stopped in the middle of their training, so that single steps can be looked at.

A page that takes a step apart must take the same step on every machine. Two dozen steps of
Hessian-free, in double precision too, make another network of the last digit, in which each
processor rounds in its own way. So the weights are recorded.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from converge_lib._validation import choice
from converge_lib.data import curves
from converge_lib.descent.curvature import PerCase, flatten, parameters_of
from converge_lib.descent.hessian_free import HessianFree, sparse_init
from converge_lib.recorded import Record, Run

LOSS = PerCase(nn.MSELoss(reduction="sum"))
"""The squared error, summed over pixels and averaged over cases."""

SMALL, LARGE = [64, 12, 6, 3, 6, 12, 64], [64, 32, 16, 6, 16, 32, 64]


def plan(scale: str, runs: list[Run]) -> list[dict[str, Any]]:
    """A network whose Hessian can be written down, and a larger one, early and late."""
    choice("scale", scale, ["page"])
    wanted = ((SMALL, 200, 24), (LARGE, 1000, 15), (LARGE, 1000, 28))
    return [
        {"sizes": sizes, "cases": cases, "steps": steps, "seed": 0}
        for sizes, cases, steps in wanted
    ]


def slices(record: Record) -> list[tuple[Run, dict[str, Any]]]:
    """The first steps of the small one."""
    return [(record.one(sizes=SMALL, steps=24), {"steps": 3})]


def run(
    *, sizes: list[int], cases: int, steps: int, seed: int, device: str = "cpu"
) -> dict[str, Any]:
    """Train by Hessian-free; the loss and λ of each step, and what the next would start from."""
    images = dataset(cases).to(device)
    model = network(sizes, seed).to(device)
    optimiser = HessianFree(model, LOSS, damping=10)
    for _ in range(steps):
        optimiser.step(lambda: (images, images))
    state = optimiser.state_dict()["state"][0]
    return {
        "losses": [step.loss for step in optimiser.log],
        "dampings": [step.damping for step in optimiser.log],
        "weights": flatten(parameters_of(model)).tolist(),
        "direction": state["direction"].tolist(),
        "damping": state["damping"],
    }


def dataset(cases: int) -> Tensor:
    """Return images of curves, shape (cases, 64), from 0 to 1."""
    return torch.tensor(curves(cases, size=8)).reshape(cases, 64).double()


def network(sizes: list[int], seed: int) -> nn.Sequential:
    """Return an autoencoder of logistic layers at its sparse start."""
    layers = [module for a, b in pairwise(sizes) for module in (nn.Linear(a, b), nn.Sigmoid())]
    generator = torch.Generator().manual_seed(seed)
    return sparse_init(nn.Sequential(*layers), generator=generator).double()
