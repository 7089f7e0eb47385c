"""The figure's first state as a still picture, for readers without JavaScript."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from converge_lib.descent.surfaces import Surface
from converge_lib.plotting import INK, LOWEST_VALUE, SOLVER_STYLES
from converge_lib.widgets.figure import png
from converge_lib.widgets.rate_finder.sweep import RATES, Curve, Run, limit

SIZE = (7.6, 3.6)


def draw(
    curves: Mapping[str, Curve],
    runs: Mapping[str, Run],
    surface: Surface,
    *,
    rate: float,
    measure: str,
    steps: int,
    momentum: float,
) -> bytes:
    """Return a PNG of each solver's loss or cost against the rate, and of its run at ``rate``."""
    before = float(surface.fun(surface.start))
    lowest = min([before / 100, *(float(curve.losses.min()) for curve in curves.values())])
    domain = (10 ** math.floor(math.log10(max(LOWEST_VALUE, lowest))), 1e3 * before)

    def panels(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        _curves(left, curves, domain if measure == "loss" else (1, 1.5 * steps), measure)
        if measure == "loss":
            left.axhline(before, color=INK, linewidth=0.8, linestyle=":")
            left.set_ylabel(f"f − f* after {steps} steps")
        if surface.name == "quadratic":
            _limits(left, curves, surface, momentum)
        left.axvline(rate, color=INK, linewidth=1)
        _runs(right, runs, domain, steps, rate)

    return png(panels, SIZE)


def _curves(
    ax: Axes, curves: Mapping[str, Curve], domain: tuple[float, float], measure: str
) -> None:
    ax.set(xscale="log", yscale="log", xlim=RATES, ylim=domain)
    ax.set(xlabel="learning rate η", ylabel="steps to the target")
    for name, curve in curves.items():
        look = SOLVER_STYLES[name]
        values = curve.losses if measure == "loss" else curve.costs
        values = np.where(np.isinf(values), 1e3 * domain[1], np.maximum(values, LOWEST_VALUE))
        ax.plot(curve.rates, values, color=look["color"], linestyle=look["linestyle"], lw=1.5)
        best = curve.best(measure)
        if best is None:
            continue
        ax.plot(curve.rates[best], values[best], color=look["color"], marker=look["marker"])
        ax.annotate(
            name,
            (curve.rates[best], values[best]),
            xytext=(0, -12),
            textcoords="offset points",
            horizontalalignment="center",
            color=look["color"],
            fontweight="bold",
        )


def _limits(ax: Axes, curves: Mapping[str, Curve], surface: Surface, momentum: float) -> None:
    steepest = float(np.linalg.eigvalsh(surface.hessian(surface.minima[0]))[-1])
    for name in curves:
        at = limit(name, steepest, momentum)
        if at is not None:
            ax.axvline(at, color=SOLVER_STYLES[name]["color"], linewidth=0.9, linestyle=":")


def _runs(
    ax: Axes, runs: Mapping[str, Run], domain: tuple[float, float], steps: int, rate: float
) -> None:
    ax.set(yscale="log", xlim=(0, steps), ylim=domain, xlabel=f"steps, at η = {rate:g}")
    for name, run in runs.items():
        look = SOLVER_STYLES[name]
        values = np.clip(run.values, LOWEST_VALUE, 1e3 * domain[1])
        ax.plot(values, color=look["color"], linestyle=look["linestyle"], linewidth=1.3)
