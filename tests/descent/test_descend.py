"""The descent loop: what a Result promises, divergence in silence, solvers of one's own."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from converge_lib.descent import (
    SOLVERS,
    SURFACES,
    Adam,
    Counts,
    GradientDescent,
    Momentum,
    Objective,
    descend,
    surface,
)


def assert_sound(result, ground, x0):
    """What every Result promises, whatever happened."""
    steps = result.steps
    assert result.path.shape == (steps + 1, len(x0))
    assert result.values.shape == result.costs.shape == (steps + 1,)
    assert np.isfinite(result.path).all()
    assert np.isfinite(result.values).all()
    np.testing.assert_array_equal(result.path[0], x0)
    np.testing.assert_array_equal(result.path[-1], result.x)
    assert result.fun == result.values[-1] == ground.fun(result.x)
    np.testing.assert_array_equal(result.values, [ground.fun(x) for x in result.path])
    assert result.costs[0] == 0
    assert (np.diff(result.costs) >= 0).all()
    assert result.reason in {"converged", "steps", "diverged", "stalled"}


@given(
    name=st.sampled_from(list(SURFACES)),
    solver=st.sampled_from(list(SOLVERS)),
    lr=st.floats(0, 1e6),
    at=st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)),
    steps=st.integers(0, 40),
    target=st.none() | st.floats(-1, 1e3),
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_whatever_is_asked_the_result_is_sound_and_silent(name, solver, lr, at, steps, target):
    ground = surface(name)
    result = descend(SOLVERS[solver](lr=lr), ground, at, steps=steps, target=target)
    assert_sound(result, ground, at)
    assert result.counts.fun == result.counts.hvp == 0
    if result.reason == "steps":
        assert result.steps == result.counts.gradient == steps
        assert target is None or result.fun >= target
    elif result.reason == "converged":
        assert result.fun < target
        assert (result.values[:-1] >= target).all()
        assert result.counts.gradient == result.steps
    else:
        assert result.reason == "diverged"
        assert result.counts.gradient == result.steps + 1


def test_each_step_costs_one_gradient():
    ground = surface("beale")
    result = descend(Adam(0.01), ground, ground.start, steps=17)
    np.testing.assert_array_equal(result.costs, np.arange(18))
    assert result.counts == Counts(gradient=17)


def test_the_path_is_the_solvers():
    ground, solver = surface("rosenbrock"), Momentum(0.001, 0.9)
    x, state = ground.start, solver.init(ground.start)
    for point in descend(solver, ground, ground.start, steps=50).path:
        np.testing.assert_array_equal(point, x)
        x, state = solver.step(x, ground.gradient(x), state)


def test_divergence_is_told_and_not_warned_about():
    valley = surface("rosenbrock")
    result = descend(GradientDescent(0.01), valley, valley.start)
    assert result.reason == "diverged"
    assert result.describe().startswith("overflow after 5 steps")
    assert result.first_outside(valley.view) == 2
    assert_sound(result, valley, valley.start)


def test_a_target_met_at_the_start_takes_no_step():
    ground = surface("quadratic")
    result = descend(GradientDescent(0.1), ground, [0.0, 0.0], target=1e-9)
    assert (result.reason, result.steps, result.counts) == ("converged", 0, Counts())


def test_a_target_met_by_the_last_step_counts():
    ground = surface("quadratic", condition=1)
    result = descend(GradientDescent(1.0), ground, [1.0, 1.0], steps=1, target=1e-9)
    assert (result.reason, result.steps) == ("converged", 1)


def test_a_target_is_met_strictly_below():
    ground = surface("quadratic", condition=1, rotation=0)
    assert descend(GradientDescent(0.0), ground, [1.0, 1.0], steps=2, target=1.0).reason == "steps"


def test_counts_are_of_this_descent_alone():
    objective = Objective.of(surface("quadratic"))
    first = descend(GradientDescent(0.1), objective, [1.0, 1.0], steps=3)
    second = descend(GradientDescent(0.1), objective, [1.0, 1.0], steps=5)
    assert (first.counts.gradient, second.counts.gradient) == (3, 5)
    assert second.costs[0] == 0
    assert objective.counts.gradient == 8


def test_the_start_is_neither_changed_nor_shared():
    start = np.array([1.0, 1.0])
    result = descend(GradientDescent(0.1), surface("quadratic"), start, steps=2)
    start[:] = 9
    np.testing.assert_array_equal(result.path[0], [1, 1])


class Halving:
    """A solver of one's own: no base class, and a state of its own kind."""

    def init(self, x):
        return {"steps": 0}

    def step(self, x, grad, state):
        return x / 2, {"steps": state["steps"] + 1}


def test_any_object_with_init_and_step_will_do():
    result = descend(Halving(), surface("quadratic"), [8.0, 4.0], steps=3)
    np.testing.assert_array_equal(result.x, [1.0, 0.5])


class InPlace:
    """A careless solver that writes into the point it was given."""

    def init(self, x):
        return None

    def step(self, x, grad, state):
        x -= 0.1 * grad
        return x, None


def test_a_solver_that_writes_in_place_cannot_rewrite_history():
    ground = surface("quadratic")
    careless = descend(InPlace(), ground, [1.0, 1.0], steps=10)
    careful = descend(GradientDescent(0.1), ground, [1.0, 1.0], steps=10)
    np.testing.assert_array_equal(careless.path, careful.path)


class OneBuffer:
    """A thrifty solver that returns the same array each time, with new numbers in it."""

    def init(self, x):
        return x.copy()

    def step(self, x, grad, buffer):
        buffer[:] = x - 0.1 * grad
        return buffer, buffer


def test_a_solver_that_reuses_its_array_cannot_rewrite_history():
    ground = surface("quadratic")
    thrifty = descend(OneBuffer(), ground, [1.0, 1.0], steps=10)
    careful = descend(GradientDescent(0.1), ground, [1.0, 1.0], steps=10)
    np.testing.assert_array_equal(thrifty.path, careful.path)


@dataclass
class Returns:
    value: object

    def init(self, x):
        return None

    def step(self, x, grad, state):
        return self.value, None


def test_a_solver_that_returns_nan_has_diverged():
    for value in (np.array([math.nan, 0.0]), np.array([math.inf, 0.0])):
        result = descend(Returns(value), surface("quadratic"), [1.0, 1.0])
        assert (result.reason, result.steps) == ("diverged", 0)


def test_a_function_of_ones_own_needs_no_hessian():
    target = np.arange(5.0)
    objective = Objective(lambda x: ((x - target) ** 2).sum(), lambda x: 2 * (x - target))
    result = descend(GradientDescent(0.25), objective, np.zeros(5), target=1e-12)
    np.testing.assert_allclose(result.x, target, atol=1e-6)


def test_a_gradient_that_overflows_is_divergence():
    objective = Objective(lambda x: x @ x, lambda x: x * np.float64(1e308) * 10)
    assert descend(GradientDescent(1.0), objective, [1.0]).reason == "diverged"


BOWL = surface("quadratic")
BAD = [
    (
        "solver must have methods init and step, got 0.1",
        lambda: descend(0.1, BOWL, [1, 1]),
    ),
    (
        "objective must be an Objective or have fun and gradient, got 3",
        lambda: descend(Adam(), 3, [1, 1]),
    ),
    ("steps must be a whole number of at least 0, got -1", lambda: run(steps=-1)),
    ("steps must be a whole number of at least 0, got 1.5", lambda: run(steps=1.5)),
    ("steps must be a whole number of at least 0, got True", lambda: run(steps=True)),
    ("target must be a finite number in (-∞, ∞), got nan", lambda: run(target=math.nan)),
    ("target must be a finite number in (-∞, ∞), got '1'", lambda: run(target="1")),
    ("x0 must be a finite vector of shape (n,), got [nan  1.]", lambda: run([math.nan, 1])),
    ("x0 must be a finite vector of shape (n,), got shape (1, 2)", lambda: run([[1, 2]])),
    ("x0 must be a finite vector of shape (n,), got shape (0,)", lambda: run([])),
    ("x0 must be a finite vector of shape (n,), got 'here'", lambda: run("here")),
    (
        "solver.step must return x of shape (2,), got (3,)",
        lambda: descend(Returns(np.ones(3)), BOWL, [1, 1]),
    ),
]


def run(x0=(1.0, 1.0), **options):
    return descend(GradientDescent(0.1), BOWL, x0, **options)


@pytest.mark.parametrize(("message", "call"), BAD, ids=[m for m, _ in BAD])
def test_bad_input_is_named(message, call):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == message


def test_a_start_where_f_is_not_finite_is_refused():
    with pytest.raises(ValueError, match=r"^x0 must have a finite value of f, got f = inf$"):
        run([1e200, 0.0])


def test_whole_numbers_and_tensors_will_do_for_a_start():
    for start in ([1, 1], (1, 1), np.array([1, 1], dtype=np.float32), torch.ones(2)):
        assert run(start, steps=1).path.dtype == np.float64
