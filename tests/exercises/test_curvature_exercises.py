"""Mistakes written otherwise than the library's own are named all the same."""

import numpy as np
import pytest

from converge_lib.exercises import check


def lr_one_over_largest_with_its_own_rate(hessian):
    values = sorted(np.linalg.eig(hessian)[0].real)
    return 1 / values[-1], 1 - values[0] / values[-1]


def momentum_stale(x, grad, velocity, lr, momentum):
    x_new = x.copy()
    x_new -= lr * velocity
    return x_new, np.add(grad, momentum * velocity)


def momentum_averaged(x, grad, velocity, lr, momentum):
    velocity = velocity + (1 - momentum) * (grad - velocity)
    return x - lr * velocity, velocity


def newton_uphill(gradient, hessian):
    return np.linalg.inv(hessian).dot(gradient)


def newton_damped(gradient, hessian):
    return -0.5 * np.linalg.solve(hessian, gradient)


def product(divide=lambda eps: 2 * eps, eps=lambda x, v: 1e-4 / (np.linalg.norm(v) + 1e-300)):
    def hvp(gradient, x, v):
        step = eps(x, v)
        return (gradient(x + step * v) - gradient(x - step * v)) / divide(step)

    return hvp


def product_by_columns(gradient, x, v):
    total = np.zeros_like(x)
    for i in range(x.size):
        e = np.zeros_like(x)
        e[i] = 1e-5
        total += v[i] * (gradient(x + e) - gradient(x - e)) / 2e-5
    return total


CASES = [
    ("best-rate", lr_one_over_largest_with_its_own_rate, "Your `lr` is 1/λmax"),
    ("momentum-step", momentum_stale, "updated after the step"),
    ("momentum-step", momentum_averaged, "a running mean as in Adam"),
    ("newton-step", newton_uphill, "The sign"),
    ("newton-step", newton_damped, "0.5 times the right value, in every case"),
    ("hessian-vector-product", product(divide=lambda eps: eps), "2 times too large"),
    ("hessian-vector-product", product(divide=lambda eps: 1), "forgot to divide by ε"),
    ("hessian-vector-product", product(eps=lambda x, v: 1e-5), "Divide ε by ‖v‖"),
    ("hessian-vector-product", product(eps=lambda x, v: 1e-4), "Divide ε by ‖v‖"),
    (
        "hessian-vector-product",
        product(eps=lambda x, v: 1e-16 / (np.linalg.norm(v) + 1e-300)),
        "rounding eats",
    ),
    ("hessian-vector-product", product_by_columns, "You form the whole Hessian"),
]


@pytest.mark.parametrize(("exercise", "mistake", "message"), CASES)
def test_a_mistake_is_named_however_it_is_written(exercise, mistake, message):
    card = check(f"descent.curvature-{exercise}", mistake)
    assert card.status == "wrong"
    assert message in card.body[0], card


@pytest.mark.parametrize("eps", [1e-4, 1e-5, 1e-6, 1e-7])
def test_the_product_is_right_for_any_sensible_step(eps):
    answer = product(eps=lambda x, v: eps / (np.linalg.norm(v) + 1e-300))
    assert check("descent.curvature-hessian-vector-product", answer).status == "correct"
