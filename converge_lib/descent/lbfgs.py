r"""L-BFGS: Newton's method with an inverse Hessian that is guessed from the last few steps.

A step s = x₊ − x and the change of gradient y = g₊ − g it caused tell the Hessian along one
direction: H s ≈ y. L-BFGS keeps the last m such pairs and applies the inverse of a matrix that fits
them without ever forming it.

====== ===================================== ==================
symbol meaning                               in the code
====== ===================================== ==================
s, y   a step, and the change of gradient    ``s``, ``y``
ρ      1 / (yᵀs)                             ``rho``
γ      sᵀy / yᵀy, the first guess of H⁻¹     ``gamma``
m      pairs that are remembered             ``memory``
====== ===================================== ==================
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np

from converge_lib._validation import count, number
from converge_lib.descent.line_search import strong_wolfe
from converge_lib.descent.objective import Differentiable, Objective, Result, Trace

CURVATURE = 1e-10
"""A pair is kept only where sᵀy exceeds this share of yᵀy: the rest is rounding."""


def two_loop(g: np.ndarray, pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    r"""Return H⁻¹ g for the H⁻¹ that the pairs (s, y) imply, oldest first; each of shape (n,).

    Source: Nocedal (1980); Nocedal and Wright (2006), algorithm 7.4, with γ of eq. 7.20.

    >>> s, y = np.array([1.0, 0.0]), np.array([4.0, 0.0])      # curvature 4 was seen along x₁
    >>> two_loop(np.array([8.0, 8.0]), [(s, y)])
    array([2., 2.])
    >>> two_loop(np.array([8.0, 8.0]), [])                     # nothing seen: gradient descent
    array([8., 8.])
    """
    pairs = [(s, y, 1 / (y @ s)) for s, y in pairs]
    q = g
    alphas = []
    for s, y, rho in reversed(pairs):
        alpha = rho * (s @ q)
        q = q - alpha * y
        alphas.append(alpha)
    if pairs:
        s, y, rho = pairs[-1]
        gamma = 1 / (rho * (y @ y))
        q = gamma * q
    for (s, y, rho), alpha in zip(pairs, reversed(alphas), strict=True):
        beta = rho * (y @ q)
        q = q + (alpha - beta) * s
    return q


def lbfgs(
    objective: Objective | Differentiable,
    x0: np.ndarray,
    *,
    memory: int = 10,
    steps: int = 1000,
    tolerance: float = 1e-8,
) -> Result:
    r"""Minimise by L-BFGS with a strong Wolfe line search.

    x ← x − α H⁻¹ g, with H⁻¹ from the last m steps by :func:`two_loop`. α = 1 is tried first, and
    nearly always taken, but for the first step, which knows no scale and tries 1/‖g‖.

    Args:
        objective: a Surface, an Objective, or anything with ``fun`` and ``gradient``.
        x0: the start, shape (n,).
        memory: m, the number of pairs kept, at least 1.
        steps: the most steps to take.
        tolerance: stop when ‖g‖ is at most this.

    Source: Liu and Nocedal (1989); Nocedal and Wright (2006), algorithm 7.5. Deviation: where the
    line search finds nothing the memory is dropped, and the search tried once more along −g.

    >>> from converge_lib.descent.surfaces import rosenbrock
    >>> result = lbfgs(rosenbrock(n=100), rosenbrock(n=100).start, tolerance=1e-8)
    >>> result.reason
    'converged'
    """
    memory = count("memory", memory, low=1)
    steps = count("steps", steps)
    tolerance = number("tolerance", tolerance, low=0)
    objective = Objective.of(objective)
    trace = Trace(objective, x0)
    x = trace.x
    pairs: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=memory)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        f, g = objective.value_and_gradient(x)
        for _ in range(steps):
            if not np.isfinite(np.linalg.norm(g)):
                return trace.result("diverged")
            if np.linalg.norm(g) <= tolerance:
                return trace.result("converged")
            found = None
            if pairs:
                direction = -two_loop(g, pairs)
                if g @ direction < 0:
                    found = strong_wolfe(objective, x, direction, f, g)
            if found is None or found.reason == "failed":
                pairs.clear()
                direction = -g
                step = min(1.0, 1 / float(np.linalg.norm(g)))
                found = strong_wolfe(objective, x, direction, f, g, step=step)
            if found.reason == "failed":
                return trace.result("stalled")
            s, y = found.step * direction, found.gradient - g
            x, f, g = x + s, found.fun, found.gradient
            trace.record(x, f)
            if s @ y > CURVATURE * (y @ y):
                pairs.append((s, y))
        return trace.result("converged" if np.linalg.norm(g) <= tolerance else "steps")
