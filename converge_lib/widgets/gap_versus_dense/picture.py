"""The figure's first state as a still picture, for readers without JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from converge_lib.plotting import INK, SOLVER_STYLES
from converge_lib.widgets.figure import png
from converge_lib.widgets.gap_versus_dense.measure import SHIFTS, SIDE, SIZES, frame

if TYPE_CHECKING:
    from converge_lib.widgets.gap_versus_dense.widget import GapVersusDense

SIZE = (7.6, 3.2)
STYLES = [SOLVER_STYLES[name] for name in ("GradientDescent", "Momentum", "RMSProp")]


def draw(figure: GapVersusDense) -> bytes:
    """Return a PNG of the digit, of what each network says of it, and of the accuracies."""

    def panels(drawing: Figure) -> None:
        paper, scores, curves = drawing.subplots(1, 3, width_ratios=(3, 3, 4))
        _paper(paper, figure)
        _scores(scores, figure)
        _curves(curves, figure)

    return png(panels, SIZE)


def _paper(ax: Axes, figure: GapVersusDense) -> None:
    across = max(figure.size, SIDE + 2 * SHIFTS[-1]) + 4
    right, down = figure.shift
    sheet = frame(figure.digit_shown(), across, right, down)
    edge = (across - figure.size) / 2 - 0.5
    faint = 0.25 * sheet
    inside = slice(int(edge + 0.5), int(edge + 0.5) + figure.size)
    faint[inside, inside] = sheet[inside, inside]
    ax.imshow(1 - faint, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.add_patch(Rectangle((edge, edge), figure.size, figure.size, fill=False, edgecolor=INK))
    ax.set_title(f"{figure.size} × {figure.size} pixels", fontsize=9.5)
    ax.axis("off")


def _scores(ax: Axes, figure: GapVersusDense) -> None:
    answers = {} if figure.predict else figure.answers()
    height = 0.8 / max(1, len(answers))
    classes = np.arange(10)
    for i, (name, shares) in enumerate(answers.items()):
        if shares is None:
            ax.text(0.98, 9.4 - i, f"{name}: cannot run", color=STYLES[i]["color"], ha="right")
            continue
        places = classes + (i - (len(answers) - 1) / 2) * height
        ax.barh(places, 100 * shares, height, color=STYLES[i]["color"])
    ax.set(xlim=(0, 100), ylim=(9.6, -0.6), yticks=classes, xlabel="share of a class, %")


def _curves(ax: Axes, figure: GapVersusDense) -> None:
    by_shift = figure.chart == "shift"
    xs = SHIFTS if by_shift else SIZES
    for i, (name, known) in enumerate(figure.measured().items()):
        ys = known.shifts if by_shift else known.sizes
        ys = [np.nan if y is None else 100 * y for y in ys]
        if not figure.predict:
            ax.plot(xs, ys, color=STYLES[i]["color"], marker=STYLES[i]["marker"], markersize=3)
        ax.text(
            0.98,
            0.96 - 0.08 * i,
            name,
            color=STYLES[i]["color"],
            ha="right",
            transform=ax.transAxes,
        )
    ax.set(xlim=(xs[0], xs[-1]), ylim=(0, 100), ylabel="test accuracy, %")
    ax.set_xlabel("shift, in pixels" if by_shift else "image, in pixels a side")
