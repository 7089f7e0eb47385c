"""The figure's first state as a still picture, for readers without JavaScript."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from converge_lib.plotting import FAINT, INK
from converge_lib.widgets.activation_map.colours import coloured
from converge_lib.widgets.figure import png

SIZE = (6.4, 3.1)
COLOURS = (160, 48, 12)  # a photograph needs more than a drawing; one that is too large gets fewer
LARGEST = 60_000
OPACITY = 0.7
CHOSEN = "#0067B1"


def draw(
    photograph: bytes,
    values: np.ndarray | None,
    classes: Sequence[tuple[str, float, bool]],
) -> bytes:
    """Return a PNG of the map over the photograph, and of the likeliest classes.

    Args:
        photograph: the file of a picture.
        values: the map between −1 and 1, in pixels; None to show the photograph alone.
        classes: name, probability and whether it is the one shown, the likeliest first.
    """
    with Image.open(io.BytesIO(photograph)) as image:
        pixels = np.array(image.convert("RGB"), dtype=float)
    if values is not None:
        height, width = values.shape
        grey = Image.fromarray(pixels.astype(np.uint8)).convert("L").resize((width, height))
        under = np.array(grey, dtype=float)[..., None]
        pixels = (1 - OPACITY) * under + OPACITY * coloured(values)

    def panels(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        left.imshow(pixels.astype(np.uint8))
        left.set_axis_off()
        at = np.arange(len(classes))
        colours = [CHOSEN if chosen else FAINT for *_, chosen in classes]
        right.barh(at, [100 * share for _, share, _ in classes], 0.3, color=colours)
        for i, (name, share, _) in enumerate(classes):
            right.text(0, i - 0.24, f"{name}  {100 * share:.2g} %", va="bottom", color=INK)
        right.set(xlim=(0, 100), ylim=(len(classes) - 0.5, -0.8))
        right.set_axis_off()

    for colours in COLOURS:
        drawn = png(panels, SIZE, colours)
        if len(drawn) <= LARGEST:
            break
    return drawn
