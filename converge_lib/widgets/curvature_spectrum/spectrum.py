r"""Quadratics with a spectrum of one's choice: how fast a method must be, and how fast it is.

f(x) = ½ Σ λᵢ xᵢ², with λ from 1 to κ. Every eigenvector holds an equal share of f at the start,
which is 1, so that no direction can be forgotten. The twin of spectrum.js.

====== ============================================== =============
symbol meaning                                        in the code
====== ============================================== =============
κ      condition number, λmax/λmin                    ``condition``
k      number of steps                                ``k``
ρ      by how much the error shrinks a step at most   ``rate``
====== ============================================== =============
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from converge_lib.descent.conjugate_gradient import linear_cg
from converge_lib.descent.solvers import GradientDescent, Momentum

METHODS = ("GradientDescent", "Momentum", "ConjugateGradient")
DISTRIBUTIONS = ("log-uniform", "linear", "clusters", "outlier")
TARGET = 1e-6
FLOOR = 1e-7
"""Where a run ends: a little below the target, so that it is seen to pass it."""


def eigenvalues(
    distribution: str, condition: float, n: int, positions: Sequence[float] = ()
) -> np.ndarray:
    """Return n eigenvalues in rising order from 1 to κ, shape (n,).

    Args:
        distribution: one of :data:`DISTRIBUTIONS`.
        condition: κ, above 1.
        n: their number, at least 2 and at least the number of clusters.
        positions: of what can be moved, as shares of log κ: the inner clusters, or where the bulk
            ends before the outlier.

    >>> eigenvalues("log-uniform", 100, 3)
    array([  1.,  10., 100.])
    >>> eigenvalues("clusters", 100, 6, [0.5])
    array([  1.,   1.,  10.,  10., 100., 100.])
    """
    places = [0.0, *sorted(positions), 1.0]
    i = np.arange(n)
    if distribution == "linear":
        return 1 + (condition - 1) * (i / (n - 1))
    if distribution == "clusters":
        return condition ** np.array(places)[i * len(places) // n]
    if distribution == "outlier":
        share = places[1] * i / max(1, n - 2)
        return condition ** np.where(i == n - 1, 1.0, share)
    return condition ** (i / (n - 1))


def rate(method: str, condition: float) -> float:
    """Return ρ, by how much a method's error shrinks a step in the long run, at its best settings.

    >>> rate("GradientDescent", 9.0), rate("Momentum", 9.0)
    (0.8, 0.5)
    """
    root = condition if method == "GradientDescent" else math.sqrt(condition)
    return (root - 1) / (root + 1)


def tuned(method: str, condition: float) -> GradientDescent | Momentum:
    """Return a first-order solver with the settings that are best for the worst spectrum.

    Source: Polyak (1964); 2/(λmin + λmax) for gradient descent, 4/(√λmin + √λmax)² and
    ((√κ − 1)/(√κ + 1))² for momentum.
    """
    if method == "GradientDescent":
        return GradientDescent(2 / (condition + 1))
    root = math.sqrt(condition)
    return Momentum(4 / (root + 1) ** 2, ((root - 1) / (root + 1)) ** 2)


def bound(method: str, condition: float, k: float) -> float:
    r"""Return the most that (f − f*)/(f₀ − f*) can be after k steps, whatever the spectrum.

    ================== ======================== ====================
    method             square root of the bound ρ
    ================== ======================== ====================
    gradient descent   ρᵏ                       (κ − 1)/(κ + 1)
    momentum           (1 + (1 + ρ) k) ρᵏ       (√κ − 1)/(√κ + 1)
    conjugate gradient 2 / (ρᵏ + ρ⁻ᵏ)           (√κ − 1)/(√κ + 1)
    ================== ======================== ====================

    Momentum: at λ = κ its two roots meet in −ρ, and x_k/x₀ = (1 + (1 + ρ) k)(−ρ)ᵏ; for λ between,
    x_k/x₀ = (U_k − ρ U_{k−1})(cos θ) ρᵏ is smaller, by |U_k| ≤ k + 1. Conjugate gradient: 1/T_k of
    Chebyshev at (κ + 1)/(κ − 1), Nocedal and Wright (2006), eq. 5.36 without its last estimate.

    >>> round(bound("ConjugateGradient", 9.0, 1), 12)     # (2/(½ + 2))²
    0.64
    """
    rho = rate(method, condition)
    power = rho**k
    if method == "GradientDescent":
        return power**2
    if method == "Momentum":
        return ((1 + (1 + rho) * k) * power) ** 2
    return ((2 * power) / (1 + power * power)) ** 2


def predicted(method: str, condition: float, target: float = TARGET) -> int:
    """Return the fewest steps after which the bound is below ``target``, itself below 1.

    >>> predicted("GradientDescent", 100.0), predicted("Momentum", 100.0)
    (346, 58)
    """
    low, high = 0, 1
    while bound(method, condition, high) >= target:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if bound(method, condition, middle) < target:
            high = middle
        else:
            low = middle
    return high


@dataclass(frozen=True)
class Measured:
    """A run down to :data:`FLOOR`.

    Attributes:
        values: f at the start and after each step, shape (k + 1,).
        steps: the first step with f below :data:`TARGET`.
    """

    values: np.ndarray
    steps: int


def measure(method: str, values: np.ndarray) -> Measured:
    """Run a method on the quadratic with these eigenvalues, shape (n,), the last one κ.

    >>> measure("ConjugateGradient", eigenvalues("clusters", 100, 9, [0.5])).steps
    3
    """
    x = np.sqrt(2 / (len(values) * values))
    if method == "ConjugateGradient":
        # with b = 0 the residual is −∇f, and the values of φ are those of f
        solution = linear_cg(lambda v: values * v, 0 * x, x, steps=40 * len(values))
        reached = np.flatnonzero(np.array(solution.values) < FLOOR)
        return _measured(solution.values[: reached[0] + 1])
    solver = tuned(method, float(values[-1]))
    state, f = solver.init(x), [1.0]
    while f[-1] >= FLOOR:
        x, state = solver.step(x, values * x, state)
        f.append(float(values @ (x * x)) / 2)
    return _measured(f)


def _measured(f: list[float]) -> Measured:
    array = np.array(f)
    return Measured(array, int(np.argmax(array < TARGET)))
