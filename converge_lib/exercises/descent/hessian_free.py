"""Exercises of the chapter "Hessian-free"."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from converge_lib.exercises.exercise import Exercise
from converge_lib.exercises.judging import Recorded, Trial


def hessian_vector_product(
    X: np.ndarray, t: np.ndarray, w: np.ndarray, v: np.ndarray
) -> np.ndarray:
    """Return H v for f(w) = ½ Σ (tanh(Xw) − t)², by the R-operator."""
    y = np.tanh(X @ w)
    Ry = (1 - y**2) * (X @ v)
    return X.T @ (Ry * (1 - y**2) + (y - t) * (-2 * y * Ry))


def _tanh_product(inner: Callable) -> Callable:
    """Return the answer Xᵀ inner(y, t, Xv)."""

    def answer(X: np.ndarray, t: np.ndarray, w: np.ndarray, v: np.ndarray) -> np.ndarray:
        return X.T @ inner(np.tanh(X @ w), t, X @ v)

    return answer


def _tanh_gradient(X: np.ndarray, t: np.ndarray, w: np.ndarray) -> np.ndarray:
    y = np.tanh(X @ w)
    return X.T @ ((y - t) * (1 - y**2))


def _tanh_difference(X: np.ndarray, t: np.ndarray, w: np.ndarray, v: np.ndarray) -> np.ndarray:
    there, back = _tanh_gradient(X, t, w + 1e-5 * v), _tanh_gradient(X, t, w - 1e-5 * v)
    return (there - back) / 2e-5


def _tanh_dense(X: np.ndarray, t: np.ndarray, w: np.ndarray, v: np.ndarray) -> np.ndarray:
    y = np.tanh(X @ w)
    s = 1 - y**2
    return X.T @ np.diag(s**2 - 2 * (y - t) * y * s) @ X @ v


def _tanh_torch(X: np.ndarray, t: np.ndarray, w: np.ndarray, v: np.ndarray) -> object:
    import torch

    X, t, w, v = (torch.tensor(array) for array in (X, t, w, v))
    w.requires_grad_()
    (g,) = torch.autograd.grad(
        ((X @ w).tanh() - t).square().sum() / 2, w, create_graph=True
    )  # the page's second way
    return torch.autograd.grad(g @ v, w)[0]


class HessianVectorProduct(Exercise):
    """Given a layer of tanh and the squared error, apply the R-operator to its gradient."""

    id = "descent.hessian-free-hessian-vector-product"
    title = "A Hessian-vector product in three lines"
    reference = hessian_vector_product
    returns = ("Hv",)
    hints = (
        "Write the gradient first: Xᵀ applied to something that depends on w through y alone. How "
        "fast does each factor of it change when w moves along v?",
        "R{Xw} = Xv, and so R{y} = (1 − y²) · Xv. The gradient is Xᵀ((y − t)(1 − y²)): two factors "
        "that both change.",
        "R{(y − t)(1 − y²)} = R{y} (1 − y²) + (y − t)(−2 y R{y}). Multiply by Xᵀ.",
    )
    explanation = (
        "X and t stand still. What moves is y, and R{y} = (1 − y²) Xv. The first part of the "
        "product rule, Xᵀ(1 − y²)² Xv, is the Gauss-Newton product; the second, weighted by the "
        "errors y − t, is the bend of the network."
    )
    wrong_answers = {
        _tanh_product(lambda y, t, u: (1 - y**2) ** 2 * u): "This is the Gauss-Newton product: the "
        "slope 1 − y² changes along v as well, and that part is missing.",
        _tanh_product(lambda y, t, u: (y - t) * -2 * y * (1 - y**2) * u): "This is the second part "
        "alone, the bend. The error y − t changes along v too.",
        _tanh_product(
            lambda y, t, u: (1 - y**2) ** 2 * u + (y - t) * 2 * y * (1 - y**2) * u
        ): "The sign of the bend: the slope is 1 − y², and R{1 − y²} = −2 y R{y}.",
        _tanh_product(
            lambda y, t, u: (1 - y**2) ** 2 * u - (y - t) * y * (1 - y**2) * u
        ): "A factor of 2 is missing: R{y²} = 2 y R{y}.",
        _tanh_product(
            lambda y, t, u: (1 - y**2) ** 2 * u - 2 * (y - t) * y * u
        ): "In the second part, R{y²} = 2 y R{y}, and R{y} is (1 − y²) Xv, not Xv.",
        _tanh_product(
            lambda y, t, u: (1 - y**2) * u - 2 * (y - t) * y * (1 - y**2) * u
        ): "In the first part the slope comes twice: once from R{y}, once from "
        "the gradient itself.",
        _tanh_product(lambda y, t, u: u): "That would be the product for a linear network, XᵀXv. "
        "The slope of tanh is missing throughout.",
        _tanh_product(
            lambda y, t, u: 2 * ((1 - y**2) ** 2 - 2 * (y - t) * y * (1 - y**2)) * u
        ): "`Hv` is 2 times the right value: f "
        "has a factor ½, which takes the 2 of the square away.",
        _tanh_product(lambda y, t, u: (y - t) * (1 - y**2)): "You return the gradient: v is not "
        "used.",
        lambda X, t, w, v: _tanh_gradient(X, t, w + v) - _tanh_gradient(X, t, w): "You take the "
        "difference of the gradient over the whole of v. The product asks for its rate at w.",
        lambda X, t, w, v: v @ hessian_vector_product(X, t, w, v): "You return vᵀHv, one number: "
        "how f bends along v. The product Hv is a vector.",
        lambda X, t, w, v: hessian_vector_product(X, t, w, w): "w takes the place of v somewhere: "
        "this is Hw. Only y is computed from w.",
    }
    other_answers = (_tanh_difference, _tanh_dense, _tanh_torch)

    def cases(self) -> Iterable[tuple]:
        yield np.array([[1.0]]), np.array([0.0]), np.array([1.0]), np.array([1.0])
        yield np.eye(2), np.array([1.0, -1.0]), np.array([0.5, 2.0]), np.array([1.0, 3.0])
        rng = np.random.default_rng(0)
        for cases, n in ((5, 3), (3, 6), (20, 4)):
            yield (
                rng.normal(size=(cases, n)),
                rng.normal(size=cases),
                rng.normal(size=n),
                rng.normal(size=n),
            )


def gauss_newton_product(X: np.ndarray, W: np.ndarray, V: np.ndarray) -> np.ndarray:
    """Return G v for softmax regression, v in the shape of the weights W: v → Jv → HJv → JᵀHJv."""
    logits = X @ W
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    Jv = X @ V
    HJv = (p * Jv - p * (p * Jv).sum(axis=1, keepdims=True)) / len(X)
    return X.T @ HJv


def _softmax(logits: np.ndarray) -> np.ndarray:
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def _softmax_product(curve: Callable) -> Callable:
    """Return the answer Xᵀ curve(p, XV)."""
    return lambda X, W, V: X.T @ curve(_softmax(X @ W), X @ V)


def _true_curve(p: np.ndarray, u: np.ndarray) -> np.ndarray:
    return (p * u - p * (p * u).sum(1, keepdims=True)) / len(p)


def _softmax_by_cases(X: np.ndarray, W: np.ndarray, V: np.ndarray) -> np.ndarray:
    total = np.zeros_like(W)
    for x in X:
        p = _softmax(x @ W)
        total += np.outer(x, (np.diag(p) - np.outer(p, p)) @ (x @ V))
    return total / len(X)


def _softmax_difference(X: np.ndarray, W: np.ndarray, V: np.ndarray) -> np.ndarray:
    there, back = _softmax(X @ (W + 1e-5 * V)), _softmax(X @ (W - 1e-5 * V))
    return X.T @ (there - back) / 2e-5 / len(X)


def _softmax_torch(X: np.ndarray, W: np.ndarray, V: np.ndarray) -> object:
    import torch

    X, W, V = (torch.tensor(array) for array in (X, W, V))
    p, u = (X @ W).softmax(1), X @ V
    return X.T @ (p * (u - (p * u).sum(1, keepdim=True))) / len(X)


class GaussNewtonProduct(Exercise):
    """Given softmax regression, write the three moves of the Gauss-Newton product."""

    id = "descent.hessian-free-gauss-newton-product"
    title = "The three moves of the Gauss-Newton product"
    reference = gauss_newton_product
    returns = ("Gv",)
    hints = (
        "Three moves. How do the outputs change when the weights move by V? What does the loss's "
        "own curvature make of that? And back to the weights.",
        "v → Jv is `X @ V`, and the way back is `X.T @ …`. In between, for a case, "
        "H_L = diag(p) − p pᵀ.",
        "H_L u = p · u − p (pᵀu), case by case: the sum runs over the classes. The loss is a "
        "mean, so divide by the number of cases.",
    )
    explanation = (
        "The logits are linear in the weights, so Jv is XV and Jᵀu is Xᵀu. The cross-entropy of a "
        "softmax bends by diag(p) − p pᵀ. It never needs the labels. And since nothing in the "
        "network bends, this G is the Hessian itself."
    )
    wrong_answers = {
        _softmax_product(lambda p, u: p * u / len(p)): "The second part of H_L is missing: "
        "diag(p) − p pᵀ. The probabilities sum to 1, so they cannot move independently.",
        _softmax_product(lambda p, u: p * (1 - p) * u / len(p)): "You take the diagonal of H_L. "
        "p (1 − p) is the curvature of logistic outputs; those of a softmax are coupled.",
        _softmax_product(lambda p, u: len(p) * _true_curve(p, u)): "You sum over the cases. The "
        "loss is their mean: divide by how many there are.",
        _softmax_product(lambda p, u: len(p) * _true_curve(p, u) / p.size): "You divide by the "
        "number of outputs, cases times classes. The mean is over cases.",
        _softmax_product(
            lambda p, u: (p * u - p * (p * u).sum(0, keepdims=True)) / len(p)
        ): "The sum pᵀu runs over the cases. It runs over the classes: `axis=1`.",
        _softmax_product(
            lambda p, u: (p * u - p * u.sum(1, keepdims=True)) / len(p)
        ): "In the second part you sum Jv itself. It is weighted by the probabilities: p (pᵀu).",
        _softmax_product(
            lambda p, u: (p * u - (p * u).sum(1, keepdims=True)) / len(p)
        ): "A p is missing in the second part: H_L u = p · u − p (pᵀu).",
        _softmax_product(
            lambda p, u: (p * u + p * (p * u).sum(1, keepdims=True)) / len(p)
        ): "The sign in H_L: diag(p) − p pᵀ.",
        _softmax_product(lambda p, u: u / len(p)): "The move in the middle is missing: this is "
        "JᵀJv. H_L = diag(p) − p pᵀ.",
        _softmax_product(lambda p, u: p * _true_curve(p, u)): "The probabilities come once too "
        "often: H_L u = p · u − p (pᵀu).",
        lambda X, W, V: _true_curve(_softmax(X @ W), X @ V): "The last move is missing: you return "
        "H_L Jv, in the shape of the outputs. Jᵀ takes it back to the weights.",
        lambda X, W, V: X.T @ _true_curve(_softmax(X @ V), X @ W): "W and V have changed places: "
        "the probabilities are those at W, and the move is V.",
        lambda X, W, V: np.sum(V * gauss_newton_product(X, W, V)): "You return vᵀGv, one number. "
        "The product has the shape of the weights.",
    }
    other_answers = (_softmax_by_cases, _softmax_difference, _softmax_torch)

    def cases(self) -> Iterable[tuple]:
        yield np.array([[1.0], [2.0]]), np.zeros((1, 2)), np.array([[1.0, 0.0]])
        rng = np.random.default_rng(0)
        for cases, features, classes in ((4, 2, 3), (3, 5, 4), (12, 3, 2)):
            yield (
                rng.normal(size=(cases, features)),
                rng.normal(size=(features, classes)),
                rng.normal(size=(features, classes)),
            )


def update_damping(
    f: float, f_new: float, g: np.ndarray, p: np.ndarray, Gp: np.ndarray, damping: float
) -> tuple[float, float]:
    """Return the reduction ratio of a step, and the λ for the next."""
    promised = g @ p + p @ Gp / 2
    rho = (f_new - f) / promised
    if rho < 1 / 4:
        damping = damping * 3 / 2
    elif rho > 3 / 4:
        damping = damping * 2 / 3
    return rho, damping


def _damping(
    ratio: Callable = lambda f, new, q, p, lam: (new - f) / q,
    rule: Callable = lambda rho, lam: lam * (3 / 2 if rho < 1 / 4 else 2 / 3 if rho > 3 / 4 else 1),
    promise: Callable = lambda g, p, Gp, lam: g @ p + p @ Gp / 2,
) -> Callable:
    """Return the answer with one of its parts replaced."""

    def answer(
        f: float, f_new: float, g: np.ndarray, p: np.ndarray, Gp: np.ndarray, damping: float
    ) -> tuple[float, float]:
        rho = ratio(f, f_new, promise(g, p, Gp, damping), p, damping)
        return rho, rule(rho, damping)

    return answer


class UpdateDamping(Exercise):
    """Given a version whose ρ is negative when all is well, repair it."""

    id = "descent.hessian-free-update-damping"
    title = "Why is ρ negative?"
    reference = update_damping
    returns = ("rho", "damping")
    hints = (
        "Take a step that does exactly what the model promised. What must ρ be, and what does this "
        "version make of it?",
        "Both changes are counted in the same direction, new minus old. And which model is on "
        "trial: the one you believe in, or the one with the penalty that keeps the step short?",
        "`promised = g @ p + p @ Gp / 2` and `rho = (f_new - f) / promised`. The rest may stay.",
    )
    explanation = (
        "Along a good step the true change and the promised one are both negative, and their ratio "
        "is positive. A negative ρ then means one thing: the error went up. λ is left out of the "
        "promise, for it says how careful you are and not what you expect; inside, it would make "
        "every promise too modest, and λ would fall too fast."
    )
    wrong_answers = {
        _damping(
            lambda f, new, q, p, lam: (f - new) / q,
            promise=lambda g, p, Gp, lam: g @ p + p @ (Gp + lam * p) / 2,
        ): "Nothing is repaired yet. Is f − f_new the change of f, or minus it? And "
        "there is a second mistake.",
        _damping(lambda f, new, q, p, lam: (f - new) / q): "One of the two is repaired. The "
        "promised change is negative for a good step, and f − f_new is positive: so ρ is negative "
        "when all is well.",
        _damping(
            promise=lambda g, p, Gp, lam: g @ p + p @ (Gp + lam * p) / 2
        ): "The sign is repaired. λ is still in the promise: it is how careful you are, not "
        "what you believe.",
        _damping(lambda f, new, q, p, lam: abs((new - f) / q)): "You take the size of the ratio. A "
        "step that goes uphill must not pass for a good one.",
        _damping(lambda f, new, q, p, lam: q / (new - f)): "Upside down: what came true stands "
        "above what was promised.",
        _damping(promise=lambda g, p, Gp, lam: g @ p + p @ Gp): "The factor ½ before pᵀGp is "
        "missing.",
        _damping(promise=lambda g, p, Gp, lam: g @ p): "The promise is that of the slope alone. "
        "The model has a curvature: + ½ pᵀGp.",
        _damping(promise=lambda g, p, Gp, lam: -p @ (Gp + lam * p) / 2): "That is minus half of "
        "pᵀ(G + λI)p, the promise of the damped model where p solves the system exactly. CG was "
        "stopped early, and λ does not belong here.",
        _damping(
            rule=lambda rho, lam: lam * (2 / 3 if rho < 1 / 4 else 3 / 2 if rho > 3 / 4 else 1)
        ): "λ moves the wrong way: where the model is wrong, be more careful.",
        _damping(
            rule=lambda rho, lam: lam * (3 / 2 if rho < 1 / 4 else 2 / 3)
        ): "Between ¼ and ¾ the model is good enough, and λ stays.",
        _damping(
            rule=lambda rho, lam: lam * (3 / 2 if 0 <= rho < 1 / 4 else 2 / 3 if rho > 3 / 4 else 1)
        ): "Where it is negative λ must grow as well: the step went uphill.",
        _damping(
            rule=lambda rho, lam: lam * (3 / 2 if rho < 0 else 2 / 3 if rho > 3 / 4 else 1)
        ): "λ grows below ¼, not only below 0.",
        _damping(
            rule=lambda rho, lam: lam * (2 if rho < 1 / 4 else 1 / 2 if rho > 3 / 4 else 1)
        ): "The factors are 3/2 and 2/3.",
        _damping(rule=lambda rho, lam: lam): "λ is returned as it came: the test "
        "of ρ has no effect.",
    }
    other_answers = (
        lambda f, new, g, p, Gp, lam: (
            (new - f) / np.dot(g + 0.5 * Gp, p),
            lam
            * np.select(
                [
                    (new - f) / np.dot(g + 0.5 * Gp, p) < 0.25,
                    (new - f) / np.dot(g + 0.5 * Gp, p) > 0.75,
                ],
                [1.5, 1 / 1.5],
                1.0,
            ),
        ),
        _damping(
            lambda f, new, q, p, lam: (f - new) / q,
            promise=lambda g, p, Gp, lam: -(g @ p + p @ Gp / 2),
        ),
    )

    def cases(self) -> Iterable[tuple]:
        g, p, Gp = np.array([1.0, 0.0]), np.array([-1.0, 0.0]), np.array([-1.0, 0.0])
        for f_new in (1.5, 1.9, 1.8, 2.3, 1.3):  # ρ = 1, 0.2, 0.4, −0.6, 1.4
            yield 2.0, f_new, g, p, Gp, 0.3
        rng = np.random.default_rng(0)
        for rho in (0.9, 0.6, 0.1, -2.0):
            a = rng.normal(size=(5, 5))
            b = a @ a.T
            g = rng.normal(size=5)
            p = -np.linalg.solve(b + 0.5 * np.eye(5), g) * 0.8
            yield 3.0, 3.0 + rho * (g @ p + p @ b @ p / 2), g, p, b @ p, 0.5


def stopping_iteration(values: np.ndarray, eps: float) -> int:
    """Return the iteration in which the truncated test ends CG, values[i] being m after i."""
    for i in range(len(values)):
        k = max(10, i // 10)
        if i > k and values[i] < 0 and (values[i] - values[i - k]) / values[i] < k * eps:
            return i
    return len(values) - 1


def _stopping(
    window: Callable = lambda i: max(10, i // 10),
    small: Callable = lambda now, then, k, eps: (now - then) / now < k * eps,
    late: Callable = lambda i, k: i > k,
    negative: Callable = lambda now: now < 0,
) -> Callable:
    """Return the answer with one of its parts replaced."""

    def answer(values: np.ndarray, eps: float) -> int:
        for i in range(len(values)):
            k = window(i)
            if (
                late(i, k)
                and negative(values[i])
                and small(values[i], values[max(i - k, 0)], k, eps)
            ):
                return i
        return len(values) - 1

    return answer


class StoppingIteration(Exercise):
    """Given the values of m along CG, say when Martens' test ends it."""

    id = "descent.hessian-free-stopping-iteration"
    title = "When to stop CG"
    reference = stopping_iteration
    returns = ("i",)
    hints = (
        "The test compares the fall of m over the last k iterations with its whole fall. How many "
        "iterations is k, and when are there so many?",
        "k = max(10, ⌊0.1 i⌋), and the test needs i > k. Both m(pᵢ) and its fall over the last k "
        "are negative, so their ratio is positive.",
        "Stop in the first i with i > k, m(pᵢ) < 0 and (m(pᵢ) − m(pᵢ₋ₖ)) / m(pᵢ) < k ε; in the "
        "last one if there is none.",
    )
    explanation = (
        "The fall of one iteration is a poor guide, for CG pauses and goes on. So the test looks "
        "back over ten, and later over a tenth of the way, and allows ε for each. After a warm "
        "start m may be positive at first, and then no share of it means anything: hence m < 0."
    )
    wrong_answers = {
        _stopping(window=lambda i: 10): "k is always 10. It grows with the iterations: "
        "max(10, ⌊0.1 i⌋).",
        _stopping(window=lambda i: max(1, i // 10)): "k is a tenth of the iterations, and at least "
        "10: early on your test looks at a few iterations only.",
        _stopping(window=lambda i: min(10, i // 10)): "k is the smaller of the two: it is the "
        "larger, `max`.",
        _stopping(window=lambda i: 1): "You look at the last iteration alone. CG often pauses "
        "for one; the test looks back over k.",
        _stopping(small=lambda now, then, k, eps: (now - then) / now < eps): "The fall over k "
        "iterations is compared with ε. ε is for one iteration: k ε.",
        _stopping(small=lambda now, then, k, eps: then - now < k * eps): "You compare the fall "
        "itself with k ε. It is a share of the whole fall: divide by m(pᵢ).",
        _stopping(small=lambda now, then, k, eps: (then - now) / now < k * eps): "The sign: this "
        "share is negative, and therefore always below k ε.",
        _stopping(small=lambda now, then, k, eps: (now - then) / now > k * eps): "The comparison "
        "is turned round: this stops while m still falls fast.",
        _stopping(negative=lambda now: True): "It stops while m is still positive, as it may be "
        "after a warm start. The test asks for m(pᵢ) < 0.",
        _stopping(late=lambda i, k: i >= k): "It stops an iteration early: the test needs i > k.",
        _stopping(late=lambda i, k: True): "It tests before there are k iterations to look back "
        "on: i > k.",
        lambda values, eps: stopping_iteration(values, eps) - 1: "`i` is 1 too small, in every "
        "case: values[0] is m before the first iteration.",
        lambda values, eps: values[stopping_iteration(values, eps)]: "You return the value of m. "
        "The question is for the number of the iteration.",
    }
    other_answers = (
        lambda values, eps: next(
            (
                i
                for i in range(11, len(values))
                for k in [max(10, int(0.1 * i))]
                if i > k and values[i] < 0 and 1 - values[i - k] / values[i] < k * eps
            ),
            len(values) - 1,
        ),
    )

    def cases(self) -> Iterable[tuple]:
        i = np.arange(301)
        yield np.full(31, -1.0), 5e-4
        yield -np.minimum(i[:31], 1.0), 5e-4
        yield -np.minimum(i[:31], 12.0), 5e-4
        yield -np.minimum(i[:31], 5.0) / 5, 5e-4
        yield -(1 - 0.9 ** i[:200]), 5e-4
        yield -(1 - 0.97**i), 5e-4
        yield -np.sqrt(i), 5e-4
        yield 1e-3 * -(1 - 0.98**i), 5e-4
        yield 2 * 0.8**i - 0.5 + 0.2 * 0.99**i, 2e-3
        yield np.where(i < 40, 1.0, -1 + 0.99**i), 5e-4
        yield -np.floor(i / 6) * 6, 5e-4
        yield -i[:40] * 1.0, 5e-4

    def diagnose(self, trials: list[Trial]) -> str:
        """Say how far off an answer is that is off by the same number everywhere."""
        if not all(trial.returned.outputs for trial in trials):
            return ""
        off = {float(trial.returned.outputs[0] - trial.expected[0]) for trial in trials}
        if len(off) == 1 and 0 < abs(number := off.pop()) < 10:
            return (
                f"`i` is {abs(number):g} too {'small' if number < 0 else 'large'}, in every case."
            )
        return ""


def cg_step(
    product: Callable, x: np.ndarray, r: np.ndarray, d: np.ndarray, M: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x, the residual and the direction after one preconditioned step of CG on A x = b."""
    Ad = product(d)
    rz = r @ (r / M)
    alpha = rz / (d @ Ad)
    x = x + alpha * d
    r = r - alpha * Ad
    z = r / M
    return x, r, z + (r @ z) / rz * d


def _cg(
    alpha: Callable = lambda r, M, d, Ad: r @ (r / M) / (d @ Ad),
    beta: Callable = lambda r, old, M: r @ (r / M) / (old @ (old / M)),
    stretch: Callable = lambda r, M: r / M,
    sign: float = 1.0,
    residual: float = 1.0,
) -> Callable:
    """Return the answer with one of its parts replaced."""

    def answer(
        product: Callable, x: np.ndarray, r: np.ndarray, d: np.ndarray, M: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        Ad = product(d)
        a = alpha(r, M, d, Ad)
        new = r - residual * a * Ad
        return x + sign * a * d, new, stretch(new, M) + beta(new, r, M) * d

    return answer


def _cg_torch(
    product: Callable, x: np.ndarray, r: np.ndarray, d: np.ndarray, M: np.ndarray
) -> tuple:
    import torch

    Ad = torch.as_tensor(product(d))
    x, r, d, M = (torch.tensor(array) for array in (x, r, d, M))
    alpha = (r / M) @ r / (d @ Ad)
    new = r - alpha * Ad
    return x + alpha * d, new, new / M + (new / M) @ new / ((r / M) @ r) * d


class CGStep(Exercise):
    """Given the state of CG, take a step in stretched coordinates."""

    id = "descent.hessian-free-cg-step"
    title = "A step of CG, preconditioned"
    reference = cg_step
    returns = ("x", "r", "d")
    hints = (
        "Plain CG measures the residual by rᵀr. In stretched coordinates r is replaced by "
        "z = M⁻¹r, but not everywhere.",
        "Where plain CG has rᵀr, this has rᵀz, in α and in β. The residual itself is still b − Ax.",
        "α = rᵀz / dᵀAd; x ← x + αd; r ← r − αAd; z ← r / M; β = (rᵀz) / (old rᵀz); d ← z + βd.",
    )
    explanation = (
        "It is plain CG in the coordinates M^½ x, written back: each rᵀr becomes rᵀM⁻¹r, and the "
        "new direction starts from z = M⁻¹r. With M = 1 it is plain CG; with M = A it would be "
        "done in one step."
    )
    plain_alpha = "α uses rᵀr, as plain CG does. In stretched coordinates it is rᵀz with z = r / M."
    one_product = "The values are right, but it takes {} products. One is enough: keep `Ad`."
    wrong_answers = {
        _cg(alpha=lambda r, M, d, Ad: r @ r / (d @ Ad)): plain_alpha,
        _cg(beta=lambda r, old, M: r @ r / (old @ old)): "β uses rᵀr, "
        "as plain CG does: it is the ratio of the two rᵀz.",
        _cg(stretch=lambda r, M: r): "The new direction starts from r. It starts from z = r / M.",
        _cg(
            lambda r, M, d, Ad: r @ r / (d @ Ad),
            lambda r, old, M: r @ r / (old @ old),
            lambda r, M: r,
        ): plain_alpha,
        _cg(
            lambda r, M, d, Ad: r @ (r * M) / (d @ Ad),
            lambda r, old, M: r @ (r * M) / (old @ (old * M)),
            lambda r, M: r * M,
        ): "You multiply by M. z solves M z = r: divide.",
        _cg(
            beta=lambda r, old, M: old @ (old / M) / (r @ (r / M))
        ): "β is upside down: the new rᵀz over the old one.",
        _cg(
            beta=lambda r, old, M: -(r @ (r / M)) / (old @ (old / M))
        ): "The sign of β: the old direction is added, d ← z + βd.",
        _cg(beta=lambda r, old, M: 0.0): "The old direction is "
        "forgotten: this is steepest descent. d ← z + βd.",
        _cg(sign=-1.0): "x moves against d: x ← x + αd.",
        _cg(residual=-1.0): "The residual moves the wrong way: x has gained αd, so "
        "b − Ax loses αAd.",
        _cg(alpha=lambda r, M, d, Ad: r @ (r / M) / (d @ d)): "α is divided by dᵀd. The curvature "
        "along d is dᵀAd.",
        _cg(alpha=lambda r, M, d, Ad: 1.0): "The step has α = 1. It goes to the lowest point along "
        "d: α = rᵀz / dᵀAd.",
        lambda product, x, r, d, M: (
            cg_step(product, x, r, d, M)[0],
            r,
            cg_step(product, x, r, d, M)[2],
        ): "You return the old residual. The next step needs the new one.",
        lambda product, x, r, d, M: (
            *cg_step(product, x, r, d, M)[:2],
            cg_step(product, x, r, d, M)[2] + 0 * product(d),
        ): one_product.format(3),
    }
    other_answers = (
        _cg(alpha=lambda r, M, d, Ad: d @ r / (d @ Ad)),
        _cg(beta=lambda r, old, M: (r - old) @ (r / M) / (old @ (old / M))),
        _cg_torch,
    )

    def cases(self) -> Iterable[tuple]:
        rng = np.random.default_rng(0)
        for n, steps in ((2, 0), (4, 1), (6, 3)):
            a = rng.normal(size=(n, n))
            A = np.diag([1.0, 4.0]) if n == 2 else a @ a.T + np.eye(n)
            b = np.ones(n) if n == 2 else rng.normal(size=n)
            M = np.array([1.0, 2.0]) if n == 2 else rng.uniform(0.5, 3, n)
            x, r, d = np.zeros(n), b, b / M
            for _ in range(steps):
                x, r, d = cg_step(lambda v, A=A: A @ v, x, r, d, M)
            yield Recorded(lambda v, A=A: A @ v, "v → A v"), x, r, d, M

    def diagnose(self, trials: list[Trial]) -> str:
        """Find the answers whose values are right and which pay for more products."""
        calls = max(trial.passed[0].calls for trial in trials)
        if all(trial.right for trial in trials) and calls > 1:
            return self.one_product.format(calls)
        return ""
