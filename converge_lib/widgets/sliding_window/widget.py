"""SlidingWindow: a score map computed at once. Its JavaScript is in widget.js beside this file."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from converge_lib._validation import choice, count
from converge_lib.widgets.figure import STATIC, Figure, boolean, checked, some_text
from converge_lib.widgets.network import pack, rounded
from converge_lib.widgets.sliding_window.scores import (
    Costs,
    Find,
    costs,
    finds,
    pad_first,
    score_map,
    window_scores,
)

if TYPE_CHECKING:
    from torch import nn

MOST_IMAGES = 8
LARGEST = 200
"""Height and width of a picture, in pixels, that a page slides over without a pause."""
LARGEST_WINDOW = 96


class SlidingWindow(Figure):
    """A network slid over a larger picture, beside the map that it gives once it is converted.

    The reader drags a window over the picture and sees what the dense network says of it, beside
    the cell of the score map that says the same. The whole map is computed at once by the network
    with its linear layers as convolutions, and what both ways multiply is counted. Padding, which
    breaks the equality, can be switched on. All of it runs in the reader's browser.

    Args:
        network: an ``nn.Sequential`` from pictures of (1, window, window) to scores, of
            convolutions with stride 1, max pooling, ReLU, a flatten and linear layers.
        images: two-dimensional arrays from 0 (paper) to 1 (ink), by name or in a list, 1 to 8 of
            them; each at least the window in height and width, and at most 200. They are rounded to
            256 shades.
        window: height and width of the network's own input, 2 to 96.
        labels: names of the classes; None for 0, 1, 2, …
        background: the label of the class that stands for nothing, which no one looks for.
        image: index of the picture shown at first.
        size: the picture is cut to so many pixels, down and across; None for all of it.
        at: row and column of the window's upper left corner, in pixels.
        shown: label of the class whose score the map shows; None for the largest score.
        snap: whether the window moves from cell to cell of the map.
        padded: whether the first convolution has one pixel more of padding.
        marked: whether what the map finds is marked in the picture.
        predict: ask for the factor saved before any cost is shown.
        key: names this figure in a link to its state, so that a page may hold several.
        label: what the figure shows, for readers who cannot see it.

    The weights are rounded to 16 bits, in the page as in the methods below.

    Raises:
        ValueError: naming the argument, the value and what is allowed.

    Source: Long, Shelhamer and Darrell (2015), section 3.1.

    >>> from torch import nn
    >>> network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(18, 3))
    >>> figure = SlidingWindow(network, [np.eye(20)], window=8)
    >>> figure.score_map().shape, figure.window_scores().shape
    ((3, 7, 7), (3,))
    >>> figure.costs().rows, figure.costs().slid == 49 * figure.costs().each
    (7, True)
    """

    _esm = STATIC / "sliding_window.js"
    _css = STATIC / "sliding_window.css"

    network = traitlets.Dict(help="The network, as converge_lib.widgets.network packs it.").tag(
        sync=True
    )
    images = traitlets.List(help="The pictures: name, shape, and bytes from paper to ink.").tag(
        sync=True
    )
    labels = traitlets.List(help="Names of the classes.").tag(sync=True)
    background = traitlets.Unicode(
        None, allow_none=True, help="Label of the class that stands for nothing."
    ).tag(sync=True)
    window = traitlets.Int(28, help="Height and width of the network's own input.").tag(sync=True)
    image = traitlets.Int(0, help="Index of the picture shown.").tag(sync=True)
    size = traitlets.Int(LARGEST, help="The picture is cut to so many pixels a side.").tag(
        sync=True
    )
    at = traitlets.List(help="Row and column of the window's upper left corner.").tag(sync=True)
    shown = traitlets.Unicode(
        None, allow_none=True, help="Label of the class that the map shows; None for the largest."
    ).tag(sync=True)
    snap = traitlets.Bool(True, help="Whether the window moves from cell to cell.").tag(sync=True)
    padded = traitlets.Bool(False, help="Whether the first convolution pads by one more.").tag(
        sync=True
    )
    marked = traitlets.Bool(True, help="Whether what the map finds is marked.").tag(sync=True)

    def __init__(
        self,
        network: nn.Sequential,
        images: Sequence[np.ndarray] | Mapping[str, np.ndarray],
        *,
        window: int = 28,
        labels: Sequence[str] | None = None,
        background: str | None = None,
        image: int = 0,
        size: int | None = None,
        at: Sequence[int] = (0, 0),
        shown: str | None = None,
        snap: bool = True,
        padded: bool = False,
        marked: bool = True,
        predict: bool = False,
        key: str = "sliding-window",
        label: str = "A network slid over a picture, and its score map at once",
    ) -> None:
        if count("window", window, low=2) > LARGEST_WINDOW:
            raise ValueError(
                f"window must be a whole number of at most {LARGEST_WINDOW}, got {window!r}"
            )
        packed = pack(network)
        classes = _classes(network, window)
        names = _labels(labels, classes)
        pictures = _pictures(images, window)
        if count("image", image) >= len(pictures):
            raise ValueError(f"image must be below the {len(pictures)} pictures, got {image!r}")
        self._network = rounded(network)
        self._pictures = [picture.astype(np.float64) / 255 for _, picture in pictures]
        super().__init__(
            network=packed,
            images=[
                {
                    "name": name,
                    "shape": list(picture.shape),
                    "pixels": base64.b64encode(picture.tobytes()).decode("ascii"),
                }
                for name, picture in pictures
            ],
            labels=names,
            background=None if background is None else choice("background", background, names),
            window=int(window),
            image=int(image),
            size=LARGEST if size is None else _size(size, window),
            at=_place(at),
            shown=None if shown is None else choice("shown", shown, names),
            snap=boolean("snap", snap),
            padded=boolean("padded", padded),
            marked=boolean("marked", marked),
            predict=boolean("predict", predict),
            key=some_text("key", key),
            label=some_text("label", label),
        )

    @traitlets.validate("at")
    def _valid_at(self, proposal: Any) -> list[int]:  # noqa: ANN401 - traitlets' own
        return checked(_place, proposal.value)

    @traitlets.validate("size")
    def _valid_size(self, proposal: Any) -> int:  # noqa: ANN401
        return checked(_size, proposal.value, 2)

    @traitlets.validate("shown", "background")
    def _valid_class(self, proposal: Any) -> str | None:  # noqa: ANN401
        if proposal.value is None:
            return None
        return checked(choice, proposal.trait.name, proposal.value, list(self.labels))

    def network_shown(self) -> nn.Sequential:
        """Return the network that the figure computes with: rounded, and padded if that is on.

        Where padding does not fit the network, there is none.
        """
        if not self.padded:
            return self._network
        padded = pad_first(self._network)
        try:
            _classes(padded, self.window)
        except ValueError:
            return self._network
        return padded

    def picture_shown(self) -> np.ndarray:
        """Return the picture as it is cut, shape (height, width), from 0 to 1."""
        side = max(self.size, self.window)
        return self._pictures[min(max(self.image, 0), len(self._pictures) - 1)][:side, :side]

    def place(self) -> tuple[int, int]:
        """Return row and column of the window, inside the picture and on the grid if it snaps."""
        stride = self._stride()
        place = []
        for side, wanted in zip(self.picture_shown().shape, self.at, strict=True):
            last = side - self.window
            if self.snap:  # half a step goes down the picture, as it does in the browser
                nearest = int(min(wanted, last) / stride + 0.5)
                place.append(min(nearest, last // stride) * stride)
            else:
                place.append(min(wanted, last))
        return place[0], place[1]

    def window_scores(self) -> np.ndarray:
        """Return what the dense network says of the window, shape (classes,)."""
        return window_scores(self.network_shown(), self.picture_shown(), self.place(), self.window)

    def score_map(self) -> np.ndarray:
        """Return what the converted network says of all windows, (classes, rows, columns)."""
        return score_map(self.network_shown(), self.picture_shown(), self.window)

    def costs(self) -> Costs:
        """Return the multiplications of both ways."""
        return costs(self.network_shown(), self.window, self.picture_shown().shape)

    def finds(self) -> list[Find]:
        """Return the cells of the map that are sure of a class, the surest first."""
        bill = self.costs()
        names = list(self.labels)
        return finds(
            self.score_map(),
            within=(bill.rows, bill.columns),
            apart=self.window // 2 // self._stride(),
            background=None if self.background is None else names.index(self.background),
            only=None if self.shown is None else names.index(self.shown),
        )

    def describe(self) -> str:
        """Say in a few sentences what the figure shows: its alternative text."""
        bill = self.costs()
        height, width = self.picture_shown().shape
        scores = self.window_scores()
        best = int(scores.argmax())
        names = [f"“{self.labels[one.label]}”" for one in self.finds()]
        row, column = self.place()
        said = (
            f"{self.label}. A picture of {width} × {height} pixels with a window of "
            f"{self.window} × {self.window} pixels at row {row}, column {column}, which the "
            f"network takes for “{self.labels[best]}”. Beside it the converted network's map of "
            f"{bill.columns} × {bill.rows} cells, sure of {', '.join(names) or 'nothing'}."
        )
        if self.predict:
            return f"{said} What it costs is hidden until you predict it."
        return (
            f"{said} Sliding the network over {bill.rows * bill.columns:,} windows multiplies "
            f"{bill.slid:,} times, the converted network {bill.once:,} times: {bill.factor:.2g} "
            "times less."
        )

    def picture(self) -> bytes:
        """Draw the figure's first state as a PNG, for pages and readers without JavaScript."""
        from converge_lib.widgets.sliding_window.picture import draw

        return draw(self)

    def _stride(self) -> int:
        from converge_lib.structure.fully_convolutional import stride_of

        return stride_of(self._network)[0]


def _classes(network: nn.Sequential, window: int) -> int:
    """Return how many scores the network gives of a window, or raise ValueError."""
    import torch

    from converge_lib.structure.fully_convolutional import convolutionalise, stride_of

    inputs = torch.zeros(1, 1, window, window, dtype=torch.float64)
    try:
        with torch.no_grad():
            near = rounded(network)
            scores = near(inputs)
        stride_of(near)
        convolutionalise(near, (1, window, window))
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"network must take windows of shape (1, {window}, {window}) to scores: {error}"
        ) from error
    if scores.numel() != scores.shape[1] or scores.numel() < 2:
        raise ValueError(
            f"network must give at least two scores of a window of shape (1, {window}, {window}), "
            f"got outputs of shape {tuple(scores.shape[1:])}"
        )
    return scores.numel()


def _labels(labels: Sequence[str] | None, classes: int) -> list[str]:
    if labels is None:
        return [str(k) for k in range(classes)]
    if isinstance(labels, str) or not isinstance(labels, Sequence) or len(labels) != classes:
        raise ValueError(f"labels must be a list of {classes} names, got {labels!r}")
    names = [some_text("each of labels", name) for name in labels]
    if len(set(names)) < len(names):
        raise ValueError(f"labels must name each class differently, got {names}")
    return names


def _pictures(
    images: Sequence[np.ndarray] | Mapping[str, np.ndarray], window: int
) -> list[tuple[str, np.ndarray]]:
    """Return names and pictures, uint8."""
    if isinstance(images, Mapping):
        named = [(some_text("each name of images", name), one) for name, one in images.items()]
    elif isinstance(images, (Sequence, np.ndarray)) and not isinstance(images, str):
        named = [(f"Picture {i}", one) for i, one in enumerate(images, 1)]
    else:
        raise ValueError(f"images must be a list or a mapping of arrays, got {images!r}")
    if not 1 <= len(named) <= MOST_IMAGES:
        raise ValueError(f"images must hold 1 to {MOST_IMAGES} pictures, got {len(named)}")
    return [(name, _bytes(one, window)) for name, one in named]


def _bytes(image: np.ndarray, window: int) -> np.ndarray:
    wanted = f"of shape (height, width), each side {window} to {LARGEST}, with values from 0 to 1"
    try:
        values = np.asarray(image, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"each of images must be an array {wanted}, got {image!r}") from error
    if values.ndim != 2 or not all(window <= side <= LARGEST for side in values.shape):
        raise ValueError(f"each of images must be {wanted}, got shape {values.shape}")
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
        raise ValueError(
            f"each of images must be {wanted}, got from {values.min():g} to {values.max():g}"
        )
    return np.round(255 * values).astype(np.uint8)


def _size(size: int, window: int) -> int:
    return count("size", size, low=window)


def _place(at: Sequence[int]) -> list[int]:
    if isinstance(at, str) or not isinstance(at, Sequence) or len(at) != 2:
        raise ValueError(f"at must be a row and a column, got {at!r}")
    return [count("each of at", one) for one in at]
