"""Exercises of the chapter "Gradient descent and its solvers"."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from converge_lib.exercises.exercise import Exercise
from converge_lib.exercises.judging import Recorded, Trial


def nesterov_step(
    x: np.ndarray, gradient: Callable, velocity: np.ndarray, lr: float, momentum: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return x and the velocity after one step of Nesterov's method."""
    ahead = x + momentum * velocity
    velocity = momentum * velocity - lr * gradient(ahead)
    return x + velocity, velocity


def _nesterov_at(point: Callable) -> Callable:
    """Return an answer that is right but for the point where it takes the gradient."""

    def answer(x: np.ndarray, f: Callable, v: np.ndarray, lr: float, m: float) -> tuple:
        v_new = m * v - lr * f(point(x, v, lr, m))
        return x + v_new, v_new

    return answer


def _nesterov_torch(
    x: np.ndarray, f: Callable, v: np.ndarray, lr: float, m: float
) -> tuple[object, object]:
    import torch

    x, v = torch.tensor(x), torch.tensor(v)
    v = m * v - lr * torch.as_tensor(f(x + m * v))
    return x + v, v


def _nesterov_in_place(
    x: np.ndarray, f: Callable, v: np.ndarray, lr: float, m: float
) -> tuple[np.ndarray, np.ndarray]:
    v *= m
    x += v
    step = lr * f(x)
    v -= step
    x -= step
    return x, v


class NesterovStep(Exercise):
    """Given a momentum step that calls itself Nesterov's, repair it."""

    id = "descent.gradient-descent-nesterov-step"
    title = "Find the Nesterov bug"
    reference = nesterov_step
    returns = ("x", "velocity")
    hints = (
        "Run it beside plain momentum, on any function. What differs?",
        "Momentum is going to carry x along anyway. Nesterov asks for the slope there, at the end "
        "of that ride, before the new gradient bends it.",
        "Take the gradient at `x + momentum * velocity`; the rest may stay as it is.",
    )
    explanation = (
        "The two methods differ in one argument: where the gradient is taken. Before the gradient "
        "enters, the velocity will move x by μ v, so the slope at x + μ v is the one that can "
        "still correct the move."
    )
    wrong_answers = {
        _nesterov_at(lambda x, v, lr, m: x): "The gradient is taken at x: this is plain momentum, "
        "whatever it is called.",
        _nesterov_at(lambda x, v, lr, m: x + v): "You look ahead by the whole velocity. "
        "Only `momentum` times it survives this step.",
        _nesterov_at(lambda x, v, lr, m: x - m * v): "You look back instead of ahead: here the "
        "velocity points where x goes.",
        _nesterov_at(lambda x, v, lr, m: x + lr * m * v): "The learning rate is already in this "
        "velocity: look ahead by `momentum * velocity`.",
        lambda x, f, v, lr, m: (
            x + m * v + (m * v - lr * f(x + m * v)),
            m * v - lr * f(x + m * v),
        ): "x moves from the look-ahead point, so the old velocity is counted twice. The step "
        "starts from x.",
        lambda x, f, v, lr, m: (
            x + m * v - lr * f(x + m * v),
            v,
        ): "You return the old velocity: the next step would know nothing of this gradient.",
        lambda x, f, v, lr, m: (
            x + (m * v + lr * f(x + m * v)),
            m * v + lr * f(x + m * v),
        ): "The gradient enters with the wrong sign: this goes uphill.",
        lambda x, f, v, lr, m: (
            x + m * (m * v - lr * f(x)) - lr * f(x),
            m * v - lr * f(x),
        ): "This is the rearranged form, in which x already is the look-ahead point. Here x is the "
        "point before it.",
        lambda x, f, v, lr, m: (
            x - lr * (m * v + f(x - lr * m * v)),
            m * v + f(x - lr * m * v),
        ): "Your velocity adds up gradients, without the learning rate. That is another "
        "convention; here v is the last move itself.",
        _nesterov_in_place: "It changes its argument `x` in place",
    }
    other_answers = (
        lambda x, f, v, lr, m: (
            x - lr * f(m * v + x) + m * v,
            m * v - lr * f(x + m * v),
        ),
        _nesterov_torch,
    )

    def cases(self) -> Iterable[tuple]:
        def bowl() -> Recorded:
            return Recorded(lambda x: np.array([2.0, 4.0]) * x, "gradient of x₀² + 2 x₁²")

        def quartic() -> Recorded:
            return Recorded(lambda x: x**3 + x[::-1], "gradient of (x₀⁴ + x₁⁴)/4 + x₀ x₁")

        yield np.array([1.0, 1.0]), bowl(), np.array([1.0, 0.0]), 0.1, 0.5
        yield np.array([1.0, -2.0]), bowl(), np.array([0.0, 0.0]), 0.1, 0.9
        rng = np.random.default_rng(0)
        for lr, momentum in ((0.01, 0.99), (0.3, 0.0), (0.05, 0.7)):
            x, velocity = rng.normal(size=(2, 2))
            yield x, quartic(), velocity, lr, momentum


def adam_step(
    x: np.ndarray,
    grad: np.ndarray,
    mean: np.ndarray,
    square: np.ndarray,
    t: int,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x and both running means after step number t of Adam."""
    mean = beta1 * mean + (1 - beta1) * grad
    square = beta2 * square + (1 - beta2) * grad**2
    mean_hat = mean / (1 - beta1**t)
    square_hat = square / (1 - beta2**t)
    return x - lr * mean_hat / (np.sqrt(square_hat) + eps), mean, square


def _adam(
    *,
    correct_mean: Callable = lambda b, t: 1 - b**t,
    correct_square: Callable = lambda b, t: 1 - b**t,
    divide: Callable = lambda m, s, eps: m / (np.sqrt(s) + eps),
    grad_in_mean: Callable = lambda g, b: (1 - b) * g,
    grad_in_square: Callable = lambda g, b: (1 - b) * g**2,
    sign: float = 1.0,
) -> Callable:
    """Return Adam's step with one of its parts replaced."""

    def answer(
        x: np.ndarray,
        g: np.ndarray,
        m: np.ndarray,
        s: np.ndarray,
        t: int,
        lr: float,
        b1: float,
        b2: float,
        eps: float,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        m, s = b1 * m + grad_in_mean(g, b1), b2 * s + grad_in_square(g, b2)
        step = divide(m / correct_mean(b1, t), s / correct_square(b2, t), eps)
        return x - sign * lr * step, m, s

    return answer


def _adam_returning_corrected(
    x: np.ndarray, g: np.ndarray, m: np.ndarray, s: np.ndarray, t: int, lr: float, *rest: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    b1, b2, _ = rest
    x, m, s = adam_step(x, g, m, s, t, lr, *rest)
    return x, m / (1 - b1**t), s / (1 - b2**t)


def _adam_torch(
    x: np.ndarray,
    g: np.ndarray,
    m: np.ndarray,
    s: np.ndarray,
    t: int,
    lr: float,
    b1: float,
    b2: float,
    eps: float,
) -> tuple:
    import torch

    x, g, m, s = (torch.tensor(array) for array in (x, g, m, s))
    m = torch.lerp(m, g, 1 - b1)
    s = s.mul(b2).addcmul(g, g, value=1 - b2)
    rate = lr * math.sqrt(1 - b2**t) / (1 - b1**t)
    return x - rate * m / (s.sqrt() + eps * math.sqrt(1 - b2**t)), m, s


class AdamStep(Exercise):
    """Given a gradient and both running means, return where Adam goes."""

    id = "descent.gradient-descent-adam-step"
    title = "One step of Adam"
    reference = adam_step
    returns = ("x", "mean", "square")
    hints = (
        "Two running means come first, of the gradient and of its square. Then undo what starting "
        "them at zero has done.",
        "After t steps the weights that a running mean has given out sum to 1 − βᵗ, not to 1. "
        "Divide by that, for the step alone: the means that you return stay uncorrected.",
        "x ← x − η m̂ / (√ŝ + ε), with m̂ = m / (1 − β₁ᵗ) and ŝ = s / (1 − β₂ᵗ). ε stands outside "
        "the root.",
    )
    explanation = (
        "Both means start at zero and are too small at first, by 1 − β₁ᵗ and 1 − β₂ᵗ. Corrected, "
        "the first step has length η in every coordinate. The state keeps the uncorrected means, "
        "or else the next step would correct them twice."
    )
    wrong_answers = {
        _adam(correct_mean=lambda b, t: 1, correct_square=lambda b, t: 1): "There is no bias "
        "correction: divide the means by 1 − β₁ᵗ and 1 − β₂ᵗ.",
        _adam(correct_square=lambda b, t: 1): "The mean is corrected for its bias and the "
        "mean square is not.",
        _adam(correct_mean=lambda b, t: 1): "The mean square is corrected for its bias and the "
        "mean is not.",
        _adam(
            correct_mean=lambda b, t: 1 - b, correct_square=lambda b, t: 1 - b
        ): "You divide by 1 − β. That is right for t = 1 alone; the bias fades as 1 − βᵗ.",
        _adam(
            correct_mean=lambda b, t: 1 - b ** (t + 1),
            correct_square=lambda b, t: 1 - b ** (t + 1),
        ): "The correction is a step late: t is 1 at the first step, and not 0.",
        _adam(divide=lambda m, s, eps: m / np.sqrt(s + eps)): "ε is inside the root. It belongs "
        "outside: √ŝ + ε.",
        _adam(divide=lambda m, s, eps: m / (s + eps)): "You divide by the mean square, not by its "
        "root.",
        _adam(grad_in_square=lambda g, b: (1 - b) * g): "The gradient enters `square` "
        "without being squared.",
        _adam(grad_in_mean=lambda g, b: g): "The gradient enters the mean whole, as in momentum. "
        "Here it is weighted by 1 − β₁.",
        _adam(sign=-1): "The sign: x moves along the gradient, uphill.",
        _adam_returning_corrected: "You return the corrected means: the next step "
        "would correct them again. Return the running means themselves.",
    }
    other_answers = (
        lambda x, g, m, s, t, lr, b1, b2, eps: list(adam_step(x, g, m, s, t, lr, b1, b2, eps)),
        _adam_torch,
    )

    def cases(self) -> Iterable[tuple]:
        one, zero = np.array([2.0, -1.0]), np.zeros(2)
        yield zero, one, zero, zero, 1, 0.1, 0.9, 0.999, 1e-8
        yield one, np.array([1e-3, 3.0]), zero + 0.2, zero + 0.5, 2, 0.1, 0.9, 0.99, 0.01
        rng = np.random.default_rng(0)
        for t, beta1, beta2 in ((3, 0.0, 0.9), (20, 0.8, 0.9999), (500, 0.9, 0.99)):
            x, grad, mean, square = rng.normal(size=(4, 3))
            yield x, grad, mean, square**2, t, 0.05, beta1, beta2, 1e-3

    def diagnose(self, trials: list[Trial]) -> str:
        """Say of an answer that is right at t = 1 alone where to look."""
        first, *later = trials
        if first.right and not any(trial.right for trial in later):
            return "The first step is right and the later ones are not: where does t come in?"
        return ""


def adamw_step(
    x: np.ndarray,
    grad: np.ndarray,
    mean: np.ndarray,
    square: np.ndarray,
    t: int,
    lr: float,
    weight_decay: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x and both running means after step number t of AdamW."""
    mean = 0.9 * mean + 0.1 * grad
    square = 0.999 * square + 0.001 * grad**2
    mean_hat = mean / (1 - 0.9**t)
    square_hat = square / (1 - 0.999**t)
    step = mean_hat / (np.sqrt(square_hat) + 1e-8)
    return x - lr * weight_decay * x - lr * step, mean, square


def _plain(x: np.ndarray, g: np.ndarray, m: np.ndarray, s: np.ndarray, t: int, lr: float) -> tuple:
    return adamw_step(x, g, m, s, t, lr, 0.0)


def _adamw_torch(
    x: np.ndarray, g: np.ndarray, m: np.ndarray, s: np.ndarray, t: int, lr: float, wd: float
) -> tuple:
    import torch

    moved, m, s = adam_step(x, g, m, s, t, lr, 0.9, 0.999, 1e-8)
    return torch.tensor(moved - lr * wd * x), torch.tensor(m), torch.tensor(s)


class AdamWStep(Exercise):
    """Given Adam, let the weights decay beside it and not through it."""

    id = "descent.gradient-descent-adamw-step"
    title = "Weight decay that Adam does not rescale"
    reference = adamw_step
    returns = ("x", "mean", "square")
    hints = (
        "Where would the decay be divided by √ŝ, and where would it not?",
        "The gradient and both means know nothing of the decay. It acts on x alone.",
        "Adam's step with the plain gradient; and from x subtract η λ x as well.",
    )
    explanation = (
        "Added to the gradient, λ x would be divided by √ŝ with the rest, so that weights whose "
        "gradients are large would hardly decay. Beside it, every weight shrinks by the same "
        "factor 1 − η λ a step."
    )
    wrong_answers = {
        lambda x, g, m, s, t, lr, wd: _plain(x, g + wd * x, m, s, t, lr): "This is Adam with L2 "
        "regularisation: λ x is in the gradient, so it is averaged and divided by √ŝ. Keep it out.",
        lambda x, g, m, s, t, lr, wd: _plain(x, g, m, s, t, lr): "The weights do not decay: "
        "`weight_decay` is not used.",
        lambda x, g, m, s, t, lr, wd: (
            _plain(x, g, m, s, t, lr)[0] - wd * x,
            *_plain(x, g, m, s, t, lr)[1:],
        ): "The decay is not multiplied by the learning rate: here x shrinks by η λ, so that a "
        "schedule acts on it too.",
        lambda x, g, m, s, t, lr, wd: (
            _plain(x, g, m, s, t, lr)[0] + lr * wd * x,
            *_plain(x, g, m, s, t, lr)[1:],
        ): "The sign of the decay: the weights grow.",
        lambda x, g, m, s, t, lr, wd: (
            _plain(x, g, m, s, t, lr)[0] * (1 - lr * wd),
            *_plain(x, g, m, s, t, lr)[1:],
        ): "The decay acts on the new x, so that Adam's step decays as well. It acts on x as it "
        "was.",
        lambda x, g, m, s, t, lr, wd: (
            _plain(x, g, m, s, t, lr)[0] - lr * wd * np.sign(x),
            *_plain(x, g, m, s, t, lr)[1:],
        ): "The decay has the same length for every weight, as with L1. It is in proportion to x.",
    }
    other_answers = (
        lambda x, g, m, s, t, lr, wd: _plain((1 - lr * wd) * x, g, m, s, t, lr),
        _adamw_torch,
    )

    def cases(self) -> Iterable[tuple]:
        zero = np.zeros(2)
        yield np.array([2.0, -3.0]), zero, zero, zero, 1, 0.1, 0.5
        yield np.array([1.0, 1.0]), np.array([1e-3, 1e3]), zero, zero, 1, 0.1, 0.5
        rng = np.random.default_rng(0)
        for t, lr, weight_decay in ((2, 0.1, 0.1), (50, 0.3, 1.0)):
            x, grad, mean, square = rng.normal(size=(4, 3))
            yield x, grad, mean, square**2, t, lr, weight_decay


def warm_up_cosine(t: int, warm: int, steps: int) -> float:
    """Return the factor of the learning rate at step t: a linear rise, then half a cosine."""
    if t < warm:
        return (t + 1) / warm
    return (1 + math.cos(math.pi * (t - warm) / (steps - warm))) / 2


def _schedule(rise: Callable, fall: Callable) -> Callable:
    return lambda t, warm, steps: rise(t, warm) if t < warm else fall(t, warm, steps)


def _rise(t: int, warm: int) -> float:
    return (t + 1) / warm


def _fall(t: int, warm: int, steps: int) -> float:
    return (1 + math.cos(math.pi * (t - warm) / (steps - warm))) / 2


class WarmUpCosine(Exercise):
    """Given the step, return the factor of a schedule in two parts."""

    id = "descent.gradient-descent-warm-up-cosine"
    title = "Warm up, then a cosine"
    reference = warm_up_cosine
    returns = ("factor",)
    hints = (
        "Two formulas, one for each side of `t = warm`. What is the factor on each side of the "
        "seam?",
        "On the left 1/warm, 2/warm, … up to 1 at t = warm − 1. On the right, how far are you "
        "through what is left, as a fraction from 0 to 1?",
        "The fraction is (t − warm) / (steps − warm), and half a cosine of it is "
        "(1 + cos(π · fraction)) / 2.",
    )
    explanation = (
        "The rise reaches 1 at its last step, t = warm − 1. The fall starts at 1 and is stretched "
        "over the steps that remain, so that it ends at 0 however long the warm-up was."
    )
    wrong_answers = {
        _schedule(lambda t, w: t / w, _fall): "The first step has factor 0: a step is wasted. The "
        "rise goes 1/warm, 2/warm, …, 1.",
        _schedule(
            _rise, lambda t, w, n: (1 + math.cos(math.pi * t / n)) / 2
        ): "The cosine has been running since t = 0, so that the factor drops at the seam. "
        "It starts at t = warm.",
        lambda t, w, n: (
            min(1, (t + 1) / w if w else 1) * (1 + math.cos(math.pi * t / n)) / 2
        ): "You multiply the rise with a cosine that starts at t = 0. Here the cosine starts "
        "where the rise ends.",
        _schedule(
            _rise, lambda t, w, n: (1 + math.cos(math.pi * (t - w) / n)) / 2
        ): "The cosine starts in time and does not reach 0 at the end: it has steps − warm steps.",
        _schedule(
            _rise, lambda t, w, n: math.cos(math.pi * (t - w) / (n - w) / 2)
        ): "That is a quarter of a cosine, which falls off steeply at the end. Half a cosine "
        "levels out: (1 + cos)/2.",
        _schedule(
            _rise, lambda t, w, n: math.cos(math.pi * (t - w) / (n - w))
        ): "Your cosine goes down to −1: the rate would be negative. Shift and halve it.",
        _schedule(_rise, lambda t, w, n: 1 - (t - w) / (n - w)): "The fall is a straight line, "
        "not a cosine.",
        _schedule(
            _rise,
            lambda t, w, n: (1 + math.cos(math.radians(180) * (t - w) / (n - w) / math.pi)) / 2,
        ): "The fraction is not turned into an angle: half a cosine goes from 0 to π.",
        lambda t, w, n: _fall(t, w, n): "There is no warm-up: for t < warm the factor rises.",
    }
    other_answers = (
        lambda t, w, n: (
            min((t + 1) / max(w, 1), math.cos(math.pi * max(t - w, 0) / (n - w) / 2) ** 2)
            if t < w
            else math.cos(math.pi * (t - w) / (n - w) / 2) ** 2
        ),
        lambda t, w, n: np.where(t < w, (t + 1) / max(w, 1), _fall(t, w, n)),
    )

    def cases(self) -> Iterable[tuple]:
        yield from ((t, 4, 12) for t in (0, 3, 4, 8, 12))
        yield from ((t, 0, 10) for t in (0, 5, 9))
        yield from ((t, 1, 100) for t in (0, 1, 37))
        yield from ((t, 100, 1000) for t in (17, 99, 100, 640, 1000))
