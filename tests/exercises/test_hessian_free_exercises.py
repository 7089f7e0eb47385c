"""Mistakes written otherwise than the library's own are named all the same."""

import numpy as np
import pytest

from converge_lib.exercises import check


def product_with_a_frozen_slope(X, t, w, v):
    slope = 1 - np.tanh(X @ w) ** 2
    return (X * slope[:, None]).T @ (X * slope[:, None]) @ v


def product_over_the_whole_of_v(X, t, w, v):
    def gradient(w):
        y = np.tanh(X @ w)
        return X.T @ ((y - t) * (1 - y * y))

    return gradient(v + w) - gradient(w)


def outputs_that_move_alone(X, W, V):
    p = np.exp(X @ W)
    p /= p.sum(-1)[:, None]
    return (X.T / len(X)) @ ((p - p**2) * (X @ V))


def product_not_averaged(X, W, V):
    p = np.exp(X @ W)
    p /= p.sum(-1)[:, None]
    u = X @ V
    return X.T @ (p * (u - np.einsum("ij,ij->i", p, u)[:, None]))


def ratio_of_a_decrease(f, f_new, g, p, Gp, damping):
    rho = -(f_new - f) / (p @ (g + Gp / 2))
    return rho, damping * (1.5 if rho < 0.25 else 1 / 1.5 if rho > 0.75 else 1)


def damping_in_the_promise(f, f_new, g, p, Gp, damping):
    rho = (f_new - f) / (g @ p + 0.5 * (p @ Gp + damping * p @ p))
    return rho, damping * (1.5 if rho < 0.25 else 1 / 1.5 if rho > 0.75 else 1)


def never_more_careful_uphill(f, f_new, g, p, Gp, damping):
    rho = (f_new - f) / (g @ p + p @ Gp / 2)
    if 0 < rho < 0.25:
        return rho, 1.5 * damping
    return rho, damping / 1.5 if rho > 0.75 else damping


def stop_by_one_iteration(values, eps):
    for i in range(2, len(values)):
        if values[i] < 0 and abs(values[i - 1] - values[i]) < eps * abs(values[i]):
            return i
    return len(values) - 1


def stop_two_late(values, eps):
    for i in range(11, len(values)):
        k = max(10, i // 10)
        if values[i] < 0 and (values[i] - values[i - k]) / values[i] < k * eps:
            return i + 2
    return len(values) + 1


def step_of_plain_cg(product, x, r, d, M):
    Ad = product(d)
    alpha = r.dot(r) / d.dot(Ad)
    new = r - alpha * Ad
    return x + alpha * d, new, new + new.dot(new) / r.dot(r) * d


def step_with_two_products(product, x, r, d, M):
    alpha = r @ (r / M) / (d @ product(d))
    new = r - alpha * product(d)
    return x + alpha * d, new, new / M + (new @ (new / M)) / (r @ (r / M)) * d


CASES = [
    ("hessian-vector-product", product_with_a_frozen_slope, "the Gauss-Newton product"),
    ("hessian-vector-product", product_over_the_whole_of_v, "over the whole of v"),
    ("gauss-newton-product", outputs_that_move_alone, "the diagonal of H_L"),
    ("gauss-newton-product", product_not_averaged, "divide by how many"),
    ("update-damping", ratio_of_a_decrease, "ρ is negative when all is well"),
    ("update-damping", damping_in_the_promise, "λ is still in the promise"),
    ("update-damping", never_more_careful_uphill, "Where it is negative λ must grow"),
    ("stopping-iteration", stop_by_one_iteration, "the last iteration alone"),
    ("stopping-iteration", stop_two_late, "`i` is 2 too large, in every case"),
    ("cg-step", step_of_plain_cg, "α uses rᵀr"),
    ("cg-step", step_with_two_products, "it takes 2 products"),
]


@pytest.mark.parametrize(("exercise", "mistake", "message"), CASES)
def test_a_mistake_is_named_however_it_is_written(exercise, mistake, message):
    card = check(f"descent.hessian-free-{exercise}", mistake)
    assert card.status == "wrong"
    assert message in card.body[0], card
