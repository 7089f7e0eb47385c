"""The figure's first state as a still picture, for readers without JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from converge_lib.plotting import INK
from converge_lib.widgets.figure import png

if TYPE_CHECKING:
    from converge_lib.widgets.pixel_lens.widget import PixelLens

SIZE = (7.6, 4.4)
MORE, LESS = "#0067B1", "#B3560B"
SHADES = LinearSegmentedColormap.from_list("map", [LESS, "white", MORE])
MOST_MAPS = 8
COLOURS = 128


def draw(shown: PixelLens) -> bytes:
    """Return a PNG of the picture, of the network at its pixel, and of the maps of a layer."""
    maps, place = shown.maps(), shown.place()
    picture, layer = maps[0], maps[shown.layer]
    if shown.layer == len(maps) - 1 and len(layer) > 1:
        powers = np.exp(layer - layer.max(0))
        layer = powers / powers.sum(0)
    names = _names(shown, len(maps) - 1)
    count = min(len(layer), MOST_MAPS)

    def panels(figure: Figure) -> None:
        grid = figure.add_gridspec(2, 1, height_ratios=(3, 2))
        upper = grid[0].subgridspec(1, 2, width_ratios=(5, 6))
        ax = figure.add_subplot(upper[0])
        colour = picture if len(picture) == 3 else np.repeat(picture.mean(0)[None], 3, 0)
        ax.imshow(colour.transpose(1, 2, 0), interpolation="nearest")
        ax.set_title(f"picture, {picture.shape[2]} × {picture.shape[1]} pixels", fontsize=9.5)
        ax.set(xticks=[], yticks=[])
        _mark(ax, place, 9)
        _network(figure.add_subplot(upper[1]), shown)
        lower = grid[1].subgridspec(1, count)
        size = float(np.abs(layer).max()) or 1.0
        for channel in range(count):
            ax = figure.add_subplot(lower[channel])
            ax.imshow(layer[channel], cmap=SHADES, vmin=-size, vmax=size, interpolation="nearest")
            ax.set_title(names[channel], fontsize=9.5)
            ax.set(xticks=[], yticks=[])
            ax.spines[["top", "right"]].set_visible(True)
            _mark(ax, place, 6)

    return png(panels, SIZE, COLOURS)


def _names(shown: PixelLens, last: int) -> list[str]:
    if shown.layer == last:
        return list(shown.names)
    return [f"{'input' if shown.layer == 0 else 'unit'} {i}" for i in range(1, 33)]


def _mark(ax: Axes, place: tuple[int, int], size: float) -> None:
    row, column = place
    for colour, width in (("white", 3.5), (INK, 1.5)):
        ax.plot(
            *(column, row),
            marker="o",
            markersize=size,
            markerfacecolor="none",
            markeredgecolor=colour,
            markeredgewidth=width,
        )


def _network(ax: Axes, shown: PixelLens) -> None:
    """Draw a column of units for each layer, and lines for what each adds to the next."""
    from torch import nn

    values = shown.activations()
    weights = [
        layer.weight.numpy()[:, :, 0, 0]
        for layer in shown.network_shown()
        if type(layer) is nn.Conv2d
    ]

    def heights(layer: int) -> np.ndarray:
        n = len(values[layer])
        return (n - 1) / 2 - np.arange(n)

    for layer, weight in enumerate(weights):
        adds = weight * values[layer]
        strength = np.abs(adds) / (np.abs(adds).max() or 1.0)
        for j, i in np.argwhere(strength > 0.02):
            ax.plot(
                [layer, layer + 1],
                [heights(layer)[i], heights(layer + 1)[j]],
                color=MORE if adds[j, i] > 0 else LESS,
                linestyle="-" if adds[j, i] > 0 else "--",
                linewidth=0.3 + 2.5 * strength[j, i],
                zorder=1,
            )
    for layer, units in enumerate(values):
        most = np.abs(units).max() or 1.0
        for unit, y in zip(units, heights(layer), strict=True):
            ax.plot(
                layer, y, marker="s", markersize=9, color="white", markeredgecolor=INK, zorder=2
            )
            share = abs(unit) / most
            colour = MORE if unit >= 0 else LESS
            ax.plot(layer, y, marker="s", markersize=8 * share, color=colour, zorder=3)
    for name, y in zip(shown.names, heights(len(weights)), strict=True):
        best = name == shown.names[int(values[-1].argmax())] and len(shown.names) > 1
        ax.annotate(
            name,
            (len(weights), y),
            xytext=(9, 0),
            textcoords="offset points",
            verticalalignment="center",
            fontweight="bold" if best else "normal",
        )
    ax.set_title("the network at this pixel", fontsize=9.5)
    ax.set_xlim(-0.2, len(weights) + 0.8)
    ax.axis("off")
