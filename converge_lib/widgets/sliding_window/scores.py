"""A network on one window, and on a whole picture at once. The twin of scores.js."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import nn

SURE = 0.5
"""A class with a larger share is more likely than all others together."""


@dataclass(frozen=True)
class Costs:
    """The multiplications of both ways.

    Attributes:
        rows: of windows.
        columns: of windows.
        each: multiplications for one window.
        once: multiplications of the converted network for the whole picture.
    """

    rows: int
    columns: int
    each: int
    once: int

    @property
    def slid(self) -> int:
        """Multiplications for all windows, one after the other."""
        return self.rows * self.columns * self.each

    @property
    def factor(self) -> float:
        """By what factor the converted network is cheaper."""
        return self.slid / self.once


@dataclass(frozen=True)
class Find:
    """A cell of the map that is sure of a class: its index, its probability and its place."""

    label: int
    share: float
    row: int
    column: int


def pad_first(network: nn.Sequential) -> nn.Sequential:
    """Return a copy with one pixel more of padding in its first convolution.

    >>> from torch import nn
    >>> pad_first(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3)))[0].padding
    (1, 1)
    """
    from torch import nn

    padded = copy.deepcopy(network)
    first = next((layer for layer in padded if isinstance(layer, nn.Conv2d)), None)
    if first is not None:
        first.padding = tuple(size + 1 for size in first.padding)
        # what nn.Conv2d computes from its padding when it is made
        first._reversed_padding_repeated_twice = [first.padding[0]] * 4
    return padded


def window_scores(
    network: nn.Sequential, picture: np.ndarray, at: tuple[int, int], window: int
) -> np.ndarray:
    """Return what the network says of one window of a picture, shape (classes,)."""
    import torch

    row, column = at
    part = picture[row : row + window, column : column + window]
    with torch.no_grad():
        return network(torch.from_numpy(part.copy())[None, None]).flatten().numpy()


def score_map(network: nn.Sequential, picture: np.ndarray, window: int) -> np.ndarray:
    """Return what the converted network says of all windows, shape (classes, rows, columns)."""
    import torch

    from converge_lib.structure.fully_convolutional import convolutionalise

    with torch.no_grad():
        everywhere = convolutionalise(network, (1, window, window))
        return everywhere(torch.from_numpy(picture.copy())[None, None])[0].numpy()


def costs(network: nn.Sequential, window: int, size: tuple[int, int]) -> Costs:
    """Count the multiplications of both ways on a picture of (height, width) pixels."""
    from converge_lib.structure.fully_convolutional import convolutionalise, stride_of
    from converge_lib.structure.network_in_network import count_multiplications

    shape = (1, window, window)
    rows, columns = (
        (side - window) // stride + 1 for side, stride in zip(size, stride_of(network), strict=True)
    )
    once = count_multiplications(convolutionalise(network, shape), (1, *size))
    return Costs(rows, columns, count_multiplications(network, shape), once)


def finds(
    scores: np.ndarray,
    *,
    within: tuple[int, int],
    apart: int,
    background: int | None = None,
    only: int | None = None,
) -> list[Find]:
    """Return the cells that are surest of a class, the surest first.

    Args:
        scores: shape (classes, rows, columns).
        within: rows and columns of windows; the map may have more.
        apart: of cells no further than this from a surer one, down and across, none counts.
        background: index of the class that stands for nothing.
        only: index of the one class that is looked for, or None for all.

    >>> scores = np.array([[[0.0, 9.0, 5.0, 0.0]], [[3.0, 0.0, 0.0, 0.0]]])
    >>> [(one.label, one.column) for one in finds(scores, within=(1, 4), apart=1)]
    [(0, 1)]
    >>> [(one.label, one.column) for one in finds(scores, within=(1, 4), apart=0)]
    [(0, 1), (0, 2), (1, 0)]
    """
    rows, columns = within
    powers = np.exp(scores - scores.max(0))
    shares = (powers / powers.sum(0))[:, :rows, :columns]
    label = shares.argmax(0) if only is None else np.full((rows, columns), only)
    share = np.take_along_axis(shares, label[None], 0)[0]
    sure = share > SURE
    if background is not None:
        sure &= label != background
    found: list[Find] = []
    for place in sorted(np.argwhere(sure).tolist(), key=lambda each: -share[tuple(each)]):
        row, column = place
        if all(max(abs(row - one.row), abs(column - one.column)) > apart for one in found):
            found.append(Find(int(label[row, column]), float(share[row, column]), row, column))
    return found
