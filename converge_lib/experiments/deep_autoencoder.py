"""A deep autoencoder without pretraining: which method trains it, from which start.

After Martens (2010) and Sutskever et al. (2013), table 1, at a smaller size. All methods get the
same budget in epoch-equivalents (ee): a gradient over all the data is 1.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from converge_lib.data import curves, mnist
from converge_lib.descent.curvature import PerCase, call_with, flatten, parameters_of, unflatten
from converge_lib.descent.hessian_free import HessianFree, sparse_init
from converge_lib.descent.solvers import Adam, GradientDescent, Nesterov, Solver
from converge_lib.pretraining.autoencoder import deep_autoencoder
from converge_lib.recorded import Record, Run

LOSS = PerCase(nn.MSELoss(reduction="sum"))
"""The squared error, summed over pixels and averaged over cases."""

SIZES = {
    "page": {"cases": 2000, "batch": 200, "curvature": 500, "encoder": [128, 64, 32, 16, 6]},
    "paper": {"cases": 20_000, "batch": 200, "curvature": 5000,
              "encoder": [400, 200, 100, 50, 25, 6]},
}  # fmt: skip
PIXELS = {("curves", "page"): 16, ("mnist", "page"): 14}
"""Height and width; 28 at the paper's scale."""

RATES = {
    "SGD": [0.03, 0.1, 0.3, 1.0],
    "Nesterov": [0.01, 0.03, 0.1, 0.3],
    "Adam": [0.001, 0.003, 0.01, 0.03],
}
MOMENTUM = 0.99
VARIANTS: dict[str, dict[str, float]] = {
    "base": {},
    "fixed damping 0.01": {"damping": 0.01, "boost": 1},
    "fixed damping 0.0001": {"damping": 0.0001, "boost": 1},
    "no warm start": {"decay": 0},
    "no preconditioner": {"exponent": 0},
    "250 CG steps": {"cg_steps": 250},
}
"""What differs from the base: HF with λ₀ = 10 and at most 50 steps of CG."""
SHARES: dict[str, dict[str, int]] = {
    "curvature from 200": {"curvature_cases": 200},
    "curvature from 1000": {"curvature_cases": 1000},
}
"""Variants of the images that curvature is taken from, 500 in the base."""

RECORDED = sorted({round(a * 10.0**b, 1) for a in (1, 1.5, 2, 3, 5, 7) for b in range(5)})
"""Costs at which the error of a first-order method is recorded, whatever the budget."""


def plan(scale: str, runs: list[Run]) -> list[dict[str, Any]]:
    """Rates on seed 0 first, then the best one on further seeds; HF's variants on two seeds."""
    shape = {"scale": scale, "variant": "base"}
    wanted = []
    for data, start, budget, seeds in (
        ("curves", "sparse", 3000, 3),
        ("curves", "glorot", 500, 3),
        ("curves", "gaussian", 500, 3),
        ("mnist", "sparse", 1000, 2),
    ):
        where = {"data": data, "start": start, "budget": budget, **shape}
        wanted += [{"method": "HF", "rate": None, "seed": seed, **where} for seed in range(seeds)]
        for method, rates in RATES.items():
            if start != "sparse" and method != "SGD":
                continue
            grid = [{"method": method, "rate": rate, "seed": 0, **where} for rate in rates]
            wanted += grid
            done = [run for run in runs if run.settings in grid]
            if len(done) == len(grid):
                best = min(done, key=lambda run: _last(run.result["errors"]))
                wanted += [{**best.settings, "seed": seed} for seed in range(1, seeds)]
    if scale == "page":
        where = {"data": "curves", "start": "sparse", "method": "HF", "rate": None, "scale": scale}
        wanted += [
            {**where, "budget": 1000, "seed": seed, "variant": variant}
            for seed in range(2)
            for variant in VARIANTS
            if variant != "base"
        ]
        wanted += [{**where, "budget": 3000, "seed": 0, "variant": variant} for variant in SHARES]
    return wanted


def slices(record: Record) -> list[tuple[Run, dict[str, Any]]]:
    """The first steps of HF, from a sparse start."""
    run = record.one(data="curves", start="sparse", method="HF", variant="base", seed=0)
    return [(run, {"budget": 40, "precision": "float64"})]


def run(
    *,
    data: str,
    method: str,
    rate: float | None,
    start: str,
    seed: int,
    variant: str,
    budget: float,
    scale: str,
    precision: str = "float32",
    device: str = "cpu",
) -> dict[str, Any]:
    """Train for ``budget`` ee; the error at each recorded cost, and the mean image's beside."""
    dtype = getattr(torch, precision)
    images = dataset(data, scale, device).to(dtype)
    model = network(images.shape[1], start, seed, scale).to(device, dtype)
    mean_image = float((images - images.mean(0)).square().sum() / len(images))
    if method == "HF":
        result = hessian_free(model, images, variant, seed, budget, SIZES[scale]["curvature"])
    else:
        solver = {
            "SGD": GradientDescent(rate or 0),
            "Nesterov": Nesterov(rate or 0, MOMENTUM),
            "Adam": Adam(rate or 0),
        }[method]
        result = first_order(solver, model, images, seed, budget, SIZES[scale]["batch"])
    return {**result, "mean_image": mean_image}


def dataset(data: str, scale: str, device: str = "cpu") -> Tensor:
    """Return the images, shape (cases, pixels), from 0 to 1."""
    cases, size = SIZES[scale]["cases"], PIXELS.get((data, scale), 28)
    if data == "curves":
        images = torch.tensor(curves(cases, size, seed=0))
    else:
        images = torch.tensor(mnist(n=cases)[0])
        images = nn.functional.avg_pool2d(images[:, None], 28 // size)
    return images.reshape(cases, -1).to(device)


def network(pixels: int, start: str, seed: int, scale: str) -> nn.Sequential:
    """Return the autoencoder at its start."""
    model = deep_autoencoder([pixels, *SIZES[scale]["encoder"]])
    generator = torch.Generator().manual_seed(seed)
    if start == "sparse":
        return sparse_init(model, generator=generator)
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.bias)
            if start == "glorot":
                nn.init.xavier_uniform_(layer.weight, generator=generator)
            else:
                nn.init.normal_(layer.weight, std=0.1, generator=generator)
    return model


def hessian_free(
    model: nn.Module, images: Tensor, variant: str, seed: int, budget: float, cases: int
) -> dict[str, list[float]]:
    """Train by HF; an error a step."""
    base = {"damping": 10.0, "cg_steps": 50, "curvature_cases": cases, "seed": 1000 * seed}
    optimiser = HessianFree(model, LOSS, **{**base, **(VARIANTS | SHARES)[variant]})
    while not optimiser.log or optimiser.log[-1].cost < budget:
        optimiser.step(lambda: (images, images))
    with torch.no_grad():
        last = float(LOSS(model(images), images))
    log = optimiser.log
    return {
        "costs": [0.0, *(step.cost for step in log)],
        "errors": [*(step.loss for step in log), last],
        "damping": [step.damping for step in log],
        "cg_steps": [step.cg_steps for step in log],
        "ratios": [step.ratio for step in log],
    }


def first_order(
    solver: Solver, model: nn.Module, images: Tensor, seed: int, budget: float, batch: int
) -> dict[str, list[float]]:
    """Train on mini-batches; an error at each cost of RECORDED up to the budget.

    Nesterov's momentum follows the schedule of Sutskever et al. (2013), section 3, and falls to
    0.9 for the last 1,000 updates.
    """
    parameters = parameters_of(model)
    theta = flatten(parameters).detach()
    state = solver.init(theta)
    a_pass = len(images) // batch
    updates = round(budget * a_pass)
    generator = torch.Generator().manual_seed(seed)
    records = {round(cost * a_pass): cost for cost in RECORDED if cost <= budget}

    def loss(theta: Tensor, x: Tensor) -> Tensor:
        return LOSS(call_with(model, unflatten(theta, parameters), x), x)

    costs, errors = [0.0], [loss(theta, images).item()]
    for t in range(updates):
        if t % a_pass == 0:
            order = torch.randperm(len(images), generator=generator).to(images.device)
        place = t % a_pass * batch
        theta.requires_grad_()
        value = loss(theta, images[order[place : place + batch]])
        (grad,) = torch.autograd.grad(value, theta)
        theta = theta.detach()
        now = solver
        if isinstance(solver, Nesterov):
            rising = 1 - 2.0 ** (-1 - np.log2(t // 250 + 1))
            last = budget >= 1000 and t >= updates - 1000
            now = replace(solver, momentum=0.9 if last else min(rising, solver.momentum))
        theta, state = now.step(theta, grad, state)
        if t + 1 in records:
            costs.append(records[t + 1])
            with torch.no_grad():
                errors.append(loss(theta, images).item())
            if not np.isfinite(errors[-1]):
                break
    return {"costs": costs, "errors": errors}


def _last(errors: list[float | None]) -> float:
    return np.inf if errors[-1] is None else errors[-1]
