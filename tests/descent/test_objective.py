"""An objective counts what it is asked, and says what it lacks."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converge_lib.descent import Counts, Objective, Result, surface

counts = st.builds(Counts, st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))


def bowl():
    return Objective(lambda x: x @ x / 2, gradient=lambda x: x, hessian=lambda x: np.eye(x.size))


def test_each_evaluation_is_counted_once():
    objective, x = bowl(), np.ones(3)
    objective.fun(x)
    objective.fun(x)
    objective.gradient(x)
    objective.hessian(x)
    assert objective.counts == Counts(fun=2, gradient=1, hvp=3)


def test_peeking_is_free():
    objective = bowl()
    assert objective.peek(np.array([3.0, 4.0])) == 12.5
    assert objective.counts == Counts()


def test_a_failed_call_for_what_is_missing_names_it():
    objective = Objective(lambda x: 0.0)
    for name in ("gradient", "hessian"):
        with pytest.raises(ValueError) as caught:
            getattr(objective, name)(np.ones(2))
        assert str(caught.value) == f"this method needs the objective's {name}, which was not given"


@given(counts)
def test_cost_is_a_third_one_and_five_thirds(c):
    assert c.cost == pytest.approx((c.fun + 3 * c.gradient + 5 * c.hvp) / 3)


def test_an_objective_is_taken_as_it_is_and_a_surface_is_wrapped():
    objective, ground = bowl(), surface("beale")
    assert Objective.of(objective) is objective
    wrapped = Objective.of(ground)
    assert wrapped.fun(ground.start) == ground.fun(ground.start)
    np.testing.assert_array_equal(wrapped.hessian(ground.start), ground.hessian(ground.start))
    assert wrapped.counts == Counts(fun=1, hvp=2)


def test_values_of_any_one_element_shape_are_numbers():
    for value in (2, 2.0, np.float32(2), np.array([2.0]), np.array([[2.0]])):
        result = Objective(lambda x, value=value: value).fun(np.ones(1))
        assert type(result) is float
        assert result == 2.0


BAD = [
    ("fun must be a function of x, got 3", lambda: Objective(3)),
    ("fun must be a function of x, got None", lambda: Objective(None)),
    ("gradient must be a function of x, got 'x'", lambda: Objective(len, "x")),
    ("hessian must be a function of x, got 1.0", lambda: Objective(len, len, 1.0)),
    ("objective must be an Objective or have fun and gradient, got 7", lambda: Objective.of(7)),
    (
        "fun must return one number, got shape (2,)",
        lambda: Objective(lambda x: x).fun(np.ones(2)),
    ),
    (
        "gradient must return shape (2,), got (1, 2)",
        lambda: Objective(len, lambda x: x[None]).gradient(np.ones(2)),
    ),
    (
        "hessian must return shape (2, 2), got (2,)",
        lambda: Objective(len, len, lambda x: x).hessian(np.ones(2)),
    ),
]


@pytest.mark.parametrize(("message", "call"), BAD, ids=[m for m, _ in BAD])
def test_bad_input_is_named(message, call):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == message


def result(values, path=None, reason="steps"):
    values = np.array(values, dtype=float)
    path = np.zeros((len(values), 2)) if path is None else np.array(path, dtype=float)
    return Result(path[-1], values[-1], path, values, np.arange(len(values)), reason, Counts(3, 2))


def test_first_below_and_first_outside_give_the_step_or_none():
    descent = result([3, 2, 1, 0.5], [[0, 0], [1, 1], [3, 0], [0, 0]])
    assert descent.first_below(1) == 3  # strictly below
    assert descent.first_below(1.5) == 2
    assert descent.first_below(4) == 0
    assert descent.first_below(0.5) is None
    assert descent.first_below(math.nan) is None
    assert descent.first_outside(((-2, 2), (-2, 2))) == 2
    assert descent.first_outside(((-1, 3), (-1, 0.5))) == 1
    assert descent.first_outside(((0, 3), (0, 1))) is None


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("converged", "converged in 1 steps, f = 0.125, cost 3"),
        ("steps", "stopped after 1 steps, f = 0.125, cost 3"),
        ("diverged", "overflow after 1 steps, f = 0.125, cost 3"),
        ("stalled", "found no better point after 1 steps, f = 0.125, cost 3"),
    ],
)
def test_a_result_says_how_it_ended(reason, words):
    assert result([1, 0.125], reason=reason).describe() == words
