"""Exercises of the chapter "L-BFGS, conjugate gradient and SGD"."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.linalg import norm

from converge_lib.exercises.exercise import Exercise
from converge_lib.exercises.judging import Recorded, Trial


def armijo_step(
    f: Callable,
    x: np.ndarray,
    direction: np.ndarray,
    gradient: np.ndarray,
    step: float,
    c1: float,
) -> float:
    """Return the first of step, step/2, step/4, … that wins enough along the direction."""
    slope = gradient @ direction
    while f(x + step * direction) > f(x) + c1 * step * slope:
        step = step / 2
    return step


def _backtrack(enough: Callable, shrink: float = 0.5) -> Callable:
    """Return an answer with another test; it gives up after 60 trials instead of hanging."""

    def answer(
        f: Callable, x: np.ndarray, p: np.ndarray, g: np.ndarray, step: float, c1: float
    ) -> float:
        for _ in range(60):
            if enough(f, x, p, g, step, c1):
                break
            step = shrink * step
        return step

    return answer


def _wins(f: Callable, x: np.ndarray, p: np.ndarray, g: np.ndarray, a: float, c1: float) -> bool:
    return f(x + a * p) <= f(x) + c1 * a * (g @ p)


def _armijo_recursive(
    f: Callable, x: np.ndarray, p: np.ndarray, g: np.ndarray, step: float, c1: float
) -> float:
    if _wins(f, x, p, g, step, c1):
        return step
    return _armijo_recursive(f, x, p, g, step / 2, c1)


def _armijo_torch(
    f: Callable, x: np.ndarray, p: np.ndarray, g: np.ndarray, step: float, c1: float
) -> object:
    import torch

    alpha, slope, start = torch.tensor(step), torch.tensor(g @ p), f(x)
    while f(x + float(alpha) * p) - start > c1 * alpha * slope:
        alpha = alpha / 2
    return alpha


class ArmijoStep(Exercise):
    """Given a direction, shorten the step until it wins enough."""

    id = "descent.batch-methods-armijo-step"
    title = "A line search that backtracks"
    reference = armijo_step
    returns = ("step",)
    hints = (
        "Two heights are compared at each trial: the one that you get, and the one that you ask "
        "for. Which of them depends on the step?",
        "You ask for f(x) + c₁ α gᵀp. The slope gᵀp is negative, so a longer step has to win more.",
        "Start at α = `step`. While f(x + α p) is above f(x) + c₁ α gᵀp, halve α. Return α.",
    )
    explanation = (
        "gᵀp is what f promises for each unit of α. The condition asks for the share c₁ of it. "
        "For a small enough α it always holds, since then f keeps nearly the whole promise: "
        "the loop ends wherever p points downhill."
    )
    wrong_answers = {
        _backtrack(
            lambda f, x, p, g, a, c1: f(x + a * p) < f(x)
        ): "You ask that f falls, by however little. The condition asks for at least c₁ α |gᵀp|.",
        _backtrack(
            lambda f, x, p, g, a, c1: f(x + a * p) <= f(x) + c1 * (g @ p)
        ): "The step is missing on the right: α times the slope is what a step of α promises.",
        _backtrack(
            lambda f, x, p, g, a, c1: f(x + a * p) <= f(x) + a * (g @ p)
        ): "c₁ is missing: you ask for the whole promise of the slope, which a function that "
        "curves upwards never keeps.",
        _backtrack(
            lambda f, x, p, g, a, c1: f(x + a * p) <= f(x) - c1 * a * (g @ p)
        ): "The sign on the right: gᵀp is negative, so minus it lets f *rise*.",
        _backtrack(
            lambda f, x, p, g, a, c1: f(x + a * p) <= f(x) - c1 * a * (g @ g)
        ): "You use −gᵀg for the slope. That is the slope along −g; along p it is gᵀp.",
        _backtrack(
            lambda f, x, p, g, a, c1: f(x - a * g) <= f(x) + c1 * a * (g @ p)
        ): "You try points along −g. The direction is p, whatever it came from.",
        _backtrack(
            lambda f, x, p, g, a, c1: f(x - a * p) <= f(x) + c1 * a * (g @ p)
        ): "You walk along −p, uphill.",
        _backtrack(
            lambda f, x, p, g, a, c1: f(x + a * p) <= f(x) + c1 * a * norm(g) * norm(p)
        ): "Lengths lose the sign: the slope gᵀp is a product of vectors, and negative.",
        lambda f, x, p, g, a, c1: _backtrack(_wins)(f, x, p, g, a, c1) / 2: "The step is halved "
        "once too often: the one that passed the test is the answer.",
        lambda f, x, p, g, a, c1: _backtrack(_wins)(f, x, p, g, 1.0, c1): "You begin at 1. "
        "Begin at the `step` that is given.",
        lambda f, x, p, g, a, c1: a if _wins(f, x, p, g, a, c1) else a / 2: "You halve once and "
        "do not test again: `while`, not `if`.",
        _backtrack(_wins, shrink=0.8): "You shorten by 0.8. Here a step that fails is halved.",
        lambda f, x, p, g, a, c1: x + _backtrack(_wins)(f, x, p, g, a, c1) * p: "You return the "
        "new point. Asked for is the step α.",
    }
    other_answers = (
        _armijo_recursive,
        _armijo_torch,
        lambda f, x, p, g, a, c1: next(
            a / 2**k for k in range(100) if _wins(f, x, p, g, a / 2**k, c1)
        ),
    )

    def cases(self) -> Iterable[tuple]:
        def bowl() -> Recorded:
            return Recorded(lambda x: float(x @ x), "x₀² + x₁²")

        def valley() -> Recorded:
            return Recorded(
                lambda x: float(100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2), "Rosenbrock"
            )

        x = np.array([1.0, 2.0])
        yield bowl(), x, -2 * x, 2 * x, 1.0, 1e-4
        yield bowl(), x, -2 * x, 2 * x, 4.0, 0.3
        yield bowl(), x, np.array([-1.0, 0.0]), 2 * x, 2.5, 0.1
        yield bowl(), x, np.array([-3.0, 0.5]), 2 * x, 1.0, 0.4
        start = np.array([-1.2, 1.0])
        slope = np.array([-215.6, -88.0])
        yield valley(), start, -slope, slope, 1.0, 1e-4
        yield valley(), start, np.array([1.0, 0.0]), slope, 3.0, 0.5
        yield valley(), start, np.array([2.0, -1.0]), slope, 0.7, 1e-4
        yield bowl(), x, -2 * x, 2 * x, 0.25, 0.1


def strong_wolfe_holds(
    phi_0: float, slope_0: float, alpha: float, phi: float, slope: float, c1: float, c2: float
) -> bool:
    """Return whether a step α satisfies both of the strong Wolfe conditions."""
    enough_won = phi <= phi_0 + c1 * alpha * slope_0
    flat_enough = abs(slope) <= c2 * abs(slope_0)
    return enough_won and flat_enough


def _armijo(f0: float, s0: float, a: float, f: float, s: float, c1: float, c2: float) -> bool:
    return f <= f0 + c1 * a * s0


def _flat(f0: float, s0: float, a: float, f: float, s: float, c1: float, c2: float) -> bool:
    return abs(s) <= -c2 * s0


class StrongWolfe(Exercise):
    """Given both ends of a step, say whether it is acceptable."""

    id = "descent.batch-methods-strong-wolfe"
    title = "Is this step acceptable?"
    reference = strong_wolfe_holds
    returns = ("acceptable",)
    hints = (
        "Two questions: has f fallen enough, and has the slope flattened enough? What is too long "
        "fails the one, what is too short the other.",
        "The slope at the start is negative. Enough is won below the line φ(0) + c₁ α φ'(0); for "
        "the slopes compare sizes.",
        "φ(α) ≤ φ(0) + c₁ α φ'(0), and |φ'(α)| ≤ c₂ |φ'(0)|.",
    )
    explanation = (
        "The line of the first condition starts at φ(0) and falls with a share c₁ of the slope. "
        "The second one compares sizes: a slope that is steep and positive means that the step "
        "went past a minimum, and is refused like one that is steep and negative."
    )
    wrong_answers = {
        _armijo: "You ask only that enough is won. A step can win enough and be far too short.",
        _flat: "You ask only that the slope is flat. It may be flat on top of a hill.",
        lambda *v: _armijo(*v) or _flat(*v): "One condition is enough for you. Both must hold.",
        lambda f0, s0, a, f, s, c1, c2: (
            _armijo(f0, s0, a, f, s, c1, c2) and s >= c2 * s0
        ): "That is the weak condition: it accepts a slope that is steep and positive. The strong "
        "one compares sizes.",
        lambda f0, s0, a, f, s, c1, c2: (
            _armijo(f0, s0, a, f, s, c1, c2) and s <= c2 * abs(s0)
        ): "The new slope lost its absolute value: one that is steep and negative passes, so the "
        "step may be far too short.",
        lambda f0, s0, a, f, s, c1, c2: (
            _armijo(f0, s0, a, f, s, c1, c2) and abs(s) <= c2 * s0
        ): "The slope at the start is negative: without its absolute value nothing passes.",
        lambda f0, s0, a, f, s, c1, c2: (
            f <= f0 + c1 * s0 and _flat(f0, s0, a, f, s, c1, c2)
        ): "α is missing from the first condition: a longer step has to win more.",
        lambda f0, s0, a, f, s, c1, c2: (
            f <= f0 and _flat(f0, s0, a, f, s, c1, c2)
        ): "You ask that f falls, by however little. The first condition asks for a share c₁ of "
        "what the slope promised.",
        lambda f0, s0, a, f, s, c1, c2: (
            f <= f0 - c1 * a * s0 and _flat(f0, s0, a, f, s, c1, c2)
        ): "The sign in the first condition: φ'(0) is negative, so minus it lets f *rise*.",
        lambda f0, s0, a, f, s, c1, c2: (
            _armijo(f0, s0, a, f, s, c2, c1) and _flat(f0, s0, a, f, s, c2, c1)
        ): "c₁ and c₂ are exchanged.",
        lambda f0, s0, a, f, s, c1, c2: (
            _armijo(f0, s0, a, f, s, c1, c2) and abs(s) <= c2
        ): "The second condition compares the new slope with the old one, not with 1.",
        lambda f0, s0, a, f, s, c1, c2: (
            _armijo(f0, s0, a, f, s, c1, c2) and abs(s) >= c2 * abs(s0)
        ): "The second condition is turned round: the slope has to get *flatter*.",
    }
    other_answers = (
        lambda f0, s0, a, f, s, c1, c2: f - f0 <= c1 * a * s0 and c2 * s0 <= s <= -c2 * s0,
        lambda f0, s0, a, f, s, c1, c2: int((f0 - f) / a >= -c1 * s0 and abs(s / s0) <= c2),
        lambda *v: np.logical_and(_armijo(*v), _flat(*v)),
    )

    def cases(self) -> Iterable[tuple]:
        yield 1.0, -2.0, 0.5, 0.5, 0.1, 0.1, 0.5
        yield 1.0, -2.0, 0.5, 1.5, 0.1, 0.1, 0.5  # rose
        yield 1.0, -2.0, 0.5, 1.05, 0.1, 0.1, 0.5  # rose by less than it should have fallen
        yield 1.0, -2.0, 0.01, 0.98, -1.9, 0.1, 0.5  # too short
        yield 1.0, -2.0, 0.5, 0.8, 1.9, 0.1, 0.5  # past the minimum, steep
        yield 1.0, -2.0, 3.0, 0.7, 0.1, 0.1, 0.5  # too little for its length
        yield 1.0, -2.0, 0.5, 0.99, 0.1, 0.1, 0.5  # fell, too little
        yield 1.0, -2.0, 0.1, 0.85, 0.1, 0.1, 0.5  # short, and has won enough for it
        yield 5.0, -40.0, 0.1, 2.0, -8.0, 1e-4, 0.9  # flat beside the start's slope
        yield 5.0, -0.4, 1.0, 4.9, 0.38, 1e-4, 0.9  # not flat beside it
        yield 5.0, -40.0, 0.1, 4.9, -30.0, 1e-4, 0.9  # c₁ small, c₂ large


def next_direction(
    gradient: np.ndarray, gradient_before: np.ndarray, direction: np.ndarray
) -> np.ndarray:
    """Return the next direction of nonlinear CG by Polak and Ribière, with β at least 0."""
    change = gradient - gradient_before
    beta = (gradient @ change) / (gradient_before @ gradient_before)
    return -gradient + max(0, beta) * direction


def _with_beta(beta: Callable) -> Callable:
    return lambda g, g0, d: -g + beta(g, g0, d) * d


def _pr(g: np.ndarray, g0: np.ndarray) -> float:
    return g @ (g - g0) / (g0 @ g0)


def _next_direction_restarting(g: np.ndarray, g0: np.ndarray, d: np.ndarray) -> np.ndarray:
    if g @ g < g @ g0:
        return -g
    return d * ((np.sum(g**2) - np.sum(g * g0)) / norm(g0) ** 2) - g


def _next_direction_torch(g: np.ndarray, g0: np.ndarray, d: np.ndarray) -> object:
    import torch

    g, g0, d = (torch.tensor(v) for v in (g, g0, d))
    beta = torch.clamp(torch.dot(g, g - g0) / torch.dot(g0, g0), min=0)
    return torch.add(-g, d, alpha=beta.item())


def _in_place(g: np.ndarray, g0: np.ndarray, d: np.ndarray) -> np.ndarray:
    d *= max(0, _pr(g, g0))
    d -= g
    return d


class NextDirection(Exercise):
    """Given two gradients and the last direction, return the next one."""

    id = "descent.batch-methods-next-direction"
    title = "Polak-Ribière, with its plus"
    reference = next_direction
    returns = ("direction",)
    hints = (
        "The next direction is downhill plus a share of the last one. When should that share be 0?",
        "The share is gᵀ(g − g₋) / g₋ᵀg₋: after a step that went nowhere g is g₋, and it is 0. "
        "The plus says what happens where it is negative.",
        "β = max(0, gᵀ(g − g₋) / g₋ᵀg₋), and the direction is −g + β d.",
    )
    explanation = (
        "On a quadratic with exact steps gᵀg₋ is 0, and β is that of Fletcher and Reeves, gᵀg / "
        "g₋ᵀg₋. Elsewhere the difference matters: after a tiny step g and g₋ are nearly equal, β "
        "is near 0, and the method starts afresh by itself. A negative β would turn back along "
        "the last direction; the plus takes −g instead."
    )
    wrong_answers = {
        _with_beta(lambda g, g0, d: g @ g / (g0 @ g0)): "That is the β of Fletcher and Reeves, "
        "gᵀg / g₋ᵀg₋. After a tiny step it is near 1, and the method is stuck.",
        _with_beta(
            lambda g, g0, d: _pr(g, g0)
        ): "The plus is missing: where β is negative, take 0.",
        _with_beta(lambda g, g0, d: abs(_pr(g, g0))): "You take the size of β. Where it is "
        "negative it must be 0.",
        _with_beta(lambda g, g0, d: min(0, _pr(g, g0))): "You keep the negative β and drop the "
        "positive ones: `max`, not `min`.",
        _with_beta(lambda g, g0, d: max(0, g @ (g0 - g) / (g0 @ g0))): "The change of the gradient "
        "is new minus old: g − g₋.",
        _with_beta(lambda g, g0, d: max(0, g0 @ (g - g0) / (g0 @ g0))): "The change of the "
        "gradient is multiplied with the *new* gradient, g.",
        _with_beta(lambda g, g0, d: max(0, g @ (g - g0) / (g @ g))): "You divide by gᵀg. The old "
        "gradient belongs there: g₋ᵀg₋.",
        _with_beta(lambda g, g0, d: max(0, g @ (g - g0) / norm(g0))): "You divide by the length of "
        "the old gradient. Its square belongs there, g₋ᵀg₋.",
        _with_beta(
            lambda g, g0, d: max(0, g @ (g - g0) / (d @ (g - g0)))
        ): "That is the β of Hestenes and Stiefel, which divides by dᵀ(g − g₋).",
        lambda g, g0, d: g + max(0, _pr(g, g0)) * d: "The sign of the gradient: the direction "
        "starts from −g.",
        lambda g, g0, d: -g - max(0, _pr(g, g0)) * d: "The sign of the last direction: its share "
        "is added.",
        lambda g, g0, d: -g + max(0, _pr(g, g0)) * -g0: "You add a share of −g₋. What is kept is "
        "the last *direction*, which remembers all before it.",
        lambda g, g0, d: max(0, _pr(g, g0)): "You return β, a number. Asked for is the direction.",
        _in_place: "It changes its argument `direction` in place",
    }
    other_answers = (_next_direction_restarting, _next_direction_torch)

    def cases(self) -> Iterable[tuple]:
        yield np.array([2.0, 1.0]), np.array([1.0, -1.0]), np.array([-1.0, 2.0])
        yield np.array([0.5, 0.0]), np.array([2.0, 1.0]), np.array([-2.0, -3.0])  # β < 0
        yield np.array([0.0, 3.0]), np.array([1.0, 0.0]), np.array([-1.0, -1.0])  # gᵀg₋ = 0
        rng = np.random.default_rng(0)
        for n in (3, 8, 50):
            g, g0, noise = rng.normal(size=(3, n))
            yield g, g0, noise - 2 * g0
        g0 = rng.normal(size=4)
        yield 1.001 * g0, g0, -g0  # a step that went nowhere


def cg_step(
    A: np.ndarray, x: np.ndarray, residual: np.ndarray, direction: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x, the residual and the direction after one step of linear CG."""
    product = A @ direction
    alpha = (residual @ residual) / (direction @ product)
    x = x + alpha * direction
    residual_next = residual - alpha * product
    beta = (residual_next @ residual_next) / (residual @ residual)
    return x, residual_next, residual_next + beta * direction


def _cg(
    *,
    alpha: Callable = lambda A, r, d: (r @ r) / (d @ A @ d),
    residual: Callable = lambda A, r, d, a: r - a * (A @ d),
    beta: Callable = lambda A, r, r_next, d: (r_next @ r_next) / (r @ r),
    direction: Callable = lambda r, r_next, d, b: r_next + b * d,
) -> Callable:
    """Return a step of CG with one of its parts replaced."""

    def answer(A: np.ndarray, x: np.ndarray, r: np.ndarray, d: np.ndarray) -> tuple:
        a = alpha(A, r, d)
        r_next = residual(A, r, d, a)
        return x + a * d, r_next, direction(r, r_next, d, beta(A, r, r_next, d))

    return answer


def _cg_in_place(
    A: np.ndarray, x: np.ndarray, r: np.ndarray, d: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    before = r @ r
    a = before / (d @ A @ d)
    x += a * d
    r -= a * (A @ d)
    return x, r, r + (r @ r) / before * d


def _cg_torch(A: np.ndarray, x: np.ndarray, r: np.ndarray, d: np.ndarray) -> tuple:
    import torch

    A, x, r, d = (torch.tensor(v) for v in (A, x, r, d))
    a = r.dot(d) / d.dot(A.mv(d))
    r_next = torch.addmv(r, A, d, alpha=-a.item())
    return x + a * d, r_next, r_next + r_next.dot(r_next - r) / r.dot(r) * d


class CGStep(Exercise):
    """Given a step of CG that is right once and wrong from then on, repair it."""

    id = "descent.batch-methods-cg-step"
    title = "Find the bug in CG"
    reference = cg_step
    returns = ("x", "residual", "direction")
    hints = (
        "Its first step is right. What is equal in the first step, and never again?",
        "At the start the direction *is* the residual. So one of the two may stand where the other "
        "belongs, and nothing shows until the second step.",
        "β compares the new residual with the old one: r₊ᵀr₊ / rᵀr. Keep the old one until then.",
    )
    explanation = (
        "β is chosen so that the new direction is conjugate to the last: (r₊ + β d)ᵀA d = 0. With "
        "A d = (r − r₊)/α, and residuals that are orthogonal to each other, that gives "
        "β = r₊ᵀr₊ / rᵀr. Directions are not residuals: only the first one is."
    )
    wrong_answers = {
        _cg(beta=lambda A, r, rn, d: (rn @ rn) / (d @ d)): "β divides by dᵀd. In the first step "
        "d is r, so that it comes out right once. The old residual belongs there.",
        _cg(beta=lambda A, r, rn, d: 1.0): "β is 1: the old residual was overwritten before β was "
        "computed.",
        _cg(beta=lambda A, r, rn, d: (r @ r) / (rn @ rn)): "β is upside down: new over old. It is "
        "below 1 where the residual shrinks.",
        _cg(beta=lambda A, r, rn, d: norm(rn) / norm(r)): "β is a ratio of *squared* lengths.",
        _cg(beta=lambda A, r, rn, d: 0.0): "β is 0: that is steepest descent. A share of the last "
        "direction has to be kept.",
        _cg(
            alpha=lambda A, r, d: (r @ r) / (r @ A @ r)
        ): "α is that of steepest descent: rᵀr / rᵀA r. The step goes along d, so dᵀA d.",
        _cg(alpha=lambda A, r, d: (d @ d) / (d @ A @ d)): "α has dᵀd above. It is the residual "
        "that is known to be orthogonal to all before: rᵀr.",
        _cg(
            residual=lambda A, r, d, a: r + a * (A @ d)
        ): "The sign of the residual's update: x grows by α d, so b − A x shrinks by α A d.",
        _cg(residual=lambda A, r, d, a: r - a * d): "The residual is updated without A: b − A x "
        "changes by −α A d.",
        _cg(residual=lambda A, r, d, a: r - a * (A @ r)): "The residual changes by −α A d: the "
        "step went along d, not along r.",
        _cg(direction=lambda r, rn, d, b: r + b * d): "The new direction starts from the old "
        "residual.",
        _cg(direction=lambda r, rn, d, b: -rn + b * d): "The sign: the residual b − A x already "
        "points downhill.",
        _cg(direction=lambda r, rn, d, b: rn - b * d): "The share β of the last direction is "
        "added, not taken away.",
        _cg(direction=lambda r, rn, d, b: rn + b * r): "What is kept is the last *direction*, "
        "not the last residual.",
        _cg_in_place: "It changes its argument `x` in place",
    }
    other_answers = (
        _cg(alpha=lambda A, r, d: (r @ d) / (d @ A @ d)),
        _cg(beta=lambda A, r, rn, d: -(rn @ A @ d) / (d @ A @ d)),
        _cg_torch,
    )

    def cases(self) -> Iterable[tuple]:
        yield self._after(np.diag([1.0, 4.0]), np.array([4.0, 4.0]), 0)
        yield self._after(np.diag([1.0, 2.0, 4.0]), np.array([4.0, 4.0, 4.0]), 1)
        rng = np.random.default_rng(0)
        for n, steps in ((4, 2), (10, 0), (10, 3), (10, 5)):
            root = rng.normal(size=(n, n))
            yield self._after(root @ root.T + np.eye(n), rng.normal(size=n), steps)

    @staticmethod
    def _after(A: np.ndarray, b: np.ndarray, steps: int) -> tuple:
        x, residual, direction = 0 * b, b, b
        for _ in range(steps):
            x, residual, direction = cg_step(A, x, residual, direction)
        return A, x, residual, direction

    def diagnose(self, trials: list[Trial]) -> str:
        """Say of an answer that is right in the first step alone where to look."""
        first = [np.array_equal(trial.arguments[2], trial.arguments[3]) for trial in trials]
        if all(trial.right == is_first for trial, is_first in zip(trials, first, strict=True)):
            return (
                "The first step is right and the later ones are not: where do you use the "
                "direction for the residual, or the residual for the direction?"
            )
        return ""


def lbfgs_direction(gradient: np.ndarray, steps: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """Return −H⁻¹g by the two-loop recursion; pairs s, y in the rows, the oldest first."""
    q = gradient
    alphas = []
    for s, y in zip(steps[::-1], changes[::-1], strict=True):
        alpha = (s @ q) / (y @ s)
        q = q - alpha * y
        alphas.append(alpha)
    if len(steps) > 0:
        s, y = steps[-1], changes[-1]
        q = (s @ y) / (y @ y) * q
    for s, y, alpha in zip(steps, changes, alphas[::-1], strict=True):
        beta = (y @ q) / (y @ s)
        q = q + (alpha - beta) * s
    return -q


def _two_loop(
    *,
    first: slice = slice(None, None, -1),
    second: slice = slice(None, None, -1),
    gamma: Callable = lambda S, Y: (S[-1] @ Y[-1]) / (Y[-1] @ Y[-1]),
    down: Callable = lambda q, s, y, a: q - a * y,
    beta: Callable = lambda q, s, y: (y @ q) / (y @ s),
    back: Callable = lambda q, s, y, a, b: q + (a - b) * s,
) -> Callable:
    """Return the recursion with one part replaced; ``second`` reorders the pairs of loop one."""

    def answer(g: np.ndarray, S: np.ndarray, Y: np.ndarray) -> np.ndarray:
        q, done = g, []
        for s, y in zip(S[first], Y[first], strict=True):
            a = (s @ q) / (y @ s)
            q = down(q, s, y, a)
            done.append((s, y, a))
        q = gamma(S, Y) * q if len(S) else q
        for s, y, a in done[second]:
            q = back(q, s, y, a, beta(q, s, y))
        return -q

    return answer


def _dense(g: np.ndarray, S: np.ndarray, Y: np.ndarray) -> np.ndarray:
    inverse = np.eye(len(g))
    if len(S):
        inverse *= (S[-1] @ Y[-1]) / (Y[-1] @ Y[-1])
    for s, y in zip(S, Y, strict=True):
        left = np.eye(len(g)) - np.outer(s, y) / (y @ s)
        inverse = left @ inverse @ left.T + np.outer(s, s) / (y @ s)
    return -inverse @ g


def _by_recursion(g: np.ndarray, S: np.ndarray, Y: np.ndarray) -> np.ndarray:
    def apply(q: np.ndarray, k: int) -> np.ndarray:
        if k == 0:
            return q * ((S[-1] @ Y[-1]) / (Y[-1] @ Y[-1]) if len(S) else 1)
        s, y = S[k - 1], Y[k - 1]
        rho = 1 / (s @ y)
        z = apply(q - rho * (s @ q) * y, k - 1)
        return z - rho * (y @ z) * s + rho * (s @ q) * s

    return -apply(g, len(S))


class LBFGSDirection(Exercise):
    """Given the last pairs, write the two loops of L-BFGS."""

    id = "descent.batch-methods-lbfgs-direction"
    title = "The direction of L-BFGS"
    reference = lbfgs_direction
    returns = ("direction",)
    hints = (
        "Two loops over the pairs, with a scaling in between. In which order does each of them go?",
        "The first loop goes from the newest pair to the oldest, the second one back. Each pair "
        "gets its own α from the first loop again.",
        "First: α = sᵀq / yᵀs, q ← q − α y. Between: q ← (sᵀy / yᵀy) q with the newest pair. "
        "Second: β = yᵀq / yᵀs, q ← q + (α − β) s. The direction is −q. With no pairs it is −g.",
    )
    explanation = (
        "The update H⁻¹₊ = (I − ρ s yᵀ) H⁻¹ (I − ρ y sᵀ) + ρ s sᵀ, applied to g, asks first for "
        "(I − ρ y sᵀ) g, then for the older matrix times that, then for the rest: so the pairs are "
        "met newest first on the way in, and oldest first on the way out."
    )
    wrong_answers = {
        _two_loop(second=slice(None)): "The second loop runs newest first, like the first. It goes "
        "back: oldest first.",
        _two_loop(first=slice(None)): "The first loop begins with the oldest pair. It begins with "
        "the newest: the matrix was updated last with that one.",
        _two_loop(gamma=lambda S, Y: 1.0): "The scaling between the loops is missing: without "
        "γ = sᵀy / yᵀy the step has the length of the gradient, whatever the curvature.",
        _two_loop(
            gamma=lambda S, Y: (S[0] @ Y[0]) / (Y[0] @ Y[0])
        ): "γ comes from the oldest pair. The newest one knows best how curved it is here.",
        _two_loop(
            gamma=lambda S, Y: (Y[-1] @ Y[-1]) / (S[-1] @ Y[-1])
        ): "γ is upside down: it stands for the *inverse* of the curvature, sᵀy / yᵀy.",
        _two_loop(
            gamma=lambda S, Y: (S[-1] @ S[-1]) / (S[-1] @ Y[-1])
        ): "That γ, sᵀs / sᵀy, is another estimate of the inverse curvature. L-BFGS takes "
        "sᵀy / yᵀy.",
        _two_loop(back=lambda q, s, y, a, b: q + a * s): "The second loop adds α s. It adds "
        "(α − β) s: β takes out what is already there along s.",
        _two_loop(back=lambda q, s, y, a, b: q + (b - a) * s): "The second loop has the signs "
        "turned round: it adds (α − β) s.",
        _two_loop(back=lambda q, s, y, a, b: q - b * s): "The second loop only takes β s away: "
        "the α of the first loop are forgotten.",
        _two_loop(back=lambda q, s, y, a, b: q + (a - b) * y): "The second loop moves along s, "
        "not along y: the result is a step.",
        _two_loop(beta=lambda q, s, y: (s @ q) / (y @ s)): "β is yᵀq / yᵀs: in the second loop s "
        "and y change places.",
        _two_loop(down=lambda q, s, y, a: q - a * s): "The first loop takes α y away, not α s: q "
        "is still a gradient there.",
        lambda g, S, Y: _two_loop()(g, Y, S): "s and y are exchanged: this multiplies by the "
        "Hessian instead of by its inverse.",
        lambda g, S, Y: _two_loop()(g, S[-1:], Y[-1:]): "You use the newest pair only.",
        lambda g, S, Y: -_two_loop()(g, S, Y): "You return H⁻¹g, which points uphill. The "
        "direction is its negative.",
    }
    other_answers = (_two_loop(), _dense, _by_recursion)

    def cases(self) -> Iterable[tuple]:
        none = np.zeros((0, 2))
        yield np.array([8.0, 8.0]), np.array([[1.0, 0.0]]), np.array([[4.0, 0.0]])
        yield (
            np.array([1.0, 2.0]),
            np.array([[1.0, 0.0], [1.0, 1.0]]),
            np.array([[2.0, 1.0], [3.0, 4.0]]),
        )
        yield np.array([3.0, -1.0]), none, none
        rng = np.random.default_rng(0)
        for n, pairs in ((3, 2), (6, 4), (10, 5)):
            root = rng.normal(size=(n, n))
            hessian = root @ root.T + np.eye(n)
            steps = rng.normal(size=(pairs, n))
            yield rng.normal(size=n), steps, steps @ hessian
