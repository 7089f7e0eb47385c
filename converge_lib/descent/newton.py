r"""Newton's method: go to the minimum of the local quadratic model.

The model at x is f(x) + gᵀp + ½ pᵀHp. Setting its gradient g + Hp to zero gives the step
p = −H⁻¹g, which needs no rate and is blind to scale. Two things can go wrong, and each has a cure:

- H has a negative eigenvalue: the model has no minimum and p may point uphill. *Damping* adds λI.
- p is far too long for the model to be true there. A *line search* shortens it; damping does too.
"""

from __future__ import annotations

import numpy as np

from converge_lib._validation import count, number
from converge_lib.descent.objective import Differentiable, Objective, Result, Trace

SUFFICIENT_DECREASE = 1e-4
"""Armijo's constant: the share of the predicted decrease that a step must achieve."""


def newton(
    objective: Objective | Differentiable,
    x0: np.ndarray,
    *,
    damping: float | None = None,
    line_search: bool = False,
    steps: int = 100,
    tolerance: float = 1e-10,
) -> Result:
    r"""Minimise by Newton's method, plain, damped or with a backtracking line search.

    Plain: x ← x − H⁻¹ g. It converges quadratically near a minimum, and just as happily to a
    saddle or a maximum.

    Damped: (H + λI) p = −g. A step that lowers f is taken. λ follows the reduction ratio ρ, the
    decrease of f over the decrease that the model promised: λ ← 3/2 λ where ρ < 1/4, 2/3 λ where
    ρ > 3/4. Where H + λI is not positive definite, λ is doubled until it is.

    Args:
        objective: a Surface, an Objective, or anything with ``fun``, ``gradient``, ``hessian``.
        x0: the start, shape (n,).
        damping: the first λ, > 0; None for no damping.
        line_search: halve the step until f falls by Armijo's condition. Where p points uphill the
            negative gradient is searched instead. A saddle that lies downhill still attracts it.
        steps: the most steps to take.
        tolerance: stop when ‖g‖ is at most this.

    Source: Nocedal and Wright (2006), sections 3.3 and 4.1; the constants of the damping are those
    of Martens (2010), section 4.1.

    >>> from converge_lib.descent.surfaces import quadratic, rosenbrock
    >>> newton(quadratic(condition=1e6), [3.0, 4.0], steps=1).fun < 1e-12   # one step, whatever κ
    True
    >>> newton(rosenbrock(), [-1.2, 1.0]).steps
    7
    """
    if damping is not None:
        damping = number("damping", damping, low=0, low_open=True)
    steps = count("steps", steps)
    tolerance = number("tolerance", tolerance, low=0)
    objective = Objective.of(objective)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        trace = Trace(objective, x0)
        f = objective.fun(trace.x) if line_search or damping is not None else None
        g = hessian = None
        for _ in range(steps):
            x = trace.x
            if g is None:
                g = objective.gradient(x)
                if np.linalg.norm(g) <= tolerance:
                    return trace.result("converged")
                hessian = objective.hessian(x)
                if not (np.isfinite(g).all() and np.isfinite(hessian).all()):
                    return trace.result("diverged")
            if damping is None:
                p = _solve(hessian, g)
            else:
                p, damping = _damped_step(hessian, g, damping)
            if p is not None and line_search:
                p, f = _backtrack(objective, x, f, g, p if g @ p < 0 else -g)
            if p is None or np.array_equal(x + p, x):
                return trace.result("stalled")
            if damping is not None and not line_search:
                f_new = objective.fun(x + p)
                promised = g @ p + p @ hessian @ p / 2
                rho = (f_new - f) / promised
                if not rho >= 0.25:
                    damping *= 1.5
                elif rho > 0.75:
                    damping /= 1.5
                if not f_new < f:
                    continue  # stay at x; its gradient and Hessian still hold
                f = f_new
            if not trace.record(x + p):
                return trace.result("diverged")
            g = None
    return trace.result("steps")


def _solve(hessian: np.ndarray, g: np.ndarray) -> np.ndarray | None:
    try:
        return np.linalg.solve(hessian, -g)
    except np.linalg.LinAlgError:
        return None


def _damped_step(
    hessian: np.ndarray, g: np.ndarray, damping: float
) -> tuple[np.ndarray | None, float]:
    while np.isfinite(damping):
        damped = hessian + damping * np.eye(g.size)
        try:
            np.linalg.cholesky(damped)  # exists exactly for a positive definite matrix
            return np.linalg.solve(damped, -g), damping
        except np.linalg.LinAlgError:
            damping *= 2
    return None, damping


def _backtrack(
    objective: Objective, x: np.ndarray, f: float, g: np.ndarray, p: np.ndarray
) -> tuple[np.ndarray | None, float]:
    while not np.array_equal(x + p, x):
        f_new = objective.fun(x + p)
        if f_new <= f + SUFFICIENT_DECREASE * (g @ p):
            return p, f_new
        p = p / 2
    return None, f
