"""HessianFree beside other second-order packages: a deep sigmoid autoencoder from a sparse start.

python benchmarks/hessian_free.py

Each gets the same start, the same 1,000 curves and as much time of the processor; the squared error
is summed over pixels and averaged over cases. Compared are hessianfree (Martens' method, in NumPy;
there is no package of it for PyTorch) and torchmin (Newton-CG with Hessian products, in PyTorch).
What is not installed is left out.
"""

from __future__ import annotations

import contextlib
import importlib.util
import time
from itertools import pairwise

import numpy as np
import torch
from _timing import table
from torch import Tensor, nn

from converge_lib.data import curves
from converge_lib.descent.curvature import PerCase, call_with, flatten, parameters_of, unflatten
from converge_lib.descent.hessian_free import HessianFree, sparse_init

SIZES = (64, 48, 24, 12, 6, 12, 24, 48, 64)
CODE = 3
SECONDS = 12.0
LOSS = PerCase(nn.MSELoss(reduction="sum"))


class TimeIsUpError(Exception):
    """Raised to end a run."""


def network(seed: int) -> nn.Sequential:
    """Return the autoencoder at its sparse start; the code is linear, all else logistic."""
    layers: list[nn.Module] = []
    for i, (fan_in, fan_out) in enumerate(pairwise(SIZES)):
        layers.append(nn.Linear(fan_in, fan_out))
        if i != CODE:
            layers.append(nn.Sigmoid())
    return sparse_init(nn.Sequential(*layers), generator=torch.Generator().manual_seed(seed))


def error(model: nn.Module, images: Tensor) -> float:
    """Return the squared error."""
    with torch.no_grad():
        return float(LOSS(model(images), images))


def ours(images: Tensor, seed: int, **options: float) -> tuple[float, int]:
    """Converge's HessianFree; the error reached and the number of updates."""
    model = network(seed)
    optimiser = HessianFree(model, LOSS, damping=10.0, **options)
    end = time.process_time() + SECONDS
    while time.process_time() < end:
        optimiser.step(lambda: (images, images))
    return error(model, images), len(optimiser.log)


def numpys(images: Tensor, seed: int) -> tuple[float, int]:
    """The package hessianfree; its loss is half of ours, and so is its damping."""
    import hessianfree

    model = network(seed)
    layers = ["Linear", *["Logistic"] * (len(SIZES) - 1)]
    layers[CODE + 1] = "Linear"
    linear = [layer for layer in model if isinstance(layer, nn.Linear)]
    weights = np.concatenate(
        [p.detach().numpy().ravel() for layer in linear for p in (layer.weight.T, layer.bias)]
    )
    net = hessianfree.FFNet(list(SIZES), layers=layers, load_weights=weights)
    net.optimizer = optimiser = hessianfree.opt.HessianFree(CG_iter=50, init_damping=5)
    data = images.numpy()
    end = time.process_time() + SECONDS
    updates = 0
    while time.process_time() < end:
        net.cache_minibatch(data, data)
        net.W += optimiser.compute_update()
        updates += 1
    net.cache_minibatch(data, data)
    return 2 * float(net.error()), updates


def torchmins(images: Tensor, seed: int) -> tuple[float, int]:
    """The package torchmin's Newton-CG."""
    import torchmin

    model = network(seed)
    parameters = parameters_of(model)
    end = time.process_time() + SECONDS
    values: list[float] = []

    def fun(theta: Tensor) -> Tensor:
        return LOSS(call_with(model, unflatten(theta, parameters), images), images)

    def callback(theta: Tensor) -> None:
        values.append(float(fun(theta.detach())))
        if time.process_time() > end:
            raise TimeIsUpError

    with contextlib.suppress(TimeIsUpError):
        torchmin.minimize(
            fun,
            flatten(parameters).detach(),
            method="newton-cg",
            callback=callback,
            options={"cg_max_iter": 50, "xtol": 0.0},
        )
    return values[-1], len(values)


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    images = torch.tensor(curves(1000, 8, 0)).reshape(1000, -1)
    mean_image = float((images - images.mean(0)).square().sum() / len(images))
    methods = {
        "converge HessianFree": ours,
        "converge HessianFree, curvature on 250": lambda images, seed: ours(
            images, seed, curvature_cases=250
        ),
    }
    if importlib.util.find_spec("hessianfree"):
        methods["hessianfree 0.4 (NumPy)"] = numpys
    if importlib.util.find_spec("torchmin"):
        methods["torchmin Newton-CG"] = torchmins
    rows = []
    for name, method in methods.items():
        runs = [method(images, seed) for seed in (0, 1)]
        errors = " / ".join(f"{value:.3f}" for value, _ in runs)
        rows.append((name, errors, " / ".join(str(updates) for _, updates in runs)))
    table((f"squared error after {SECONDS:.0f} s, seeds 0 and 1", "reached", "updates"), rows)
    print(f"The mean image has {mean_image:.3f}.")


if __name__ == "__main__":
    main()
