"""Exercises of the chapter "Rosenbrock's valley"."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.linalg import eigvals, eigvalsh, inv, norm, solve

from converge_lib.exercises.exercise import Exercise
from converge_lib.exercises.judging import Recorded, Trial, relative_error


def best_rate(hessian: np.ndarray) -> tuple[float, float]:
    """Return the learning rate that contracts the worst direction fastest, and the contraction."""
    eigenvalues = np.linalg.eigvalsh(hessian)
    smallest, largest = eigenvalues[0], eigenvalues[-1]
    condition = largest / smallest
    return 2 / (smallest + largest), (condition - 1) / (condition + 1)


def _ends(eigenvalues: np.ndarray) -> tuple[float, float]:
    return eigenvalues[0], eigenvalues[-1]


def _rate(smallest: float, largest: float) -> tuple[float, float]:
    return 2 / (smallest + largest), (largest - smallest) / (largest + smallest)


def _with_rate(rate: Callable[[float], float]) -> Callable:
    """Return an answer whose learning rate is right and whose rate is ``rate(κ)``."""
    return lambda h: (best_rate(h)[0], rate(np.linalg.cond(h)))


def _with_lr(lr: Callable[[float, float], float]) -> Callable:
    """Return an answer whose learning rate is ``lr(λmin, λmax)`` and whose rate is right."""
    return lambda h: (lr(*_ends(eigvalsh(h))), best_rate(h)[1])


def _best_rate_torch(hessian: np.ndarray) -> tuple:
    import torch

    eigenvalues = torch.linalg.eigvalsh(torch.as_tensor(hessian))
    low, high = eigenvalues.min(), eigenvalues.max()
    return 2 / (low + high), (high - low) / (high + low)


class BestRate(Exercise):
    """Given a Hessian, return the best learning rate and the contraction it gives."""

    id = "descent.curvature-best-rate"
    title = "The best learning rate"
    reference = best_rate
    returns = ("lr", "rate")
    hints = (
        "Along the eigenvector with eigenvalue λ, one step multiplies the error by 1 − ηλ. Which "
        "eigenvalues give the largest and the smallest factor?",
        "The worst of all |1 − ηλ| is at λmin or at λmax. Raise η from 0: one of the two shrinks "
        "and the other grows. They are equal at the best η.",
        "Solve 1 − η λmin = −(1 − η λmax) for η. `np.linalg.eigvalsh` returns the eigenvalues of a "
        "symmetric matrix in rising order.",
    )
    explanation = (
        "Equal factors at both ends give η = 2 / (λmin + λmax). The factor there is "
        "1 − η λmin = (λmax − λmin) / (λmax + λmin) = (κ − 1) / (κ + 1), with κ = λmax / λmin. "
        "Where κ is large, it is about 1 − 2/κ: the number of steps grows with κ."
    )
    wrong_answers = {
        _with_lr(lambda low, high: 1 / high): "Your `lr` is 1/λmax. It ends the error along the "
        "steepest direction in one step, and leaves the flattest one slower than it need be.",
        _with_lr(lambda low, high: 2 / high): "Your `lr` is 2/λmax, the edge of stability: the "
        "error along the steepest direction changes its sign at each step, and never shrinks.",
        _with_lr(lambda low, high: 1 / (low + high)): "Your `lr` is half of what it may be: "
        "the factors are equal at 2 / (λmin + λmax).",
        _with_lr(lambda low, high: 2 / low): "Your `lr` is 2/λmin, far too long for the steepest "
        "direction: descent diverges.",
        lambda h: (2 / np.trace(h), best_rate(h)[1]): "Your `lr` divides by the sum of all "
        "eigenvalues, the trace. Only the smallest and the largest matter.",
        lambda h: _rate(*_ends(np.sort(np.diag(h)))): "You use the diagonal of the Hessian. Its "
        "entries are the eigenvalues only if everything else in the matrix is 0.",
        lambda h: _rate(*_ends(eigvals(h))): "You take the first and the last eigenvalue as the "
        "smallest and the largest, but `eigvals` returns them in any order; `eigvalsh` sorts them.",
        lambda h: best_rate(h)[::-1]: "The values are right and their order is not: return "
        "`lr, rate`.",
        _with_rate(lambda k: k): "Your `rate` is the condition number κ. The factor by which one "
        "step shrinks the error is (κ − 1) / (κ + 1).",
        _with_rate(lambda k: 1 / k): "Your `rate` is 1/κ, which says that a worse condition makes "
        "descent faster.",
        _with_rate(lambda k: (1 - k) / (1 + k)): "Your `rate` is negative: κ is the largest "
        "eigenvalue over the smallest, and at least 1.",
        _with_rate(lambda k: 1 - 1 / k): "Your `rate` is 1 − 1/κ, the factor for a learning rate "
        "of 1/λmax. The best one does better.",
        _with_rate(lambda k: (k**0.5 - 1) / (k**0.5 + 1)): "Your `rate` holds for momentum: "
        "plain descent has κ where momentum has √κ.",
        _with_rate(lambda k: ((k - 1) / (k + 1)) ** 2): "Your `rate` is squared: that is how the "
        "loss shrinks. The question is about the error, the distance from the minimum.",
    }
    other_answers = (
        lambda h: _rate(*_ends(np.sort(eigvals(h).real))),
        lambda h: [2 / (norm(h, 2) + norm(h, -2)), 1 - 2 / (np.linalg.cond(h) + 1)],
        lambda h: np.array(_rate(*_ends(np.linalg.svd(h)[1][::-1]))),
        _best_rate_torch,
    )

    def cases(self) -> Iterable[tuple]:
        yield (np.diag([1.0, 4.0]),)
        yield (np.array([[5.0, 2.0], [2.0, 2.0]]),)
        yield (np.diag([3.0, 1.0, 2.0]),)
        rng = np.random.default_rng(0)
        for n, condition in ((2, 10.0), (3, 100.0), (6, 1e4)):
            rotation = np.linalg.qr(rng.normal(size=(n, n)))[0]
            h = rotation * np.geomspace(0.5, 0.5 * condition, n) @ rotation.T
            yield ((h + h.T) / 2,)
        yield (np.array([[4.0]]),)


def momentum_step(
    x: np.ndarray, grad: np.ndarray, velocity: np.ndarray, lr: float, momentum: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return x and the velocity after one step of descent with momentum."""
    velocity = momentum * velocity + grad
    x = x - lr * velocity
    return x, velocity


def _momentum_in_place(
    x: np.ndarray, grad: np.ndarray, velocity: np.ndarray, lr: float, momentum: float
) -> tuple[np.ndarray, np.ndarray]:
    velocity *= momentum
    velocity += grad
    x -= lr * velocity
    return x, velocity


def _momentum_on_copies(
    x: np.ndarray, grad: np.ndarray, velocity: np.ndarray, lr: float, momentum: float
) -> list[np.ndarray]:
    return list(_momentum_in_place(x.copy(), grad, velocity.copy(), lr, momentum))


def _momentum_torch(
    x: np.ndarray, grad: np.ndarray, velocity: np.ndarray, lr: float, momentum: float
) -> tuple:
    import torch

    x, grad, velocity = (torch.tensor(array) for array in (x, grad, velocity))
    velocity.mul_(momentum).add_(grad)
    return x.add(velocity, alpha=-lr), velocity


class MomentumStep(Exercise):
    """Given a gradient and a velocity, return where momentum goes."""

    id = "descent.curvature-momentum-step"
    title = "One step with momentum"
    reference = momentum_step
    returns = ("x", "velocity")
    hints = (
        "The velocity remembers the gradients so far. What happens to it first, and what moves x?",
        "Fade the old velocity by the factor `momentum`, then add the gradient. The step uses the "
        "new velocity.",
        "v ← μ v + g, then x ← x − η v. Return both, since the next step needs the velocity.",
    )
    explanation = (
        "The velocity is a sum of all gradients, each faded by μ a step. Along a direction where "
        "the gradient keeps its sign it grows to g / (1 − μ); where the sign alternates it nearly "
        "cancels. The learning rate scales the step once, outside the velocity."
    )
    wrong_answers = {
        lambda x, g, v, lr, m: (x - lr * v, m * v + g): "The velocity is updated after the step, "
        "not before: x moves by the old one.",
        lambda x, g, v, lr, m: (x + lr * (m * v + g), m * v + g): "The sign: x moves along the "
        "gradient, uphill.",
        lambda x, g, v, lr, m: (x + lr * (m * v - g), m * v - g): "Your velocity has the opposite "
        "sign. It adds up gradients, v ← μ v + g, and x moves against it.",
        lambda x, g, v, lr, m: (
            x - lr * (m * v - g),
            m * v - g,
        ): "The gradient enters the velocity with the wrong sign: v ← μ v + g.",
        lambda x, g, v, lr, m: (x - lr * (m * v + lr * g), m * v + lr * g): "The learning rate "
        "is applied twice, in the velocity and in the step.",
        lambda x, g, v, lr, m: (x - (m * v + lr * g), m * v + lr * g): "The learning rate is "
        "inside your velocity. That is another convention; here v ← μ v + g and x ← x − η v.",
        lambda x, g, v, lr, m: (x + (m * v - lr * g), m * v - lr * g): "Your velocity is the step "
        "itself, v ← μ v − η g. That is another convention; here v ← μ v + g and x ← x − η v.",
        lambda x, g, v, lr, m: (x - lr * (v + m * g), v + m * g): "The momentum multiplies the "
        "gradient. It fades the old velocity.",
        lambda x, g, v, lr, m: (x - lr * m * (v + g), m * (v + g)): "The momentum fades the new "
        "gradient too. It fades the old velocity alone.",
        lambda x, g, v, lr, m: (x - lr * (m * v + (1 - m) * g), m * v + (1 - m) * g): "You weight "
        "the gradient by 1 − μ, a running mean as in Adam. Here the gradient enters whole.",
        lambda x, g, v, lr, m: (x - lr * (g + m * (m * v + g)), m * v + g): "Your step looks "
        "ahead, as Nesterov's does: g + μ v. Plain momentum moves by the velocity.",
        lambda x, g, v, lr, m: (x - lr * (m * v + g), v): "You return the old velocity: the next "
        "step would know nothing of this gradient.",
        lambda x, g, v, lr, m: (x - lr * g, m * v + g): "x moves by the gradient alone: the "
        "velocity is computed and not used.",
        _momentum_in_place: "It changes its argument `x` in place",
        lambda x, g, v, lr, m: x - lr * (m * v + g): "It returns one value; 2 are expected",
    }
    other_answers = (
        lambda x, g, v, lr, m: (x - lr * m * v - lr * g, v - (1 - m) * v + g),
        _momentum_on_copies,
        _momentum_torch,
    )

    def cases(self) -> Iterable[tuple]:
        yield np.array([1.0]), np.array([2.0]), np.array([3.0]), 0.1, 0.5
        yield np.array([1.0, -2.0]), np.array([4.0, 3.0]), np.array([0.0, 0.0]), 0.5, 0.9
        rng = np.random.default_rng(0)
        for shape, lr, momentum in (((3,), 0.01, 0.99), ((2, 3), 0.3, 0.0), ((5,), 2.0, 0.7)):
            yield (*rng.normal(size=(3, *shape)), lr, momentum)


def newton_step(gradient: np.ndarray, hessian: np.ndarray) -> np.ndarray:
    """Return the step to the minimum of the local quadratic model."""
    return -np.linalg.solve(hessian, gradient)


def _newton_torch(gradient: np.ndarray, hessian: np.ndarray) -> object:
    import torch

    return torch.linalg.solve(torch.tensor(hessian), torch.tensor(-gradient))


class NewtonStep(Exercise):
    """Given a gradient and a Hessian, return the step to the model's stationary point."""

    id = "descent.curvature-newton-step"
    title = "Newton's step"
    reference = newton_step
    returns = ("p",)
    hints = (
        "Near x the function is about f + gᵀp + ½ pᵀHp. Where is that lowest?",
        "Its gradient with respect to p is g + Hp. Set it to zero.",
        "Solve H p = −g with `np.linalg.solve`, which is cheaper and more exact than the inverse.",
    )
    explanation = (
        "At the model's stationary point g + Hp = 0, hence p = −H⁻¹g. No learning rate is needed: "
        "the Hessian knows the scale of each direction. Where H has negative eigenvalues the same "
        "formula leads to a saddle or a maximum."
    )
    wrong_answers = {
        lambda g, h: solve(h, g): "The sign: your step leads away from the model's stationary "
        "point. Solve H p = −g.",
        lambda g, h: -h @ g: "You multiply by the Hessian where you should divide by it: solve "
        "H p = −g.",
        lambda g, h: -g / np.diag(h): "You divide by the diagonal of the Hessian. That forgets "
        "how the coordinates are coupled.",
        lambda g, h: -g: "Your step is the negative gradient: the Hessian is not used.",
        lambda g, h: -g * (g @ g) / (g @ h @ g): "Your step goes along the negative gradient, to "
        "the lowest point on that line. Newton's step also turns.",
        lambda g, h: -solve(h, g) / norm(solve(h, g)): "Your step has length 1. Newton's step has "
        "a length of its own: that is where the model is lowest.",
        lambda g, h: -solve(h @ h, g): "Your step divides by the Hessian twice.",
        lambda g, h: -_inverse_of_absolute(h) @ g: "You use the sizes of the eigenvalues. That "
        "avoids saddles, but it is not Newton's step, which keeps their signs.",
        lambda g, h: -0.1 * solve(h, g): "is 0.1 times the right value",
        lambda g, h: -inv(h) * g: "`p` is an array of shape",
    }
    other_answers = (
        lambda g, h: inv(h) @ -g,
        lambda g, h: np.linalg.lstsq(h, -g, rcond=None)[0],
        lambda g, h: (-np.linalg.pinv(h) @ g).tolist(),
        _newton_torch,
    )

    def cases(self) -> Iterable[tuple]:
        yield np.array([2.0, 4.0]), np.diag([1.0, 2.0])
        yield np.array([1.0, 0.0]), np.array([[2.0, 1.0], [1.0, 1.0]])
        yield np.array([3.0, 1.0]), np.array([[1.0, 2.0], [2.0, 1.0]])
        rng = np.random.default_rng(0)
        for n in (1, 3, 6):
            a = rng.normal(size=(n, n))
            yield rng.normal(size=n), a + a.T


def _inverse_of_absolute(hessian: np.ndarray) -> np.ndarray:
    eigenvalues, vectors = np.linalg.eigh(hessian)
    return vectors / np.abs(eigenvalues) @ vectors.T


def hessian_vector_product(gradient: Callable, x: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return H(x) v by a central difference of the gradient along v."""
    length = np.linalg.norm(v)
    if length == 0:
        return np.zeros_like(v)
    eps = 1e-5 * (1 + np.linalg.norm(x)) / length
    return (gradient(x + eps * v) - gradient(x - eps * v)) / (2 * eps)


def _forward(gradient: Callable, x: np.ndarray, v: np.ndarray, step: float) -> np.ndarray:
    return (gradient(x + step * v) - gradient(x)) / step


def _scaled(v: np.ndarray, step: float = 1e-6) -> float:
    return step / max(norm(v), 1e-300)


def _finite_hessian(gradient: Callable, x: np.ndarray) -> np.ndarray:
    return np.array([_forward(gradient, x, e, 1e-6) for e in np.eye(x.size)])


def _hvp_torch(gradient: Callable, x: np.ndarray, v: np.ndarray) -> object:
    import torch

    x, v = torch.tensor(x), torch.tensor(v)
    step = 1e-6 / v.norm().clamp(min=1e-300)
    return torch.as_tensor(gradient(x + step * v) - gradient(x - step * v)) / (2 * step)


class HessianVectorProduct(Exercise):
    """Given a gradient as a function, return Hv without forming H."""

    id = "descent.curvature-hessian-vector-product"
    title = "A Hessian-vector product from two gradients"
    reference = hessian_vector_product
    returns = ("Hv",)
    tolerance = 1e-4
    hints = (
        "The Hessian says how the gradient changes. Hv says how it changes along v.",
        "Compare the gradient at x with the gradient a little way along v, and divide by how far "
        "you went.",
        "(∇f(x + εv) − ∇f(x − εv)) / 2ε. Choose ε so that ‖εv‖ is about 1e-5, however long v is; "
        "for v = 0 the product is 0.",
    )
    explanation = (
        "The product is the derivative of the gradient along v, so a difference of two gradients "
        "gives it, without the n² entries of H. The central difference errs by ε², against ε for "
        "the one-sided. The step ‖εv‖ is what must be short but not lost in rounding: hence ε is "
        "divided by ‖v‖, and grows with ‖x‖."
    )

    unscaled = (
        "Right for a v of length about 1, and wrong for others: the step is ε‖v‖. Divide ε by ‖v‖."
    )
    undivided = "You forgot to divide by ε: this is the change of the gradient, not its rate."
    twice = (
        "It is 2 times too large: the points x + εv and x − εv lie 2ε apart, not ε. Divide by 2ε."
    )
    unit = "This is the product with v / ‖v‖. Multiply by ‖v‖ again."
    too_short = (
        "ε is so small that rounding eats the difference of the two gradients. Try 1e-5 / ‖v‖."
    )
    too_long = "The step is so long that the gradient bends on its way. Try ε = 1e-5 / ‖v‖."
    far = (
        "Right near 0, and wrong where x is large: the step is lost in rounding. Multiply ε by "
        "1 + ‖x‖."
    )
    at_zero = "For v = 0 the product is 0. Your ε divides by ‖v‖, which is 0 there."
    whole = "You form the whole Hessian. Two gradients, both along v, are enough."
    calls = "The values are right, but it asks for the gradient {} times; two are enough."

    wrong_answers = {
        lambda f, x, v: _forward(f, x, v, 1e-6): unscaled,
        lambda f, x, v: f(x + 1e-4 * v) - f(x): undivided,
        lambda f, x, v: _scaled(v) * _forward(f, x, v, _scaled(v)): undivided,
        lambda f, x, v: 2 * _forward(f, x, v, _scaled(v)): twice,
        lambda f, x, v: _forward(f, x, v, _scaled(v)) / max(norm(v), 1e-300): unit,
        lambda f, x, v: _forward(f, x, v, _scaled(v, 1e-15)): too_short,
        lambda f, x, v: _forward(f, x, v, _scaled(v, 0.1)): too_long,
        lambda f, x, v: f(x + v) - f(x): too_long,
        lambda f, x, v: _forward(f, x, v, _scaled(v, 2e-10)): far,
        lambda f, x, v: _forward(f, x, v, 1e-6 / norm(v)): at_zero,
        lambda f, x, v: _finite_hessian(f, x) @ v: whole,
        lambda f, x, v: v @ _forward(f, x, v, _scaled(v)): "You return vᵀHv, one number: how f "
        "bends along v. The product Hv is a vector.",
        lambda f, x, v: -_forward(f, x, v, _scaled(v)): "has the right size and the opposite sign",
        lambda f, x, v: f(v): "You return the gradient at v. That is Hv only for a quadratic "
        "centred at 0.",
        lambda f, x, v: f(x) * v: "You multiply the gradient by v. The Hessian says how the "
        "gradient changes along v.",
        lambda f, x, v: _forward(f, x, v, _scaled(v)) + 0 * f(x): calls.format(3),
    }
    other_answers = (
        lambda f, x, v: _forward(f, x, v, _scaled(v)),
        lambda f, x, v: _forward(f, x, v, _scaled(v, 1e-8)),
        lambda f, x, v: _forward(f, x, v, _scaled(v, 1.5e-8 * (1 + norm(x)))),
        lambda f, x, v: norm(v) * _forward(f, x, v / max(norm(v), 1e-300), 1e-6),
        lambda f, x, v: f(x + 1e-20j * v).imag / 1e-20,
        _hvp_torch,
    )

    def cases(self) -> Iterable[tuple]:
        def bowl() -> Recorded:
            return Recorded(lambda x: np.array([2, 4]) * x, "gradient of x₀² + 2 x₁²")

        def quartic() -> Recorded:
            return Recorded(lambda x: x**3 + x[::-1], "gradient of (x₀⁴ + x₁⁴)/4 + x₀ x₁")

        one, two = np.array([1.0, 1.0]), np.array([1.0, 2.0])
        yield bowl(), two, one
        yield quartic(), two, np.array([1.0, 0.0])
        yield quartic(), two, 2 * one
        yield quartic(), two, 0 * one
        yield quartic(), two, 1e8 * one
        yield quartic(), two, 1e-8 * one
        yield quartic(), 1000 * two, one
        yield quartic(), 1e-6 * two, one
        rng = np.random.default_rng(0)
        a = rng.normal(size=(6, 6))
        coupled = Recorded(lambda x: (a + a.T) @ x + x**3, "gradient of a quartic in 6 dimensions")
        yield coupled, rng.normal(size=6), rng.normal(size=6)

    def diagnose(self, trials: list[Trial]) -> str:
        """Name the mistakes by the points at which the gradient was asked for."""
        failed = [trial for trial in trials if not trial.right]
        if not failed:
            gradient, x, _ = trials[-1].passed
            if gradient.calls > x.size:
                return self.whole
            return self.calls.format(gradient.calls) if gradient.calls > 2 else ""
        if all(norm(trial.arguments[2]) == 0 for trial in failed):
            return self.at_zero
        if all(norm(trial.arguments[1]) > 100 for trial in failed):
            return self.far
        near = [t for t in trials if norm(t.arguments[1]) < 10 and 1 <= norm(t.arguments[2]) < 10]
        if all(trial.right for trial in near):
            return self.unscaled
        if not all(_comparable(trial) for trial in near):
            return ""
        steps = [_step(trial) for trial in near]
        for factors, mistake in (
            (steps, self.undivided),
            ([2 * step for step in steps], self.undivided),
            ([2.0] * len(steps), self.twice),
            ([1 / norm(trial.arguments[2]) for trial in near], self.unit),
        ):
            if _all_off_by(factors, near):
                return mistake
        if max(steps) < 1e-12:
            return self.too_short
        return self.too_long if min(steps) > 1e-3 and trials[0].right else ""


def _comparable(trial: Trial) -> bool:
    outputs = trial.returned.outputs
    return bool(trial.passed[0].points and outputs and outputs[0].shape == trial.expected[0].shape)


def _step(trial: Trial) -> float:
    """Return how far from x the answer asked for the gradient, in units of v."""
    gradient, x, v = trial.passed
    points = [np.asarray(point) for point in gradient.points]
    return max((norm(point - x) for point in points if point.shape == x.shape), default=0) / norm(v)


def _all_off_by(factors: list[float], trials: list[Trial]) -> bool:
    return all(
        relative_error(trial.returned.outputs[0], factor * trial.expected[0]) < 1e-2
        for factor, trial in zip(factors, trials, strict=True)
    )
