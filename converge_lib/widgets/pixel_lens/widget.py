"""PixelLens: a 1×1 network at one pixel and at all. Its JavaScript is in widget.js beside this."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from converge_lib._validation import count
from converge_lib.widgets.figure import STATIC, Figure, boolean, checked, some_text
from converge_lib.widgets.network import pack, rounded
from converge_lib.widgets.pixel_lens.lens import (
    activations,
    reordered,
    shuffled_order,
    without_relu,
)

if TYPE_CHECKING:
    from torch import nn

MOST_CHANNELS = 32
"""Units in a layer that can be told apart in the drawing."""
MOST_LAYERS = 5
LARGEST = 200
"""Height and width of a picture in pixels."""


class PixelLens(Figure):
    """A small network at the pixel under the reader's hand, and the same at all pixels at once.

    The channels of one pixel go through a multilayer perceptron, drawn unit by unit; beside it are
    the maps that 1×1 convolutions with the same weights make of the whole picture, with that pixel
    marked. The reader can switch the ReLUs off, which leaves one linear map, and shuffle the
    pixels, which shuffles the maps alike. All of it runs in the reader's browser.

    Args:
        image: shape (height, width, channels) or (height, width), uint8 or from 0 to 1; each side 2
            to 200 pixels, at most 32 channels. It is rounded to 256 shades.
        network: an ``nn.Sequential`` of 1×1 convolutions, 5 at most, each with an ``nn.ReLU``
            behind it or none, and of at most 32 channels in each layer. Its outputs are scores,
            which a softmax turns into shares; a single output is shown as it is.
        names: of the outputs; None for output 1, output 2, …
        at: row and column of the pixel; None for the middle.
        relu: whether the ReLUs are on.
        shuffled: whether the pixels stand in another order.
        layer: whose maps are shown: 0 for the input, 1 for the first convolution, …; None for the
            output.
        predict: ask what shuffling does to the pixel's scores before it can be tried.
        key: names this figure in a link to its state, so that a page may hold several.
        label: what the figure shows, for readers who cannot see it.

    The weights are rounded to 32 bits, in the page as in the methods below.

    Raises:
        ValueError: naming the argument, the value and what is allowed.

    Source: Lin, Chen and Yan (2014), section 3.1.

    >>> from torch import nn
    >>> network = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Conv2d(8, 2, 1))
    >>> figure = PixelLens(np.zeros((24, 32, 3), np.uint8), network, names=["sky", "sea"])
    >>> [one.shape for one in figure.activations()]
    [(3,), (8,), (2,)]
    >>> [one.shape for one in figure.maps()]
    [(3, 24, 32), (8, 24, 32), (2, 24, 32)]
    """

    _esm = STATIC / "pixel_lens.js"
    _css = STATIC / "pixel_lens.css"

    network = traitlets.Dict(help="The network, as converge_lib.widgets.network packs it.").tag(
        sync=True
    )
    image = traitlets.Dict(help="The picture: shape, and bytes pixel by pixel.").tag(sync=True)
    names = traitlets.List(help="Names of the outputs.").tag(sync=True)
    at = traitlets.List(help="Row and column of the pixel.").tag(sync=True)
    relu = traitlets.Bool(True, help="Whether the ReLUs are on.").tag(sync=True)
    shuffled = traitlets.Bool(False, help="Whether the pixels stand in another order.").tag(
        sync=True
    )
    layer = traitlets.Int(0, help="The layer whose maps are shown; 0 is the input.").tag(sync=True)

    def __init__(
        self,
        image: np.ndarray,
        network: nn.Sequential,
        *,
        names: Sequence[str] | None = None,
        at: Sequence[int] | None = None,
        relu: bool = True,
        shuffled: bool = False,
        layer: int | None = None,
        predict: bool = False,
        key: str = "pixel-lens",
        label: str = "A network of 1×1 convolutions at one pixel, and at all of them",
    ) -> None:
        picture = _bytes(image)
        packed = pack(network, bits=32)
        widths = _widths(network, picture.shape[2])
        self._network = rounded(network, bits=32)
        self._picture = picture.transpose(2, 0, 1).astype(np.float64) / 255
        super().__init__(
            network=packed,
            image={
                "shape": list(picture.shape),
                "pixels": base64.b64encode(picture.tobytes()).decode("ascii"),
            },
            names=_names(names, widths[-1]),
            at=[side // 2 for side in picture.shape[:2]] if at is None else _place(at, picture),
            relu=boolean("relu", relu),
            shuffled=boolean("shuffled", shuffled),
            layer=len(widths) - 1 if layer is None else _layer(layer, len(widths) - 1),
            predict=boolean("predict", predict),
            key=some_text("key", key),
            label=some_text("label", label),
        )

    @traitlets.validate("at")
    def _valid_at(self, proposal: Any) -> list[int]:  # noqa: ANN401 - traitlets' own
        return checked(_place, proposal.value, self._picture.transpose(1, 2, 0))

    @traitlets.validate("layer")
    def _valid_layer(self, proposal: Any) -> int:  # noqa: ANN401
        convolutions = [layer for layer in self.network["layers"] if layer["kind"] == "conv2d"]
        return checked(_layer, proposal.value, len(convolutions))

    def network_shown(self) -> nn.Sequential:
        """Return the network that the figure computes with, without ReLUs if they are off."""
        return self._network if self.relu else without_relu(self._network)

    def activations(self) -> list[np.ndarray]:
        """Return the pixel's channels, and what each layer makes of them, each (units,)."""
        row, column = self.at
        pixel = self._picture[:, row : row + 1, column : column + 1]
        return [one.ravel() for one in activations(self.network_shown(), pixel)]

    def maps(self) -> list[np.ndarray]:
        """Return the picture and the maps of each layer, (channels, height, width), as shown."""
        picture = self._picture
        if self.shuffled:
            picture = reordered(picture, shuffled_order(picture[0].size))
        return activations(self.network_shown(), picture)

    def place(self) -> tuple[int, int]:
        """Return row and column at which the pixel stands."""
        row, column = self.at
        _, height, width = self._picture.shape
        if not self.shuffled:
            return row, column
        place = int(np.flatnonzero(shuffled_order(height * width) == row * width + column)[0])
        return place // width, place % width

    def moved(self) -> float:
        """Return the share of pixels at which another output is largest once ReLUs are off."""
        ways = (self._network, without_relu(self._network))
        one, other = (activations(way, self._picture)[-1].argmax(0) for way in ways)
        return float((one != other).mean())

    def describe(self) -> str:
        """Say in a few sentences what the figure shows: its alternative text."""
        *hidden, scores = self.activations()
        row, column = self.at
        _, height, width = self._picture.shape
        channels = ", ".join(f"{value:.2f}" for value in hidden[0])
        verdict = (
            f"takes it for “{self.names[int(scores.argmax())]}”"
            if len(scores) > 1
            else f"gives it {scores[0]:.3g}"
        )
        widths = " → ".join(str(len(one)) for one in (*hidden, scores))
        said = (
            f"{self.label}. In a picture of {width} × {height} pixels the pixel from row {row}, "
            f"column {column} is ({channels}). A network {widths}"
            f"{'' if self.relu else ' without ReLU'} {verdict}, and the maps that it "
            "makes of all pixels say the same there."
        )
        if self.predict:
            return f"{said} What shuffling the pixels does is hidden until you predict it."
        if self.shuffled:
            return f"{said} The pixels are shuffled, and the maps with them."
        return said

    def picture(self) -> bytes:
        """Draw the figure's first state as a PNG, for pages and readers without JavaScript."""
        from converge_lib.widgets.pixel_lens.picture import draw

        return draw(self)


def _widths(network: nn.Sequential, channels: int) -> list[int]:
    """Return the number of channels of each layer, the picture's first, or raise ValueError."""
    from torch import nn

    widths = [channels]
    for layer in rounded(network):
        if isinstance(layer, nn.ReLU) and len(widths) > 1:
            continue
        if not isinstance(layer, nn.Conv2d) or (layer.kernel_size, layer.padding) != (
            (1, 1),
            (0, 0),
        ):
            raise ValueError(
                f"network must be of 1×1 convolutions, each with a ReLU or none, got {layer!r}"
            )
        if layer.in_channels != widths[-1]:
            raise ValueError(
                f"network must take the {widths[-1]} channels that come before {layer!r}"
            )
        widths.append(layer.out_channels)
    if len(widths) - 1 > MOST_LAYERS or max(widths) > MOST_CHANNELS:
        raise ValueError(
            f"network must have at most {MOST_LAYERS} convolutions of at most {MOST_CHANNELS} "
            f"channels, got {widths[1:]}"
        )
    return widths


def _bytes(image: np.ndarray) -> np.ndarray:
    """Return the picture as bytes, shape (height, width, channels)."""
    wanted = (
        f"of shape (height, width) or (height, width, channels), each side 2 to {LARGEST}, at most "
        f"{MOST_CHANNELS} channels, uint8 or from 0 to 1"
    )
    try:
        values = np.asarray(image)
        exact = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"image must be an array {wanted}, got {image!r}") from error
    if values.ndim == 2:
        values, exact = values[:, :, None], exact[:, :, None]
    sides = values.shape[:2]
    if (
        values.ndim != 3
        or not all(2 <= side <= LARGEST for side in sides)
        or not 1 <= values.shape[2] <= MOST_CHANNELS
    ):
        raise ValueError(f"image must be {wanted}, got shape {np.shape(image)}")
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    if not (np.isfinite(exact).all() and exact.min() >= 0 and exact.max() <= 1):
        raise ValueError(f"image must be {wanted}, got from {exact.min():g} to {exact.max():g}")
    return np.ascontiguousarray(np.round(255 * exact).astype(np.uint8))


def _names(names: Sequence[str] | None, outputs: int) -> list[str]:
    if names is None:
        return [f"output {k}" for k in range(1, outputs + 1)]
    if isinstance(names, str) or not isinstance(names, Sequence) or len(names) != outputs:
        raise ValueError(f"names must be a list of {outputs}, one for each output, got {names!r}")
    given = [some_text("each of names", name) for name in names]
    if len(set(given)) < len(given):
        raise ValueError(f"names must name each output differently, got {given}")
    return given


def _place(at: Sequence[int], picture: np.ndarray) -> list[int]:
    if isinstance(at, str) or not isinstance(at, Sequence) or len(at) != 2:
        raise ValueError(f"at must be a row and a column, got {at!r}")
    place = [count("each of at", one) for one in at]
    if not all(one < side for one, side in zip(place, picture.shape[:2], strict=True)):
        raise ValueError(f"at must lie in the picture of shape {picture.shape[:2]}, got {at!r}")
    return place


def _layer(layer: int, last: int) -> int:
    if count("layer", layer) > last:
        raise ValueError(f"layer must be a whole number of at most {last}, got {layer!r}")
    return int(layer)
