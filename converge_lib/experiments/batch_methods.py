"""L-BFGS and conjugate gradient against tuned stochastic gradient descent, at equal cost.

After Le et al. (2011), at a smaller size: softmax regression on MNIST, an autoencoder and a sparse
autoencoder on patches of photographs. Cost is in passes over the data, each one gradient: trials of
a line search are paid like any other, and so is what a mini-batch reads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from converge_lib._validation import choice
from converge_lib.data import mnist, patches
from converge_lib.descent import Adam, Momentum, Objective, lbfgs, nonlinear_cg
from converge_lib.descent.curvature import flatten, parameters_of, unflatten
from converge_lib.descent.schedules import cosine
from converge_lib.descent.solvers import Solver
from converge_lib.pretraining.sparse_autoencoder import SparseAutoencoder
from converge_lib.recorded import Record, Run

CASES = 10_000
PROBLEMS = ("softmax", "autoencoder", "sparse")
SEEDS = range(3)
PASSES = 100
"""What every method may spend; batch methods go on, to find the minimum."""
GRID = {
    20: {0.9: (0.01, 0.03, 0.1, 0.3)},
    100: {0.9: (0.03, 0.1, 0.3, 1.0, 3.0), 0.99: (0.003, 0.01, 0.03, 0.1, 0.3)},
    1000: {0.9: (0.1, 0.3, 1.0, 3.0), 0.99: (0.01, 0.03, 0.1, 0.3)},
    CASES: {0.9: (0.03, 0.1, 0.3, 1.0, 3.0)},
}
"""Rates for SGD, by the size of the batch and the momentum."""
ADAM = {"batch": 100, "rates": (0.001, 0.003, 0.01, 0.03)}
DECAY = 1e-4
STAGE = 10
"""Steps of L-BFGS on each of its growing batches."""

Loss = Callable[[Tensor | slice], Tensor]

RECORDED = [0.1, 0.2, 0.5]
RECORDED += [a * 10**b for b in range(4) for a in (1, 1.5, 2, 3, 5, 7)]
"""Costs at which the loss over all cases is recorded, whatever the budget."""


def plan(scale: str, runs: list[Run]) -> list[dict[str, Any]]:
    """Grids on seed 0 first, a falling rate for the best, then the best of each on three seeds."""
    choice("scale", scale, ["page"])
    wanted = []
    for name in PROBLEMS:
        alone = {"batch": None, "lr": None, "momentum": None, "schedule": None}
        for seed in SEEDS:
            longest = 2000 if seed == 0 and name != "softmax" else 400
            for method, passes in (("L-BFGS", longest), ("CG", 400), ("growing L-BFGS", 200)):
                batch_method = {"problem": name, "method": method, "seed": seed, "passes": passes}
                wanted.append({**batch_method, **alone})
        start = {"problem": name, "seed": 0, "passes": PASSES, "schedule": "constant"}
        grids = [
            [
                {**start, "method": "SGD", "batch": batch, "lr": lr, "momentum": momentum}
                for momentum, rates in by_momentum.items()
                for lr in rates
            ]
            for batch, by_momentum in GRID.items()
        ]
        adam = {**start, "method": "Adam", "batch": ADAM["batch"], "momentum": None}
        grids.append([{**adam, "lr": lr} for lr in ADAM["rates"]])
        if best := _best(list(chain(*grids[:-1])), runs):
            grid = next(grid for grid in grids if best in grid)
            grid += [{**best, "schedule": "cosine", "lr": round(best["lr"] * k, 6)} for k in (1, 3)]
        for tuned in (list(chain(*grids[:-1])), grids[-1]):
            wanted += tuned
            if best := _best(tuned, runs):
                wanted += [{**best, "seed": seed} for seed in SEEDS if seed != 0]
    return wanted


def slices(record: Record) -> list[tuple[Run, dict[str, Any]]]:
    """The first passes of L-BFGS on the sparse autoencoder, and of SGD on the other."""
    slow = {"batch": 100, "lr": 0.3, "momentum": 0.9, "schedule": "constant"}
    return [
        (record.one(problem="sparse", method="L-BFGS", seed=0), {"passes": 10}),
        (record.one(problem="autoencoder", method="SGD", seed=0, **slow), {"passes": 3}),
    ]


def _best(grid: list[dict[str, Any]], runs: list[Run]) -> dict[str, Any] | None:
    """Return the settings with the lowest last loss; None if some are not done yet."""
    done = [run for run in runs if run.settings in grid]
    if len(done) < len(grid):
        return None
    return min(done, key=lambda run: _last(run.result["losses"])).settings


def _last(losses: list[float | None]) -> float:
    return np.inf if losses[-1] is None else losses[-1]


def run(
    *,
    problem: str,
    method: str,
    seed: int,
    passes: float,
    batch: int | None,
    lr: float | None,
    momentum: float | None,
    schedule: str | None,
    device: str = "cpu",
) -> dict[str, Any]:
    """Train for ``passes``; the loss over all cases at each recorded cost.

    ``seconds`` is the processor's time for a pass of training, on one core.
    """
    model, loss = network(problem, seed, device)
    theta = flatten(parameters_of(model)).detach().cpu().numpy().copy()
    call = partial(value_and_gradient, model, loss)
    if method in ("SGD", "Adam"):
        solver = Momentum(lr, momentum) if method == "SGD" else Adam(lr)
        return stochastic(solver, call, theta, seed, passes, batch, schedule == "cosine")
    start = time.process_time()
    costs, losses = careful(method, call, theta, seed, passes)
    seconds = time.process_time() - start
    at = [cost for cost in RECORDED if 1 <= cost <= passes]
    lowest = [min(f for c, f in zip(costs, losses, strict=True) if c <= cost) for cost in at]
    return {"costs": [0.0, *at], "losses": [losses[0], *lowest], "seconds": seconds / costs[-1]}


def careful(
    method: str, call: Callable, theta: np.ndarray, seed: int, passes: float
) -> tuple[list[float], list[float]]:
    """Descend by a method with a line search; the cost and the loss after every step."""
    costs, losses, spent = [], [], 0.0
    sizes = [CASES]
    if method == "growing L-BFGS":
        sizes = [CASES >> k for k in range(6, -1, -1)]
    order = torch.randperm(CASES, generator=torch.Generator().manual_seed(seed))
    for size in sizes:
        which = slice(None) if size == CASES else order[:size]
        objective = Objective(
            lambda x, which=which: call(x, which)[0],
            value_and_gradient=lambda x, which=which: call(x, which),
        )
        minimise = nonlinear_cg if method == "CG" else lbfgs
        share = size / CASES
        steps = STAGE
        if size == CASES:
            steps = int(passes / 2 if method == "CG" else passes)
        result = minimise(objective, theta, steps=steps, tolerance=1e-10)
        theta = result.x
        if size == CASES:
            costs += list(spent + result.costs)
            losses += list(result.values)
        else:
            costs.append(spent)
            losses.append(call(result.path[0])[0])
        spent += share * result.costs[-1]
    return costs, losses


def stochastic(
    solver: Solver,
    call: Callable,
    theta: np.ndarray,
    seed: int,
    passes: float,
    batch: int,
    falling: bool,
) -> dict[str, Any]:
    """Step after every mini-batch; a ``falling`` rate follows half a cosine down to zero."""
    a_pass = CASES // batch
    records = {round(cost * a_pass): cost for cost in RECORDED if (cost * a_pass) % 1 == 0}
    state, drawn, steps = solver.init(theta), batches(CASES, batch, seed), round(passes * a_pass)
    costs, losses, seconds = [0.0], [call(theta)[0]], 0.0
    with np.errstate(all="ignore"):
        for t in range(steps):
            start = time.process_time()
            now = replace(solver, lr=solver.lr * cosine(t, steps)) if falling else solver
            theta, state = now.step(theta, call(theta, next(drawn))[1], state)
            seconds += time.process_time() - start
            if t + 1 in records:
                costs.append(records[t + 1])
                losses.append(call(theta)[0])
                if not np.isfinite(losses[-1]):
                    break
    return {"costs": costs, "losses": losses, "seconds": seconds / costs[-1]}


def batches(cases: int, size: int, seed: int) -> Iterator[Tensor]:
    """Yield the cases of one mini-batch after the other, in a new order at each pass."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield from torch.randperm(cases, generator=generator).split(size)


def network(name: str, seed: int, device: str = "cpu") -> tuple[nn.Module, Loss]:
    """Return a model at its start, and its loss as a function of which cases to take."""
    if name == "softmax":
        images, labels = mnist(n=CASES)
        x = torch.tensor(images, dtype=torch.float64, device=device).flatten(1)
        y = torch.tensor(labels, device=device)
        model = nn.Linear(784, 10, dtype=torch.float64)
        generator = torch.Generator().manual_seed(seed)
        nn.init.normal_(model.weight, std=0.01, generator=generator)
        nn.init.zeros_(model.bias)

        def softmax_loss(which: Tensor | slice) -> Tensor:
            decay = DECAY / 2 * model.weight.square().sum()
            return nn.functional.cross_entropy(model(x[which]), y[which]) + decay

        return model.to(device), softmax_loss
    x = torch.tensor(patches(CASES), dtype=torch.float64, device=device).flatten(1)
    weight = 3.0 if name == "sparse" else 0.0
    model = SparseAutoencoder(64, 25, sparsity_weight=weight, weight_decay=DECAY, seed=seed)
    return model.to(device), lambda which: model.loss(x[which])


def value_and_gradient(
    model: nn.Module, loss: Loss, theta: np.ndarray, which: Tensor | slice = slice(None)
) -> tuple[float, np.ndarray]:
    """Return the loss over the cases ``which`` at the parameters θ, and its gradient."""
    parameters = parameters_of(model)
    with torch.no_grad():
        for p, piece in zip(parameters, unflatten(torch.as_tensor(theta), parameters), strict=True):
            p.copy_(piece)
    value = loss(which)
    return value.item(), flatten(torch.autograd.grad(value, parameters)).cpu().numpy()
