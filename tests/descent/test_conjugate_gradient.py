"""Linear CG against dense solves; nonlinear CG against scipy's."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from converge_lib.descent.conjugate_gradient import linear_cg, nonlinear_cg
from converge_lib.descent.objective import Objective
from converge_lib.descent.surfaces import SURFACES, quadratic, rosenbrock


def system(n, seed, condition=100.0):
    rng = np.random.default_rng(seed)
    q, _ = np.linalg.qr(rng.standard_normal((n, n)))
    return (q * np.geomspace(1, condition, n)) @ q.T, rng.standard_normal(n)


@pytest.mark.parametrize("n", [1, 2, 7, 20])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_solves_in_n_iterations(n, seed):
    matrix, b = system(n, seed, condition=10)
    solution = linear_cg(lambda v: matrix @ v, b, tolerance=1e-9)
    assert solution.reason == "converged"
    assert solution.steps <= n
    np.testing.assert_allclose(solution.x, np.linalg.solve(matrix, b), rtol=1e-7, atol=1e-9)


def test_ends_after_as_many_iterations_as_distinct_eigenvalues():
    diagonal = np.repeat([1.0, 5.0, 40.0], 10)
    solution = linear_cg(lambda v: diagonal * v, np.arange(1.0, 31.0), tolerance=1e-12)
    assert (solution.reason, solution.steps) == ("converged", 3)


@pytest.mark.parametrize("condition", [10.0, 1e3])
def test_error_falls_as_the_theory_says(condition):
    matrix, b = system(200, 0, condition)
    exact = np.linalg.solve(matrix, b)
    solution = linear_cg(lambda v: matrix @ v, b, steps=40, tolerance=0, keep=range(1, 41))
    rate = (math.sqrt(condition) - 1) / (math.sqrt(condition) + 1)
    first = math.sqrt(exact @ matrix @ exact)
    for i, x in solution.iterates.items():
        error = exact - x
        assert math.sqrt(error @ matrix @ error) <= 2 * rate**i * first * (1 + 1e-9)


def test_values_are_those_of_the_quadratic_and_fall():
    matrix, b = system(30, 1)
    start = np.ones(30)
    solution = linear_cg(lambda v: matrix @ v, b, start, steps=12, keep=range(1, 13))
    points = [start, *solution.iterates.values()]
    expected = [x @ matrix @ x / 2 - b @ x for x in points]
    np.testing.assert_allclose(solution.values, expected, rtol=1e-10)
    assert (np.diff(solution.values) < 0).all()
    np.testing.assert_allclose(
        solution.residual_norm, np.linalg.norm(b - matrix @ solution.x), rtol=1e-6
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_same_lines_serve_torch(dtype):
    matrix, b = system(12, 3)
    ours = linear_cg(lambda v: matrix @ v, b, steps=6)
    in_torch = linear_cg(
        lambda v: torch.tensor(matrix, dtype=dtype) @ v, torch.tensor(b, dtype=dtype), steps=6
    )
    assert in_torch.x.dtype == dtype
    tolerance = 1e-12 if dtype == torch.float64 else 1e-4
    np.testing.assert_allclose(in_torch.x.numpy(), ours.x, rtol=tolerance, atol=tolerance)


def test_preconditioner_that_is_the_inverse_needs_one_iteration():
    matrix, b = system(15, 4, 1e4)
    inverse = np.linalg.inv(matrix)
    solution = linear_cg(
        lambda v: matrix @ v, b, preconditioner=lambda r: inverse @ r, tolerance=1e-8
    )
    assert (solution.reason, solution.steps) == ("converged", 1)


def test_preconditioner_changes_the_speed_and_not_the_answer():
    scale = np.geomspace(1, 1e3, 50)
    matrix, b = system(50, 5, 5)
    matrix = scale[:, None] * matrix * scale
    plain = linear_cg(lambda v: matrix @ v, b, steps=500, tolerance=1e-8)
    better = linear_cg(
        lambda v: matrix @ v, b, steps=500, tolerance=1e-8, preconditioner=lambda r: r / scale**2
    )
    assert better.reason == "converged"
    assert better.steps < plain.steps / 3
    np.testing.assert_allclose(matrix @ better.x, b, atol=1e-6)


def test_warm_start_at_the_answer_is_free():
    matrix, b = system(9, 6)
    products = []

    def product(v):
        products.append(v)
        return matrix @ v

    solution = linear_cg(product, b, np.linalg.solve(matrix, b), tolerance=1e-8)
    assert (solution.reason, solution.steps, len(products)) == ("converged", 0, 1)


def test_one_product_an_iteration_and_none_for_a_start_at_zero():
    matrix, b = system(20, 0)
    calls = []
    solution = linear_cg(lambda v: calls.append(0) or matrix @ v, b, steps=5, tolerance=0)
    assert (solution.steps, len(calls)) == (5, 5)


def test_martens_truncation_stops_where_phi_hardly_falls():
    matrix, b = system(400, 7, 100)
    solution = linear_cg(lambda v: matrix @ v, b, steps=400, tolerance=0, progress=5e-4)
    assert solution.reason == "progress"
    i, values = solution.steps, solution.values

    def stagnates(i):
        k = max(10, int(0.1 * i))
        return i > k and values[i] < 0 and (values[i] - values[i - k]) / values[i] < k * 5e-4

    assert stagnates(i)
    assert not any(stagnates(j) for j in range(i))
    assert solution.steps < 400


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_indefinite_matrix_is_reported(seed):
    matrix, b = system(10, seed)
    matrix = matrix - 20 * np.eye(10)
    solution = linear_cg(lambda v: matrix @ v, b)
    assert solution.reason == "negative curvature"
    assert np.isfinite(solution.x).all()
    assert solution.steps < 10
    assert (np.diff(solution.values) <= 0).all()


def test_negative_curvature_at_once_returns_the_start():
    solution = linear_cg(lambda v: -v, np.ones(3))
    assert (solution.reason, solution.steps) == ("negative curvature", 0)
    np.testing.assert_array_equal(solution.x, np.zeros(3))


def test_zero_right_hand_side():
    solution = linear_cg(lambda v: v, np.zeros(3))
    assert (solution.reason, solution.steps) == ("converged", 0)


def test_products_that_are_not_finite():
    solution = linear_cg(lambda v: np.nan * v, np.ones(3))
    assert solution.reason == "diverged"
    assert np.isfinite(solution.x).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"b": np.ones((3, 1))}, "b must be a vector"),
        ({"b": [1.0, 2.0]}, "b must be a vector"),
        ({"x0": np.ones(4)}, r"x0 must have b's shape \(3,\), got \(4,\)"),
        ({"product": lambda v: v[:2]}, r"product must return shape \(3,\), got \(2,\)"),
        ({"product": lambda v: v[:, None]}, "product must return shape"),
        ({"preconditioner": lambda r: -r}, "preconditioner must be positive definite"),
        ({"preconditioner": lambda r: r[:1]}, r"preconditioner must return shape \(3,\)"),
        ({"steps": -1}, "steps must be"),
        ({"tolerance": math.nan}, "tolerance must be"),
        ({"progress": -1.0}, "progress must be"),
    ],
)
def test_linear_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        linear_cg(**({"product": lambda v: v, "b": np.ones(3)} | arguments))


PROBLEMS = [
    *(pytest.param(make(), id=name) for name, make in SURFACES.items() if name != "plateau"),
    pytest.param(rosenbrock(n=10), id="rosenbrock-10"),
    pytest.param(rosenbrock(n=100), id="rosenbrock-100"),
    pytest.param(quadratic(condition=1e3, n=30), id="quadratic-30"),
]


@pytest.mark.parametrize("surface", PROBLEMS)
def test_nonlinear_reaches_a_minimum(surface):
    result = nonlinear_cg(surface, surface.start, steps=3000)
    assert result.reason == "converged"
    assert np.linalg.norm(surface.gradient(result.x)) <= 1e-8
    assert result.fun < 1e-12
    assert (np.diff(result.values) <= 0).all()
    assert result.counts.fun == 0
    assert len(result.path) == len(result.values) == len(result.costs) == result.steps + 1
    np.testing.assert_allclose(result.values, surface.fun(result.path), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("n", [5, 10])
def test_nonlinear_goes_along_polak_ribieres_directions(n):
    surface = rosenbrock(n)
    path = nonlinear_cg(surface, surface.start, steps=40).path
    gradients = surface.gradient(path)
    direction, since_restart, kept = -gradients[0], 0, 0
    for before, after, g_before, g in zip(
        path[:-2], path[1:], gradients[:-2], gradients[1:], strict=False
    ):
        moved = after - before
        cosine = moved @ direction / np.linalg.norm(moved) / np.linalg.norm(direction)
        assert cosine == pytest.approx(1, abs=1e-9)
        beta = max(0, g @ (g - g_before) / (g_before @ g_before))
        since_restart += 1
        new = -g + beta * direction
        if since_restart >= n or abs(g @ g_before) >= 0.2 * (g @ g) or g @ new >= 0:
            new, since_restart = -g, 0
        kept += since_restart > 0 and beta > 0
        direction = new
    assert kept > 5


def test_nonlinear_needs_about_as_few_evaluations_as_scipy():
    ours = theirs = 0
    for n in (2, 10, 50):
        surface = rosenbrock(n)
        ours += nonlinear_cg(surface, surface.start, steps=5000).counts.gradient
        theirs += minimize(
            surface.fun, surface.start, jac=surface.gradient, method="CG", options={"gtol": 1e-8}
        ).nfev
    assert ours <= 1.25 * theirs


def test_nonlinear_leaves_gradient_descent_behind_on_a_long_valley():
    valley = quadratic(condition=1e4, n=20)
    result = nonlinear_cg(valley, valley.start, steps=2000)
    assert result.reason == "converged"
    # gradient descent at its best rate contracts f by ((κ − 1)/(κ + 1))² a step
    needed = math.log(result.fun / valley.fun(valley.start)) / (4 * math.log(1 - 2e-4 / 1.0001))
    assert result.counts.cost < 0.2 * needed * 2


def test_nonlinear_stops_at_a_stationary_start():
    surface = quadratic()
    result = nonlinear_cg(surface, np.zeros(2))
    assert (result.reason, result.steps) == ("converged", 0)
    assert result.counts.gradient == 1


def test_nonlinear_out_of_steps():
    result = nonlinear_cg(rosenbrock(), [-1.2, 1.0], steps=3)
    assert (result.reason, result.steps) == ("steps", 3)


def test_nonlinear_stalls_where_the_gradient_lies():
    liar = Objective(lambda x: x @ x, gradient=lambda x: -2 * x)
    result = nonlinear_cg(liar, np.ones(2))
    assert (result.reason, result.steps) == ("stalled", 0)


def test_nonlinear_with_a_gradient_that_is_not_finite():
    result = nonlinear_cg(Objective(lambda x: 1.0, gradient=lambda x: x * np.nan), np.ones(2))
    assert (result.reason, result.steps) == ("diverged", 0)


def test_nonlinear_refuses():
    with pytest.raises(ValueError, match="x0 must have a finite value of f"):
        nonlinear_cg(Objective(lambda x: math.nan, lambda x: x), np.ones(2))
    with pytest.raises(ValueError, match="this method needs the objective's gradient"):
        nonlinear_cg(Objective(lambda x: x @ x), np.ones(2))
    with pytest.raises(ValueError, match="steps must be"):
        nonlinear_cg(quadratic(), np.ones(2), steps=-1)


def test_a_gradient_whose_length_overflows_is_a_divergence():
    steep = Objective(
        lambda x: float(np.exp(x @ x)),
        gradient=lambda x: 2 * x * np.exp(x @ x),
        hessian=lambda x: 2 * np.exp(x @ x) * (np.eye(len(x)) + 2 * np.outer(x, x)),
    )
    result = nonlinear_cg(steep, np.array([19.0, 1.0]))
    assert (result.reason, result.steps) == ("diverged", 0)
