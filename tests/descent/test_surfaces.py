"""Each surface's derivatives against finite differences and against autograd of its formula."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import rosen, rosen_der, rosen_hess

from converge_lib.descent import SURFACES, surface
from converge_lib.descent.surfaces import quadratic, rosenbrock

INPUTS = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0], dtype=torch.float64)


def rotated_bowl(condition, angle):
    """Turned back by the angle, the curvature is 1 along the first axis and κ along the second."""

    def formula(z):
        flat = math.cos(angle) * z[0] + math.sin(angle) * z[1]
        steep = -math.sin(angle) * z[0] + math.cos(angle) * z[1]
        return (flat**2 + condition * steep**2) / 2

    return formula


def beale(z):
    x, y = z
    return sum((c - x * (1 - y**k)) ** 2 for k, c in ((1, 1.5), (2, 2.25), (3, 2.625)))


def himmelblau(z):
    return (z[0] ** 2 + z[1] - 11) ** 2 + (z[0] + z[1] ** 2 - 7) ** 2


def plateau(z):
    error = torch.sigmoid(z[0] * INPUTS + z[1]) - torch.sigmoid(3 * INPUTS)
    return (error**2).sum() / 2


def chain(z):
    terms = [100 * (z[i + 1] - z[i] ** 2) ** 2 + (1 - z[i]) ** 2 for i in range(len(z) - 1)]
    return torch.stack(terms).sum()


# Name, parameters, and the same function written a second time, from its definition, in torch.
CASES = [
    ("quadratic", {"condition": 10.0, "rotation": 0.0}, rotated_bowl(10, 0)),
    ("quadratic", {"condition": 1.0, "rotation": 0.7}, rotated_bowl(1, 0.7)),
    ("quadratic", {"condition": 1e4, "rotation": -1.1}, rotated_bowl(1e4, -1.1)),
    ("rosenbrock", {}, chain),
    ("rosenbrock", {"n": 3}, chain),
    ("rosenbrock", {"n": 7}, chain),
    ("beale", {}, beale),
    ("himmelblau", {}, himmelblau),
    ("saddle", {}, lambda z: z[0] ** 2 / 2 + (z[1] ** 2 - 1) ** 2 / 4),
    ("plateau", {}, plateau),
]
cases = pytest.mark.parametrize(
    ("name", "parameters", "formula"), CASES, ids=[f"{name}-{p}" for name, p, _ in CASES]
)
every_surface = pytest.mark.parametrize("name", list(SURFACES))


def points_of(ground, seed, k=25):
    """Random points in view; coordinates from the third on are drawn like the second."""
    rng = np.random.default_rng(seed)
    low, high = np.array(ground.view).T
    which = np.minimum(np.arange(ground.dimension), 1)
    return rng.uniform(low[which], high[which], (k, ground.dimension))


def central_difference(function, x, h=1e-5):
    steps = h * np.eye(x.size)
    return np.array([(function(x + s) - function(x - s)) / (2 * h) for s in steps])


def assert_close(ours, reference, tolerance):
    reference = np.asarray(reference)
    np.testing.assert_allclose(ours, reference, rtol=0, atol=tolerance * (1 + abs(reference).max()))


@cases
@pytest.mark.parametrize("seed", [0, 1])
def test_value_gradient_and_hessian_equal_autograd(name, parameters, formula, seed):
    ground = surface(name, **parameters)
    for x in points_of(ground, seed):
        z = torch.tensor(x, requires_grad=True)
        assert_close(ground.fun(x), formula(z).item(), 1e-13)
        (gradient,) = torch.autograd.grad(formula(z), z)
        assert_close(ground.gradient(x), gradient, 1e-13)
        hessian = torch.autograd.functional.hessian(formula, torch.tensor(x))
        assert_close(ground.hessian(x), hessian, 1e-13)


@every_surface
@pytest.mark.parametrize("seed", [0, 1])
def test_gradient_and_hessian_equal_central_differences(name, seed):
    ground = surface(name)
    for x in points_of(ground, seed):
        assert_close(ground.gradient(x), central_difference(ground.fun, x), 1e-8)
        assert_close(ground.hessian(x), central_difference(ground.gradient, x), 1e-8)


@every_surface
def test_a_grid_gives_what_its_points_give(name):
    ground = surface(name)
    grid = points_of(ground, 2, 12).reshape(3, 4, 2)
    assert ground.fun(grid).shape == (3, 4)
    assert ground.gradient(grid).shape == (3, 4, 2)
    for i, j in np.ndindex(3, 4):
        np.testing.assert_allclose(ground.fun(grid)[i, j], ground.fun(grid[i, j]), rtol=1e-14)
        np.testing.assert_allclose(
            ground.gradient(grid)[i, j], ground.gradient(grid[i, j]), rtol=1e-14, atol=1e-300
        )
    assert ground.fun(np.empty((0, 2))).shape == (0,)


@every_surface
def test_the_minima_are_minima(name):
    ground = surface(name)
    assert len(ground.minima) == {"himmelblau": 4, "saddle": 2}.get(name, 1)
    for minimum in ground.minima:
        assert 0 <= ground.fun(minimum) < 1e-28
        np.testing.assert_allclose(ground.gradient(minimum), 0, atol=1e-13)
        assert np.linalg.eigvalsh(ground.hessian(minimum))[0] > 1e-3
    distances = np.linalg.norm(ground.minima[:, None] - ground.minima, axis=-1)
    assert (distances + 2 * np.eye(len(ground.minima)) > 1).all()


@every_surface
def test_nothing_in_view_lies_below_the_minimum(name):
    ground = surface(name)
    assert (ground.fun(points_of(ground, 3, 2000)) >= 0).all()


@every_surface
def test_start_and_minima_are_in_view_and_apart(name):
    ground = surface(name)
    (left, right), (bottom, top) = ground.view
    for x, y in [ground.start, *ground.minima]:
        assert left < x < right
        assert bottom < y < top
    assert np.linalg.norm(ground.minima - ground.start, axis=1).min() > 0.1
    assert ground.fun(ground.start) > 0.1


@every_surface
def test_a_surface_says_what_it_is(name):
    ground = surface(name)
    assert ground.name == name
    assert ground.dimension == ground.start.size == 2
    assert ground.difficulty
    assert surface(name, **ground.parameters).fun(ground.start) == ground.fun(ground.start)


def test_the_saddle_is_a_saddle():
    ground = surface("saddle")
    np.testing.assert_array_equal(ground.gradient(np.zeros(2)), 0)
    np.testing.assert_array_equal(np.linalg.eigvalsh(ground.hessian(np.zeros(2))), [-1, 1])
    assert ground.fun(np.zeros(2)) == 0.25


def test_the_plateau_is_flat_where_it_is_high():
    ground = surface("plateau")
    assert ground.fun(ground.start) > 1
    far = np.array([-8.0, 0.0])
    assert ground.fun(far) > 1
    assert np.linalg.norm(ground.gradient(far)) < 0.01 * ground.fun(far)


@pytest.mark.parametrize("n", range(2, 11))
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_rosenbrock_equals_scipy(n, seed):
    ground = rosenbrock(n)
    for x in np.random.default_rng(seed).uniform(-2, 2, (10, n)):
        assert_close(ground.fun(x), rosen(x), 1e-14)
        assert_close(ground.gradient(x), rosen_der(x), 1e-14)
        assert_close(ground.hessian(x), rosen_hess(x), 1e-14)


def test_rosenbrock_condition_number_at_the_minimum():
    # The characteristic polynomial of [[802, −400], [−400, 200]] is λ² − 1002 λ + 400.
    root = math.sqrt(1002**2 - 4 * 400)
    kappa = np.linalg.cond(rosenbrock().hessian([1, 1]))
    assert kappa == pytest.approx((1002 + root) / (1002 - root), rel=1e-10)
    assert round(kappa) == 2508


@pytest.mark.parametrize("condition", [1, 10, 1e3, 1e6])
@pytest.mark.parametrize("n", [2, 3, 10])
@pytest.mark.parametrize("rotation", [0.0, 0.5, -2.0, 100.0])
def test_the_quadratic_has_the_spectrum_it_was_asked_for(condition, n, rotation):
    hessian = quadratic(condition, rotation, n).hessian(np.ones(n))
    np.testing.assert_array_equal(hessian, hessian.T)
    np.testing.assert_allclose(
        np.linalg.eigvalsh(hessian), np.geomspace(1, condition, n), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("rotation", [0.0, 0.3, 1.2])
def test_rotation_is_the_angle_of_the_flat_direction(rotation):
    flat = np.array([math.cos(rotation), math.sin(rotation)])
    hessian = quadratic(50, rotation).hessian(np.zeros(2))
    np.testing.assert_allclose(hessian @ flat, flat, atol=1e-13)


def test_a_rotation_in_ten_dimensions_reaches_every_coordinate():
    hessian = quadratic(1e3, 0.5, 10).hessian(np.zeros(10))
    off_diagonal = hessian - np.diag(np.diag(hessian))
    assert (abs(off_diagonal).max(axis=1) > 0.1).all()


def test_surfaces_hand_out_copies():
    ground = quadratic()
    ground.hessian(np.zeros(2))[:] = 0
    assert ground.hessian(np.zeros(2)).any()


ROSENBROKEN = [
    (
        "name must be one of 'quadratic', 'rosenbrock', 'beale', 'himmelblau', 'saddle', "
        "'plateau', got 'rosenbrok'",
        lambda: surface("rosenbrok"),
    ),
    (
        "name must be one of 'quadratic', 'rosenbrock', 'beale', 'himmelblau', 'saddle', "
        "'plateau', got None",
        lambda: surface(None),
    ),
    ("condition must be a finite number in [1, ∞), got 0.5", lambda: quadratic(0.5)),
    ("condition must be a finite number in [1, ∞), got nan", lambda: quadratic(math.nan)),
    ("condition must be a finite number in [1, ∞), got '10'", lambda: quadratic("10")),
    ("rotation must be a finite number in (-∞, ∞), got inf", lambda: quadratic(2, math.inf)),
    ("n must be a whole number of at least 2, got 1", lambda: rosenbrock(1)),
    ("n must be a whole number of at least 2, got 2.5", lambda: rosenbrock(2.5)),
    ("n must be a whole number of at least 2, got True", lambda: quadratic(n=True)),
    ("x must have shape (..., 2), got (3,)", lambda: rosenbrock().fun(np.ones(3))),
    ("x must have shape (..., 2), got ()", lambda: rosenbrock().gradient(1.0)),
    ("x must have shape (..., 3), got (2, 2)", lambda: rosenbrock(3).fun(np.ones((2, 2)))),
    (
        "x must be a finite vector of shape (2,), got shape (1, 2)",
        lambda: rosenbrock().hessian(np.ones((1, 2))),
    ),
    (
        "x must be a finite vector of shape (2,), got [ 1. nan]",
        lambda: rosenbrock().hessian([1, math.nan]),
    ),
    (
        "x must be a finite vector of shape (2,), got 'here'",
        lambda: quadratic().hessian("here"),
    ),
]


@pytest.mark.parametrize(("message", "call"), ROSENBROKEN, ids=[m for m, _ in ROSENBROKEN])
def test_bad_input_is_named(message, call):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == message


@every_surface
def test_a_parameter_that_a_surface_does_not_have_is_named(name):
    with pytest.raises(ValueError, match=rf"^parameters of {name}: .*'depth'"):
        surface(name, depth=3)


@every_surface
def test_nan_gives_nan_and_never_a_number(name):
    ground = surface(name)
    assert np.isnan(ground.fun(np.array([np.nan, 1.0])))
    assert np.isnan(ground.gradient(np.array([np.nan, 1.0]))).any()


@given(
    x=arrays(np.float64, (3, 2), elements=st.floats(-1e3, 1e3)),
    name=st.sampled_from(list(SURFACES)),
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_anywhere_f_is_at_least_zero_and_the_hessian_symmetric(x, name):
    ground = surface(name)
    # A quadratic form rounds to a hair below zero where its terms cancel.
    assert (ground.fun(x) >= -1e-9 * (x * x).sum(-1)).all()
    assert np.isfinite(ground.gradient(x)).all()
    np.testing.assert_array_equal(ground.hessian(x[0]), ground.hessian(x[0]).T)
