r"""Surfaces to go down: value, gradient and Hessian in closed form, with where to start and look.

Each surface shows one difficulty. ``fun`` and ``gradient`` take points of shape (..., n), so that a
whole grid is evaluated at once; ``hessian`` takes one point of shape (n,).

>>> valley = rosenbrock()
>>> float(valley.fun(np.array([1.0, 1.0])))
0.0
>>> valley.hessian(np.array([1.0, 1.0]))
array([[ 802., -400.],
       [-400.,  200.]])
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from converge_lib._validation import choice, count, number, point

View = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True)
class Surface:
    """A function from Rⁿ to R, and what is needed to draw and to test a descent on it.

    Attributes:
        name: key in :data:`SURFACES`.
        fun: f, from shape (..., n) to (...).
        gradient: ∇f, from shape (..., n) to (..., n).
        hessian: ∇²f at one point, from shape (n,) to (n, n).
        minima: every global minimum, shape (k, n); f is 0 at each.
        start: where a descent starts unless told otherwise, shape (n,).
        view: ((x low, x high), (y low, y high)), what a picture of the first two coordinates shows.
        difficulty: one sentence, what it is that makes descent hard here.
        parameters: the arguments that made this surface from its entry in :data:`SURFACES`.
    """

    name: str
    fun: Callable[[np.ndarray], np.ndarray]
    gradient: Callable[[np.ndarray], np.ndarray]
    hessian: Callable[[np.ndarray], np.ndarray]
    minima: np.ndarray
    start: np.ndarray
    view: View
    difficulty: str
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def dimension(self) -> int:
        """The number n of coordinates."""
        return self.start.size


def quadratic(condition: float = 10.0, rotation: float = math.pi / 6, n: int = 2) -> Surface:
    r"""Half a quadratic form with a chosen condition number.

    f(x) = ½ xᵀ Q Λ Qᵀ x, with Λ = diag(1, …, κ) spaced evenly in the logarithm.

    Args:
        condition: κ = λmax/λmin, at least 1.
        rotation: angle in radians. Q turns every plane (i, i+1) by it, so that for n = 2 it is the
            angle between the first axis and the *flat* direction.
        n: number of coordinates, at least 2.

    >>> bowl = quadratic(condition=4, rotation=0)
    >>> float(bowl.fun(np.array([2.0, 1.0])))          # ½ (1·2² + 4·1²)
    4.0
    """
    condition = number("condition", condition, low=1)
    rotation = number("rotation", rotation)
    n = count("n", n, low=2)
    turn = np.eye(n)
    for i in range(n - 1):
        plane = np.eye(n)
        plane[i : i + 2, i : i + 2] = [
            [math.cos(rotation), -math.sin(rotation)],
            [math.sin(rotation), math.cos(rotation)],
        ]
        turn = turn @ plane
    matrix = turn * condition ** (np.arange(n) / (n - 1)) @ turn.T
    matrix = (matrix + matrix.T) / 2  # rounding leaves it a hair from symmetric

    def fun(x: np.ndarray) -> np.ndarray:
        x = _points(x, n)
        return (x * (x @ matrix)).sum(-1) / 2

    def gradient(x: np.ndarray) -> np.ndarray:
        return _points(x, n) @ matrix

    def hessian(x: np.ndarray) -> np.ndarray:
        point("x", x, n)
        return matrix.copy()

    return Surface(
        name="quadratic",
        fun=fun,
        gradient=gradient,
        hessian=hessian,
        minima=np.zeros((1, n)),
        start=np.resize([-1.6, 1.1], n),
        view=((-2.0, 2.0), (-1.5, 1.5)),
        difficulty="curvature differs by direction, and by nothing else",
        parameters={"condition": condition, "rotation": rotation, "n": n},
    )


def rosenbrock(n: int = 2) -> Surface:
    r"""Rosenbrock's valley: curved, steep across and nearly flat along.

    f(x) = Σᵢ 100 (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)²,  i = 1 … n − 1

    Source: Rosenbrock (1960), eq. 6, for n = 2; the chain for larger n is the usual extension.
    Deviation: for n ≥ 4 the chain has a second, worse local minimum near (−1, 1, …, 1).
    """
    n = count("n", n, low=2)

    def fun(x: np.ndarray) -> np.ndarray:
        x = _points(x, n)
        a, b = x[..., :-1], x[..., 1:]
        across, along = b - a * a, 1 - a
        return (100 * (across * across) + along * along).sum(-1)

    def gradient(x: np.ndarray) -> np.ndarray:
        x = _points(x, n)
        a, b = x[..., :-1], x[..., 1:]
        across = b - a * a
        grad = np.zeros_like(x)
        grad[..., :-1] = -400 * a * across - 2 * (1 - a)
        grad[..., 1:] += 200 * across
        return grad

    def hessian(x: np.ndarray) -> np.ndarray:
        x = point("x", x, n)
        a, b = x[:-1], x[1:]
        diagonal = np.zeros(n)
        diagonal[:-1] = 1200 * a * a - 400 * b + 2
        diagonal[1:] += 200
        beside = -400 * a
        return np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)

    return Surface(
        name="rosenbrock",
        fun=fun,
        gradient=gradient,
        hessian=hessian,
        minima=np.ones((1, n)),
        start=np.resize([-1.2, 1.0], n),
        view=((-2.0, 2.0), (-1.0, 3.0)),
        difficulty="a curved valley, steep across and nearly flat along",
        parameters={"n": n},
    )


def beale() -> Surface:
    r"""Beale's function: a flat floor with steep ridges at its corners.

    f(x, y) = (1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)²

    Source: Beale (1958); Moré, Garbow and Hillstrom (1981), problem 5.
    """
    targets = (1.5, 2.25, 2.625)

    def fun(x: np.ndarray) -> np.ndarray:
        x = _points(x, 2)
        x, y = x[..., 0], x[..., 1]
        r1, r2, r3 = _beale_residuals(x, y, targets)
        return r1 * r1 + r2 * r2 + r3 * r3

    def gradient(x: np.ndarray) -> np.ndarray:
        x = _points(x, 2)
        x, y = x[..., 0], x[..., 1]
        r1, r2, r3 = _beale_residuals(x, y, targets)
        along_x = 2 * (r1 * (y - 1) + r2 * (y * y - 1) + r3 * (y * y * y - 1))
        along_y = 2 * x * (r1 + 2 * y * r2 + 3 * (y * y) * r3)
        return np.stack([along_x, along_y], -1)

    def hessian(x: np.ndarray) -> np.ndarray:
        x, y = point("x", x, 2)
        residuals = np.array(_beale_residuals(x, y, targets))
        jacobian = np.array([[y - 1, x], [y * y - 1, 2 * x * y], [y**3 - 1, 3 * x * y * y]])
        # ∇²(Σ r²) = 2 JᵀJ + 2 Σ r ∇²r, and each ∇²r is zero but for its xy and yy entries
        xy = residuals @ [1, 2 * y, 3 * y * y]
        yy = residuals @ [0, 2 * x, 6 * x * y]
        return 2 * jacobian.T @ jacobian + 2 * np.array([[0, xy], [xy, yy]])

    return Surface(
        name="beale",
        fun=fun,
        gradient=gradient,
        hessian=hessian,
        minima=np.array([[3.0, 0.5]]),
        start=np.array([1.0, 1.5]),
        view=((-1.0, 4.0), (-1.0, 2.0)),
        difficulty="a flat floor that ends in cliffs: one rate cannot suit both",
    )


def himmelblau() -> Surface:
    r"""Himmelblau's function: four minima, so that the start decides.

    f(x, y) = (x² + y − 11)² + (x + y² − 7)²

    Source: Himmelblau (1972). Three of the minima are roots of a quintic, found here by Newton's
    method to the last bit.
    """

    def fun(x: np.ndarray) -> np.ndarray:
        x = _points(x, 2)
        x, y = x[..., 0], x[..., 1]
        p, q = x * x + y - 11, x + y * y - 7
        return p * p + q * q

    def gradient(x: np.ndarray) -> np.ndarray:
        x = _points(x, 2)
        x, y = x[..., 0], x[..., 1]
        p, q = x * x + y - 11, x + y * y - 7
        return np.stack([4 * x * p + 2 * q, 2 * p + 4 * y * q], -1)

    def hessian(x: np.ndarray) -> np.ndarray:
        x, y = point("x", x, 2)
        xx = 12 * x * x + 4 * y - 42
        yy = 12 * y * y + 4 * x - 26
        return np.array([[xx, 4 * (x + y)], [4 * (x + y), yy]])

    minima = np.array([[3.0, 2.0], [-2.8, 3.1], [-3.8, -3.3], [3.6, -1.8]])
    for _ in range(8):
        minima = np.array([z - np.linalg.solve(hessian(z), gradient(z)) for z in minima])
    return Surface(
        name="himmelblau",
        fun=fun,
        gradient=gradient,
        hessian=hessian,
        minima=minima,
        start=np.array([-0.5, -1.0]),
        view=((-5.0, 5.0), (-5.0, 5.0)),
        difficulty="four minima: where you start decides where you end",
    )


def saddle() -> Surface:
    r"""A saddle between two minima: the gradient vanishes where nothing is won.

    f(x, y) = x²/2 + (y² − 1)²/4, with the saddle at the origin and minima at (0, ±1).
    """

    def fun(x: np.ndarray) -> np.ndarray:
        x = _points(x, 2)
        x, y = x[..., 0], x[..., 1]
        w = y * y - 1
        return x * x / 2 + w * w / 4

    def gradient(x: np.ndarray) -> np.ndarray:
        x = _points(x, 2)
        x, y = x[..., 0], x[..., 1]
        return np.stack([x, y * (y * y - 1)], -1)

    def hessian(x: np.ndarray) -> np.ndarray:
        _, y = point("x", x, 2)
        return np.array([[1.0, 0.0], [0.0, 3 * y * y - 1]])

    return Surface(
        name="saddle",
        fun=fun,
        gradient=gradient,
        hessian=hessian,
        minima=np.array([[0.0, 1.0], [0.0, -1.0]]),
        start=np.array([-1.5, 1e-3]),
        view=((-2.0, 2.0), (-1.6, 1.6)),
        difficulty="the gradient vanishes at a point that is no minimum",
    )


def plateau() -> Surface:
    r"""One sigmoid unit fitted to five points: far from the answer it saturates and goes flat.

    f(w, b) = ½ Σᵢ (σ(w uᵢ + b) − σ(3 uᵢ))², with u = −2, −1, 0, 1, 2 and minimum (w, b) = (3, 0).
    """
    u = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    target = _sigmoid(3 * u)

    def fun(x: np.ndarray) -> np.ndarray:
        x = _points(x, 2)
        error = _sigmoid(x[..., :1] * u + x[..., 1:]) - target
        return (error * error).sum(-1) / 2

    def gradient(x: np.ndarray) -> np.ndarray:
        x = _points(x, 2)
        s = _sigmoid(x[..., :1] * u + x[..., 1:])
        delta = (s - target) * s * (1 - s)  # derivative by the unit's input: σ' = σ(1 − σ)
        return np.stack([(delta * u).sum(-1), delta.sum(-1)], -1)

    def hessian(x: np.ndarray) -> np.ndarray:
        w, b = point("x", x, 2)
        s = _sigmoid(w * u + b)
        slope = s * (1 - s)
        second = slope * slope + (s - target) * slope * (1 - 2 * s)
        inputs = np.stack([u, np.ones_like(u)])
        return inputs * second @ inputs.T

    return Surface(
        name="plateau",
        fun=fun,
        gradient=gradient,
        hessian=hessian,
        minima=np.array([[3.0, 0.0]]),
        start=np.array([-4.0, 4.0]),
        view=((-8.0, 8.0), (-6.0, 6.0)),
        difficulty="a saturated sigmoid: almost no gradient where the error is largest",
    )


SURFACES: dict[str, Callable[..., Surface]] = {
    make.__name__: make for make in (quadratic, rosenbrock, beale, himmelblau, saddle, plateau)
}
"""The surfaces of this module by name."""


def surface(name: str, **parameters: float) -> Surface:
    """Return the surface called ``name``; ``parameters`` go to the function of that name.

    >>> surface("quadratic", condition=100).parameters["condition"]
    100.0
    >>> surface("rosenbrok")
    Traceback (most recent call last):
    ...
    ValueError: name must be one of 'quadratic', 'rosenbrock', 'beale', 'himmelblau', 'saddle', \
'plateau', got 'rosenbrok'
    """
    make = SURFACES[choice("name", name, list(SURFACES))]
    try:
        return make(**parameters)
    except TypeError as error:
        raise ValueError(f"parameters of {name}: {error}") from error


def _points(x: np.ndarray, n: int) -> np.ndarray:
    x = np.asarray(x, dtype=np.float64)
    if x.ndim == 0 or x.shape[-1] != n:
        raise ValueError(f"x must have shape (..., {n}), got {x.shape}")
    return x


def _beale_residuals(x: np.ndarray, y: np.ndarray, targets: tuple[float, ...]) -> tuple:
    return (
        targets[0] - x + x * y,
        targets[1] - x + x * (y * y),
        targets[2] - x + x * (y * y * y),
    )


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return (1 + np.tanh(z / 2)) / 2  # as 1/(1 + e⁻ᶻ), but cannot overflow
