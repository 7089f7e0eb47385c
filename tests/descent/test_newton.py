"""Newton's method: one step on a bowl, blindness to scale, and its two cures."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_descend import assert_sound

from converge_lib.descent import SURFACES, Counts, Objective, newton, surface

VARIANTS = [
    {},
    {"line_search": True},
    {"damping": 1.0},
    {"damping": 1e-3, "line_search": True},
]
variants = pytest.mark.parametrize("variant", VARIANTS, ids=str)
descending = pytest.mark.parametrize("variant", VARIANTS[1:], ids=str)


@pytest.mark.parametrize("condition", [1, 1e3, 1e6])
@pytest.mark.parametrize("n", [2, 5, 20])
@pytest.mark.parametrize("seed", range(3))
def test_one_step_on_a_quadratic_whatever_its_condition(condition, n, seed):
    ground = surface("quadratic", condition=condition, n=n)
    start = np.random.default_rng(seed).standard_normal(n)
    result = newton(ground, start, steps=1)
    assert result.fun < 1e-12
    np.testing.assert_allclose(result.x, 0, atol=1e-8)


@pytest.mark.parametrize("seed", range(5))
def test_the_step_equals_the_solution_of_the_system(seed):
    rng = np.random.default_rng(seed)
    ground = surface("rosenbrock", n=6)
    x = rng.standard_normal(6)
    step = newton(ground, x, steps=1).path[1] - x
    inverse = np.linalg.inv(ground.hessian(x))
    np.testing.assert_allclose(step, -inverse @ ground.gradient(x), rtol=1e-8, atol=1e-10)


def test_rosenbrocks_valley_in_seven_steps_one_of_them_far_up():
    valley = surface("rosenbrock")
    result = newton(valley, valley.start)
    assert (result.reason, result.steps) == ("converged", 7)
    assert result.values[2] > 100 * result.values[1]
    assert result.counts == Counts(fun=0, gradient=8, hvp=14)
    # the second row of Hp = −g: y + Δy = (x + Δx)² − (Δx)²
    (x, y), along = result.path[1:].T, np.diff(result.path[:, 0])
    np.testing.assert_allclose(y, x**2 - along**2, atol=1e-9)


def test_convergence_is_quadratic():
    valley = surface("rosenbrock")
    error = np.linalg.norm(newton(valley, valley.start).path - 1, axis=1)
    assert (error[4:] <= error[3:-1] ** 2).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_change_of_coordinates_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    valley = surface("rosenbrock")
    A = rng.standard_normal((2, 2)) + 2 * np.eye(2)
    stretched = Objective(
        lambda z: valley.fun(A @ z),
        lambda z: A.T @ valley.gradient(A @ z),
        lambda z: A.T @ valley.hessian(A @ z) @ A,
    )
    plain = newton(valley, valley.start, steps=4)
    bent = newton(stretched, np.linalg.solve(A, valley.start), steps=4)
    np.testing.assert_allclose(bent.path @ A.T, plain.path, rtol=1e-6, atol=1e-8)


@descending
@pytest.mark.parametrize("name", list(SURFACES))
def test_the_cured_methods_never_go_up(name, variant):
    ground = surface(name)
    result = newton(ground, ground.start, **variant)
    assert_sound(result, ground, ground.start)
    assert (np.diff(result.values) <= 0).all()


@descending
@pytest.mark.parametrize("name", ["quadratic", "rosenbrock", "himmelblau", "saddle"])
def test_the_cured_methods_reach_a_minimum(name, variant):
    ground = surface(name)
    result = newton(ground, ground.start, **variant)
    assert result.reason == "converged"
    assert result.fun < 1e-18


def test_a_saddle_that_lies_downhill_stops_a_line_search_but_not_damping():
    ground = surface("beale")  # it has a saddle at (0, 1)
    searched = newton(ground, ground.start, line_search=True)
    np.testing.assert_allclose(searched.x, [0, 1], atol=1e-9)
    assert np.linalg.eigvalsh(ground.hessian(searched.x))[0] < -1
    assert newton(ground, ground.start, damping=1.0).fun < 1e-18


@variants
def test_a_saddle_traps_the_plain_method_alone(variant):
    ground = surface("saddle")
    result = newton(ground, ground.start, **variant)
    assert result.reason == "converged"
    assert result.fun == pytest.approx(0 if variant else 0.25, abs=1e-18)


@given(
    name=st.sampled_from(list(SURFACES)),
    at=st.tuples(st.floats(-100, 100), st.floats(-100, 100)),
    variant=st.sampled_from(VARIANTS),
    steps=st.integers(0, 30),
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_whatever_is_asked_the_result_is_sound_and_silent(name, at, variant, steps):
    ground = surface(name)
    result = newton(ground, at, steps=steps, **variant)
    assert_sound(result, ground, at)
    assert result.steps <= steps
    assert result.counts.hvp <= 2 * (steps + 1)
    if variant:
        assert (np.diff(result.values) <= 0).all()
    else:
        assert result.counts.fun == 0
    if result.reason == "converged":
        assert np.linalg.norm(ground.gradient(result.x)) <= 1e-10


@given(
    curvatures=st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=6),
    damping=st.floats(1e-6, 1e3),
)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_damping_adds_lambda_to_every_curvature(curvatures, damping):
    curvatures = np.array(curvatures)
    bowl = Objective(
        lambda x: (curvatures * x * x).sum() / 2,
        lambda x: curvatures * x,
        lambda x: np.diag(curvatures),
    )
    x = np.ones(curvatures.size)
    result = newton(bowl, x, damping=damping, steps=1, tolerance=0)
    assume(result.steps == 1)
    np.testing.assert_allclose(result.x, 1 - curvatures / (curvatures + damping), atol=1e-9)


def test_damping_shrinks_where_the_model_keeps_its_word():
    # On a quadratic ρ = 1 (and more with damping), so λ falls by 2/3 a step; by hand, two steps.
    bowl = Objective(lambda x: x @ x / 2, lambda x: x, lambda x: np.eye(1))
    result = newton(bowl, [1.0], damping=0.9, steps=2)
    first = 1 - 1 / 1.9
    np.testing.assert_allclose(result.path[:, 0], [1, first, first * (1 - 1 / 1.6)], rtol=1e-14)


def test_damping_grows_and_the_step_is_refused_where_f_rises():
    # f = √(1 + x²): Newton's step from x = 3 is −x(1 + x²) = −30, far up the other side.
    bowl = Objective(
        lambda x: math.sqrt(1 + x @ x),
        lambda x: x / math.sqrt(1 + x @ x),
        lambda x: np.array([[(1 + x @ x) ** -1.5]]),
    )
    result = newton(bowl, [3.0], damping=1e-3, steps=1)
    assert (result.steps, result.reason) == (0, "steps")
    assert newton(bowl, [3.0], damping=1e-3).fun == pytest.approx(1)
    assert newton(bowl, [3.0]).fun > 1e100  # until H underflows to zero
    assert newton(bowl, [3.0]).reason == "stalled"
    assert newton(bowl, [3.0], line_search=True).fun == pytest.approx(1)


def test_a_refused_step_costs_one_value_and_no_new_derivatives():
    bowl = Objective(
        lambda x: math.sqrt(1 + x @ x),
        lambda x: x / math.sqrt(1 + x @ x),
        lambda x: np.array([[(1 + x @ x) ** -1.5]]),
    )
    counts = newton(bowl, [3.0], damping=1e-3, steps=2).counts
    assert counts == Counts(fun=3, gradient=1, hvp=1)


def test_where_the_hessian_is_singular_the_plain_method_stalls():
    flat = Objective(lambda x: x[0], lambda x: np.array([1.0, 0.0]), lambda x: np.zeros((2, 2)))
    result = newton(flat, [0.0, 0.0])
    assert (result.reason, result.steps) == ("stalled", 0)


def test_uphill_directions_are_not_searched():
    # At (0.1, 0.1) the saddle's model curves down along y, and Newton's step goes up to the pass.
    ground = surface("saddle")
    start = np.array([0.0, 0.1])
    assert newton(ground, start, steps=1).fun > ground.fun(start)
    assert newton(ground, start, line_search=True, steps=1).fun < ground.fun(start)


def test_a_derivative_that_is_not_finite_is_divergence():
    broken = Objective(lambda x: 1.0, lambda x: np.full(1, math.nan), lambda x: np.eye(1))
    assert newton(broken, [0.0]).reason == "diverged"


def test_the_tolerance_is_on_the_gradient():
    ground = surface("rosenbrock")
    loose = newton(ground, ground.start, tolerance=1.0)
    assert np.linalg.norm(ground.gradient(loose.x)) <= 1.0
    assert loose.steps < newton(ground, ground.start).steps


BAD = [
    ("damping must be a finite number in (0, ∞), got 0", {"damping": 0}),
    ("damping must be a finite number in (0, ∞), got -1.0", {"damping": -1.0}),
    ("damping must be a finite number in (0, ∞), got nan", {"damping": math.nan}),
    ("steps must be a whole number of at least 0, got 2.0", {"steps": 2.0}),
    ("tolerance must be a finite number in [0, ∞), got -1e-09", {"tolerance": -1e-9}),
    ("x0 must be a finite vector of shape (n,), got shape (2, 1)", {"x0": [[1.0], [2.0]]}),
]


@pytest.mark.parametrize(("message", "options"), BAD, ids=[m for m, _ in BAD])
def test_bad_input_is_named(message, options):
    options = {"x0": [1.0, 1.0], **options}
    with pytest.raises(ValueError) as caught:
        newton(surface("quadratic"), options.pop("x0"), **options)
    assert str(caught.value) == message


def test_a_missing_hessian_is_named():
    with pytest.raises(ValueError, match="needs the objective's hessian, which was not given"):
        newton(Objective(lambda x: x @ x, lambda x: 2 * x), [1.0])
