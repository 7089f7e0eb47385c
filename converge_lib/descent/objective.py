"""An objective that counts what it is asked, and the result of a descent on it.

Methods differ in what one step costs, so plots in this book have *cost* on the x-axis. The unit is
the gradient-equivalent: the work of one value and gradient by backpropagation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from converge_lib._validation import point
from converge_lib.descent.surfaces import View

FUN_COST = 1 / 3
"""A forward pass alone; the backward pass of a network costs about two of them."""
GRADIENT_COST = 1.0
HVP_COST = 5 / 3
"""A Hessian-vector product by differentiating twice; a Hessian is n of them."""


@dataclass(frozen=True)
class Counts:
    """Evaluations of f, of its gradient and of Hessian-vector products.

    >>> round(Counts(fun=3, gradient=2, hvp=3).cost, 6)
    8.0
    """

    fun: int = 0
    gradient: int = 0
    hvp: int = 0

    @property
    def cost(self) -> float:
        """The cost in gradient-equivalents."""
        return FUN_COST * self.fun + GRADIENT_COST * self.gradient + HVP_COST * self.hvp


class Differentiable(Protocol):
    """Anything with a value, a gradient and a Hessian: a Surface, or functions of your own."""

    fun: Callable[[np.ndarray], float]
    gradient: Callable[[np.ndarray], np.ndarray]
    hessian: Callable[[np.ndarray], np.ndarray]


class Objective:
    """A function of x, shape (n,), that counts its evaluations.

    Args:
        fun: f(x), a number.
        gradient: ∇f(x), shape (n,); may be left out if no method asks for it.
        hessian: ∇²f(x), shape (n, n); likewise. One Hessian counts as n products.
        hvp: ∇²f(x) v from x and v, shape (n,); where left out, ``hessian(x) @ v``.
        value_and_gradient: f(x) and ∇f(x) in one go; where left out, ``fun`` and ``gradient``.

    >>> bowl = Objective(lambda x: x @ x / 2, gradient=lambda x: x, hessian=lambda x: np.eye(2))
    >>> bowl.fun(np.array([3.0, 4.0]))
    12.5
    >>> bowl.gradient(np.array([3.0, 4.0]))
    array([3., 4.])
    >>> bowl.counts
    Counts(fun=1, gradient=1, hvp=0)
    """

    def __init__(
        self,
        fun: Callable[[np.ndarray], float],
        gradient: Callable[[np.ndarray], np.ndarray] | None = None,
        hessian: Callable[[np.ndarray], np.ndarray] | None = None,
        hvp: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
        value_and_gradient: Callable[[np.ndarray], tuple[float, np.ndarray]] | None = None,
    ) -> None:
        for name, value in (
            ("fun", fun),
            ("gradient", gradient),
            ("hessian", hessian),
            ("hvp", hvp),
            ("value_and_gradient", value_and_gradient),
        ):
            if not callable(value) and not (value is None and name != "fun"):
                raise ValueError(f"{name} must be a function of x, got {value!r}")
        self._fun, self._gradient, self._hessian = fun, gradient, hessian
        self._hvp, self._value_and_gradient = hvp, value_and_gradient
        self.counts = Counts()

    @classmethod
    def of(cls, function: Objective | Differentiable) -> Objective:
        """Return ``function`` itself if it counts already, else a new Objective around it."""
        if isinstance(function, Objective):
            return function
        if not callable(getattr(function, "fun", None)):
            raise ValueError(
                f"objective must be an Objective or have fun and gradient, got {function!r}"
            )
        names = ("gradient", "hessian", "hvp", "value_and_gradient")
        return cls(function.fun, *(getattr(function, name, None) for name in names))

    def fun(self, x: np.ndarray) -> float:
        """Return f(x), and count it."""
        self.counts = replace(self.counts, fun=self.counts.fun + 1)
        return self.peek(x)

    def peek(self, x: np.ndarray) -> float:
        """Return f(x) without counting it: for the observer's plot, not for the method's use."""
        return self._number("fun", self._fun(x))

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """Return ∇f(x), shape (n,), and count it."""
        self.counts = replace(self.counts, gradient=self.counts.gradient + 1)
        return self._array("gradient", self._gradient, x, x.shape)

    def value_and_gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return f(x) and ∇f(x), and count one gradient: backpropagation computes f on its way."""
        if self._value_and_gradient is None:
            return self.peek(x), self.gradient(x)
        self.counts = replace(self.counts, gradient=self.counts.gradient + 1)
        value, gradient = self._value_and_gradient(x)
        return (
            self._number("value_and_gradient", value),
            self._array("value_and_gradient", lambda _: gradient, x, x.shape),
        )

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """Return ∇²f(x), shape (n, n), and count n Hessian-vector products."""
        self.counts = replace(self.counts, hvp=self.counts.hvp + x.size)
        return self._array("hessian", self._hessian, x, (x.size, x.size))

    def hvp(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Return ∇²f(x) v, shape (n,), and count one product."""
        self.counts = replace(self.counts, hvp=self.counts.hvp + 1)
        if self._hvp is None:
            return self._array("hessian", self._hessian, x, (x.size, x.size)) @ v
        return self._array("hvp", lambda x: self._hvp(x, v), x, x.shape)

    @staticmethod
    def _number(name: str, value: float) -> float:
        array = np.asarray(value, dtype=np.float64)
        if array.size != 1:
            raise ValueError(f"{name} must return one number, got shape {array.shape}")
        return float(array.reshape(()))

    @staticmethod
    def _array(
        name: str, function: Callable | None, x: np.ndarray, shape: tuple[int, ...]
    ) -> np.ndarray:
        if function is None:
            raise ValueError(f"this method needs the objective's {name}, which was not given")
        array = np.asarray(function(x), dtype=np.float64)
        if array.shape != shape:
            raise ValueError(f"{name} must return shape {shape}, got {array.shape}")
        return array


@dataclass(frozen=True)
class Result:
    """Where a descent went, what it cost, and why it stopped.

    Attributes:
        x: the last point with a finite value, shape (n,).
        fun: f there.
        path: every point from the start to x, shape (k + 1, n), all finite.
        values: f along the path, shape (k + 1,), all finite.
        costs: gradient-equivalents spent on reaching each point, shape (k + 1,).
        reason: ``"converged"`` (the target or tolerance was met), ``"steps"`` (all steps were
            taken), ``"diverged"`` (the next point, value or derivative overflowed), ``"stalled"``
            (no acceptable step was found).
        counts: the evaluations spent.
    """

    x: np.ndarray
    fun: float
    path: np.ndarray
    values: np.ndarray
    costs: np.ndarray
    reason: str
    counts: Counts

    @property
    def steps(self) -> int:
        """The number k of steps taken."""
        return len(self.path) - 1

    def first_below(self, value: float) -> int | None:
        """Return the first step after which f is below ``value``, or None."""
        return _first(self.values < value)

    def first_outside(self, view: View) -> int | None:
        """Return the first step after which the first two coordinates leave ``view``, or None."""
        (left, right), (bottom, top) = view
        x, y = self.path[:, 0], self.path[:, 1]
        return _first((x < left) | (x > right) | (y < bottom) | (y > top))

    def describe(self) -> str:
        """Say in a sentence how it ended."""
        ending = {
            "converged": f"converged in {self.steps} steps",
            "steps": f"stopped after {self.steps} steps",
            "diverged": f"overflow after {self.steps} steps",
            "stalled": f"found no better point after {self.steps} steps",
        }[self.reason]
        return f"{ending}, f = {self.fun:.3g}, cost {self.counts.cost:.4g}"


@dataclass
class Trace:
    """What a running method writes down on its way; :meth:`result` makes the Result of it."""

    objective: Objective
    x0: np.ndarray
    path: list[np.ndarray] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.x0 = point("x0", self.x0)
        self._before = self.objective.counts
        if not self.record(self.x0):
            raise ValueError(f"x0 must have a finite value of f, got f = {self._last_value}")

    @property
    def x(self) -> np.ndarray:
        """A copy of the last recorded point: who gets it may write into it."""
        return self.path[-1].copy()

    def record(self, x: np.ndarray, value: float | None = None) -> bool:
        """Write down ``x`` if it and f(x) are finite; return whether they are.

        ``value`` is f(x) where the method knows it; else the observer looks it up.
        """
        self._last_value = self.objective.peek(x) if value is None else value
        if not (np.isfinite(x).all() and np.isfinite(self._last_value)):
            return False
        self.path.append(np.array(x))
        self.values.append(self._last_value)
        self.costs.append(self.spent.cost)
        return True

    def result(self, reason: str) -> Result:
        """Return what was written down."""
        return Result(
            x=self.path[-1],
            fun=self.values[-1],
            path=np.array(self.path),
            values=np.array(self.values),
            costs=np.array(self.costs),
            reason=reason,
            counts=self.spent,
        )

    @property
    def spent(self) -> Counts:
        """What the method has asked of the objective so far."""
        now, before = self.objective.counts, self._before
        return Counts(now.fun - before.fun, now.gradient - before.gradient, now.hvp - before.hvp)


def _first(condition: np.ndarray) -> int | None:
    return int(condition.argmax()) if condition.any() else None
