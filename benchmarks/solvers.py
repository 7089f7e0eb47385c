"""First-order solvers beside torch.optim: time of a step at a million parameters.

python benchmarks/solvers.py
"""

from __future__ import annotations

import torch
from _timing import interleaved, table

from converge_lib.descent import SOLVERS

PARAMETERS = 1_000_000
OPTIONS: dict[str, tuple[dict, dict]] = {  # ours, torch's
    "GradientDescent": ({}, {}),
    "Momentum": ({"momentum": 0.9}, {"momentum": 0.9}),
    "Nesterov": ({"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}),
    "AdaGrad": ({}, {}),
    "RMSProp": ({}, {}),
    "Adadelta": ({}, {}),
    "Adam": ({}, {}),
    "AdamW": ({}, {}),
}
NAMES = {"GradientDescent": "SGD", "Momentum": "SGD", "Nesterov": "SGD"}
NAMES |= {"AdaGrad": "Adagrad", "RMSProp": "RMSprop"}


def main() -> None:
    """Print the table."""
    torch.manual_seed(0)
    grad = torch.randn(PARAMETERS)
    rows = []
    for name, (options, torch_options) in OPTIONS.items():
        solver = SOLVERS[name](lr=1e-3, **options)
        x = torch.randn(PARAMETERS)
        kept = {"x": x, "state": solver.init(x)}

        def ours(solver: object = solver, kept: dict = kept) -> None:
            kept["x"], kept["state"] = solver.step(kept["x"], grad, kept["state"])

        parameter = torch.nn.Parameter(x.clone())
        parameter.grad = grad.clone()
        optimiser = getattr(torch.optim, NAMES.get(name, name))(
            [parameter], lr=1e-3, **torch_options
        )
        times = interleaved({"ours": ours, "torch": optimiser.step}, rounds=40)
        ratio = times["ours"] / times["torch"]
        rows.append(
            (name, f"{times['ours'] * 1e3:.2f}", f"{times['torch'] * 1e3:.2f}", f"{ratio:.2f}")
        )
    table(("solver", "converge, ms", "torch.optim, ms", "ratio"), rows)


if __name__ == "__main__":
    main()
