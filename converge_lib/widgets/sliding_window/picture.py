"""The figure's first state as a still picture, for readers without JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from converge_lib.plotting import INK
from converge_lib.widgets.figure import png

if TYPE_CHECKING:
    from converge_lib.widgets.sliding_window.widget import SlidingWindow

SIZE = (7.6, 3.3)
WINDOW, MAP = "#0067B1", "#B3560B"
SHADES = LinearSegmentedColormap.from_list("map", ["white", MAP])
MOST_ROWS = 12


def draw(shown: SlidingWindow) -> bytes:
    """Return a PNG of the picture with its window, of the score map, and of the window's scores."""
    picture, scores, bill = shown.picture_shown(), shown.score_map(), shown.costs()
    place, window = shown.place(), shown.window
    cells = scores[:, : bill.rows, : bill.columns]
    powers = np.exp(cells - cells.max(0))
    shares = powers / powers.sum(0)
    names = list(shown.labels)
    stride = shown._stride()

    def panels(figure: Figure) -> None:
        left, middle, right = figure.subplots(1, 3, width_ratios=(5, 4, 4))
        left.imshow(picture, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
        _box(left, place, window, WINDOW)
        if shown.marked:
            for found in shown.finds():
                corner = (found.row * stride, found.column * stride)
                _box(left, corner, window, MAP, linestyle="--", linewidth=1)
                left.text(
                    corner[1] + 2,
                    corner[0] + window - 3,
                    names[found.label],
                    color=MAP,
                    fontweight="bold",
                )
        left.set_title(f"picture, {picture.shape[1]} × {picture.shape[0]} pixels", fontsize=9.5)
        seen = shares.max(0) if shown.shown is None else shares[names.index(shown.shown)]
        if shown.shown is None and shown.background is not None:
            seen = np.where(shares.argmax(0) == names.index(shown.background), 0, seen)
        middle.imshow(seen, cmap=SHADES, vmin=0, vmax=1, interpolation="nearest")
        if all(side % stride == 0 for side in place):
            _box(middle, (place[0] // stride - 0.5, place[1] // stride - 0.5), 1, WINDOW)
        middle.set_title(f"score map, {bill.columns} × {bill.rows} cells", fontsize=9.5)
        for ax in (left, middle):
            ax.set(xticks=[], yticks=[])
            ax.spines[["top", "right"]].set_visible(True)
        _scores(right, shown.window_scores(), names)
        if not shown.predict:
            figure.suptitle(
                f"{bill.rows * bill.columns} windows: {bill.slid / 1e6:.3g} million "
                f"multiplications; at once: {bill.once / 1e6:.3g} million",
                fontsize=9.5,
            )

    return png(panels, SIZE)


def _box(ax: Axes, corner: tuple[float, float], side: float, colour: str, **line: object) -> None:
    row, column = corner
    style = {"linewidth": 2.5, **line}
    ax.add_patch(Rectangle((column, row), side, side, fill=False, edgecolor=colour, **style))


def _scores(ax: Axes, scores: np.ndarray, names: list[str]) -> None:
    order = np.arange(len(scores))
    if len(scores) > MOST_ROWS:
        order = np.argsort(-scores)[:MOST_ROWS]
    ax.barh(range(len(order)), scores[order], color=WINDOW)
    ax.axvline(0, color=INK, linewidth=0.8)
    ax.set_yticks(range(len(order)), [names[k] for k in order])
    ax.invert_yaxis()
    ax.set_title("scores of the window", fontsize=9.5)
