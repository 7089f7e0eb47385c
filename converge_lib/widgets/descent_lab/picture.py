"""The figure's first state as a still picture, for readers without JavaScript."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from converge_lib.descent.objective import Result
from converge_lib.descent.surfaces import Surface
from converge_lib.plotting import INK, OTHER_STYLE, SOLVER_STYLES
from converge_lib.widgets.descent_lab.widget import square_view
from converge_lib.widgets.figure import png

LEVELS = 14
SIZE = (7.6, 3.9)
LETTER, LINE = 0.026, 0.05  # the room that names at the lines' ends need, in shares of the axes


def draw(
    surface: Surface, start: list[float], results: Mapping[str, Result], target: float
) -> bytes:
    """Return a PNG of the surface with every path, and of f − f* against cost."""

    def panels(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, width_ratios=(1, 0.95))
        _map(left, surface, start, results)
        _values(right, results, target)

    return png(panels, SIZE)


def _map(ax: Axes, surface: Surface, start: list[float], results: Mapping[str, Result]) -> None:
    (left, right), (bottom, top) = view = square_view(surface.view)
    x, y = np.linspace(left, right, 161), np.linspace(bottom, top, 161)
    heights = np.log10(np.maximum(surface.fun(np.stack(np.meshgrid(x, y), -1)), 1e-300))
    levels = np.linspace(*np.quantile(heights, (0.02, 0.98)), LEVELS)
    ax.contour(x, y, heights, levels=levels, colors="#AAB9C6", linewidths=0.6, linestyles="-")
    ax.plot(*surface.minima.T, linestyle="", marker="+", markersize=9, color=INK)
    for label, result in results.items():
        look = SOLVER_STYLES.get(label, OTHER_STYLE)
        gone = result.first_outside(view)
        path = result.path if gone is None else result.path[: gone + 1]
        width, height = right - left, top - bottom
        path = np.clip(path, (left - width, bottom - height), (right + width, top + height))
        color = look["color"]
        ax.plot(*path.T, color=color, linestyle=look["linestyle"], linewidth=1.5)
        ax.plot(*path[-1], color=color, marker=look["marker"], markersize=6)
    ax.plot(*start, marker="o", markersize=9, color=INK, markerfacecolor="white", zorder=4)
    ax.set(xlim=view[0], ylim=view[1], aspect="equal", xlabel="x", ylabel="y")


def _values(ax: Axes, results: Mapping[str, Result], target: float) -> None:
    ax.axhline(target, color=INK, linewidth=0.9, linestyle=":")
    ax.set(yscale="log", xlabel="cost, in gradients", ylabel="f − f*")
    highest = max([10 * target, *(result.values[0] for result in results.values())])
    farthest = max([1.0, *(result.costs[-1] for result in results.values())])
    decades = np.log10(100 * highest / target)
    named: list[tuple[float, float, float]] = []
    for label, result in sorted(results.items(), key=lambda item: item[1].costs[-1]):
        look = SOLVER_STYLES.get(label, OTHER_STYLE)
        values = np.clip(result.values, target / 10, 10 * highest)
        (line,) = ax.plot(
            result.costs, values, color=look["color"], linestyle=look["linestyle"], linewidth=1.5
        )
        ax.plot(result.costs[-1], values[-1], color=look["color"], marker=look["marker"])
        name = f"{label} ↑ overflow" if result.reason == "diverged" else label
        end, height = result.costs[-1] / farthest, np.log10(values[-1] / target) / decades
        at_right = end > 0.6
        left = end - LETTER * len(name) if at_right else end
        right = left + LETTER * len(name)
        lines = 0  # a name that would cover another one goes above it
        while any(
            left < b and a < right and abs(height + lines * LINE - y) < LINE for a, b, y in named
        ):
            lines += 1
        named.append((left, right, height + lines * LINE))
        ax.annotate(
            name,
            (result.costs[-1], values[-1]),
            xytext=(-6 if at_right else 6, 7 + 12 * lines),
            textcoords="offset points",
            horizontalalignment="right" if at_right else "left",
            color=line.get_color(),
            fontweight="bold",
        )
    ax.set_ylim(target / 10, 10 * highest)
