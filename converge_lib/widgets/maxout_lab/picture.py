"""The figure's first state as a still picture, for readers without JavaScript."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from converge_lib.plotting import FAINT, INK, SOLVER_STYLES
from converge_lib.widgets.figure import png
from converge_lib.widgets.maxout_lab.fit import GRID, Target, outputs

SIZE = (7.6, 3.6)
COLOURS = [
    SOLVER_STYLES[name]["color"]
    for name in ("Nesterov", "AdaGrad", "RMSProp", "Adadelta", "NonlinearCG", "Adam", "AdamW")
]
DESCENT, COMPARED = SOLVER_STYLES["Momentum"]["color"], INK


def draw(
    target: Target,
    lines: np.ndarray,
    *,
    descent: Mapping[int, float],
    compared: Mapping[int, float],
) -> bytes:
    """Return a PNG of the lines, shape (2, units, k), on the target, and of the errors by k."""

    def panels(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        _fit(left, target, lines)
        _errors(right, target.half, descent, compared, units=lines.shape[1])

    return png(panels, SIZE)


def _fit(ax: Axes, target: Target, lines: np.ndarray) -> None:
    x = target.low + (target.high - target.low) * (GRID + 1) / 2
    ax.plot(x, target.centre + target.half * target.values, color=INK, alpha=0.25, linewidth=7)
    if lines.shape[1] == 2:
        fitted = target.centre + target.half * outputs(lines)
        ax.plot(x, fitted, color=DESCENT, linewidth=2)
        ax.set_ylabel("first unit − second unit")
    else:
        heights = target.centre + target.half * (lines[0, 0][:, None] * GRID + lines[1, 0][:, None])
        winners = heights.argmax(axis=0)
        for j, line in enumerate(heights):
            colour, wins = COLOURS[j % len(COLOURS)], winners == j
            ax.plot(x, line, color=colour, linewidth=0.9, linestyle="-" if wins.any() else ":")
            if not wins.any():
                continue
            ax.plot(x[wins], line[wins], color=colour, linewidth=3.2)
            middle = int(np.flatnonzero(wins).mean())
            ax.annotate(
                str(j + 1),
                (x[middle], line[middle]),
                xytext=(0, 6),
                textcoords="offset points",
                color=colour,
                fontweight="bold",
            )
        ax.set_ylabel("the largest of the lines")
    room = 1.35 * target.half
    ax.set(ylim=(target.centre - room, target.centre + room), xlabel="x")
    ax.locator_params(axis="x", nbins=5)


def _errors(
    ax: Axes,
    half: float,
    descent: Mapping[int, float],
    compared: Mapping[int, float],
    *,
    units: int,
) -> None:
    lowest = 5e-4 * half
    ax.set(xscale="log", yscale="log", xlim=(0.85, 15), ylim=(lowest, 3 * half))
    ax.set(xlabel="lines of a unit, k", ylabel="largest error")
    ax.set_xticks([1, 2, 4, 8], ["1", "2", "4", "8"])
    ax.minorticks_off()
    if 1 in compared:
        ks = np.array([1.0, 12.0])
        ax.plot(ks, compared[1] / ks**2, color=FAINT, linewidth=1, linestyle="--")
    for errors, colour, marker in ((compared, COMPARED, "h"), (descent, DESCENT, "o")):
        values = np.clip(list(errors.values()), lowest, 30 * half)
        ax.plot(list(errors), values, color=colour, marker=marker, markersize=4, linewidth=1.3)
    name = "best possible" if units == 1 else "k + 1 points joined"
    for row, (colour, label) in enumerate(((DESCENT, "gradient descent"), (COMPARED, name))):
        ax.text(
            *(0.98, 0.99 - 0.07 * row, label),
            transform=ax.transAxes,
            color=colour,
            fontweight="bold",
            horizontalalignment="right",
            verticalalignment="top",
        )
