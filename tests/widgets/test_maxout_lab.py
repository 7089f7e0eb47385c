"""MaxoutLab: the best fits against proofs, JavaScript against Python, and its traits."""

import json
import math

import numpy as np
import pytest
import traitlets
from charts import (
    assert_is_the_same_whatever_the_style,
    assert_shows_a_small_picture,
    own_state,
    without_help,
)
from scipy.optimize import linprog

from converge_lib.structure.maxout import (
    fit_convex,
    fit_difference,
    largest_error,
    maxout,
    maxout_backward,
)
from converge_lib.widgets import MaxoutLab
from converge_lib.widgets.maxout_lab.fit import (
    GRID,
    KNOTS,
    STARTS,
    TARGETS,
    best,
    drawn,
    joined,
    kept,
    measured,
    normalised,
    outputs,
    random_numbers,
    reached,
    start,
    train,
)
from tests import node

HEIGHTS = [
    [float(h) for h in np.random.default_rng(seed).uniform(-1, 1, KNOTS).round(3)]
    for seed in range(3)
]
VALUES = {name: normalised(f(GRID)).values for name, f in TARGETS.items()} | {
    f"drawn {i}": normalised(drawn(heights)).values for i, heights in enumerate(HEIGHTS)
}
BEGUN = [
    (kind, units, pieces, seed)
    for kind in STARTS
    for units, pieces, seed in ((1, 1, 1), (1, 4, 2), (2, 5, 77), (2, 24, 1_000_000))
]
SETTINGS = [
    {"kind": kind, "units": units, "pieces": pieces, "seed": seed, "rate": rate, "steps": steps}
    for kind in STARTS
    for units, pieces, seed, rate, steps in (
        (1, 1, 1, 0.5, 40),
        (1, 4, 2, 0.5, 2000),
        (1, 12, 3, 0.9, 600),
        (2, 3, 4, 0.5, 800),
        (2, 12, 5, 0.2, 500),
        (2, 6, 6, 2.0, 3000),
    )
]
TRAININGS = [(name, settings) for name in ("x²", "sine", "drawn 0") for settings in SETTINGS]
BESTS = [(name, pieces) for name in VALUES for pieces in (1, 2, 4, 7, 12)]
KEEPINGS = [1, 10, 333, 5000]


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("maxout")
    questions = {
        "targets": list(TARGETS),
        "knots": HEIGHTS,
        "starts": [
            {"kind": kind, "units": units, "pieces": pieces, "seed": seed}
            for kind, units, pieces, seed in BEGUN
        ],
        "trainings": [{"values": VALUES[name].tolist(), **each} for name, each in TRAININGS],
        "bests": [{"values": VALUES[name].tolist(), "pieces": k} for name, k in BESTS],
        "keepings": KEEPINGS,
    }
    (folder / "questions.json").write_text(json.dumps(questions))
    script = node.WIDGETS.parents[1] / "tests" / "widgets" / "compute_maxout.mjs"
    ran = node.run(
        "node", str(script), str(folder / "questions.json"), str(folder / "answers.json")
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads((folder / "answers.json").read_text())


# ── The same in JavaScript ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("i", range(len(TARGETS) + len(HEIGHTS)))
def test_targets_are_the_same_in_javascript(answers, i):
    answer = [*answers["targets"], *answers["knots"]][i]
    samples = [*(f(GRID) for f in TARGETS.values()), *(drawn(one) for one in HEIGHTS)][i]
    expected = normalised(samples)
    assert (answer["low"], answer["high"]) == (expected.low, expected.high)
    assert answer["centre"] == pytest.approx(expected.centre, rel=1e-12, abs=1e-12)
    assert answer["half"] == pytest.approx(expected.half, rel=1e-12)
    np.testing.assert_allclose(answer["values"], expected.values, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("i", range(len(BEGUN)))
def test_a_start_is_the_same_in_javascript(answers, i):
    numbers = random_numbers(BEGUN[i][-1])
    assert answers["starts"][i]["numbers"] == [next(numbers) for _ in range(20)]
    np.testing.assert_array_equal(answers["starts"][i]["lines"], start(*BEGUN[i]).ravel())


@pytest.mark.parametrize("i", range(len(TRAININGS)))
def test_a_training_is_the_same_in_javascript_all_along(answers, i):
    name, settings = TRAININGS[i]
    run, answer = train(VALUES[name], **settings), answers["trainings"][i]
    assert answer["steps"] == run.steps
    assert answer["diverged"] == run.diverged
    lines = np.array(answer["lines"]).reshape(run.lines.shape)
    scale = np.abs(run.lines).max()
    np.testing.assert_allclose(lines, run.lines, rtol=1e-9, atol=1e-12 * scale)
    fit = measured(VALUES[name], run.lines[-1])
    assert answer["wins"] == fit.wins.ravel().tolist()
    assert answer["largest"] == pytest.approx(fit.largest, rel=1e-9, abs=1e-12)
    assert answer["square"] == pytest.approx(fit.square, rel=1e-9, abs=1e-12)
    end = math.inf if run.diverged else fit.largest
    assert float(answer["end"]) == pytest.approx(end, rel=1e-9, abs=1e-12)


def test_some_trainings_run_away_and_most_do_not(answers):
    diverged = [answer["diverged"] for answer in answers["trainings"]]
    assert 0 < sum(at is not None for at in diverged) < len(diverged) / 2


@pytest.mark.parametrize("i", range(len(BESTS)))
def test_the_best_is_the_same_in_javascript(answers, i):
    name, pieces = BESTS[i]
    answer = answers["bests"][i]
    assert answer["best"] == pytest.approx(best(VALUES[name], pieces), rel=1e-9, abs=1e-12)
    assert answer["joined"] == pytest.approx(joined(VALUES[name], pieces), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("i", range(len(KEEPINGS)))
def test_the_steps_kept_are_the_same_in_javascript(answers, i):
    steps = kept(KEEPINGS[i])
    assert answers["keepings"][i] == steps
    assert steps[0] == 0 and steps[-1] == KEEPINGS[i]
    assert (np.diff(steps) > 0).all() and len(steps) < 200


# ── A training against the shelf's ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("units", [1, 2])
@pytest.mark.parametrize("kind", STARTS)
def test_a_training_is_gradient_descent_on_the_mean_square(kind, units):
    settings = {"kind": kind, "units": units, "pieces": 5, "seed": 9, "rate": 0.4, "steps": 30}
    values = VALUES["sine"]
    run = train(values, **settings)
    assert run.steps == kept(30)
    slopes, intercepts = start(kind, units, 5, 9)
    W, b = slopes[None].copy(), intercepts.copy()
    signs = np.array([1.0, -1.0][:units])
    x = GRID[:, None]
    kept_lines = [np.stack([W[0], b])]
    for step in range(1, 31):
        residuals = maxout(x, W, b) @ signs - values
        upstream = 2 * residuals[:, None] * signs / len(values)
        _, by_W, by_b = maxout_backward(x, W, b, upstream)
        W, b = W - 0.4 * by_W, b - 0.4 * by_b
        if step in run.steps:
            kept_lines.append(np.stack([W[0], b]))
    np.testing.assert_allclose(run.lines, kept_lines, rtol=1e-10, atol=1e-12)
    h = maxout(x, W, b) @ signs
    np.testing.assert_allclose(outputs(run.lines[-1]), h, atol=1e-12)
    fit = measured(values, run.lines[-1])
    assert fit.largest == pytest.approx(np.abs(h - values).max(), rel=1e-10)
    assert fit.square == pytest.approx(np.mean((h - values) ** 2), rel=1e-10)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("pieces", [1, 4, 12])
def test_each_line_of_a_fan_wins_somewhere_at_first(pieces, seed):
    assert measured(VALUES["x²"], start("fan", 2, pieces, seed)).wins.all()


def test_what_never_wins_is_never_trained():
    run = train(VALUES["sine"], kind="random", units=1, pieces=12, seed=2, rate=0.3, steps=25)
    assert len(run.steps) == 26
    alive = np.any([measured(VALUES["sine"], lines).wins[0] for lines in run.lines], axis=0)
    moved = (run.lines[-1] != run.lines[0]).any(axis=(0, 1))
    assert (moved <= alive).all()
    assert not alive.all()


def test_different_seeds_begin_differently():
    first = [next(random_numbers(seed)) for seed in range(1, 40)]
    assert len({round(number, 3) for number in first}) > 35
    assert np.ptp(first) > 0.9


# ── The best, against proofs ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("pieces", [1, 2, 3, 4, 5, 6, 10, 12])
def test_the_best_for_a_parabola_is_theory_s(pieces):
    # Stretches of whole grid steps with a point in the middle: touched where theory touches.
    expected = 4 / (8 * pieces**2)
    target = normalised(np.square(GRID))
    assert target.half * best(target.values, pieces) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("pieces", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("name", ["x²", "|x|", "exp"])
def test_the_best_is_the_shelf_s_where_the_target_is_convex(name, pieces):
    f = TARGETS[name]
    expected = largest_error(f, *fit_convex(f, (-1, 1), pieces), (-1, 1))
    target = normalised(f(GRID))
    found = target.half * best(target.values, pieces)
    # the widget's target is straight between its points, at most max f″ h²/8 above f
    assert found == pytest.approx(expected, abs=np.e * (GRID[1] - GRID[0]) ** 2 / 8)


@pytest.mark.parametrize("name", list(VALUES))
def test_the_best_line_is_that_of_linear_programming(name):
    values = VALUES[name]
    ones = np.ones_like(GRID)
    above = np.column_stack([GRID, ones, -ones])
    rows, bounds = np.vstack([above, above * [-1, -1, 1]]), np.concatenate([values, -values])
    solved = linprog([0, 0, 1], rows, bounds, bounds=[(None, None)] * 3)
    assert best(values, 1) == pytest.approx(solved.fun, rel=1e-8, abs=1e-10)


@pytest.mark.parametrize("name", list(VALUES))
def test_many_lines_come_as_near_as_convexity_allows(name):
    # half the largest distance from the target down to its convex hull
    values = VALUES[name]
    hull = list(range(len(values)))
    for i in range(len(values) - 2, 0, -1):
        chords = [
            values[a] + (values[b] - values[a]) * (i - a) / (b - a)
            for a in range(i)
            for b in range(i + 1, len(values))
        ]
        hull[i] = min(values[i], min(chords))
    hull[0], hull[-1] = values[0], values[-1]
    expected = np.max(values - hull) / 2
    assert best(values, 120) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", ["x²", "exp", "sine", "drawn 1"])
def test_no_training_beats_the_best(name):
    for pieces in (1, 2, 4, 8):
        least = best(VALUES[name], pieces)
        settings = {"units": 1, "pieces": pieces, "seed": 1, "rate": 0.5, "steps": 400}
        for kind in STARTS:
            # between its points no training is measured, and the best is kept there too
            assert reached(VALUES[name], kind=kind, **settings).largest > 0.97 * least


@pytest.mark.parametrize("name", list(TARGETS))
@pytest.mark.parametrize("pieces", [1, 3, 4, 12])
def test_joined_points_are_the_shelf_s_difference(name, pieces):
    target = normalised(TARGETS[name](GRID))
    W, b = fit_difference(lambda u: np.interp(u, GRID, target.values), (-1, 1), pieces)
    h = maxout(GRID[:, None], W, b) @ [1, -1]
    assert joined(target.values, pieces) == pytest.approx(
        np.abs(h - target.values).max(), rel=1e-9, abs=1e-12
    )


def test_normalised_targets_go_from_minus_one_to_one():
    for values in VALUES.values():
        assert (values.min(), values.max()) == pytest.approx((-1, 1))
    flat = normalised(np.full(121, 7.0), 3.0, 5.0)
    assert (flat.centre, flat.half, flat.low, flat.high) == (7, 1, 3, 5)
    assert (flat.values == 0).all()
    huge = normalised(np.resize([-1e308, 1e308], 121))
    assert np.isfinite(huge.values).all()


# ── Its traits ───────────────────────────────────────────────────────────────────────────────────


def cosh(x):
    return np.cosh(x)


def test_every_trait_has_help():
    assert without_help(MaxoutLab) == []


def test_the_state_is_json_and_starts_from_the_defaults():
    state = own_state(MaxoutLab())
    assert (state["target"], state["units"], state["pieces"]) == ("x²", 1, 4)
    assert (state["start"], state["rate"], state["steps"], state["step"]) == (
        *("random", 0.5, 2000),
        None,
    )
    assert state["samples"] == [] and len(state["knots"]) == KNOTS


def test_a_function_of_the_reader_s_own_is_sampled():
    figure = MaxoutLab(cosh, interval=(0, 3), pieces=3)
    state = own_state(figure)
    assert (state["target"], state["name"], state["interval"]) == ("own", "cosh", [0, 3])
    np.testing.assert_allclose(state["samples"], np.cosh(np.linspace(0, 3, 121)), rtol=1e-12)
    W_b = fit_convex(np.cosh, (0, 3), 3)
    assert figure.least() == pytest.approx(largest_error(np.cosh, *W_b, (0, 3)), rel=0.01)
    assert "cosh on [0, 3]" in figure.describe()
    assert MaxoutLab(lambda x: 0 * x).name == "Your function"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": "x2"}, "target must be one of"),
        ({"target": "own"}, "target must be one of"),
        ({"target": 3}, "target must be one of"),
        ({"target": np.sum}, r"target must return the shape that it gets, got \(\) for \(121,\)"),
        ({"target": math.sin}, "target must take a NumPy array"),
        ({"target": np.log}, r"target must be finite on \[-1, 1\], got none at x = -1"),
        ({"target": np.sin, "interval": (1, 1)}, r"interval must be \(low, high\)"),
        ({"target": np.sin, "interval": (0, math.inf)}, "interval must be a finite vector"),
        ({"target": np.sin, "interval": (-1e308, 1e308)}, r"interval must be \(low, high\)"),
        ({"target": np.sin, "interval": 3}, "interval must be a finite vector"),
        ({"interval": (0, 1)}, "interval must be left out unless target is your own function"),
        ({"knots": [0, 1]}, "knots must be a finite vector of shape"),
        ({"knots": [2] * 9}, "each of knots must be a finite number"),
        ({"pieces": 0}, "pieces must be a whole number of at least 1"),
        ({"pieces": 13}, "pieces must be a whole number of at most 12"),
        ({"pieces": 2.0}, "pieces must be a whole number"),
        ({"units": 3}, "units must be a whole number of at most 2"),
        ({"start": "zero"}, "start must be one of"),
        ({"seed": 0}, "seed must be a whole number of at least 1"),
        ({"rate": 0}, "rate must be a finite number"),
        ({"rate": math.nan}, "rate must be a finite number"),
        ({"steps": 5001}, "steps must be a whole number of at most 5000"),
        ({"predict": 1}, "predict must be True or False"),
        ({"key": ""}, "key must be some text"),
        ({"label": None}, "label must be some text"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        MaxoutLab(**arguments)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("target", "own"),
        ("target", "cos"),
        ("knots", [1]),
        ("units", 0),
        ("pieces", 99),
        ("start", "zero"),
        ("seed", -1),
        ("rate", 9.0),
        ("steps", 3),
        ("step", 5001),
        ("probe", 1.5),
        ("key", ""),
    ],
)
def test_a_bad_assignment_is_refused_and_changes_nothing(name, value):
    figure = MaxoutLab()
    before = getattr(figure, name)
    with pytest.raises(traitlets.TraitError):
        setattr(figure, name, value)
    assert getattr(figure, name) == before


def test_another_target_can_be_set_and_one_s_own_comes_back():
    figure = MaxoutLab(cosh)
    figure.target = "sine"
    assert figure.ground().half == pytest.approx(1)
    figure.target = "own"
    assert figure.ground().half == pytest.approx((np.cosh(1) - 1) / 2)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"target": "sine", "units": 2, "pieces": 12, "start": "fan"},
        {"target": "drawn", "pieces": 1},
        {"target": cosh, "interval": (-3, 3), "units": 2},
        {"rate": 2.0, "units": 2, "steps": 5000},
        {"predict": True},
    ],
)
def test_the_picture_is_a_small_png(arguments):
    assert_shows_a_small_picture(MaxoutLab(**({"steps": 100} | arguments)))


def test_the_picture_is_the_same_whatever_the_style():
    assert_is_the_same_whatever_the_style(lambda: MaxoutLab(steps=10, pieces=2))


def test_the_description_says_what_is_to_be_seen():
    said = MaxoutLab(pieces=4).describe()
    assert "4 of 4 win somewhere" in said and "(the best possible: 0.0312)" in said
    assert "hidden" not in said
    assert "hidden until you predict" in MaxoutLab(predict=True).describe()
    gone = MaxoutLab(units=2, rate=2.0).describe()
    assert "overflows after" in gone and "win somewhere" not in gone
    two = MaxoutLab("sine", units=2, pieces=3).describe()
    assert "two units of 3 lines, one subtracted" in two and "k + 1 points joined" in two
