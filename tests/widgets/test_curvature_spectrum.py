"""CurvatureSpectrum: theory against linear algebra, JavaScript against Python, and its traits.

A run of conjugate gradient is the same in JavaScript only as long as rounding decides nothing. Its
one operation that depends on the machine is the dot product, whose terms each kernel adds in an
order of its own. Whatever the order, a sum of n products is off by at most n ε Σ|xᵢ yᵢ| (Higham,
Accuracy and Stability of Numerical Algorithms, section 3.1). So Python runs again with each dot
product off by as much, up or down. Up to the step at which these runs part from the first one by a
tenth of the tolerance, every kernel must agree to the full tolerance, and so must JavaScript.
"""

import math
import re
from functools import cache

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

from converge_lib.widgets import CurvatureSpectrum
from converge_lib.widgets.curvature_spectrum.spectrum import (
    DISTRIBUTIONS,
    FLOOR,
    METHODS,
    TARGET,
    bound,
    eigenvalues,
    measure,
    predicted,
    rate,
    tuned,
)

RELATIVE = 1e-9
RERUNS = 8
POSITIONS = {"clusters": [0.5], "outlier": [0.25]}
SPECTRA = [
    (distribution, condition, n, POSITIONS.get(distribution, []))
    for distribution in DISTRIBUTIONS
    for condition, n in ((10.0, 4), (100.0, 40), (3000.0, 50))
] + [
    ("clusters", 1e4, 17, []),
    ("clusters", 1e3, 30, [0.9, 0.2, 0.5, 0.1, 0.3, 0.7]),
    ("clusters", 1e3, 9, [0.0, 1.0]),
    ("outlier", 1e3, 5, [1.0]),
    ("outlier", 1e3, 50, [0.0]),
]
BOUNDS = [
    (method, condition, k)
    for method in METHODS
    for condition in (10.0, 123.4, 1e5)
    for k in (0, 1, 7, 100, 3000)
]


def name_of(i):
    return "-".join(map(str, SPECTRA[i]))


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    spectra = [
        {
            "distribution": distribution,
            "condition": condition,
            "n": n,
            "positions": positions,
            "methods": METHODS,
        }
        for distribution, condition, n, positions in SPECTRA
    ]
    bounds = [{"method": m, "condition": condition, "k": k} for m, condition, k in BOUNDS]
    return ask(tmp_path_factory.mktemp("spectrum"), spectra=spectra, bounds=bounds)


# ── What is measured ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("i", range(len(SPECTRA)), ids=name_of)
def test_eigenvalues_go_from_one_to_kappa_and_are_the_same_in_javascript(answers, i):
    values = eigenvalues(*SPECTRA[i])
    assert values.shape == (SPECTRA[i][2],)
    assert values[0] == 1.0
    assert values[-1] == pytest.approx(SPECTRA[i][1], rel=1e-14)
    assert np.all(np.diff(values) >= 0)
    np.testing.assert_allclose(answers["spectra"][i]["values"], values, rtol=1e-14)


class WorstKernel(np.ndarray):
    """Vectors whose dot products are as far off as any order of summation may leave them."""

    random = np.random.default_rng(0)

    def __matmul__(self, other):
        x, y = np.asarray(self), np.asarray(other)
        off = len(x) * np.finfo(float).eps * (np.abs(x) @ np.abs(y))
        return float(x @ y) + self.random.choice([-off, off])


def apart(values, expected):
    """How far two runs are apart, relative to f, step by step as long as both go on."""
    n = min(len(values), len(expected))
    return np.abs(np.array(values[:n]) - expected[:n]) / expected[:n]


@cache
def conjugate_gradient(i):
    """Python's run on spectrum i, how many of its values rounding leaves alone, and its steps."""
    values = eigenvalues(*SPECTRA[i])
    expected = measure("ConjugateGradient", values)
    settled, steps = len(expected.values), {expected.steps}
    for _ in range(RERUNS):
        run = measure("ConjugateGradient", values.view(WorstKernel))
        differs = apart(run.values, expected.values) > RELATIVE / 10
        settled = min(settled, int(differs.argmax()) if differs.any() else len(run.values))
        steps.add(run.steps)
    return expected, settled, steps


def agrees(values, steps, i):
    """Whether a run of conjugate gradient on spectrum i is what any kernel may give."""
    expected, settled, possible = conjugate_gradient(i)
    same = len(values) >= settled and (apart(values, expected.values)[:settled] <= RELATIVE).all()
    return same and (len(possible) > 1 or steps == expected.steps)


@pytest.mark.parametrize("i", range(len(SPECTRA)), ids=name_of)
@pytest.mark.parametrize("method", METHODS)
def test_a_run_is_the_same_in_javascript(answers, method, i):
    answer = answers["spectra"][i]["measured"][METHODS.index(method)]
    ks, values = answer["ks"], np.array(answer["values"])
    if method == "ConjugateGradient":
        assert agrees(values, answer["steps"], i)
        assert answer["steps"] <= predicted(method, SPECTRA[i][1])
    else:
        # No dot product but that of f: the same operations in the same order, on eigenvalues that
        # the power function leaves 2 ε apart. f then differs by at most 4kε after k steps, 4e-11
        # for 40,000 of gradient descent; with momentum, whose two roots meet at λ = κ, by 2k²ε,
        # 1.3e-10 for 750 steps.
        expected = measure(method, eigenvalues(*SPECTRA[i]))
        assert answer["steps"] == expected.steps
        assert ks[-1] == len(expected.values) - 1
        np.testing.assert_allclose(values, expected.values[ks], rtol=RELATIVE)
    assert ks[: min(len(ks), 100)] == list(range(min(len(ks), 100)))
    assert values[-1] < FLOOR


def added(order):
    """Vectors whose dot products are added one by one in this order of partial sums."""

    class Kernel(np.ndarray):
        def __matmul__(self, other):
            return order((np.asarray(self) * np.asarray(other)).tolist())

    return Kernel


def one_by_one(terms):
    total = 0.0
    for term in terms:
        total += term
    return total


def pairwise(terms):
    half = len(terms) // 2
    return pairwise(terms[:half]) + pairwise(terms[half:]) if half else terms[0]


def in_lanes(width):
    """As a vector unit of this width adds: every lane for itself, the lanes at the end."""
    return lambda terms: one_by_one([one_by_one(terms[i::width]) for i in range(width)])


KERNELS = {
    "one by one": one_by_one,
    "reversed": lambda terms: one_by_one(terms[::-1]),
    "pairwise": pairwise,
    "8 lanes": in_lanes(8),
    "16 lanes": in_lanes(16),
}


@pytest.mark.parametrize("i", range(len(SPECTRA)), ids=name_of)
@pytest.mark.parametrize("kernel", KERNELS)
def test_no_order_of_summation_is_refused(kernel, i):
    run = measure("ConjugateGradient", eigenvalues(*SPECTRA[i]).view(added(KERNELS[kernel])))
    assert agrees(run.values, run.steps, i)


def mistaken(values, alpha=1.0, beta=1.0, scale=1.0):
    """Conjugate gradient with a factor too much in its step, its memory or its f."""
    x = np.sqrt(2 / (len(values) * values))
    r = d = -values * x
    f = [1.0]
    while f[-1] >= FLOOR and len(f) < 500:
        step = alpha * (r @ r) / (d @ (values * d))
        x, before = x + step * d, r @ r
        r = r - step * values * d
        d = r + beta * (r @ r) / before * d
        f.append(scale * float(values @ (x * x)) / 2)
    return f, int(np.argmax(np.array(f) < TARGET))


@pytest.mark.parametrize("i", range(len(SPECTRA)), ids=name_of)
def test_every_wrong_formula_is_refused(i):
    values = eigenvalues(*SPECTRA[i])
    assert agrees(*mistaken(values), i)
    assert not agrees(*mistaken(values, scale=1 + 1e-8), i)
    assert not agrees(*mistaken(values, alpha=1.001), i)
    if conjugate_gradient(i)[1] > 2:  # the memory first acts in the second step
        assert not agrees(*mistaken(values, beta=0.0), i)
        assert not agrees(*mistaken(values, beta=1.01), i)


def test_most_of_what_could_be_compared_is():
    runs = [conjugate_gradient(i) for i in range(len(SPECTRA))]
    assert min(settled for _, settled, _ in runs) >= 2
    whole = sum(len(expected.values) for expected, *_ in runs)
    assert sum(settled for _, settled, _ in runs) >= whole / 2
    assert sum(len(steps) == 1 for *_, steps in runs) >= 0.75 * len(runs)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("method", METHODS)
def test_no_spectrum_is_slower_than_theory_allows(method, seed):
    random = np.random.default_rng(seed)
    for condition in (10.0, 77.0, 900.0):
        shares = np.sort(random.uniform(size=random.integers(2, 30)))
        values = condition ** np.concatenate([[0.0], shares, [1.0]])
        run = measure(method, values)
        k = np.arange(len(run.values))
        theory = np.array([bound(method, condition, each) for each in k])
        assert np.all(run.values <= theory * (1 + 1e-9))
        assert run.steps <= predicted(method, condition)


@pytest.mark.parametrize("method", METHODS[:2])
def test_the_rate_of_theory_is_the_spectral_radius_of_the_iteration(method):
    for condition in (10.0, 400.0):
        solver = tuned(method, condition)
        momentum = getattr(solver, "momentum", 0.0)
        radii = []
        for curvature in np.linspace(1, condition, 50):
            shrink = 1 + momentum - solver.lr * curvature
            radii.append(np.abs(np.linalg.eigvals([[shrink, -momentum], [1.0, 0.0]])).max())
        # at a double root an eigenvalue is only as good as the root of the rounding
        assert max(radii) == pytest.approx(rate(method, condition), rel=1e-6)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_momentum_meets_its_bound_at_the_largest_eigenvalue(seed):
    condition = float(np.random.default_rng(seed).uniform(10, 1000))
    solver, x, state = tuned("Momentum", condition), np.ones(1), np.zeros(1)
    for k in range(1, 40):
        x, state = solver.step(x, condition * x, state)
        assert x[0] ** 2 == pytest.approx(bound("Momentum", condition, k), rel=1e-6)


def test_chebyshev_s_bound_is_his_polynomial():
    for condition in (10.0, 250.0):
        middle = (condition + 1) / (condition - 1)
        for k in (1, 2, 5, 20):
            height = np.polynomial.chebyshev.chebval(middle, [0] * k + [1])
            assert bound("ConjugateGradient", condition, k) == pytest.approx(height**-2, rel=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_predicted_is_the_first_step_below(method):
    for condition in (10.0, 1000.0):
        steps = predicted(method, condition)
        assert bound(method, condition, steps) < TARGET <= bound(method, condition, steps - 1)


@pytest.mark.parametrize("clusters", [2, 3, 5, 8])
def test_conjugate_gradient_takes_a_step_for_each_cluster(clusters):
    inner = [(i + 1) / (clusters - 1) for i in range(clusters - 2)]
    values = eigenvalues("clusters", 1000.0, 40, inner)
    assert len(set(values)) == clusters
    assert measure("ConjugateGradient", values).steps == clusters


def test_an_outlier_costs_conjugate_gradient_about_one_step():
    bulk = measure("ConjugateGradient", eigenvalues("log-uniform", 10.0, 39)).steps
    both = measure("ConjugateGradient", eigenvalues("outlier", 1e4, 40, [0.25])).steps
    assert both <= bulk + 3 < predicted("ConjugateGradient", 1e4) / 10


def test_slopes_are_one_and_a_half():
    conditions = 10 ** np.linspace(1, 3.5, 6)
    for method, slope in (("GradientDescent", 1.0), ("Momentum", 0.5)):
        steps = [measure(method, eigenvalues("log-uniform", c, 20)).steps for c in conditions]
        assert np.polyfit(np.log(conditions), np.log(steps), 1)[0] == pytest.approx(slope, abs=0.1)


@pytest.mark.parametrize("i", range(len(BOUNDS)))
def test_theory_is_the_same_in_javascript(answers, i):
    method, condition, k = BOUNDS[i]
    answer = answers["bounds"][i]
    assert answer["bound"] == pytest.approx(bound(method, condition, k), rel=RELATIVE, abs=1e-300)
    assert answer["predicted"] == predicted(method, condition)
    if method != "ConjugateGradient":
        assert answer["lr"] == pytest.approx(tuned(method, condition).lr, rel=1e-14)


# ── Its traits ───────────────────────────────────────────────────────────────────────────────────


def test_every_trait_has_help():
    assert without_help(CurvatureSpectrum) == []


def test_the_state_is_json_and_starts_from_the_defaults():
    state = own_state(CurvatureSpectrum())
    assert (state["distribution"], state["condition"], state["n"]) == ("log-uniform", 100.0, 40)
    assert (state["positions"], state["predict"]) == ([], False)
    assert own_state(CurvatureSpectrum("clusters"))["positions"] == [0.5]
    assert own_state(CurvatureSpectrum("outlier"))["positions"] == [0.25]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"distribution": "uniform"}, "distribution must be one of"),
        ({"distribution": None}, "distribution must be one of"),
        ({"condition": 9}, r"condition must be a finite number in \[10, 100000\]"),
        ({"condition": math.inf}, "condition must be a finite number"),
        ({"n": 3}, "n must be a whole number of at least 4"),
        ({"n": 51}, "n must be a whole number of at most 50"),
        ({"n": 10.0}, "n must be a whole number"),
        ({"positions": [0.5]}, "positions must hold 0 numbers for log-uniform"),
        ({"distribution": "clusters", "positions": [0.1] * 7}, "at most 6 numbers for clusters"),
        ({"distribution": "clusters", "n": 4, "positions": [0.1] * 3}, "at most 2 numbers"),
        ({"distribution": "clusters", "positions": [1.5]}, "each of positions must be"),
        ({"distribution": "clusters", "positions": "middle"}, "positions must be a finite vector"),
        ({"distribution": "outlier", "positions": []}, "positions must hold 1 numbers"),
        ({"predict": "yes"}, "predict must be True or False"),
        ({"key": " "}, "key must be some text"),
        ({"label": 3}, "label must be some text"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        CurvatureSpectrum(**arguments)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("distribution", "bell"),
        ("condition", 1.0),
        ("n", 1000),
        ("positions", [2.0]),
        ("positions", ["a"]),
        ("label", ""),
    ],
)
def test_a_bad_assignment_is_refused_and_changes_nothing(name, value):
    figure = CurvatureSpectrum("clusters")
    before = getattr(figure, name)
    with pytest.raises(traitlets.TraitError):
        setattr(figure, name, value)
    assert getattr(figure, name) == before


def test_positions_of_another_distribution_do_no_harm():
    figure = CurvatureSpectrum("clusters", positions=[0.2, 0.4, 0.6])
    figure.distribution = "outlier"
    assert np.array_equal(figure.eigenvalues(), eigenvalues("outlier", 100.0, 40, [0.25]))
    figure.distribution = "linear"
    assert np.array_equal(figure.eigenvalues(), eigenvalues("linear", 100.0, 40))
    figure.distribution, figure.n = "clusters", 4
    assert len(set(figure.eigenvalues())) == 4


@pytest.mark.parametrize(
    "arguments",
    [{}, {"distribution": "clusters"}, {"distribution": "outlier", "predict": True, "n": 4}],
)
def test_the_picture_is_a_small_png(arguments):
    assert_shows_a_small_picture(CurvatureSpectrum(**arguments))


def test_the_picture_is_the_same_whatever_the_style():
    assert_is_the_same_whatever_the_style(CurvatureSpectrum)


def test_the_description_says_what_is_to_be_seen():
    said = CurvatureSpectrum("clusters", condition=1000).describe()
    assert re.search(r"gradient descent 3,356 \(at most 3,454\)", said)
    assert "conjugate gradient 3 (" in said
    hidden = CurvatureSpectrum(predict=True).describe()
    assert "hidden until you predict" in hidden and "at most" not in hidden
