"""L-BFGS beside scipy's L-BFGS-B and torch's LBFGS: evaluations and time to ‖g‖ ≤ 1e-8.

python benchmarks/lbfgs.py
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from _timing import table
from scipy.optimize import minimize
from sklearn.datasets import load_digits

from converge_lib.descent import Objective
from converge_lib.descent.lbfgs import lbfgs
from converge_lib.descent.surfaces import rosenbrock

MEMORY = 10
TARGET = 1e-8
MOST = 50_000


class ReachedError(Exception):
    """Raised by the first evaluation whose gradient is small enough."""


def softmax_regression(decay: float = 1e-3) -> tuple[Callable, np.ndarray]:
    """Return mean cross-entropy plus ½ decay ‖W‖² on sklearn's digits, and a start at zero."""
    digits = load_digits()
    x = np.hstack([digits.data / 16, np.ones((len(digits.data), 1))])
    target = np.eye(10)[digits.target]

    def value_and_gradient(w: np.ndarray) -> tuple[float, np.ndarray]:
        matrix = w.reshape(65, 10)
        logits = x @ matrix
        logits -= logits.max(1, keepdims=True)
        p = np.exp(logits)
        total = p.sum(1, keepdims=True)
        value = (np.log(total[:, 0]) - (logits * target).sum(1)).mean() + decay / 2 * (w @ w)
        return value, (x.T @ (p / total - target) / len(x)).ravel() + decay * w

    return value_and_gradient, np.zeros(650)


def until_small(function: Callable) -> tuple[Callable, list[float]]:
    """Return the function, made to raise at ‖g‖ ≤ TARGET, and the norms of all it was asked for."""
    norms: list[float] = []

    def watched(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = function(x)
        norms.append(float(np.linalg.norm(gradient)))
        if norms[-1] <= TARGET:
            raise ReachedError
        return value, gradient

    return watched, norms


def ours(function: Callable, start: np.ndarray) -> None:
    """Converge's."""
    objective = Objective(lambda x: function(x)[0], value_and_gradient=function)
    lbfgs(objective, start, memory=MEMORY, steps=MOST, tolerance=0)


def scipys(function: Callable, start: np.ndarray) -> None:
    """Scipy's L-BFGS-B."""
    options = {"maxcor": MEMORY, "gtol": 0, "ftol": 0, "maxiter": MOST, "maxfun": MOST}
    minimize(function, start, jac=True, method="L-BFGS-B", options=options)


def torchs(function: Callable, start: np.ndarray) -> None:
    """torch.optim.LBFGS with its strong Wolfe search."""
    x = torch.tensor(start, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [x],
        max_iter=MOST,
        max_eval=MOST,
        history_size=MEMORY,
        tolerance_grad=0,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def closure() -> float:
        value, gradient = function(x.detach().numpy())
        x.grad = torch.from_numpy(gradient)
        return torch.tensor(value)

    optimiser.step(closure)


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    problems = {}
    for n in (2, 100, 1000):
        surface = rosenbrock(n)
        both = lambda x, s=surface: (float(s.fun(x)), s.gradient(x))  # noqa: E731
        problems[f"Rosenbrock, n = {n}"] = (both, surface.start)
    problems["softmax regression, n = 650"] = softmax_regression()
    methods = {"converge": ours, "scipy L-BFGS-B": scipys, "torch LBFGS": torchs}
    rows = []
    for problem, (function, start) in problems.items():
        for name, method in methods.items():
            seconds = []
            for _ in range(3):
                watched, norms = until_small(function)
                began = time.perf_counter()
                try:
                    method(watched, start.copy())
                except ReachedError:
                    reached = "reached"
                else:
                    reached = f"stopped at {min(norms):.1e}"
                seconds.append(time.perf_counter() - began)
            rows.append((problem, name, len(norms), f"{min(seconds) * 1e3:.1f}", reached))
    table(("problem", "method", "evaluations", "ms", "‖g‖ ≤ 1e-8"), rows)


if __name__ == "__main__":
    main()
