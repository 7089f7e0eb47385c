r"""A line search: how far to go along a direction that someone else has chosen.

Along x + αp the objective is a function of one number, φ(α) = f(x + αp), with slope
φ'(α) = ∇f(x + αp)ᵀp. A good α need not minimise φ. It must satisfy Wolfe's two conditions:

- enough is won: φ(α) ≤ φ(0) + c₁ α φ'(0)   (Armijo: rules out steps that are too long)
- it is flatter: |φ'(α)| ≤ c₂ |φ'(0)|        (curvature: rules out steps that are too short)

The second is also what keeps L-BFGS's matrix positive definite: it implies sᵀy > 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from converge_lib._validation import count, number, point
from converge_lib.descent.objective import Objective

ROUNDING = 1e-15
"""A relative change of f below which two values of f no longer tell which point is lower."""
EXPANSION = 4.0
"""How many times longer the next trial may be while the slope still points down."""
SAFEGUARD = 0.1
"""An interpolated trial keeps this share of the bracket away from both its ends."""


@dataclass(frozen=True)
class LineSearch:
    """What a line search found.

    Attributes:
        step: α, the share of the direction to go; 0 where nothing was found.
        fun: f(x + αp).
        gradient: ∇f(x + αp), shape (n,).
        reason: ``"wolfe"`` (both conditions hold), ``"armijo"`` (only the first one holds, and the
            evaluations are spent), ``"failed"`` (no lower point was found).
    """

    step: float
    fun: float
    gradient: np.ndarray
    reason: str


@dataclass(frozen=True)
class _Trial:
    step: float
    fun: float
    slope: float
    gradient: np.ndarray

    @property
    def finite(self) -> bool:
        return math.isfinite(self.fun) and math.isfinite(self.slope)


def strong_wolfe(
    objective: Objective,
    x: np.ndarray,
    direction: np.ndarray,
    f: float,
    g: np.ndarray,
    *,
    step: float = 1.0,
    c1: float = 1e-4,
    c2: float = 0.9,
    evaluations: int = 20,
) -> LineSearch:
    r"""Find a step along ``direction`` that satisfies the strong Wolfe conditions.

    First *bracket*: lengthen α until φ rises or its slope does, so that a good step lies between
    the last two trials. Then *zoom*: shrink that bracket by cubic interpolation. Every trial is one
    value with its gradient, which is what backpropagation gives at once, and is counted as such.

    Args:
        objective: counts the trials.
        x: where the search starts, shape (n,).
        direction: p, shape (n,); must point downhill, gᵀp < 0.
        f: f(x), already known.
        g: ∇f(x), shape (n,), already known.
        step: the first α to try, > 0.
        c1: Armijo's constant, in (0, 1).
        c2: the curvature constant, in (c1, 1): 0.9 for Newton-like directions, 0.1 for CG.
        evaluations: the most trials to make.

    Returns:
        A LineSearch, whose ``fun`` and ``gradient`` the caller need not compute again.

    Source: Nocedal and Wright (2006), algorithms 3.5 and 3.6, interpolation by eq. 3.59.
    Deviations: the bracket grows by the same interpolation, by at most 4 times; an infinite value
    ends the bracket and halves it; and where the change of f drowns in rounding, Armijo's condition
    is replaced by the slope's (2c₁ − 1) φ'(0) ≥ φ'(α), the approximate Wolfe
    condition of Hager and Zhang (2005), section 4.

    >>> bowl = Objective(lambda x: x @ x, gradient=lambda x: 2 * x)
    >>> x = np.array([3.0, 4.0])
    >>> found = strong_wolfe(bowl, x, -2 * x, 25.0, 2 * x, c2=0.1)
    >>> round(found.step, 12), found.reason, bowl.counts.gradient     # α = ½ lands on the minimum
    (0.5, 'wolfe', 2)
    """
    x = point("x", x)
    direction, g = point("direction", direction, x.size), point("g", g, x.size)
    step = number("step", step, low=0, low_open=True)
    c1 = number("c1", c1, low=0, high=1, low_open=True, high_open=True)
    c2 = number("c2", c2, low=c1, high=1, low_open=True, high_open=True)
    evaluations = count("evaluations", evaluations, low=1)
    start = _Trial(0.0, number("f", f), float(g @ direction), g)
    if not start.slope < 0:
        raise ValueError(f"direction must point downhill, gᵀp < 0, got gᵀp = {start.slope:g}")

    def evaluate(alpha: float) -> _Trial:
        fun, gradient = objective.value_and_gradient(x + alpha * direction)
        return _Trial(alpha, fun, float(gradient @ direction), gradient)

    def wins_enough(trial: _Trial) -> bool:
        if trial.fun <= start.fun + c1 * trial.step * start.slope:
            return True
        unresolved = abs(trial.fun - start.fun) <= ROUNDING * abs(start.fun)
        return unresolved and trial.slope <= (2 * c1 - 1) * start.slope

    def flat_enough(trial: _Trial) -> bool:
        return abs(trial.slope) <= -c2 * start.slope

    # Of the bracket's two ends, `low` is the better: it won enough and has the lowest value.
    low, high, alpha = start, None, step
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(evaluations):
            if low.step == alpha or (high is not None and high.step == alpha):
                break  # the bracket has shrunk to neighbouring numbers
            trial = evaluate(alpha)
            if not trial.finite or not wins_enough(trial) or _is_higher(trial, low):
                high = trial
            elif flat_enough(trial):
                return LineSearch(trial.step, trial.fun, trial.gradient, "wolfe")
            elif high is None and trial.slope < 0:
                before, low = low, trial
                alpha = _extrapolate(before, low)
                continue
            else:
                if high is None or trial.slope * (high.step - low.step) >= 0:
                    high = low
                low = trial
            alpha = _interpolate(low, high)
    if low.fun < start.fun:
        return LineSearch(low.step, low.fun, low.gradient, "armijo")
    return LineSearch(0.0, start.fun, start.gradient, "failed")


def _is_higher(trial: _Trial, low: _Trial) -> bool:
    return trial.fun - low.fun > ROUNDING * abs(low.fun)


def _extrapolate(before: _Trial, last: _Trial) -> float:
    width = last.step - before.step
    alpha = _cubic_minimum(before, last)
    nearest, farthest = last.step + width, last.step + EXPANSION * width
    if alpha is None or alpha <= last.step:
        return farthest  # it curves down: the cubic has no minimum ahead
    return min(max(alpha, nearest), farthest)


def _interpolate(low: _Trial, high: _Trial) -> float:
    width = high.step - low.step
    alpha = _cubic_minimum(low, high) if high.finite else None
    share = 0.5 if alpha is None else (alpha - low.step) / width
    return low.step + min(max(share, SAFEGUARD), 1 - SAFEGUARD) * width


def _cubic_minimum(a: _Trial, b: _Trial) -> float | None:
    """Where the cubic through both values and slopes has its minimum; None if it has none."""
    d1 = a.slope + b.slope - 3 * (a.fun - b.fun) / (a.step - b.step)
    radicand = d1 * d1 - a.slope * b.slope
    if not radicand >= 0:
        return None
    d2 = math.copysign(math.sqrt(radicand), b.step - a.step)
    divisor = b.slope - a.slope + 2 * d2
    return None if divisor == 0 else b.step - (b.step - a.step) * (b.slope + d2 - d1) / divisor
