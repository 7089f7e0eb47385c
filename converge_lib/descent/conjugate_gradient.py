r"""Conjugate gradient: never undo along one direction what was won along another.

Linear CG solves A x = b for a symmetric positive definite A that is known only through products
A v, or, which is the same, minimises the quadratic φ(x) = ½ xᵀAx − bᵀx. Nonlinear CG does the same
where A is the Hessian of something that is not quadratic, and changes on the way.

====== =========================================== =====================
symbol meaning                                     in the code
====== =========================================== =====================
x      the iterate                                 ``x``
r      residual b − Ax, minus the gradient of φ    ``residual``
d      direction, A-conjugate to all before it     ``direction``
α      step along d                                ``alpha``
β      share of the last direction that is kept    ``beta``
M      preconditioner, an A that is easy to invert ``preconditioner``
====== =========================================== =====================
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from converge_lib._validation import count, number
from converge_lib.descent.line_search import strong_wolfe
from converge_lib.descent.objective import Differentiable, Objective, Result, Trace

Vector = TypeVar("Vector")

RESTART = 0.2
"""Powell's test: restart where successive gradients are further from orthogonal than this."""


@dataclass(frozen=True)
class LinearSolution(Generic[Vector]):
    """What linear CG found.

    Attributes:
        x: the last iterate, shape (n,).
        reason: ``"converged"`` (the residual is below the tolerance), ``"progress"`` (φ hardly
            falls any more), ``"steps"`` (all iterations were made), ``"negative curvature"`` (a
            direction with dᵀAd ≤ 0: A is not positive definite and φ has no minimum along it),
            ``"diverged"`` (a product was not finite).
        steps: the number k of iterations, each of one product.
        values: φ at the start and after every iteration, shape (k + 1,).
        residual_norm: ‖b − Ax‖.
        iterates: x after the iterations asked for in ``keep``, by number.
    """

    x: Vector
    reason: str
    steps: int
    values: list[float]
    residual_norm: float
    iterates: dict[int, Vector]


def linear_cg(
    product: Callable[[Vector], Vector],
    b: Vector,
    x0: Vector | None = None,
    *,
    preconditioner: Callable[[Vector], Vector] | None = None,
    steps: int | None = None,
    tolerance: float = 1e-10,
    progress: float | None = None,
    keep: Container[int] = (),
) -> LinearSolution[Vector]:
    r"""Solve A x = b by conjugate gradient; the same lines serve NumPy and torch vectors.

    In exact arithmetic it ends after as many iterations as A has distinct eigenvalues; the error
    falls at least by (√κ − 1)/(√κ + 1) an iteration, where gradient descent has (κ − 1)/(κ + 1).

    Args:
        product: A v from v, shape (n,) to (n,).
        b: the right-hand side, shape (n,).
        x0: the start, shape (n,); None for zero, which saves one product.
        preconditioner: M⁻¹ r from r, with M symmetric positive definite; None for the identity.
        steps: the most iterations; None for n.
        tolerance: stop when ‖r‖ ≤ tolerance · ‖b‖.
        progress: Martens' ε. Stop after iteration i when φ < 0 and φ has fallen over the last
            k = max(10, ⌊0.1 i⌋) iterations by less than the share kε of itself. It asks what an
            optimiser wants to know, whether φ still falls, which the residual does not tell.
        keep: the numbers of the iterations whose iterates the caller wants.

    Source: Hestenes and Stiefel (1952); Nocedal and Wright (2006), algorithm 5.3; the test of
    progress is Martens (2010), section 4.4.

    >>> A = np.diag([1.0, 10.0, 10.0])
    >>> solution = linear_cg(lambda v: A @ v, np.array([1.0, 10.0, 20.0]))
    >>> solution.x.round(12), solution.steps             # two distinct eigenvalues, two iterations
    (array([1., 1., 2.]), 2)
    """
    if getattr(b, "ndim", None) != 1:
        raise ValueError(f"b must be a vector of shape (n,), got {getattr(b, 'shape', b)!r}")
    if x0 is not None and getattr(x0, "shape", None) != b.shape:
        raise ValueError(f"x0 must have b's shape {tuple(b.shape)}, got {np.shape(x0)}")
    steps = b.shape[0] if steps is None else count("steps", steps)
    tolerance = number("tolerance", tolerance, low=0)
    if progress is not None:
        progress = number("progress", progress, low=0)

    x = 0 * b if x0 is None else x0
    residual = b if x0 is None else b - _same_shape("product", product(x0), b)
    target = tolerance * math.sqrt(b @ b)
    # φ(x) = ½ xᵀAx − bᵀx = −½ xᵀ(b + r), so that it costs no product
    values = [float(-(x @ (b + residual)) / 2)]
    iterates: dict[int, Vector] = {}
    direction, rz = None, 0.0
    norm = math.sqrt(residual @ residual)
    while True:
        i = len(values) - 1
        if not (math.isfinite(norm) and math.isfinite(values[-1])):
            reason = "diverged"
            break
        if norm <= target:
            reason = "converged"
            break
        if progress is not None and _stagnates(values, progress):
            reason = "progress"
            break
        if i == steps:
            reason = "steps"
            break
        z = residual if preconditioner is None else preconditioner(residual)
        rz_before, rz = rz, float(residual @ _same_shape("preconditioner", z, b))
        if not rz > 0:
            raise ValueError(f"preconditioner must be positive definite, got rᵀM⁻¹r = {rz:g}")
        direction = z if direction is None else z + (rz / rz_before) * direction
        along = _same_shape("product", product(direction), b)
        curvature = float(direction @ along)
        if not curvature > 0:
            reason = "diverged" if math.isnan(curvature) else "negative curvature"
            break
        alpha = rz / curvature
        x = x + alpha * direction
        residual = residual - alpha * along
        norm = math.sqrt(residual @ residual)
        values.append(float(-(x @ (b + residual)) / 2))
        if i + 1 in keep:
            iterates[i + 1] = x
    return LinearSolution(x, reason, i, values, norm, iterates)


def nonlinear_cg(
    objective: Objective | Differentiable,
    x0: np.ndarray,
    *,
    steps: int = 1000,
    tolerance: float = 1e-8,
) -> Result:
    r"""Minimise by nonlinear conjugate gradient: Polak-Ribière+ with restarts.

    d ← −g + β d,  β = max(0, gᵀ(g − g₋) / g₋ᵀg₋),  x ← x + α d

    α comes from a strong Wolfe search with c₂ = 0.1. The method restarts with d = −g every n steps,
    where successive gradients are far from orthogonal, and where d would not point downhill.

    Args:
        objective: a Surface, an Objective, or anything with ``fun`` and ``gradient``.
        x0: the start, shape (n,).
        steps: the most steps to take.
        tolerance: stop when ‖g‖ is at most this.

    Source: Nocedal and Wright (2006), section 5.2: β is eq. 5.45, the restart test eq. 5.52 (with
    Powell's 0.2); a line search first tries the step of equal first-order change, section 3.5.

    >>> from converge_lib.descent.surfaces import rosenbrock
    >>> result = nonlinear_cg(rosenbrock(), [-1.2, 1.0])
    >>> result.reason, bool(np.allclose(result.x, 1, atol=1e-6))
    ('converged', True)
    """
    steps = count("steps", steps)
    tolerance = number("tolerance", tolerance, low=0)
    objective = Objective.of(objective)
    trace = Trace(objective, x0)
    x = trace.x
    with np.errstate(over="ignore", invalid="ignore"):
        f, g = objective.value_and_gradient(x)
        direction, since_restart = -g, 0
        alpha = 1 / max(1.0, float(np.linalg.norm(g)))
        for _ in range(steps):
            if not np.isfinite(np.linalg.norm(g)):
                return trace.result("diverged")
            if np.linalg.norm(g) <= tolerance:
                return trace.result("converged")
            found = strong_wolfe(objective, x, direction, f, g, step=alpha, c2=0.1)
            if found.reason == "failed":
                if since_restart == 0:
                    return trace.result("stalled")
                direction, since_restart = -g, 0
                alpha = 1 / max(1.0, float(np.linalg.norm(g)))
                continue
            x, f, g_before, slope_before = x + found.step * direction, found.fun, g, g @ direction
            g = found.gradient
            trace.record(x, f)
            since_restart += 1
            beta = max(0.0, float(g @ (g - g_before)) / float(g_before @ g_before))
            next_direction = -g + beta * direction
            orthogonal = abs(g @ g_before) < RESTART * (g @ g)
            if since_restart >= x.size or not orthogonal or not g @ next_direction < 0:
                next_direction, since_restart = -g, 0
            direction = next_direction
            if np.any(g):
                alpha = found.step * float(slope_before) / float(g @ direction)
        return trace.result("converged" if np.linalg.norm(g) <= tolerance else "steps")


def _stagnates(values: list[float], progress: float) -> bool:
    i = len(values) - 1
    k = max(10, i // 10)
    # both sides are negative where φ < 0, hence the turned sign
    return i > k and values[-1] < 0 and values[-1] - values[-1 - k] > k * progress * values[-1]


def _same_shape(name: str, value: Vector, b: Vector) -> Vector:
    if getattr(value, "shape", None) != b.shape:
        raise ValueError(f"{name} must return shape {tuple(b.shape)}, got {np.shape(value)}")
    return value
