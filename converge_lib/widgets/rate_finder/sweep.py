"""A solver run at every rate of a grid: where it is best, and where its cliff is; as sweep.js."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from converge_lib.descent.descend import descend
from converge_lib.descent.solvers import SOLVERS, Solver
from converge_lib.descent.surfaces import Surface

RATES = (1e-5, 100.0)
PER_DECADE = 24
HALVINGS = 14


@dataclass(frozen=True)
class Run:
    """One run of all steps.

    Attributes:
        values: f along it, shape (k + 1,).
        loss: the largest f of the last tenth of the steps, since momentum swings and a swing that
            happens to end low says nothing; ∞ if the run overflowed.
        cost: the first step with f below the target; NaN if there is none.
    """

    values: np.ndarray
    loss: float
    cost: float


@dataclass(frozen=True)
class Cliff:
    """Where a solver no longer gets below its start.

    Attributes:
        rate: the lowest rate above the best at which a run ends higher than it began.
        diverges: whether at twice that rate it runs away; a solver with bounded steps does not.
    """

    rate: float
    diverges: bool


@dataclass(frozen=True)
class Curve:
    """Rates, shape (n,), with each run's loss and cost, and the cliff if there is one."""

    rates: np.ndarray
    losses: np.ndarray
    costs: np.ndarray
    cliff: Cliff | None

    def best(self, measure: str) -> int | None:
        """Return the place of the best rate by "loss" or "cost"; None if all runs overflowed."""
        values = self.losses if measure == "loss" else self.costs
        wanted = np.where(np.isfinite(values), values, np.inf)
        return int(wanted.argmin()) if np.isfinite(wanted).any() else None


def solver_at(name: str, rate: float, momentum: float) -> Solver:
    """Return a solver with its usual hyperparameters, but for the rate and the momentum.

    >>> solver_at("Momentum", 0.1, 0.5)
    Momentum(lr=0.1, momentum=0.5)
    """
    make = SOLVERS[name]
    has_momentum = "momentum" in {field.name for field in fields(make)}
    return make(lr=rate, momentum=momentum) if has_momentum else make(lr=rate)


def run(
    name: str, rate: float, surface: Surface, *, steps: int, momentum: float, target: float
) -> Run:
    """Run a solver at a rate from the surface's own start."""
    result = descend(solver_at(name, rate, momentum), surface, surface.start, steps=steps)
    loss = float(result.values[-math.ceil(steps / 10) :].max())
    reached = result.first_below(target)
    return Run(
        result.values,
        math.inf if result.reason == "diverged" else loss,
        math.nan if reached is None else reached,
    )


def sweep(
    name: str,
    surface: Surface,
    *,
    steps: int,
    momentum: float,
    target: float,
    per_decade: int = PER_DECADE,
) -> Curve:
    """Run a solver at all rates of the grid, and look for its cliff.

    >>> from converge_lib.descent.surfaces import quadratic
    >>> options = {"steps": 50, "momentum": 0.9, "target": 1e-6, "per_decade": 4}
    >>> cliff = sweep("GradientDescent", quadratic(condition=10), **options).cliff
    >>> round(cliff.rate, 3), cliff.diverges            # 2/λmax
    (0.2, True)
    """
    low, high = RATES
    decades = round(math.log10(high / low))
    rates = low * 10 ** (np.arange(decades * per_decade + 1) / per_decade)

    def at(rate: float) -> Run:
        return run(name, rate, surface, steps=steps, momentum=momentum, target=target)

    runs = [at(float(rate)) for rate in rates]
    losses = np.array([each.loss for each in runs])
    costs = np.array([each.cost for each in runs])
    before = float(surface.fun(surface.start))
    above = np.flatnonzero((losses > before) & (np.arange(len(rates)) > losses.argmin()))
    cliff = None
    if above.size:
        below, beyond = float(rates[above[0] - 1]), float(rates[above[0]])
        for _ in range(HALVINGS):
            middle = math.sqrt(below * beyond)
            if at(middle).loss > before:
                beyond = middle
            else:
                below = middle
        cliff = Cliff(beyond, bool(at(2 * beyond).loss > 1e3 * before))
    return Curve(rates, losses, costs, cliff)


def limit(name: str, curvature: float, momentum: float) -> float | None:
    """Return the rate above which a direction of curvature λ no longer shrinks on a quadratic.

    2/λ for gradient descent, (2 + 2μ)/λ for momentum, (2 + 2μ)/((1 + 2μ) λ) for Nesterov's method,
    where a root of its recurrence reaches −1; None for the others.
    """
    if name == "GradientDescent":
        return 2 / curvature
    if name == "Momentum":
        return (2 + 2 * momentum) / curvature
    if name == "Nesterov":
        return (2 + 2 * momentum) / ((1 + 2 * momentum) * curvature)
    return None
