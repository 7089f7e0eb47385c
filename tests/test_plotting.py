"""The picture helpers: they draw on the axes given, return what they drew, and never draw NaN."""

import itertools
import math
import re
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from converge_lib.descent import SOLVERS, SURFACES, Adam, GradientDescent, descend, newton, surface
from converge_lib.plotting import (
    LOWEST_VALUE,
    OTHER_STYLE,
    SOLVER_STYLES,
    house_style,
    plot_contours,
    plot_path,
    plot_values,
)

mpl.use("svg")
import matplotlib.pyplot as plt


@pytest.fixture
def ax():
    with mpl.rc_context():
        house_style()
        figure, axes = plt.subplots()
        yield axes
        plt.close(figure)


@pytest.fixture
def valley():
    return surface("rosenbrock")


@pytest.fixture
def result(valley):
    return descend(Adam(0.2), valley, valley.start, steps=200)


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_every_solver_has_a_style_of_its_own():
    methods = ["Newton", "NonlinearCG", "LBFGS", "HessianFree"]
    assert list(SOLVER_STYLES) == [*SOLVERS, *methods]
    for key in ("color", "linestyle", "marker"):
        values = [style[key] for style in SOLVER_STYLES.values()]
        assert len(set(values)) == len(values)


def luminance(color):
    channels = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return np.dot([0.2126, 0.7152, 0.0722], channels)


@pytest.mark.parametrize("name", list(SOLVER_STYLES))
def test_every_colour_is_legible_on_white(name):
    assert 1.05 / (luminance(SOLVER_STYLES[name]["color"]) + 0.05) >= 4.5


def test_the_house_style_is_legible_on_a_telephone(ax):
    width = ax.figure.get_figwidth()
    assert width == 5
    points_per_css_pixel = 350 / (width * 96)  # shown 350 CSS pixels wide
    for text in (ax.xaxis.label, ax.title, *ax.get_xticklabels()):
        assert text.get_fontsize() * 96 / 72 * points_per_css_pixel >= 10


@pytest.mark.parametrize("name", list(SURFACES))
def test_contours_are_spaced_in_the_logarithm_and_fill_the_view(ax, name):
    ground = surface(name)
    levels = plot_contours(ax, ground).levels
    steps = np.diff(np.log(levels))
    assert (levels > 0).all()
    np.testing.assert_allclose(steps, steps[0], rtol=1e-9)
    assert (ax.get_xlim(), ax.get_ylim()) == ground.view
    np.testing.assert_array_equal(np.array(ax.lines[0].get_xydata()), ground.minima)


def test_a_surface_in_three_dimensions_cannot_be_drawn(ax):
    with pytest.raises(ValueError, match=r"^surface must have 2 coordinates to be drawn, got 3$"):
        plot_contours(ax, surface("rosenbrock", n=3))


def test_a_path_is_drawn_where_it_went_in_the_solvers_style(ax, valley, result):
    plot_contours(ax, valley)
    line = plot_path(ax, result, "Adam")
    np.testing.assert_array_equal(line.get_xydata(), result.path)
    assert line.get_color() == SOLVER_STYLES["Adam"]["color"]
    assert line.get_marker() == SOLVER_STYLES["Adam"]["marker"]
    assert (ax.get_xlim(), ax.get_ylim()) == valley.view
    assert texts(ax) == []


def test_a_name_of_ones_own_has_a_style_too(ax, valley, result):
    plot_contours(ax, valley)
    assert plot_path(ax, result, "my solver").get_color() == OTHER_STYLE["color"]


def test_divergence_is_said_on_the_picture(ax, valley):
    plot_contours(ax, valley)
    thrown = descend(GradientDescent(0.01), valley, valley.start)
    line = plot_path(ax, thrown, "GradientDescent")
    assert texts(ax) == [
        "GradientDescent diverges: left the view at step 2,\noverflow after step 5"
    ]
    assert np.isfinite(line.get_xydata()).all()
    assert len(line.get_xydata()) == 3  # to the first point out of view
    ax.figure.canvas.draw()


def test_divergence_is_said_beside_the_values(ax, valley):
    plot_values(ax, descend(GradientDescent(0.01), valley, valley.start), "GradientDescent")
    assert texts(ax) == ["GradientDescent (diverged)"]
    ax.figure.canvas.draw()


def test_a_path_that_overflows_at_once_is_said_too(ax, valley):
    plot_contours(ax, valley)
    plot_path(ax, descend(GradientDescent(1e300), valley, valley.start), "GradientDescent")
    assert texts(ax) == ["GradientDescent diverges: overflow after step 0"]


def test_a_path_far_out_of_view_is_clipped_and_keeps_the_view(ax, valley):
    plot_contours(ax, valley)
    far = descend(GradientDescent(0.0), valley, [1e30, 1e3], steps=1)
    line = plot_path(ax, far, "GradientDescent")
    assert np.abs(line.get_xydata()).max() < 100
    assert (ax.get_xlim(), ax.get_ylim()) == valley.view


def test_values_are_drawn_against_cost_on_a_log_axis_and_named_at_the_end(ax, result):
    line = plot_values(ax, result, "Adam")
    np.testing.assert_array_equal(line.get_xydata(), np.stack([result.costs, result.values], 1))
    assert ax.get_yscale() == "log"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("cost (gradient-equivalents)", "f − f*")
    assert texts(ax) == ["Adam"]
    assert ax.texts[0].xy == (result.costs[-1], result.values[-1])


def test_a_line_can_have_another_name_and_the_minimum_is_subtracted(ax, result):
    line = plot_values(ax, result, "Adam", minimum=-1.0, name="Adam, tuned", offset=(-4, 2))
    np.testing.assert_array_equal(line.get_ydata(), result.values + 1)
    assert texts(ax) == ["Adam, tuned"]
    assert ax.texts[0].get_horizontalalignment() == "right"


def test_zero_is_drawn_at_the_lowest_value(ax, valley):
    result = newton(valley, valley.start)
    assert result.fun == 0
    assert plot_values(ax, result, "Newton").get_ydata()[-1] == LOWEST_VALUE


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_nan_and_infinity_are_refused(ax, valley, result, bad):
    plot_contours(ax, valley)
    values, path = result.values.copy(), result.path.copy()
    values[3] = path[3, 0] = bad
    with pytest.raises(ValueError, match=r"^result.values must be finite, got 1 NaN or ∞$"):
        plot_values(ax, replace(result, values=values), "Adam")
    with pytest.raises(ValueError, match=r"^result.path must be finite, got 1 NaN or ∞$"):
        plot_path(ax, replace(result, path=path), "Adam")


def test_the_same_picture_is_the_same_small_file(ax, valley, result, tmp_path):
    files = []
    for name in ("first.svg", "second.svg"):
        figure, fresh = plt.subplots()
        plot_contours(fresh, valley)
        plot_path(fresh, result, "Adam")
        figure.savefig(tmp_path / name, metadata={"Date": None})
        plt.close(figure)
        files.append((tmp_path / name).read_bytes())
    assert files[0] == files[1]
    assert len(files[0]) < 60_000
    assert not re.search(rb"\bnan\b", files[0], re.IGNORECASE)


def test_helpers_never_show(ax, valley, result, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("show was called"))
    plot_contours(ax, valley)
    plot_path(ax, result, "Adam")
    plot_values(ax, result, "Adam")


def test_colours_are_apart_for_the_colour_blind():
    # Machado et al. (2009), full deuteranopia, in linear RGB. Dash and marker differ besides.
    deutan = np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    )
    seen = {
        name: deutan @ (np.array(to_rgb(style["color"])) ** 2.2)
        for name, style in SOLVER_STYLES.items()
        if name in ("GradientDescent", "Momentum", "Nesterov", "Adam", "NonlinearCG", "HessianFree")
    }
    for (_, a), (_, b) in itertools.combinations(seen.items(), 2):
        assert np.linalg.norm(a - b) > 0.02
