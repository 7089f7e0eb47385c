"""What a shift, a crop and a larger sheet do to networks' accuracy. The twin of frames.js."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import nn

SIDE = 28
"""Height and width of a digit, and of the images that the networks were trained on."""
SHIFTS = range(9)
SIZES = range(12, 57, 4)


@dataclass(frozen=True)
class Measured:
    """What is known of a network.

    Attributes:
        parameters: all of them.
        head: those of the linear layers behind the last convolution.
        train: accuracy on the training digits as they are.
        shifts: accuracy on the test digits moved by each of :data:`SHIFTS`, in an image of 28×28.
        sizes: accuracy on the test digits in the middle of an image of each of :data:`SIZES`; None
            where the network cannot run.
    """

    parameters: int
    head: int
    train: float
    shifts: list[float]
    sizes: list[float | None]


def frame(images: np.ndarray, size: int, right: int = 0, down: int = 0) -> np.ndarray:
    """Return what an image of size × size shows of digits: their middle is its own, then moved.

    Args:
        images: shape (..., 28, 28).
        size: even; below 28 the image is cropped, above it is larger, with paper around.
        right: by how many pixels the digits are moved; what leaves the image is lost.
        down: likewise.

    Returns:
        Shape (..., size, size).

    >>> dot = np.zeros((28, 28))
    >>> dot[14, 14] = 1
    >>> np.argwhere(frame(dot, 12, right=3)).tolist()
    [[6, 9]]
    """
    margin = (size - SIDE) // 2
    result = np.zeros((*images.shape[:-2], size, size), images.dtype)
    (to_rows, rows), (to_columns, columns) = (_overlap(margin + by, size) for by in (down, right))
    result[..., to_rows, to_columns] = images[..., rows, columns]
    return result


def _overlap(start: int, size: int) -> tuple[slice, slice]:
    """Return the part of a side that a digit covers from ``start`` on, and which part of it."""
    low, high = max(0, start), min(size, start + SIDE)
    return slice(low, high), slice(low - start, high - start)


def directions(by: int) -> list[tuple[int, int]]:
    """Return the eight ways to move by so many pixels, along an axis or along both.

    >>> directions(0), len(directions(3))
    ([(0, 0)], 8)
    """
    ways = [(right, down) for right in (-by, 0, by) for down in (-by, 0, by)]
    return [way for way in ways if way != (0, 0)] or [(0, 0)]


def measure(
    network: nn.Sequential,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
) -> Measured:
    """Measure a network on digits, shape (n, 28, 28), with their labels, shape (n,).

    The accuracy at a shift is the mean of its eight :func:`directions`.
    """
    # these import torch
    from converge_lib.structure.global_average_pooling import head_share
    from converge_lib.structure.network_in_network import count_parameters

    images, labels = test
    curve = [
        float(np.mean([_accuracy(network, frame(images, SIDE, *way), labels) for way in ways]))
        for ways in map(directions, SHIFTS)
    ]
    parameters = count_parameters(network)
    return Measured(
        parameters=parameters,
        head=round(head_share(network) * parameters),
        train=_accuracy(network, *train),
        shifts=curve,
        sizes=[
            _accuracy(network, frame(images, size), labels) if runs(network, size) else None
            for size in SIZES
        ],
    )


def runs(network: nn.Sequential, size: int) -> bool:
    """Say whether a network takes images of size × size."""
    import torch

    first = next(network.parameters())
    try:
        with torch.no_grad():
            network(first.new_zeros(1, 1, size, size))
    except RuntimeError:
        return False
    return True


def _accuracy(network: nn.Sequential, images: np.ndarray, labels: np.ndarray) -> float:
    import torch

    from converge_lib.training import accuracy

    like = next(network.parameters())
    batch = torch.as_tensor(images, dtype=like.dtype, device=like.device)[:, None]
    return accuracy(network, batch, torch.as_tensor(labels, device=like.device))
