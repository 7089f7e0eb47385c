"""RateFinder: cliffs against theory, JavaScript against Python, and its traits."""

import math

import numpy as np
import pytest
import traitlets
from charts import (
    ask,
    assert_is_the_same_whatever_the_style,
    assert_shows_a_small_picture,
    own_state,
    without_help,
)

from converge_lib.descent import SOLVERS, SURFACES, surface
from converge_lib.widgets import RateFinder
from converge_lib.widgets.rate_finder.sweep import RATES, limit, run, solver_at, sweep

# Runs in which no rounding is doubled again and again: short, or of rates at which they settle.
RUNS = [
    (solver, rate, name, {}, steps)
    for name in SURFACES
    for solver in SOLVERS
    for rate, steps in ((1e-3, 60), (0.3, 12))
] + [
    ("GradientDescent", 0.019, "quadratic", {"condition": 100.0, "rotation": -0.4}, 500),
    ("Momentum", 0.02, "quadratic", {"condition": 100.0, "rotation": 1.0}, 300),
    ("GradientDescent", 100.0, "rosenbrock", {}, 40),
    ("Nesterov", 1.0, "beale", {}, 40),
    ("Adam", 0.7, "plateau", {}, 30),
]
OPTIONS = {"momentum": 0.9, "target": 1e-2}
SWEEPS = [
    ("GradientDescent", "quadratic", {"condition": 30.0, "rotation": 0.5}, 60),
    ("Nesterov", "quadratic", {"condition": 300.0, "rotation": 0.0}, 40),
    ("Momentum", "rosenbrock", {}, 30),
    ("AdaGrad", "rosenbrock", {}, 25),
    ("Adam", "saddle", {}, 20),
]
LIMITS = [(name, curvature, 0.8) for name in SOLVERS for curvature in (1.0, 40.0)]


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    return ask(
        tmp_path_factory.mktemp("rates"),
        runs=[
            {"name": s, "rate": r, "of": of, "parameters": p, "steps": steps, **OPTIONS}
            for s, r, of, p, steps in RUNS
        ],
        sweeps=[
            {"name": s, "of": of, "parameters": p, "steps": steps, **OPTIONS}
            for s, of, p, steps in SWEEPS
        ],
        limits=[{"name": n, "curvature": c, "momentum": m} for n, c, m in LIMITS],
    )


def number(said):
    return float(said)  # JSON has no ∞, and Python reads a large float as an int


# ── What is measured ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("i", range(len(RUNS)), ids=lambda i: "-".join(map(str, RUNS[i][:3])))
def test_a_run_is_the_same_in_javascript(answers, i):
    name, rate, of, parameters, steps = RUNS[i]
    expected = run(name, rate, surface(of, **parameters), steps=steps, **OPTIONS)
    answer = answers["runs"][i]
    assert len(answer["values"]) == len(expected.values)
    values = np.array(answer["values"], dtype=float)
    np.testing.assert_allclose(values, expected.values, rtol=1e-9, atol=1e-12 * expected.values[0])
    loss = number(answer["loss"])
    assert loss == pytest.approx(expected.loss, rel=1e-9, abs=1e-12 * expected.values[0])
    assert number(answer["cost"]) == pytest.approx(expected.cost, nan_ok=True)


@pytest.mark.parametrize("i", range(len(SWEEPS)), ids=lambda i: "-".join(map(str, SWEEPS[i][:2])))
def test_a_sweep_is_the_same_in_javascript(answers, i):
    name, of, parameters, steps = SWEEPS[i]
    expected = sweep(name, surface(of, **parameters), steps=steps, **OPTIONS)
    answer = answers["sweeps"][i]
    assert answer["done"] is True
    np.testing.assert_allclose(answer["rates"], expected.rates, rtol=1e-12)
    losses = np.array([number(each) for each in answer["losses"]])
    assert np.array_equal(np.isinf(losses), np.isinf(expected.losses))
    # Far above the cliff a run is chaos, in which the last bit decides.
    calm = expected.rates < (expected.cliff.rate if expected.cliff else np.inf)
    np.testing.assert_allclose(losses[calm], expected.losses[calm], rtol=1e-6, atol=1e-13)
    costs = [number(each) for each in answer["costs"]]
    np.testing.assert_array_equal(np.array(costs)[calm], expected.costs[calm])
    assert (answer["cliff"] is None) == (expected.cliff is None)
    if expected.cliff:
        assert answer["cliff"]["rate"] == pytest.approx(expected.cliff.rate, rel=1e-4)
        assert answer["cliff"]["diverges"] == expected.cliff.diverges


@pytest.mark.parametrize("i", range(len(LIMITS)))
def test_limits_are_the_same_in_javascript(answers, i):
    expected = limit(*LIMITS[i])
    assert answers["limits"][i] == (expected and pytest.approx(expected, rel=1e-14))


@pytest.mark.parametrize("name", ["GradientDescent", "Momentum", "Nesterov"])
@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.95])
def test_beyond_its_limit_an_iteration_no_longer_shrinks(name, momentum):
    curvature = 40.0
    for factor, shrinks in ((0.999, True), (1.001, False)):
        rate = factor * limit(name, curvature, momentum)
        solver = solver_at(name, rate, momentum)
        columns = []
        for x, velocity in ((1.0, 0.0), (0.0, 1.0)):
            state = () if name == "GradientDescent" else np.array([velocity])
            after, state = solver.step(np.array([x]), curvature * np.array([x]), state)
            columns.append([after[0], 0.0 if name == "GradientDescent" else state[0]])
        radius = np.abs(np.linalg.eigvals(np.array(columns).T)).max()
        assert (radius < 1) == shrinks


@pytest.mark.parametrize("condition", [5.0, 30.0, 1000.0])
@pytest.mark.parametrize("name", ["GradientDescent", "Momentum", "Nesterov"])
def test_a_cliff_on_the_quadratic_is_where_theory_has_it(name, condition):
    ground = surface("quadratic", condition=condition)
    curve = sweep(name, ground, steps=400, momentum=0.5, target=1e-6, per_decade=4)
    assert curve.cliff.rate == pytest.approx(limit(name, condition, 0.5), rel=0.01)
    assert curve.cliff.diverges


def test_a_solver_with_bounded_steps_does_not_diverge():
    curve = sweep("Adam", surface("rosenbrock"), steps=50, momentum=0.9, target=1e-6, per_decade=4)
    assert curve.cliff is not None and not curve.cliff.diverges


def test_no_cliff_is_no_cliff():
    options = {"steps": 20, "momentum": 0.9, "target": 1e-6, "per_decade": 2}
    curve = sweep("GradientDescent", surface("plateau"), **options)
    assert curve.cliff is None
    assert (curve.rates[0], curve.rates[-1]) == pytest.approx(RATES)


def test_a_run_comes_to_the_largest_of_its_last_tenth():
    ground = surface("quadratic", condition=50.0)
    one = run("Momentum", 0.02, ground, steps=95, momentum=0.95, target=0.5)
    assert len(one.values) == 96
    assert one.loss == one.values[86:].max() > one.values[-1]
    assert one.values[int(one.cost)] < 0.5 <= one.values[: int(one.cost)].min()
    gone = run("GradientDescent", 10.0, ground, steps=2000, momentum=0.0, target=0.5)
    assert gone.loss == math.inf and math.isnan(gone.cost)


def test_the_best_rate_is_best_by_its_measure():
    curve = sweep(
        "Nesterov",
        surface("quadratic", condition=20.0),
        steps=100,
        momentum=0.9,
        target=1e-3,
        per_decade=6,
    )
    assert curve.losses[curve.best("loss")] == curve.losses.min()
    assert curve.costs[curve.best("cost")] == np.nanmin(curve.costs)
    nowhere = sweep(
        "GradientDescent",
        surface("rosenbrock"),
        steps=10,
        momentum=0.0,
        target=1e-9,
        per_decade=2,
    )
    assert nowhere.best("cost") is None


# ── Its traits ───────────────────────────────────────────────────────────────────────────────────


def test_every_trait_has_help():
    assert without_help(RateFinder) == []


def test_the_state_is_json_and_starts_from_the_defaults():
    state = own_state(RateFinder())
    assert state["surface"] == "quadratic"
    assert state["parameters"] == {"condition": 10.0, "rotation": math.pi / 6}
    assert state["solvers"] == ["GradientDescent", "Momentum", "Adam"]
    assert (state["steps"], state["momentum"], state["measure"]) == (100, 0.9, "loss")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"surface": "rosenbrok"}, "surface must be one of"),
        ({"surface": "beale", "parameters": {"n": 3}}, "parameters must be empty: beale has none"),
        ({"parameters": {"kappa": 3}}, r"among \['condition', 'rotation'\]"),
        ({"parameters": {"condition": 0.5}}, "condition must be a finite"),
        ({"parameters": {"rotation": math.nan}}, "rotation must be a finite"),
        ({"solvers": "Adam"}, "solvers must be a list"),
        ({"solvers": 5}, "solvers must be a list"),
        ({"solvers": ["Adamm"]}, "solvers must be one of"),
        ({"solvers": ["Adam", "Adam"]}, "solvers must name each once"),
        ({"steps": 9}, "steps must be a whole number of at least 10"),
        ({"steps": 2001}, "steps must be a whole number of at most 2000"),
        ({"momentum": 1}, "momentum must be a finite number"),
        ({"rate": 0}, "rate must be a finite number"),
        ({"rate": "fast"}, "rate must be a finite number"),
        ({"measure": "time"}, "measure must be one of"),
        ({"target": 0}, "target must be a finite number"),
        ({"predict": 1}, "predict must be True or False"),
        ({"key": ""}, "key must be some text"),
        ({"label": None}, "label must be some text"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        RateFinder(**arguments)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("surface", "nowhere"),
        ("solvers", ["SGD"]),
        ("steps", 3),
        ("momentum", -0.1),
        ("rate", 1e9),
        ("measure", "both"),
        ("target", -1.0),
        ("key", ""),
    ],
)
def test_a_bad_assignment_is_refused_and_changes_nothing(name, value):
    figure = RateFinder()
    before = getattr(figure, name)
    with pytest.raises(traitlets.TraitError):
        setattr(figure, name, value)
    assert getattr(figure, name) == before


def test_another_surface_keeps_what_it_can():
    figure = RateFinder(parameters={"condition": 77})
    figure.surface = "saddle"
    assert figure.ground().name == "saddle"
    figure.surface = "quadratic"
    assert figure.ground().parameters["condition"] == 77


@pytest.mark.parametrize(
    "arguments",
    [
        {"steps": 20},
        {"steps": 20, "surface": "rosenbrock", "solvers": list(SOLVERS), "rate": 100},
        {"steps": 20, "measure": "cost", "target": 1e-12},
        {"predict": True},
        {"solvers": []},
    ],
)
def test_the_picture_is_a_small_png(arguments):
    assert_shows_a_small_picture(RateFinder(**arguments))


def test_the_picture_is_the_same_whatever_the_style():
    assert_is_the_same_whatever_the_style(lambda: RateFinder(steps=10, solvers=["Momentum"]))


def test_the_description_says_what_is_to_be_seen():
    said = RateFinder(parameters={"condition": 50}, solvers=["GradientDescent", "Adam"]).describe()
    assert "GradientDescent is best near η = 0.032 and diverges from 0.04" in said
    assert "Adam is best near η = " in said
    hidden = RateFinder(predict=True).describe()
    assert "hidden until you predict" in hidden and "best near" not in hidden
