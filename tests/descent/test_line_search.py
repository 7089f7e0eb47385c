"""The strong Wolfe search against the conditions themselves, and against scipy's."""

import math

import numpy as np
import pytest
from scipy.optimize import line_search

from converge_lib.descent.line_search import strong_wolfe
from converge_lib.descent.objective import Objective
from converge_lib.descent.surfaces import SURFACES, rosenbrock


def search(surface, x, direction, **options):
    objective = Objective.of(surface)
    f, g = surface.fun(x), surface.gradient(x)
    return objective, strong_wolfe(objective, x, direction, float(f), g, **options)


CASES = [
    (name, seed, c1, c2, step)
    for name in sorted(SURFACES)
    for seed in range(4)
    for c1, c2 in ((1e-4, 0.1), (1e-4, 0.9), (0.4, 0.9))
    for step in (1e-4, 1.0, 50.0)
]


@pytest.mark.parametrize(("name", "seed", "c1", "c2", "step"), CASES)
def test_step_satisfies_both_conditions(name, seed, c1, c2, step):
    surface = SURFACES[name]()
    rng = np.random.default_rng(seed)
    x = surface.start + 0.3 * rng.standard_normal(surface.dimension)
    g = surface.gradient(x)
    direction = -g * rng.uniform(0.2, 3, g.size)
    objective, found = search(surface, x, direction, c1=c1, c2=c2, step=step, evaluations=40)
    assert found.reason == "wolfe"
    slope = g @ direction
    moved = x + found.step * direction
    assert surface.fun(moved) <= surface.fun(x) + c1 * found.step * slope
    assert abs(surface.gradient(moved) @ direction) <= -c2 * slope
    assert found.fun == surface.fun(moved)
    np.testing.assert_array_equal(found.gradient, surface.gradient(moved))
    assert objective.counts.fun == 0
    assert 1 <= objective.counts.gradient <= 40


@pytest.mark.parametrize("c2", [0.1, 0.9])
@pytest.mark.parametrize("name", sorted(SURFACES))
def test_needs_about_as_few_trials_as_scipy(name, c2):
    ours = theirs = 0
    for seed in range(8):
        surface = SURFACES[name]()
        x = surface.start + 0.3 * np.random.default_rng(seed).standard_normal(2)
        direction = -surface.gradient(x)
        objective, _ = search(surface, x, direction, c2=c2)
        ours += objective.counts.gradient
        reference = line_search(
            surface.fun, surface.gradient, x, direction, surface.gradient(x), c2=c2, maxiter=30
        )
        assert reference[0] is not None
        theirs += reference[1]
    assert ours <= 1.25 * theirs


def test_exact_minimum_of_a_parabola_in_two_trials():
    bowl = Objective(lambda x: float(3 * (x @ x)), gradient=lambda x: 6 * x)
    x = np.array([2.0, -1.0])
    found = strong_wolfe(bowl, x, -x, 15.0, 6 * x, step=0.3, c2=1e-3)
    assert math.isclose(found.step, 1, rel_tol=1e-9)


def test_infinite_and_undefined_values_end_the_bracket():
    def fun(x):
        return float(x[0] - np.log(x[0])) if x[0] > 0 else math.nan

    barrier = Objective(fun, gradient=lambda x: 1 - 1 / x)
    found = strong_wolfe(barrier, np.array([3.0]), np.array([-1.0]), fun([3.0]), np.array([2 / 3]))
    assert found.reason == "wolfe"
    far = strong_wolfe(
        barrier, np.array([3.0]), np.array([-1.0]), fun([3.0]), np.array([2 / 3]), step=100, c2=0.1
    )
    assert far.reason == "wolfe"
    assert 0 < far.step < 3


def test_unbounded_below_gives_a_lower_point_and_says_that_it_is_only_armijos():
    slide = Objective(lambda x: float(-x[0]), gradient=lambda x: np.array([-1.0]))
    found = strong_wolfe(slide, np.zeros(1), np.ones(1), 0.0, -np.ones(1), evaluations=6)
    assert found.reason == "armijo"
    assert found.step > 1
    assert found.fun == -found.step
    assert slide.counts.gradient == 6


def test_fails_where_the_gradient_lies():
    liar = Objective(lambda x: float(x @ x), gradient=lambda x: -2 * x)
    found = strong_wolfe(liar, np.ones(1), np.ones(1), 1.0, -2 * np.ones(1), evaluations=15)
    assert (found.step, found.reason) == (0.0, "failed")
    assert found.fun == 1.0


def test_still_finds_a_step_where_values_drown_in_rounding():
    x = np.array([1e-7])
    # as rounding may have it, every other point is a bit higher in the last place
    hidden = Objective(
        lambda z: 1e6 + (0 if np.array_equal(z, x) else 5e-10), gradient=lambda z: 2 * z
    )
    found = strong_wolfe(hidden, x, -2 * x, 1e6, 2 * x)
    assert found.reason == "wolfe"
    assert abs(x - 2 * found.step * x) < 1e-7


def test_uses_the_objectives_own_value_and_gradient():
    calls = []

    def both(x):
        calls.append(x)
        return x @ x, 2 * x

    bowl = Objective(lambda x: math.nan, value_and_gradient=both)
    found = strong_wolfe(bowl, np.ones(2), -np.ones(2), 2.0, 2 * np.ones(2))
    assert found.reason == "wolfe"
    assert bowl.counts.gradient == len(calls) > 0


def test_value_and_gradient_of_the_wrong_shape_is_named():
    for returned, message in (
        ((1.0, np.ones(3)), r"value_and_gradient must return shape \(2,\), got \(3,\)"),
        ((np.ones(2), np.ones(2)), r"value_and_gradient must return one number"),
    ):
        bad = Objective(lambda x: x @ x, value_and_gradient=lambda x, r=returned: r)
        with pytest.raises(ValueError, match=message):
            strong_wolfe(bad, np.ones(2), -np.ones(2), 2.0, 2 * np.ones(2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"direction": np.array([1.0, 0.0])}, "direction must point downhill"),
        ({"direction": np.zeros(2)}, "direction must point downhill"),
        ({"direction": np.ones(3)}, r"direction must be a finite vector of shape \(2,\)"),
        ({"g": np.array([np.nan, 1.0])}, "g must be a finite vector"),
        ({"f": math.inf}, "f must be a finite number"),
        ({"step": 0.0}, "step must be a finite number in"),
        ({"c1": 0.0}, "c1 must be"),
        ({"c1": 0.5, "c2": 0.4}, "c2 must be a finite number in"),
        ({"evaluations": 0}, "evaluations must be a whole number of at least 1"),
    ],
)
def test_refuses(change, message):
    x = np.array([1.0, 1.0])
    arguments = {"x": x, "direction": -2 * x, "f": 2.0, "g": 2 * x} | change
    with pytest.raises(ValueError, match=message):
        strong_wolfe(Objective(lambda x: x @ x, lambda x: 2 * x), **arguments)


def test_gradient_of_the_wrong_shape_is_named():
    bad = Objective(lambda x: x @ x, gradient=lambda x: np.ones(3))
    with pytest.raises(ValueError, match=r"gradient must return shape \(2,\), got \(3,\)"):
        strong_wolfe(bad, np.ones(2), -np.ones(2), 2.0, 2 * np.ones(2))


def test_from_rosenbrocks_start_with_tiny_first_trials():
    surface = rosenbrock()
    for step in (1e-12, 1e-8):
        objective, found = search(
            surface, surface.start, -surface.gradient(surface.start), step=step, evaluations=40
        )
        assert found.reason == "wolfe"
        assert objective.counts.gradient <= 20
