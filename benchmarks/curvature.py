"""Curvature products over the cost of a gradient, beside torch.func's and curvlinops'.

python benchmarks/curvature.py

Without curvlinops, see requirements.txt, its rows are left out.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import torch
from _timing import interleaved, table
from torch import Tensor, nn
from torch.func import functional_call, grad, jvp, vjp

from converge_lib.descent import curvature


def networks() -> dict[str, tuple[nn.Module, Tensor, Tensor]]:
    """Return the networks, each with a batch."""
    torch.manual_seed(0)
    dense = nn.Sequential(
        nn.Linear(784, 500), nn.Tanh(), nn.Linear(500, 300), nn.Tanh(), nn.Linear(300, 10)
    )
    square = nn.Sequential(*[m for _ in range(6) for m in (nn.Linear(256, 256), nn.Sigmoid())])
    convolutional = nn.Sequential(
        nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 5), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(512, 10),
    )  # fmt: skip
    classes = torch.randint(10, (256,))
    return {
        "784-500-300-10, tanh": (dense, torch.randn(256, 784), classes),
        "six layers of 256, sigmoid": (square, torch.randn(256, 256), classes),
        "two convolutions": (convolutional, torch.randn(256, 1, 28, 28), classes),
    }


def candidates(model: nn.Module, inputs: Tensor, targets: Tensor) -> dict[str, Callable]:
    """Return what is timed: the gradient first, then products by name."""
    loss = nn.CrossEntropyLoss()
    batch = model, loss, inputs, targets
    parameters = curvature.parameters_of(model)
    flat = torch.randn(sum(p.numel() for p in parameters))
    named = {name: p.detach() for name, p in model.named_parameters()}
    tangents = dict(zip(named, curvature.unflatten(flat, parameters), strict=True))

    def outputs(named: dict[str, Tensor]) -> Tensor:
        return functional_call(model, named, (inputs,))

    def torch_gauss_newton() -> dict[str, Tensor]:
        z, jv = jvp(outputs, (named,), (tangents,))
        _, hjv = jvp(grad(lambda z: loss(z, targets)), (z,), (jv,))
        return vjp(outputs, named)[1](hjv)

    gauss_newton, hessian = curvature.gauss_newton(*batch), curvature.hessian(*batch)
    fisher = curvature.empirical_fisher(*batch)
    chosen = {
        "gradient": lambda: torch.autograd.grad(loss(model(inputs), targets), parameters),
        "G v, recorded: gauss_newton(…)(v)": lambda: gauss_newton(flat),
        "G v, once: gnvp": lambda: curvature.gnvp(*batch, flat),
        "G v: torch.func": torch_gauss_newton,
        "H v, recorded: hessian(…)(v)": lambda: hessian(flat),
        "H v, once: hvp": lambda: curvature.hvp(*batch, flat),
        "H v: torch.func, forward over reverse": lambda: jvp(
            grad(lambda named: loss(outputs(named), targets)), (named,), (tangents,)
        ),
        "F v, recorded: empirical_fisher(…)(v)": lambda: fisher(flat),
    }
    if importlib.util.find_spec("curvlinops"):
        import curvlinops

        arguments = model, loss, parameters, [(inputs, targets)]
        operators = {"G": "GGNLinearOperator", "H": "HessianLinearOperator"}
        operators["F"] = "EFLinearOperator"
        for symbol, name in operators.items():
            operator = getattr(curvlinops, name)(*arguments, check_deterministic=False)
            chosen[f"{symbol} v: curvlinops"] = lambda operator=operator: operator @ flat
    return chosen


def main() -> None:
    """Print the table."""
    columns = {}
    for name, (model, inputs, targets) in networks().items():
        times = interleaved(candidates(model, inputs, targets))
        columns[name] = {key: t / times["gradient"] for key, t in times.items()}
        columns[name]["gradient"] = f"{times['gradient'] * 1e3:.1f} ms"
    keys = sorted(next(iter(columns.values())), key=lambda key: (key != "gradient", key[0]))
    rows = [
        (key, *(c[key] if key == "gradient" else f"{c[key]:.2f}" for c in columns.values()))
        for key in keys
    ]
    table(("times a gradient", *columns), rows)
    if not importlib.util.find_spec("curvlinops"):
        print("curvlinops is not installed: see requirements.txt.")


if __name__ == "__main__":
    main()
