"""L-BFGS and conjugate gradient against tuned stochastic gradient descent, at equal cost.

After Le et al. (2011), at a smaller size: softmax regression on MNIST, an autoencoder and a sparse
autoencoder on patches of photographs. Cost is in passes over the data, each one gradient: trials of
a line search are paid like any other, and so is what a mini-batch reads.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from converge_lib.data import mnist, patches
from converge_lib.descent import Momentum, Objective, lbfgs, nonlinear_cg
from converge_lib.descent.curvature import flatten, parameters_of, unflatten
from converge_lib.descent.schedules import cosine
from converge_lib.pretraining.sparse_autoencoder import SparseAutoencoder
from converge_lib.recorded import Run

CASES = 10_000
PROBLEMS = ("softmax", "autoencoder", "sparse")
BATCHES = (20, 100, 1000, CASES)
RATES = {
    "softmax": {20: [0.001, 0.003, 0.01, 0.03], 100: [0.003, 0.01, 0.03, 0.1],
                1000: [0.01, 0.03, 0.1, 0.3], CASES: [0.03, 0.1, 0.3, 1]},
}  # fmt: skip
MOMENTUM = 0.9
SEEDS = range(3)

RECORDED = [0.1, 0.2, 0.5]
RECORDED += [a * 10**b for b in range(4) for a in (1, 1.5, 2, 3, 5, 7)]
"""Costs at which the loss over all cases is recorded, whatever the budget."""


def batches(cases: int, size: int, seed: int) -> Iterator[Tensor]:
    """Yield the cases of one mini-batch after the other, in a new order at each pass."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield from torch.randperm(cases, generator=generator).split(size)


def problem(name: str, seed: int) -> tuple[nn.Module, Callable[[Tensor | slice], Tensor]]:
    """Return a model at its start, and its loss over some of the cases."""
    if name == "softmax":
        images, labels = mnist(n=CASES)
        x, y = torch.tensor(images, dtype=torch.float64).flatten(1), torch.tensor(labels)
        torch.manual_seed(seed)
        model = nn.Linear(784, 10, dtype=torch.float64)

        def loss(which: Tensor | slice) -> Tensor:
            decay = 1e-4 / 2 * model.weight.square().sum()
            return nn.functional.cross_entropy(model(x[which]), y[which]) + decay

        return model, loss
    x = torch.tensor(patches(CASES), dtype=torch.float64).flatten(1)
    weight = 3.0 if name == "sparse" else 0.0
    model = SparseAutoencoder(64, 25, sparsity_weight=weight, seed=seed)
    return model, lambda which: model.loss(x[which])


def value_and_gradient(
    model: nn.Module, loss: Callable, theta: np.ndarray, which: Tensor | slice = slice(None)
) -> tuple[float, np.ndarray]:
    """Return the loss over the cases ``which`` at the parameters θ, and its gradient."""
    parameters = parameters_of(model)
    with torch.no_grad():
        for p, piece in zip(parameters, unflatten(torch.as_tensor(theta), parameters), strict=True):
            p.copy_(piece)
    value = loss(which)
    return value.item(), flatten(torch.autograd.grad(value, parameters)).numpy()
