"""ActivationMap: where a network looked in a photograph. Its JavaScript is in widget.js."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from converge_lib._validation import count, number
from converge_lib.widgets.activation_map.maps import longest_first, pack, probabilities, unpack
from converge_lib.widgets.figure import STATIC, Figure, boolean, checked, some_text

if TYPE_CHECKING:
    from torch import Tensor, nn

    from converge_lib.structure.class_activation import Head

LIKELIEST = 5
CHANNELS = 6
SIZE = 224
"""The longer side of the upsampled map in which boxes are drawn; no map has more cells a side."""
SHARPEST = 448
"""The longer side of the picture that a page carries, at most."""
QUALITY = 80
COARSE = 96
"""A picture up to so many pixels a side is kept pixel by pixel."""
THRESHOLD = (0.05, 0.95)


class ActivationMap(Figure):
    """The reader chooses a class, and sees what each part of a photograph gives to its score.

    All classes that the network knows are there, found by name, with their maps as the network has
    them: a number a cell of its last feature maps. They are computed in Python when the figure is
    made, and stored in a byte a cell; what the page shows is computed from those, and so is what
    :meth:`maps`, :meth:`share` and :meth:`box` return. Scores and probabilities are the network's.

    Args:
        photograph: shape (height, width, 3), uint8, RGB.
        network: ends in global average pooling and one linear layer, as
            :class:`~converge_lib.structure.class_activation.ClassActivation` wants it; None for
            :func:`~converge_lib.structure.pretrained.efficientnet_lite0`, which sees the largest
            square in the photograph's middle.
        names: of the classes, in the order of the scores; None for ImageNet's, or "class 0" and
            so on for a network of one's own.
        preprocess: makes of the photograph what the network takes, shape (channels, height,
            width), without cutting anything off; None for the photograph divided by 255.
        index: the class that is shown first; None for the likeliest.
        predict: ask where the network looks before the map is shown.
        key: names this figure in a link to its state, so that a page may hold several.
        label: what the figure shows, for readers who cannot see it.

    Raises:
        ValueError: naming the argument, the value and what is allowed.
        ImportError: the package that holds the pretrained network is not installed.

    Source: Zhou et al. (2016), section 2; boxes, section 3.2.

    >>> from converge_lib.data import photographs
    >>> figure = ActivationMap(photographs()["coffee"])
    >>> figure.names[figure.index], figure.maps().shape
    ('espresso', (1000, 7, 7))
    >>> round(figure.share(2, 3), 3), figure.box(0.5)      # the cup, and a box around it
    (0.067, (21, 36, 132, 175))
    """

    _esm = STATIC / "activation_map.js"
    _css = STATIC / "activation_map.css"

    photograph = traitlets.Unicode(
        help="What the network saw, sharper than that, as the address of its data."
    ).tag(sync=True)
    names = traitlets.List(help="The names of the classes, in the order of the scores.").tag(
        sync=True
    )
    shape = traitlets.List(help="How many rows and columns of cells a map has.").tag(sync=True)
    size = traitlets.List(help="Height and width of the upsampled map.").tag(sync=True)
    scores = traitlets.Unicode(help="The score of each class, float32 in base64.").tag(sync=True)
    biases = traitlets.Unicode(help="The bias of each class, float32 in base64.").tag(sync=True)
    steps = traitlets.Unicode(
        help="What a step of the cells is worth in each class, float32 in base64."
    ).tag(sync=True)
    cells = traitlets.Unicode(help="The map of each class, a byte a cell, in base64.").tag(
        sync=True
    )
    channels = traitlets.Int(help="How many channels are pooled.").tag(sync=True)
    tiles = traitlets.List(
        help="Of the likeliest classes, the channels that give most to the score, with their maps."
    ).tag(sync=True)
    index = traitlets.Int(help="The class that is shown.").tag(sync=True)
    other = traitlets.Int(
        None, allow_none=True, help="A class whose map is taken off; None for none."
    ).tag(sync=True)
    cell = traitlets.List(help="Row and column of the cell whose part is told.").tag(sync=True)
    opacity = traitlets.Float(0.7, help="Of the map over the photograph, 0 to 1.").tag(sync=True)
    smooth = traitlets.Bool(True, help="Whether the map is upsampled, or shown cell by cell.").tag(
        sync=True
    )
    own_scale = traitlets.Bool(
        False, help="Whether the colours end at this map's own largest value, not that of all."
    ).tag(sync=True)
    boxed = traitlets.Bool(False, help="Whether the box around the bright part is drawn.").tag(
        sync=True
    )
    threshold = traitlets.Float(
        0.2, help="Of the box, as a share of the map's range, 0.05 to 0.95."
    ).tag(sync=True)

    def __init__(
        self,
        photograph: np.ndarray,
        network: nn.Module | None = None,
        *,
        names: Sequence[str] | None = None,
        preprocess: Callable[[np.ndarray], Tensor] | None = None,
        index: int | None = None,
        predict: bool = False,
        key: str = "activation-map",
        label: str = "Where a network looked in a photograph, for any class",
    ) -> None:
        picture = _photograph(photograph)
        if network is None:
            from converge_lib.data import imagenet_classes
            from converge_lib.structure.pretrained import efficientnet_lite0
            from converge_lib.structure.pretrained import preprocess as usual

            network = efficientnet_lite0()
            names = imagenet_classes() if names is None else names
            if preprocess is None:
                picture, preprocess = _square(picture), usual
        head = _looked(network, picture, preprocess)
        scores, biases = (_vector(one) for one in (head.scores[0], head.bias))
        features, weight = (one.cpu().double().numpy() for one in (head.features[0], head.weight))
        maps = np.tensordot(weight, features, 1)
        if not np.isfinite(maps).all() or not np.isfinite(scores).all():
            raise ValueError("network must give finite scores and maps, got others")
        rows, columns = maps.shape[1:]
        if max(rows, columns) > SIZE:
            raise ValueError(
                f"network must have maps of at most {SIZE} × {SIZE} cells, got {rows} × {columns}"
            )
        cells, steps = pack(maps)
        size = longest_first(*picture.shape[:2], SIZE)
        likeliest = np.argsort(-scores, kind="stable")[:LIKELIEST]
        index = int(likeliest[0]) if index is None else _class("index", index, len(scores))
        super().__init__(
            photograph=_address(picture),
            names=_names(names, len(scores)),
            shape=[rows, columns],
            size=list(size),
            scores=_base64(scores),
            biases=_base64(biases),
            steps=_base64(steps),
            cells=_base64(cells),
            channels=len(features),
            tiles=[_tiles(int(i), weight[i], features) for i in likeliest],
            index=index,
            cell=[rows // 2, columns // 2],
            predict=boolean("predict", predict),
            key=some_text("key", key),
            label=some_text("label", label),
        )

    @traitlets.validate("index", "other")
    def _valid_class(self, proposal: Any) -> int | None:  # noqa: ANN401 - traitlets' own
        if proposal.value is None:
            return None
        return checked(_class, proposal.trait.name, proposal.value, len(self.names))

    @traitlets.validate("cell")
    def _valid_cell(self, proposal: Any) -> list[int]:  # noqa: ANN401
        return checked(_cell, proposal.value, self.shape)

    @traitlets.validate("opacity")
    def _valid_opacity(self, proposal: Any) -> float:  # noqa: ANN401
        return checked(number, "opacity", proposal.value, low=0, high=1)

    @traitlets.validate("threshold")
    def _valid_threshold(self, proposal: Any) -> float:  # noqa: ANN401
        low, high = THRESHOLD
        return checked(number, "threshold", proposal.value, low=low, high=high)

    def maps(self) -> np.ndarray:
        """Return the map of every class as the page has it, shape (classes, h, w), float64.

        Each is off by little more than 1/510 of its own range; its mean is exactly the score of
        the class without its bias.
        """
        cells = np.frombuffer(base64.b64decode(self.cells), np.uint8)
        means = self._floats("scores") - self._floats("biases")
        return unpack(cells.reshape(-1, *self.shape), self._floats("steps"), means)

    def probabilities(self) -> np.ndarray:
        """Return the probability of every class, shape (classes,)."""
        return probabilities(self._floats("scores"))

    def share(self, row: int, column: int) -> float:
        """Return what a cell gives to the score of the class shown, as a share of what all give.

        The shares of all cells add up to 1; single ones can be negative, or above 1. Where all
        cells together give nothing, or less, there are no shares, and it is NaN.
        """
        row, column = _cell([row, column], self.shape)
        map = self.maps()[self.index]
        sum = float(self._floats("scores")[self.index] - self._floats("biases")[self.index])
        return float(map[row, column] / map.size / sum) if sum > 1e-12 else np.nan

    def box(self, threshold: float | None = None) -> tuple[int, int, int, int]:
        """Return the box around the bright part of what is shown: top, left, bottom, right.

        It is that of the map, or of a difference of two, upsampled to ``size``; see
        :func:`~converge_lib.structure.class_activation.box_of`.

        Args:
            threshold: a share of the map's range, from 0 to 1; None for the figure's own.
        """
        from converge_lib.structure.class_activation import box_of

        return box_of(self._upsampled(), self.threshold if threshold is None else threshold)

    def describe(self) -> str:
        """Say in a few sentences what the figure shows: its alternative text."""
        name = self.names[self.index]
        likely = ", ".join(
            f"{self.names[i]} {100 * self.probabilities()[i]:.2g} %"
            for i in np.argsort(-self._floats("scores"), kind="stable")[:LIKELIEST]
        )
        said = f"{self.label}. The network's likeliest classes are {likely}."
        if self.predict:
            return f"{said} The map of {name} is hidden until you predict where it is brightest."
        map = self._shown()
        row, column = np.unravel_index(map.argmax(), map.shape)
        of = name if self.other is None else f"{name} minus {self.names[self.other]}"
        return (
            f"{said} Over the photograph lies the map of {of}, {map.shape[0]} × {map.shape[1]} "
            f"cells; row {row + 1}, column {column + 1} gives most, {map[row, column]:+.3f}."
        )

    def picture(self) -> bytes:
        """Draw the figure's first state as a PNG, for pages and readers without JavaScript."""
        from converge_lib.widgets.activation_map.picture import draw

        photograph = base64.b64decode(self.photograph.partition(",")[2])
        maps = self.maps()
        scale = np.abs(self._shown() if self.own_scale else maps / maps[0].size).max()
        likeliest = np.argsort(-self._floats("scores"), kind="stable")[:LIKELIEST]
        return draw(
            photograph,
            None if self.predict else self._upsampled() / maps[0].size / (scale or 1),
            [(self.names[i], self.probabilities()[i], i == self.index) for i in likeliest],
        )

    def _shown(self) -> np.ndarray:
        """Return what each cell gives to the score of the class, or to a difference of two."""
        maps = self.maps()
        map = maps[self.index] - (0 if self.other is None else maps[self.other])
        return map / map.size

    def _upsampled(self) -> np.ndarray:
        from converge_lib.structure.class_activation import upsample

        return upsample(self._shown() * np.prod(self.shape), tuple(self.size))

    def _floats(self, trait: str) -> np.ndarray:
        return np.frombuffer(base64.b64decode(getattr(self, trait)), "<f4").astype(np.float64)


def _photograph(value: np.ndarray) -> np.ndarray:
    array = np.asarray(value)
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape or array.dtype != np.uint8:
        raise ValueError(
            "photograph must be of shape (height, width, 3) and type uint8, "
            f"got shape {array.shape} and type {array.dtype}"
        )
    return array


def _square(photograph: np.ndarray) -> np.ndarray:
    """Return the largest square in the middle: what the pretrained network sees, at full size."""
    height, width = photograph.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return photograph[top : top + side, left : left + side]


def _looked(
    network: nn.Module,
    photograph: np.ndarray,
    preprocess: Callable[[np.ndarray], Tensor] | None,
) -> Head:
    """Run the network on the photograph, on its own device and in its own precision."""
    import torch

    from converge_lib.structure.class_activation import ClassActivation

    look = ClassActivation(network)
    if preprocess is None:
        image = torch.from_numpy(photograph / np.float32(255)).permute(2, 0, 1)
    elif not callable(preprocess):
        raise ValueError(f"preprocess must be a function or None, got {preprocess!r}")
    else:
        image = preprocess(photograph)
    if not isinstance(image, torch.Tensor) or image.ndim != 3 or not image.is_floating_point():
        got = getattr(image, "shape", image)
        raise ValueError(
            f"preprocess must give a float tensor of shape (channels, height, width), got {got}"
        )
    first = next(network.parameters(), image)
    return look.head(image[None].to(first))


def _class(name: str, index: int, classes: int) -> int:
    if count(name, index) >= classes:
        raise ValueError(f"{name} must be below {classes}, got {index}")
    return int(index)


def _cell(cell: Sequence[int], shape: Sequence[int]) -> list[int]:
    if not isinstance(cell, (list, tuple)) or len(cell) != 2:
        raise ValueError(f"cell must be a row and a column, got {cell!r}")
    for name, at, end in zip(("row", "column"), cell, shape, strict=True):
        if count(f"cell's {name}", at) >= end:
            raise ValueError(f"cell's {name} must be below {end}, got {at}")
    return [int(at) for at in cell]


def _names(names: Sequence[str] | None, classes: int) -> list[str]:
    if names is None:
        return [f"class {i}" for i in range(classes)]
    if isinstance(names, str) or len(names) != classes:
        raise ValueError(f"names must hold {classes} names, one a class, got {names!r:.80}")
    return [some_text("each of names", name) for name in names]


def _tiles(index: int, weight: np.ndarray, features: np.ndarray) -> dict[str, Any]:
    """Return the channels with the largest |w F| in a class, each with the map of w f."""
    gives = weight * features.mean((1, 2))
    most = np.argsort(-np.abs(gives), kind="stable")[:CHANNELS]
    cells, steps = pack(weight[most, None, None] * features[most])
    return {
        "index": index,
        "channels": [
            {
                "channel": int(k),
                "weight": float(weight[k]),
                "gives": float(gives[k]),
                "step": float(steps[i]),
                "cells": _base64(cells[i]),
            }
            for i, k in enumerate(most)
        ],
    }


def _vector(values: Tensor) -> np.ndarray:
    return values.cpu().float().numpy().astype("<f4")


def _base64(array: np.ndarray) -> str:
    little = array.astype(array.dtype.newbyteorder("<"))
    return base64.b64encode(little.tobytes()).decode("ascii")


def _address(photograph: np.ndarray) -> str:
    """Return a picture as the address of its data, no larger than a page needs it."""
    from PIL import Image

    image = Image.fromarray(photograph)
    longest = max(image.size)
    if longest > SHARPEST:
        height, width = longest_first(*photograph.shape[:2], SHARPEST)
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    form = "png" if longest <= COARSE else "jpeg"
    options = {"optimize": True} if form == "png" else {"quality": QUALITY, "optimize": True}
    image.save(file, form, **options)
    return f"data:image/{form};base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
