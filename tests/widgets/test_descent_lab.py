"""DescentLab in Python: its traits, what it refuses, the reader's own solvers, its picture."""

import json
import math
import re

import numpy as np
import pytest
import traitlets
from charts import (
    assert_is_the_same_whatever_the_style,
    assert_shows_a_small_picture,
    without_help,
)

from converge_lib.descent import (
    SOLVERS,
    SURFACES,
    Adam,
    GradientDescent,
    Momentum,
    descend,
    newton,
    surface,
)
from converge_lib.plotting import SOLVER_STYLES
from converge_lib.widgets import DescentLab
from converge_lib.widgets.descent_lab.widget import METHODS, NAMES, TUNED
from tests import node


class Halving:
    """A solver of a reader's: goes half the way to the origin, whatever the gradient."""

    def init(self, x):
        return None

    def step(self, x, grad, state):
        return x / 2, None


class Broken(Halving):
    def step(self, x, grad, state):
        raise KeyError("velocity")


class Runaway(Halving):
    def step(self, x, grad, state):
        return x * 1e200, None


def state(lab):
    return {key: value for key, value in lab.get_state().items() if not key.startswith("_")}


def test_every_trait_of_its_own_has_help():
    assert without_help(DescentLab) == []


def test_the_state_is_json_and_starts_from_the_defaults():
    stored = state(DescentLab())
    json.dumps(stored, allow_nan=False)
    assert stored["surface"] == "rosenbrock"
    assert stored["start"] == surface("rosenbrock").start.tolist()
    assert [solver["name"] for solver in stored["solvers"]] == [
        "GradientDescent",
        "Momentum",
        "Adam",
    ]
    assert stored["frame"] is stored["probe"] is None


@pytest.mark.parametrize("name", SURFACES)
def test_tuned_settings_make_solvers_on_every_surface(name):
    lab = DescentLab(name, solvers=list(NAMES), steps=10)
    assert list(lab.results()) == list(NAMES)


@pytest.mark.parametrize("name", SURFACES)
def test_tuned_second_order_methods_arrive_wherever_the_gradient_shows_the_way(name):
    for label, result in DescentLab(name, solvers=METHODS).results().items():
        astray = (name, label) == (
            "plateau",
            "NonlinearCG",
        )  # lands on flat ground
        assert (result.fun < 1e-6) != astray, label
        assert result.reason == "converged", label


def test_second_order_methods_take_their_hyperparameters_and_the_rest_is_tuned():
    lab = DescentLab(solvers=["Newton", {"name": "LBFGS", "memory": 3}, {"name": "HessianFree"}])
    assert lab.solvers == [
        {"name": "Newton", **TUNED["rosenbrock"]["Newton"]},
        {"name": "LBFGS", "memory": 3},
        {"name": "HessianFree", **TUNED["rosenbrock"]["HessianFree"]},
    ]
    lab.solvers = [{"name": "Newton", "damping": None, "line_search": False}]
    expected = newton(surface("rosenbrock"), surface("rosenbrock").start)
    np.testing.assert_array_equal(lab.results()["Newton"].path, expected.path[:6])


def test_a_budget_is_of_gradients_and_not_of_steps():
    lab = DescentLab(solvers=METHODS, steps=20)
    for label, result in lab.results().items():
        assert result.reason == "steps", label
        assert result.steps < result.counts.cost <= 20, label
        assert result.costs[-1] <= result.counts.cost, label


def test_a_run_that_stays_where_it_is_still_pays():
    # from this start the first model of Hessian-free is a dome: it only raises its damping
    lab = DescentLab("himmelblau", solvers=[{"name": "HessianFree", "damping": 1.0}], steps=25)
    result = lab.results()["HessianFree"]
    assert result.steps == 0 < len(result.log)
    assert result.log[-1].cost == result.counts.cost <= 25
    assert result.log[-1].damping > 1


def test_a_solver_of_the_library_is_stored_by_its_hyperparameters():
    lab = DescentLab(solvers=[Adam(lr=0.1, betas=(0.8, 0.9)), Momentum(0.002, 0.5)])
    assert lab.solvers == [
        {"name": "Adam", "lr": 0.1, "betas": [0.8, 0.9], "eps": 1e-8},
        {"name": "Momentum", "lr": 0.002, "momentum": 0.5},
    ]
    assert lab.custom_runs == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"surface": "rosenbrok"}, "surface must be one of"),
        ({"surface": 3}, "surface must be one of"),
        ({"parameters": {"n": 3}}, "parameters must be empty: rosenbrock has none"),
        (
            {"surface": "quadratic", "parameters": {"kappa": 3}},
            r"among \['condition', 'rotation'\]",
        ),
        ({"surface": "quadratic", "parameters": {"condition": 0.5}}, "condition must be a finite"),
        ({"surface": "quadratic", "parameters": {"condition": math.nan}}, "condition must be"),
        ({"start": (1e308, 0)}, "start must lie in the picture"),
        ({"start": (math.nan, 0)}, "start must be a finite vector"),
        ({"start": (1, 2, 3)}, "start must be a finite vector"),
        ({"start": "here"}, "start must be a finite vector"),
        ({"solvers": "Adam"}, "solvers must be a list"),
        ({"solvers": 5}, "solvers must be a list"),
        ({"solvers": ["Adamm"]}, "solvers must be one of"),
        ({"solvers": [{"name": "SGD"}]}, "name of a solver must be one of"),
        ({"solvers": [{"lr": 0.1}]}, "name of a solver must be one of"),
        (
            {"solvers": [{"name": "LBFGS", "lr": 0.1}]},
            r"hyperparameters of LBFGS must be among \['memory'\], got 'lr'",
        ),
        ({"solvers": [{"name": "LBFGS", "memory": 0}]}, "memory must be a whole number"),
        ({"solvers": [{"name": "Newton", "damping": 0}]}, "damping must be a finite number"),
        ({"solvers": [{"name": "Newton", "line_search": 1}]}, "line_search must be True or False"),
        ({"solvers": [{"name": "HessianFree", "cg_steps": 2.5}]}, "cg_steps must be a whole"),
        ({"solvers": ["Newton", "Newton"]}, "once, got 2 of Newton"),
        ({"solvers": [newton]}, "methods init and step"),
        ({"solvers": [object()]}, "methods init and step"),
        ({"solvers": [Halving]}, "methods init and step"),
        ({"solvers": [("", Halving())]}, "label of a solver must be some text"),
        ({"solvers": [Adam(), "Adam"]}, "once, got 2 of Adam"),
        ({"steps": 5}, "steps must be a whole number of at least 10"),
        ({"steps": 10_001}, "steps must be a whole number of at most 10000"),
        ({"steps": 1e3}, "steps must be a whole number"),
        ({"target": 0}, "target must be a finite number"),
        ({"target": math.inf}, "target must be a finite number"),
        ({"probe": "SGD"}, "probe must be one of"),
        ({"probe": (50, 50)}, "probe must lie in the picture"),
        ({"show": "newton"}, "show must be a list"),
        ({"show": ["hessian"]}, "show must be one of"),
        ({"predict": 1}, "predict must be True or False"),
        ({"frame": -1}, "frame must be a whole number"),
        ({"key": ""}, "key must be some text"),
        ({"label": None}, "label must be some text"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        DescentLab(**arguments)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("surface", "nowhere"),
        ("start", [math.nan, 0]),
        ("start", [1]),
        ("steps", 3),
        ("target", -1.0),
        ("show", ["hessian"]),
        ("solvers", [{"name": "Adam", "lr": -1}]),
        ("solvers", [{"name": "Adam", "speed": 1}]),
        ("solvers", [{"name": "HessianFree", "damping": -1}]),
        ("solvers", [Halving()]),
    ],
)
def test_a_bad_assignment_is_refused_and_changes_nothing(name, value):
    lab = DescentLab()
    before = getattr(lab, name)
    with pytest.raises(traitlets.TraitError):
        setattr(lab, name, value)
    assert getattr(lab, name) == before


def test_solvers_can_be_assigned_as_they_are_given():
    lab = DescentLab()
    lab.solvers = ["Nesterov", GradientDescent(0.5), "LBFGS"]
    assert [solver["name"] for solver in lab.solvers] == ["Nesterov", "GradientDescent", "LBFGS"]


def test_a_readers_solver_runs_in_python():
    lab = DescentLab(solvers=["Adam", Halving(), ("mine", Halving()), Halving()], steps=20)
    assert [solver["name"] for solver in lab.solvers] == ["Adam"]
    assert [run["label"] for run in lab.custom_runs] == ["Halving", "mine", "Halving 2"]
    expected = descend(Halving(), surface("rosenbrock"), [-1.2, 1.0], steps=20, target=1e-6)
    run = lab.custom_runs[0]
    np.testing.assert_allclose(run["path"], expected.path, rtol=1e-5)
    np.testing.assert_allclose(run["values"], expected.values, rtol=1e-5)
    assert (run["reason"], run["error"]) == (expected.reason, "")


def test_a_labelled_solver_of_the_library_also_runs_in_python():
    lab = DescentLab(solvers=[Adam(lr=0.1), ("slow Adam", Adam(lr=0.01))])
    assert [run["label"] for run in lab.custom_runs] == ["slow Adam"]


def test_a_message_from_the_front_end_makes_it_run_again():
    lab = DescentLab(solvers=[Halving()], steps=20)
    lab.set_state({"surface": "saddle", "parameters": {}, "start": [1.0, 0.5], "steps": 10})
    run = lab.custom_runs[0]
    assert run["path"][1] == [0.5, 0.25]
    assert run["about"] == {
        "surface": "saddle",
        "parameters": {},
        "start": [1.0, 0.5],
        "steps": 10,
        "target": 1e-6,
    }
    lab.set_state({"start": [0.5, 0.5]})
    assert lab.custom_runs[0]["path"][1] == [0.25, 0.25]
    lab.set_state({"surface": "quadratic", "parameters": {"condition": 50, "rotation": 0.1}})
    assert lab.custom_runs[0]["about"]["parameters"] == {"condition": 50, "rotation": 0.1}


def test_a_start_that_another_surface_cannot_show_is_moved_to_its_edge():
    lab = DescentLab("plateau", start=(-8, 8), solvers=[Halving()])
    lab.surface = "saddle"
    assert lab.custom_runs[0]["path"][0] == [-2.0, 2.0]


def test_an_exception_in_a_readers_solver_is_shown():
    lab = DescentLab(solvers=["Adam", Broken()])
    assert lab.custom_runs[0]["error"] == "KeyError: 'velocity'"
    assert list(lab.results()) == ["Adam"]


def test_a_readers_solver_may_diverge():
    run = DescentLab(solvers=[Runaway()]).custom_runs[0]
    assert run["reason"] == "diverged"
    assert np.isfinite(run["path"]).all()


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {
            "surface": "quadratic",
            "solvers": [GradientDescent(0.5)],
            "parameters": {"condition": 90},
        },
        {"solvers": []},
        {"solvers": [Halving(), Broken()], "predict": True},
        {"solvers": [Runaway(), GradientDescent(10.0)]},
        {"surface": "plateau", "solvers": list(SOLVERS), "steps": 300},
        {"surface": "himmelblau", "solvers": METHODS},
        {"target": 1e3, "solvers": ["Newton", "Adam"]},
    ],
)
def test_the_picture_is_a_small_png(arguments):
    assert_shows_a_small_picture(DescentLab(**arguments))


def test_the_picture_is_the_same_whatever_the_style():
    assert_is_the_same_whatever_the_style(DescentLab)


def test_the_description_says_what_is_to_be_seen():
    text = DescentLab(solvers=[Momentum(0.001, 0.95), GradientDescent(0.01)]).describe()
    assert "Momentum" in text and "converged in" in text
    assert re.search(r"GradientDescent overflow after \d+ steps", text)
    assert "left the view at step" in text
    hidden = DescentLab(predict=True).describe()
    assert "converged" not in hidden and "predict" in hidden


def test_colours_and_dashes_are_those_of_the_books_pictures():
    style = (node.WIDGETS / "core" / "converge.css").read_text("utf-8")
    palette = (node.WIDGETS / "core" / "palette.js").read_text("utf-8")
    for name, look in SOLVER_STYLES.items():
        assert re.search(rf"--{name}: {look['color']};", style, re.IGNORECASE), name
        dashes = [] if look["linestyle"] == "-" else [2 * dash for dash in look["linestyle"][1]]
        found = json.loads(re.search(rf"\b{name}: {{.*?dash: (\[.*?\])", palette)[1])
        assert found == pytest.approx(dashes), name
