"""L-BFGS against the dense BFGS matrix, scipy's L-BFGS-B and torch's LBFGS."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from converge_lib.descent.lbfgs import lbfgs, two_loop
from converge_lib.descent.line_search import LineSearch
from converge_lib.descent.objective import Objective
from converge_lib.descent.surfaces import SURFACES, quadratic, rosenbrock


def dense_inverse(pairs, n):
    """H⁻¹ by the BFGS formula, Nocedal and Wright eq. 7.16, from γI."""
    s, y = pairs[-1]
    inverse = (s @ y) / (y @ y) * np.eye(n)
    for s, y in pairs:
        rho = 1 / (y @ s)
        v = np.eye(n) - rho * np.outer(y, s)
        inverse = v.T @ inverse @ v + rho * np.outer(s, s)
    return inverse


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("memory", [1, 3, 8])
def test_two_loops_equal_the_dense_matrix(seed, memory):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((6, 6))
    hessian = root @ root.T + np.eye(6)
    pairs = [(s, hessian @ s) for s in rng.standard_normal((memory, 6))]
    g = rng.standard_normal(6)
    np.testing.assert_allclose(two_loop(g, pairs), dense_inverse(pairs, 6) @ g, rtol=1e-9)


def test_the_secant_equation_holds_for_the_last_pair():
    rng = np.random.default_rng(0)
    pairs = [(s, np.diag([1.0, 3.0, 9.0]) @ s) for s in rng.standard_normal((4, 3))]
    s, y = pairs[-1]
    np.testing.assert_allclose(two_loop(y, pairs), s, rtol=1e-10)


PROBLEMS = [
    *(pytest.param(make(), id=name) for name, make in SURFACES.items() if name != "plateau"),
    pytest.param(rosenbrock(n=10), id="rosenbrock-10"),
    pytest.param(rosenbrock(n=100), id="rosenbrock-100"),
    pytest.param(quadratic(condition=1e4, n=50), id="quadratic-50"),
]


@pytest.mark.parametrize("surface", PROBLEMS)
def test_reaches_a_minimum(surface):
    result = lbfgs(surface, surface.start, steps=2000)
    assert result.reason == "converged"
    assert np.linalg.norm(surface.gradient(result.x)) <= 1e-8
    assert result.fun < 1e-12
    assert (np.diff(result.values) <= 0).all()
    assert result.counts.fun == result.counts.hvp == 0
    np.testing.assert_allclose(result.values, surface.fun(result.path), rtol=1e-12, atol=1e-15)
    assert result.costs[-1] == result.counts.gradient


@pytest.mark.parametrize("n", [2, 10, 100])
def test_needs_as_few_evaluations_as_scipy_and_torch(n):
    surface = rosenbrock(n)
    ours = lbfgs(surface, surface.start, steps=2000).counts.gradient

    evaluations = 0

    def until_small(x):
        nonlocal evaluations
        evaluations += 1
        g = surface.gradient(x)
        if np.linalg.norm(g) <= 1e-8:
            raise StopIteration
        return surface.fun(x), g

    with pytest.raises(StopIteration):
        minimize(
            until_small,
            surface.start,
            jac=True,
            method="L-BFGS-B",
            options={"gtol": 0, "ftol": 0, "maxiter": 10_000, "maxfun": 10_000},
        )
    assert ours <= 1.1 * evaluations

    x = torch.tensor(surface.start, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [x],
        max_iter=5000,
        max_eval=20_000,
        history_size=10,
        tolerance_grad=1e-9,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )
    in_torch = 0

    def closure():
        nonlocal in_torch
        in_torch += 1
        x.grad = torch.tensor(surface.gradient(x.detach().numpy()))
        return torch.tensor(surface.fun(x.detach().numpy()))

    optimiser.step(closure)
    assert np.linalg.norm(surface.gradient(x.detach().numpy())) < 1e-7
    assert ours <= 1.1 * in_torch


def test_as_newton_on_a_quadratic_with_enough_memory():
    surface = quadratic(condition=100, n=8)
    assert lbfgs(surface, surface.start, memory=20).steps <= 30


def test_scale_of_the_function_hardly_matters():
    surface = rosenbrock()
    steps = []
    for scale in (1e-3, 1.0, 1e3):
        scaled = Objective(
            lambda x, c=scale: c * surface.fun(x), lambda x, c=scale: c * surface.gradient(x)
        )
        steps.append(lbfgs(scaled, surface.start, tolerance=1e-6 * scale).steps)
    assert max(steps) <= 1.5 * min(steps)


def test_a_minimum_far_from_zero_in_value_is_reached_to_the_same_gradient():
    surface = rosenbrock()
    lifted = Objective(lambda x: surface.fun(x) + 10, surface.gradient)
    result = lbfgs(lifted, surface.start, tolerance=1e-8)
    assert result.reason == "converged"


def test_negative_curvature_at_the_start():
    # f = (x² − 1)²/4 + y²/2 curves down at the start; a naive memory would go to the saddle
    double = Objective(
        lambda x: (x[0] ** 2 - 1) ** 2 / 4 + x[1] ** 2 / 2,
        lambda x: np.array([x[0] * (x[0] ** 2 - 1), x[1]]),
    )
    result = lbfgs(double, np.array([1e-3, 1.0]))
    assert result.reason == "converged"
    np.testing.assert_allclose(result.x, [1, 0], atol=1e-7)


def test_stationary_start_and_no_steps():
    assert lbfgs(quadratic(), np.zeros(2)).reason == "converged"
    assert lbfgs(rosenbrock(), [-1.2, 1.0], steps=0).reason == "steps"


def test_values_that_are_not_finite():
    result = lbfgs(Objective(lambda x: 1.0, gradient=lambda x: x * np.nan), np.ones(2))
    assert (result.reason, result.steps) == ("diverged", 0)
    wall = Objective(
        lambda x: float(x[0]) if x[0] >= 0 else math.nan, gradient=lambda x: np.array([1.0])
    )
    result = lbfgs(wall, np.array([1.0]), steps=50)
    assert result.reason in ("stalled", "steps")
    assert np.isfinite(result.path).all()


def test_the_memory_is_dropped_where_the_search_fails(monkeypatch):
    import sys

    module = sys.modules["converge_lib.descent.lbfgs"]
    original, calls = module.strong_wolfe, []

    def failing_once(objective, x, direction, f, g, **options):
        calls.append((x, direction, g))
        if len(calls) == 5:
            return module.strong_wolfe.failed
        return original(objective, x, direction, f, g, **options)

    failing_once.failed = LineSearch(0.0, 0.0, np.zeros(2), "failed")
    monkeypatch.setattr(module, "strong_wolfe", failing_once)
    lbfgs(rosenbrock(), [-1.2, 1.0], steps=8)
    _, direction, g = calls[5]  # tried again from the same point
    np.testing.assert_array_equal(calls[4][0], calls[5][0])
    np.testing.assert_array_equal(direction, -g)
    (x, _, g), (x_next, direction, g_next) = calls[5], calls[6]
    np.testing.assert_allclose(direction, -two_loop(g_next, [(x_next - x, g_next - g)]), rtol=1e-9)


def test_stalls_where_the_gradient_lies():
    liar = Objective(lambda x: x @ x, gradient=lambda x: -2 * x)
    assert lbfgs(liar, np.ones(2)).reason == "stalled"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"memory": 0}, "memory must be a whole number of at least 1, got 0"),
        ({"steps": 1.5}, "steps must be"),
        ({"tolerance": -1}, "tolerance must be"),
        ({"x0": np.ones((2, 1))}, "x0 must be a finite vector"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        lbfgs(**({"objective": quadratic(), "x0": np.ones(2)} | arguments))


def test_a_gradient_whose_length_overflows_is_a_divergence():
    steep = Objective(
        lambda x: float(np.exp(x @ x)),
        gradient=lambda x: 2 * x * np.exp(x @ x),
        hessian=lambda x: 2 * np.exp(x @ x) * (np.eye(len(x)) + 2 * np.outer(x, x)),
    )
    result = lbfgs(steep, np.array([19.0, 1.0]))
    assert (result.reason, result.steps) == ("diverged", 0)
