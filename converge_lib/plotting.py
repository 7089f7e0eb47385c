"""The book's pictures: one style, and helpers that take an ``ax`` and return what they drew.

A line is named where it ends instead of in a legend, and every solver keeps its colour, dash and
marker through the whole book, so that no picture depends on colour alone.

>>> import matplotlib.pyplot as plt
>>> from converge_lib.descent import GradientDescent, descend, surface
>>> house_style()
>>> valley = surface("rosenbrock")
>>> result = descend(GradientDescent(lr=0.001), valley, valley.start, steps=50)
>>> fig, (left, right) = plt.subplots(1, 2)
>>> levels = plot_contours(left, valley)
>>> line = plot_path(left, result, "GradientDescent")
>>> line = plot_values(right, result, "GradientDescent")
>>> plt.close(fig)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet
from matplotlib.lines import Line2D

if TYPE_CHECKING:
    from converge_lib.descent import Result, Surface

INK = "#1F1F1F"
FAINT = "#9AA0A6"

SOLVER_STYLES: dict[str, dict[str, Any]] = {
    "GradientDescent": {"color": "#5B5B5B", "linestyle": "-", "marker": "o"},
    "Momentum": {"color": "#0067B1", "linestyle": (0, (6, 1.5)), "marker": "s"},
    "Nesterov": {"color": "#B3560B", "linestyle": (0, (4, 1.2, 1, 1.2)), "marker": "^"},
    "AdaGrad": {"color": "#007F5F", "linestyle": (0, (1, 1)), "marker": "D"},
    "RMSProp": {"color": "#A3337A", "linestyle": (0, (3, 1)), "marker": "v"},
    "Adadelta": {"color": "#7A6000", "linestyle": (0, (4, 1, 1, 1, 1, 1)), "marker": "P"},
    "Adam": {"color": "#C1121F", "linestyle": (0, (8, 2)), "marker": "X"},
    "AdamW": {"color": "#5B3FA8", "linestyle": (0, (2, 1, 1, 1)), "marker": "*"},
    "Newton": {"color": "#1F1F1F", "linestyle": (0, (9, 1, 2, 1)), "marker": "p"},
    "NonlinearCG": {"color": "#00727D", "linestyle": (0, (1, 2)), "marker": "<"},
    "LBFGS": {"color": "#8A4513", "linestyle": (0, (6, 1, 1, 1)), "marker": ">"},
    "HessianFree": {"color": "#9C1FB0", "linestyle": (0, (12, 1.5)), "marker": "h"},
}
"""Colour, dash and marker of each solver, the same in every picture and widget."""

OTHER_STYLE: dict[str, Any] = {"color": INK, "linestyle": "-", "marker": "d"}
"""For what is not in :data:`SOLVER_STYLES`: a solver of the reader's own, say."""

LOWEST_VALUE = 1e-16
"""A log axis has no place for f = 0; smaller values are drawn here."""


def house_style() -> None:
    """Set Matplotlib's defaults for the book: 5 inches wide, legible on a telephone, as SVG.

    In a notebook it also makes figures repeatable to the byte: the same numbers, the same file.
    """
    mpl.rcParams.update(
        {
            "figure.figsize": (5.0, 3.5),
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "font.size": 11.5,
            "axes.titlesize": 11.5,
            "axes.labelsize": 11.5,
            "xtick.labelsize": 10.5,
            "ytick.labelsize": 10.5,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": INK,
            "axes.labelcolor": INK,
            "text.color": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "lines.linewidth": 1.8,
            "lines.markersize": 5,
            "path.simplify_threshold": 0.4,
            "svg.fonttype": "path",
            "svg.hashsalt": "converge",
        }
    )
    if _in_notebook():
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg", metadata={"Date": None})


def plot_contours(ax: Axes, surface: Surface, *, levels: int = 10) -> QuadContourSet:
    """Draw contours of f − f* in the surface's view, evenly spaced in the logarithm.

    Minima are marked by a cross, and the limits of ``ax`` are set to the view.
    """
    (left, right), (bottom, top) = surface.view
    if surface.dimension != 2:
        raise ValueError(f"surface must have 2 coordinates to be drawn, got {surface.dimension}")
    x, y = np.linspace(left, right, 101), np.linspace(bottom, top, 101)
    values = surface.fun(np.stack(np.meshgrid(x, y), -1))
    lowest = np.quantile(values, 0.002)  # the minimum itself may lie on the grid, and f be 0 there
    drawn = ax.contour(
        x,
        y,
        values,
        levels=np.geomspace(lowest, values.max(), levels + 1)[:-1],
        colors=FAINT,
        linewidths=0.7,
    )
    ax.plot(*surface.minima.T, linestyle="", marker="+", markersize=9, color=INK, zorder=4)
    ax.set(xlim=(left, right), ylim=(bottom, top))
    return drawn


def plot_path(ax: Axes, result: Result, label: str) -> Line2D:
    """Draw the first two coordinates of a descent's path, clipped to the limits of ``ax``.

    The start is marked by a ring. A path that overflows is drawn to its first point out of view,
    and words on the picture say that it diverged, and when.

    Args:
        ax: axes whose limits are set already, by :func:`plot_contours` say; they stay.
        result: the descent.
        label: a key of :data:`SOLVER_STYLES`, or a name of your own.
    """
    style = _style(label)
    path = _finite("result.path", result.path)
    view = (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    gone = result.first_outside(view) if result.reason == "diverged" else None
    if gone is not None:
        path = path[: gone + 1]
    # Far outside, a renderer's arithmetic would overflow, and there is nothing to see.
    x = np.clip(path[:, 0], 11 * left - 10 * right, 11 * right - 10 * left)
    y = np.clip(path[:, 1], 11 * bottom - 10 * top, 11 * top - 10 * bottom)
    (line,) = ax.plot(
        x,
        y,
        color=style["color"],
        linestyle=style["linestyle"],
        marker=style["marker"],
        markevery=_marks(len(x)),
        linewidth=1.4,
        label=label,
    )
    ax.plot(x[:1], y[:1], marker="o", markersize=9, fillstyle="none", color=INK, zorder=4)
    if result.reason == "diverged":
        left_view = "" if gone is None else f"left the view at step {gone},\n"
        ax.text(
            0.5,
            0.03,
            f"{label} diverges: {left_view}overflow after step {result.steps}",
            transform=ax.transAxes,
            ha="center",
            fontsize=10.5,
            color=style["color"],
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 2},
            zorder=5,
        )
    return line


def plot_values(
    ax: Axes,
    result: Result,
    label: str,
    *,
    minimum: float = 0.0,
    name: str | None = None,
    offset: tuple[float, float] = (4, 0),
) -> Line2D:
    """Draw f − f* along a descent against its cost, f on a log axis, named at the line's end.

    Args:
        ax: where to draw.
        result: the descent.
        label: a key of :data:`SOLVER_STYLES`, or a name of your own; it chooses the style.
        minimum: f*, the value of f at the minimum; 0 on every surface of this book.
        name: what to write at the line's end, if not ``label``.
        offset: where to write it, in points from the last value.

    Values of f − f* below :data:`LOWEST_VALUE` are drawn there. A descent that diverged says so.
    """
    style = _style(label)
    gap = np.maximum(_finite("result.values", result.values) - minimum, LOWEST_VALUE)
    (line,) = ax.plot(
        result.costs,
        gap,
        color=style["color"],
        linestyle=style["linestyle"],
        marker=style["marker"],
        markevery=_marks(len(gap)),
        label=label,
    )
    text = (name or label) + (" (diverged)" if result.reason == "diverged" else "")
    ax.annotate(
        text,
        (result.costs[-1], gap[-1]),
        xytext=offset,
        textcoords="offset points",
        va="center",
        ha="left" if offset[0] >= 0 else "right",
        fontsize=10.5,
        color=style["color"],
    )
    ax.set(yscale="log", xlabel="cost (gradient-equivalents)", ylabel="f − f*")
    return line


def _style(label: str) -> dict[str, Any]:
    return SOLVER_STYLES.get(label, OTHER_STYLE)


def _marks(points: int) -> list[int]:
    return sorted({round(i * (points - 1) / 8) for i in range(9)})


def _finite(name: str, array: np.ndarray) -> np.ndarray:
    array = np.asarray(array, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError(
            f"{name} must be finite, got {np.count_nonzero(~np.isfinite(array))} NaN or ∞"
        )
    return array


def _in_notebook() -> bool:
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")
