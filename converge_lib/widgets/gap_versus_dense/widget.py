"""GapVersusDense: two heads and a shift. Its JavaScript is in widget.js beside this file."""

from __future__ import annotations

import base64
import copy
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from converge_lib._validation import choice, count
from converge_lib.widgets.figure import STATIC, Figure, boolean, checked, some_text
from converge_lib.widgets.gap_versus_dense.measure import (
    SHIFTS,
    SIDE,
    SIZES,
    Measured,
    frame,
    measure,
    runs,
)
from converge_lib.widgets.network import pack, rounded

if TYPE_CHECKING:
    from torch import nn

CLASSES = 10
BITS = 8
"""Of each weight: a dense head is heavy, and a page should not be."""
CHARTS = ("shift", "size")
MOST_DIGITS = 12

Digits = tuple[np.ndarray, np.ndarray]


class GapVersusDense(Figure):
    """Networks with different heads, and what a shift, a crop or a larger image does to each.

    The reader drags a digit, or draws one, crops the image or puts the digit on a larger sheet, and
    sees at each change what every network says; a dense head says that it cannot run. Beside it
    stand the networks' parameters, their accuracy on training and test digits, and how it falls
    with the shift and with the image's size. The networks run in the reader's browser; what is
    averaged over the test digits is measured here.

    Args:
        networks: two or three by name, each an ``nn.Sequential`` from (n, 1, 28, 28) to scores of
            ten classes, of the layers that :func:`converge_lib.widgets.network.pack` knows.
        train: the digits that they were trained on, shape (n, 28, 28) from 0 (paper) to 1 (ink),
            with their labels, shape (n,).
        test: digits they were not trained on, likewise. Two hundred take two small networks about
            six seconds.
        digits: indices of the test digits that the reader may choose from, up to 12; None for the
            first of each class.
        digit: index among these of the one shown at first.
        shift: by how many pixels it is moved, to the right and down, from −8 to 8.
        size: of the image that the networks are given, 12, 16, … 56; the reader's digit is in its
            middle.
        chart: what accuracy is shown against, "shift" or "size".
        mapped: whether the map of the winner's score lies over the image, where a network averages.
        predict: ask for the accuracies on shifted digits before anything is shown.
        key: names this figure in a link to its state, so that a page may hold several.
        label: what the figure shows, for readers who cannot see it.

    The weights are rounded to 8 bits, in the page as in all that is measured.

    Raises:
        ValueError: naming the argument, the value and what is allowed.

    Source: Lin, Chen and Yan (2014), section 3.2.

    >>> from torch import nn
    >>> from converge_lib.data import mnist
    >>> trunk = [nn.Conv2d(1, 3, 3), nn.MaxPool2d(2)]
    >>> dense = nn.Sequential(*trunk, nn.Flatten(), nn.Linear(507, 10))
    >>> average = nn.Sequential(*trunk, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 10))
    >>> networks = {"dense head": dense, "GAP": average}
    >>> figure = GapVersusDense(networks, train=mnist(n=20), test=mnist("test", 20))
    >>> [(one.parameters, one.head) for one in figure.measured().values()]
    [(5110, 5080), (70, 40)]
    """

    _esm = STATIC / "gap_versus_dense.js"
    _css = STATIC / "gap_versus_dense.css"

    networks = traitlets.List(
        help="The networks: name, weights, and what was measured of each."
    ).tag(sync=True)
    digits = traitlets.List(help="The digits to choose from: label, and bytes of ink.").tag(
        sync=True
    )
    tested = traitlets.Int(0, help="How many test digits were measured on.").tag(sync=True)
    digit = traitlets.Int(0, help="Index of the digit shown; −1 for the reader's own.").tag(
        sync=True
    )
    drawing = traitlets.Unicode(
        "", help="The reader's own digit, a hexadecimal digit of ink a pixel."
    ).tag(sync=True)
    shift = traitlets.List(help="By how many pixels it is moved, right and down.").tag(sync=True)
    size = traitlets.Int(SIDE, help="Height and width of the networks' image.").tag(sync=True)
    chart = traitlets.Unicode("shift", help="What accuracy is shown against.").tag(sync=True)
    mapped = traitlets.Bool(False, help="Whether the class map lies over the image.").tag(sync=True)

    def __init__(
        self,
        networks: Mapping[str, nn.Sequential],
        *,
        train: Digits,
        test: Digits,
        digits: Sequence[int] | None = None,
        digit: int = 0,
        shift: Sequence[int] = (0, 0),
        size: int = SIDE,
        chart: str = "shift",
        mapped: bool = False,
        predict: bool = False,
        key: str = "gap-versus-dense",
        label: str = "A dense head against global average pooling, when the digit moves",
    ) -> None:
        self._networks = _networks(networks)
        train, test = _digits("train", train), _digits("test", test)
        shown = _shown(digits, test[1])
        if count("digit", digit) >= len(shown):
            raise ValueError(f"digit must be below the {len(shown)} digits, got {digit!r}")
        ink = np.round(255 * test[0][shown]).astype(np.uint8)
        self._ink = ink.astype(np.float64) / 255
        first = {
            "digit": int(digit),
            "shift": _shift(shift),
            "size": _size(size),
            "chart": choice("chart", chart, list(CHARTS)),
            "mapped": boolean("mapped", mapped),
            "predict": boolean("predict", predict),
            "key": some_text("key", key),
            "label": some_text("label", label),
        }
        self._measured = {
            name: measure(copy.deepcopy(network).float(), train, test)
            for name, network in self._networks.items()
        }
        super().__init__(
            networks=[
                {"name": name, "network": pack(networks[name], BITS), **vars(known)}
                for name, known in self._measured.items()
            ],
            digits=[
                {"label": int(test[1][i]), "pixels": base64.b64encode(one.tobytes()).decode()}
                for i, one in zip(shown, ink, strict=True)
            ],
            tested=len(test[0]),
            **first,
        )

    @traitlets.validate("digit")
    def _valid_digit(self, proposal: Any) -> int:  # noqa: ANN401 - traitlets' own
        if not -1 <= proposal.value < len(self._ink):
            raise traitlets.TraitError(
                f"digit must be from -1 to {len(self._ink) - 1}, got {proposal.value!r}"
            )
        return proposal.value

    @traitlets.validate("drawing")
    def _valid_drawing(self, proposal: Any) -> str:  # noqa: ANN401
        if not re.fullmatch(f"([0-9a-f]{{{SIDE * SIDE}}})?", proposal.value):
            raise traitlets.TraitError(
                f"drawing must be a hexadecimal digit for each of {SIDE * SIDE} pixels, or empty, "
                f"got {proposal.value!r}"
            )
        return proposal.value

    @traitlets.validate("shift")
    def _valid_shift(self, proposal: Any) -> list[int]:  # noqa: ANN401
        return checked(_shift, proposal.value)

    @traitlets.validate("size")
    def _valid_size(self, proposal: Any) -> int:  # noqa: ANN401
        return checked(_size, proposal.value)

    @traitlets.validate("chart")
    def _valid_chart(self, proposal: Any) -> str:  # noqa: ANN401
        return checked(choice, "chart", proposal.value, list(CHARTS))

    def measured(self) -> dict[str, Measured]:
        """Return what was measured of each network, by name."""
        return dict(self._measured)

    def digit_shown(self) -> np.ndarray:
        """Return the digit that is shown, shape (28, 28) from 0 to 1, before it is moved."""
        if self.digit >= 0:
            return self._ink[self.digit]
        levels = [int(one, 16) for one in self.drawing] or [0] * SIDE**2
        return np.array(levels, dtype=np.float64).reshape(SIDE, SIDE) / 15

    def image_shown(self) -> np.ndarray:
        """Return what the networks are given of it, shape (size, size)."""
        right, down = self.shift
        return frame(self.digit_shown(), self.size, right, down)

    def answers(self) -> dict[str, np.ndarray | None]:
        """Return each network's shares of the ten classes, or None where it cannot run."""
        import torch

        image = torch.from_numpy(self.image_shown())[None, None]
        return {
            name: torch.softmax(network(image)[0], 0).numpy() if runs(network, self.size) else None
            for name, network in self._networks.items()
        }

    def describe(self) -> str:
        """Say in a few sentences what the figure shows: its alternative text."""
        label = self.digits[self.digit]["label"] if self.digit >= 0 else None
        what = "A digit drawn by hand" if label is None else f"A {label}"
        right, down = self.shift
        said = (
            f"{self.label}. {what}, moved by {right} pixels to the right and {down} down, in an "
            f"image of {self.size} × {self.size} pixels."
        )
        for name, one in self._measured.items():
            said += (
                f" {name}: {one.parameters:,} parameters, {one.head:,} of them in linear layers; "
                f"{one.train:.0%} of training digits right, {one.shifts[0]:.0%} of test digits."
            )
        if self.predict:
            return f"{said} What a shift does to each is hidden until you predict it."
        for name, shares in self.answers().items():
            says = "cannot run on it" if shares is None else f"says {shares.argmax()}"
            by = SHIFTS[-1] // 2
            said += f" {name} {says}; of test digits moved by {by} pixels, right: "
            said += f"{self._measured[name].shifts[by]:.0%}."
        return said

    def picture(self) -> bytes:
        """Draw the figure's first state as a PNG, for pages and readers without JavaScript."""
        from converge_lib.widgets.gap_versus_dense.picture import draw

        return draw(self)


def _networks(networks: Mapping[str, nn.Sequential]) -> dict[str, nn.Sequential]:
    """Return the networks as the page has them, or raise ValueError."""
    import torch
    from torch import nn

    wanted = "two or three networks by name"
    if not isinstance(networks, Mapping):
        raise ValueError(f"networks must be {wanted}, got {networks!r}")
    if not 2 <= len(networks) <= 3:
        raise ValueError(f"networks must be {wanted}, got {len(networks)}")
    found = {}
    for name, network in networks.items():
        some_text("each name of networks", name)
        try:
            near = rounded(network, BITS)
            scores = near(torch.zeros(1, 1, SIDE, SIDE, dtype=torch.float64))
        except (RuntimeError, ValueError) as error:
            raise ValueError(
                f"networks must take images of shape (1, {SIDE}, {SIDE}), {name!r} does not: "
                f"{error}"
            ) from error
        if scores.shape != (1, CLASSES):
            raise ValueError(
                f"networks must give {CLASSES} scores, {name!r} gives {tuple(scores.shape[1:])}"
            )
        if not any(isinstance(layer, nn.Conv2d) for layer in near):
            raise ValueError(f"networks must have a convolution, {name!r} has none")
        found[name] = near
    return found


def _digits(name: str, digits: Digits) -> Digits:
    if not isinstance(digits, Sequence) or len(digits) != 2:
        raise ValueError(f"{name} must be images and labels, got {digits!r}")
    images, labels = (np.asarray(one) for one in digits)
    if images.ndim != 3 or images.shape[1:] != (SIDE, SIDE) or len(images) == 0:
        raise ValueError(
            f"{name} must have images of shape (n, {SIDE}, {SIDE}), got {images.shape}"
        )
    if not (np.isfinite(images).all() and images.min() >= 0 and images.max() <= 1):
        raise ValueError(
            f"{name} must have images from 0 to 1, got from {images.min():g} to {images.max():g}"
        )
    whole = np.issubdtype(labels.dtype, np.integer)
    if labels.shape != (len(images),) or not whole or not set(labels.tolist()) <= set(range(10)):
        raise ValueError(
            f"{name} must have a label from 0 to 9 for each of {len(images)} images, got {labels!r}"
        )
    return images, labels


def _shown(digits: Sequence[int] | None, labels: np.ndarray) -> list[int]:
    """Return indices of test digits, or raise ValueError."""
    if digits is None:
        return [int(np.argmax(labels == label)) for label in np.unique(labels)]
    if isinstance(digits, str) or not isinstance(digits, Sequence):
        raise ValueError(f"digits must be a list of indices, got {digits!r}")
    if not 1 <= len(digits) <= MOST_DIGITS:
        raise ValueError(f"digits must hold 1 to {MOST_DIGITS} indices, got {len(digits)}")
    for i in digits:
        if count("each of digits", i) >= len(labels):
            raise ValueError(f"each of digits must be below {len(labels)}, got {i!r}")
    return [int(i) for i in digits]


def _shift(shift: Sequence[int]) -> list[int]:
    most = SHIFTS[-1]
    if isinstance(shift, str) or not isinstance(shift, Sequence) or len(shift) != 2:
        raise ValueError(f"shift must be two whole numbers from -{most} to {most}, got {shift!r}")
    for by in shift:
        if isinstance(by, bool) or not isinstance(by, (int, np.integer)) or abs(by) > most:
            raise ValueError(
                f"each of shift must be a whole number from -{most} to {most}, got {by!r}"
            )
    return [int(by) for by in shift]


def _size(size: int) -> int:
    if count("size", size) not in SIZES:
        raise ValueError(f"size must be one of {', '.join(map(str, SIZES))}, got {size!r}")
    return int(size)
