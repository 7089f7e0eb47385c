"""The loop that every first-order solver runs in."""

from __future__ import annotations

import numpy as np

from converge_lib._validation import count, number
from converge_lib.descent.objective import Differentiable, Objective, Result, Trace
from converge_lib.descent.solvers import Solver


def descend(
    solver: Solver,
    objective: Objective | Differentiable,
    x0: np.ndarray,
    *,
    steps: int = 1000,
    target: float | None = None,
) -> Result:
    """Run ``solver`` from ``x0`` until f falls below ``target``, overflows, or steps run out.

    Args:
        solver: anything with ``init(x)`` and ``step(x, grad, state)``.
        objective: a Surface, an Objective, or anything with ``fun`` and ``gradient``.
        x0: the start, shape (n,), finite.
        steps: the most steps to take.
        target: stop as soon as f(x) < target; None to take all steps.

    Returns:
        A Result. Each step costs one gradient; the values of f along the path are the observer's
        and cost nothing. A solver that diverges returns the finite part of its path with the reason
        ``"diverged"`` and raises no warning.

    >>> from converge_lib.descent.solvers import GradientDescent
    >>> from converge_lib.descent.surfaces import quadratic
    >>> bowl = quadratic(condition=10, rotation=0)
    >>> descend(GradientDescent(lr=0.1), bowl, [1.0, 1.0], target=1e-6).describe()
    'converged in 63 steps, f = 8.58e-07, cost 63'
    >>> descend(GradientDescent(lr=0.21), bowl, [1.0, 1.0], steps=10_000).reason
    'diverged'
    """
    if not isinstance(solver, Solver):
        raise ValueError(f"solver must have methods init and step, got {solver!r}")
    steps = count("steps", steps)
    if target is not None:
        target = number("target", target)
    objective = Objective.of(objective)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        trace = Trace(objective, x0)
        state = solver.init(trace.x)
        for _ in range(steps):
            if target is not None and trace.values[-1] < target:
                return trace.result("converged")
            x, state = solver.step(trace.x, objective.gradient(trace.x), state)
            if np.shape(x) != trace.x0.shape:
                raise ValueError(
                    f"solver.step must return x of shape {trace.x0.shape}, got {np.shape(x)}"
                )
            if not trace.record(np.asarray(x, dtype=np.float64)):
                return trace.result("diverged")
    reached = target is not None and trace.values[-1] < target
    return trace.result("converged" if reached else "steps")
