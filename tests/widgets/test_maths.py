"""What a widget computes in JavaScript is what the library computes in Python.

Python asks, one node process answers. Trajectories are compared point by point. Where rounding
could decide (an adaptive solver that bounces about the minimum it cannot settle in doubles every
difference again and again) no two implementations agree for long. So the settings here are those
with which the figure opens, down to its target; a tenth of the rate for AdamW, whose weight decay
keeps it from ever settling; and settings that diverge at once.
"""

import json
import math

import numpy as np
import pytest

from converge_lib.descent import SOLVERS, SURFACES, descend, surface
from converge_lib.widgets.descent_lab.widget import TUNED, square_view
from tests import node

RELATIVE = 1e-9
PARAMETERS = [{}, {"condition": 1.0, "rotation": -1.0}, {"condition": 300.0, "rotation": 1.2}]
GROUNDS = [(name, {}) for name in SURFACES] + [("quadratic", p) for p in PARAMETERS[1:]]
DIVERGENT = [
    ("GradientDescent", {"lr": 0.02}, "rosenbrock"),
    ("GradientDescent", {"lr": 3.0}, "quadratic"),
    ("Momentum", {"lr": 0.3, "momentum": 0.9}, "himmelblau"),
    ("Nesterov", {"lr": 0.05, "momentum": 0.9}, "beale"),
    ("AdaGrad", {"lr": 1e200, "eps": 1e-10}, "saddle"),
    ("RMSProp", {"lr": 1e120, "alpha": 0.9, "eps": 1e-8}, "rosenbrock"),
    ("Adadelta", {"lr": 1e200, "rho": 0.9, "eps": 1e-3}, "rosenbrock"),
    ("Adam", {"lr": 1e170, "betas": [0.9, 0.999], "eps": 1e-8}, "beale"),
    ("AdamW", {"lr": 1e4, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 1.0}, "himmelblau"),
]


def start_near(ground, seed):
    jitter = np.random.default_rng(seed).uniform(-0.1, 0.1, 2)
    return (ground.start + jitter).tolist()


def descents():
    for name, parameters in GROUNDS:
        for solver in SOLVERS:
            tuned = TUNED[name][solver]
            rate = tuned["lr"] / parameters.get("condition", 1.0)
            rate /= 10 if solver == "AdamW" else 1
            for seed in range(3):
                yield {
                    "solver": solver,
                    "hyperparameters": {**tuned, "lr": rate},
                    "name": name,
                    "parameters": parameters,
                    "start": start_near(surface(name, **parameters), seed),
                    "steps": 400,
                    "target": 1e-6,
                }
    for solver, hyperparameters, name in DIVERGENT:
        yield {
            "solver": solver,
            "hyperparameters": hyperparameters,
            "name": name,
            "parameters": {},
            "start": surface(name).start.tolist(),
            "steps": 2000,
            "target": None,
        }


def points():
    random = np.random.default_rng(0)
    for name, parameters in GROUNDS:
        (left, right), (bottom, top) = surface(name, **parameters).view
        for _ in range(20):
            at = [random.uniform(left, right), random.uniform(bottom, top)]
            yield {"name": name, "parameters": parameters, "at": at}


def matrices():
    random = np.random.default_rng(1)
    fixed = [[2, 0, 1], [1, 0, 2], [0, 1, 0], [-1, 0.5, -3], [1, 1, 1], [0, 0, 0], [5, 0, 5]]
    drawn = random.normal(size=(40, 3)) * 10 ** random.uniform(-6, 6, (40, 1))
    for hessian in [*fixed, *drawn.tolist()]:
        yield {"hessian": hessian, "gradient": random.normal(size=2).tolist()}


QUESTIONS = {"descents": list(descents()), "points": list(points()), "matrices": list(matrices())}
for question in QUESTIONS["descents"]:
    ground = surface(question["name"], **question["parameters"])
    question["view"] = square_view(ground.view)


def pairs(kind):
    return pytest.mark.parametrize(
        "i", range(len(QUESTIONS[kind])), ids=lambda i: f"{i}-{_name(QUESTIONS[kind][i])}"
    )


def _name(question):
    return "-".join(str(question[key]) for key in ("solver", "name") if key in question)


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("maths")
    (folder / "questions.json").write_text(json.dumps(QUESTIONS))
    script = node.WIDGETS.parents[1] / "tests" / "widgets" / "compute.mjs"
    ran = node.run(
        "node", str(script), str(folder / "questions.json"), str(folder / "answers.json")
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads((folder / "answers.json").read_text())


@pairs("descents")
def test_a_trajectory_is_the_same_in_javascript(answers, i):
    question, answer = QUESTIONS["descents"][i], answers["descents"][i]
    hyperparameters = dict(question["hyperparameters"])
    ground = surface(question["name"], **question["parameters"])
    result = descend(
        SOLVERS[question["solver"]](**hyperparameters),
        ground,
        question["start"],
        steps=question["steps"],
        target=question["target"],
    )
    assert (answer["reason"], answer["steps"]) == (result.reason, result.steps)
    assert answer["left"] == (
        -1 if (left := result.first_outside(question["view"])) is None else left
    )
    path = np.array(answer["path"]).reshape(-1, 2)
    sizes = np.maximum(np.abs(result.path).max(axis=1), 1e-300)
    error = np.abs(path - result.path).max(axis=1) / sizes
    # near a minimum at the origin x itself goes to nothing: there the start is the measure
    small = np.abs(path - result.path).max(axis=1) <= RELATIVE * 1e-6
    assert np.all((error <= RELATIVE) | small), f"{error.max():.1e} at step {error.argmax()}"
    np.testing.assert_allclose(
        answer["values"], result.values, rtol=1e-7, atol=1e-12 * (1 + result.values[0])
    )


def test_the_divergent_settings_diverge(answers):
    reasons = [answer["reason"] for answer in answers["descents"][-len(DIVERGENT) :]]
    assert reasons == ["diverged"] * len(DIVERGENT)


@pairs("points")
def test_a_surface_is_the_same_in_javascript(answers, i):
    question, answer = QUESTIONS["points"][i], answers["points"][i]
    ground, at = surface(question["name"], **question["parameters"]), np.array(question["at"])
    (xx, xy), (_, yy) = ground.hessian(at)
    for got, wanted in (
        (answer["fun"], ground.fun(at)),
        (answer["gradient"], ground.gradient(at)),
        (answer["hessian"], [xx, xy, yy]),
    ):
        scale = np.abs(wanted).max()
        np.testing.assert_allclose(got, wanted, rtol=RELATIVE, atol=1e-13 * (1 + scale))
    np.testing.assert_allclose(answer["minima"], ground.minima, rtol=1e-14)
    assert answer["start"] == ground.start.tolist()
    assert answer["view"] == [list(side) for side in ground.view]
    assert answer["square"] == [list(side) for side in square_view(ground.view)]


@pairs("matrices")
def test_curvature_agrees_with_numpy(answers, i):
    question, answer = QUESTIONS["matrices"][i], answers["matrices"][i]
    xx, xy, yy = question["hessian"]
    hessian, gradient = np.array([[xx, xy], [xy, yy]]), np.array(question["gradient"])
    values, vectors = np.array(answer["values"]), np.array(answer["vectors"])
    scale = np.abs(hessian).max()
    np.testing.assert_allclose(
        values, np.linalg.eigvalsh(hessian)[::-1], rtol=RELATIVE, atol=1e-14 * scale
    )
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(2), atol=1e-14)
    np.testing.assert_allclose(hessian @ vectors.T, vectors.T * values, atol=1e-13 * scale)
    if np.linalg.matrix_rank(hessian) < 2:
        assert (answer["step"], answer["shape"], answer["curve"]) == (None, "flat", [])
        assert answer["condition"] is None  # JSON has no infinity
        return
    assert math.isclose(answer["condition"], np.linalg.cond(hessian), rel_tol=1e-6)
    assert answer["shape"] == ("bowl" if values[1] > 0 else "dome" if values[0] < 0 else "saddle")
    step = np.array(answer["step"])
    np.testing.assert_allclose(step, np.linalg.solve(hessian, -gradient), rtol=1e-6)
    # the curve is a level line of the model, and it passes through the point itself
    curve = np.array(answer["curve"])
    model = curve @ gradient + np.einsum("ni,ij,nj->n", curve, hessian, curve) / 2
    size = np.einsum("ni,ij,nj->n", np.abs(curve), np.abs(hessian), np.abs(curve)).max()
    np.testing.assert_allclose(model, 0, atol=1e-9 * (size + np.abs(gradient @ step)))
