"""The figure's first state as a still picture, for readers without JavaScript."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from converge_lib.plotting import INK, OTHER_STYLE, SOLVER_STYLES
from converge_lib.widgets.curvature_spectrum.spectrum import (
    FLOOR,
    METHODS,
    TARGET,
    Measured,
    bound,
    predicted,
)
from converge_lib.widgets.figure import png

SIZE = (7.6, 4.2)
LABELS = {"GradientDescent": "GD", "Momentum": "Momentum", "ConjugateGradient": "CG"}
STYLE_OF = {"ConjugateGradient": "NonlinearCG"}
"""On a quadratic nonlinear CG is linear CG: it looks the same."""


def draw(values: np.ndarray, results: Mapping[str, Measured]) -> bytes:
    """Return a PNG of the eigenvalues, of f − f* against cost and of the steps against κ."""

    def panels(figure: Figure) -> None:
        grid = figure.add_gridspec(2, 2, height_ratios=(1, 6), width_ratios=(3, 2))
        _rug(figure.add_subplot(grid[0, :]), values)
        _curves(figure.add_subplot(grid[1, 0]), float(values[-1]), results)
        _slopes(figure.add_subplot(grid[1, 1]), float(values[-1]), results)

    return png(panels, SIZE)


def _look(method: str) -> dict[str, object]:
    style = SOLVER_STYLES.get(STYLE_OF.get(method, method), OTHER_STYLE)
    return {"color": style["color"], "marker": style["marker"]}


def _rug(ax: Axes, values: np.ndarray) -> None:
    ax.vlines(values, 0, 1, color=INK, linewidth=1)
    ax.set(xscale="log", xlim=(0.8, 1.3e5), yticks=[], xlabel="eigenvalues λ")
    ax.spines["left"].set_visible(False)


def _curves(ax: Axes, condition: float, results: Mapping[str, Measured]) -> None:
    most = predicted("GradientDescent", condition, FLOOR)
    k = np.geomspace(1, most, 200)
    for method in METHODS:
        look = _look(method)
        theory = [bound(method, condition, each) for each in k]
        ax.plot(k, theory, color=look["color"], linestyle="--", linewidth=0.9)
        if method not in results:
            continue
        run = results[method]
        at = np.unique(np.geomspace(1, len(run.values) - 1, 300).astype(int))
        ax.plot(at, run.values[at], color=look["color"], linewidth=1.8)
        ax.plot(run.steps, TARGET, linestyle="", **look)
        ax.annotate(
            LABELS[method],
            (run.steps, TARGET),
            xytext=(6, 4) if method == "Momentum" else (-5, 4),
            textcoords="offset points",
            horizontalalignment="left" if method == "Momentum" else "right",
            color=look["color"],
            fontweight="bold",
        )
    ax.axhline(TARGET, color=INK, linewidth=0.8, linestyle=":")
    top = max(1.0, max(bound("Momentum", condition, each) for each in k))
    ax.set(xscale="log", yscale="log", xlim=(1, most), ylim=(FLOOR, 1.5 * top))
    ax.set(xlabel="cost, in gradients or products", ylabel="(f − f*) / start")


def _slopes(ax: Axes, condition: float, results: Mapping[str, Measured]) -> None:
    conditions = 10 ** np.linspace(1, 5, 9)
    for method in METHODS:
        look = _look(method)
        steps = [predicted(method, each) for each in conditions]
        ax.plot(conditions, steps, color=look["color"], linestyle="--", linewidth=0.9)
        if method in results:
            ax.plot(condition, results[method].steps, linestyle="", **look)
    ax.axvline(condition, color=INK, linewidth=0.8, linestyle=":")
    ax.set(xscale="log", yscale="log", xlabel="condition number κ", ylabel="steps to 10⁻⁶")
