r"""Cluttered MNIST: a digit somewhere among pieces of other digits, and the box that it is in."""

from __future__ import annotations

import numpy as np

from converge_lib._validation import choice, count
from converge_lib.data.mnist import FILES, mnist

SIDE = 28
"""Height and width of an MNIST image, in pixels."""
PIECES = 8
"""Distractors in an image."""
PIECE = 8
"""Height and width of a distractor, in pixels."""
MIDDLE = (4, 16)
"""First and last row, or column, at which a piece may begin: nearly all ink lies in 4 to 24."""


def cluttered_mnist(
    n: int, size: int = 48, seed: int = 0, split: str = "train"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Return ``n`` images of one digit among distractors, with its class and the box of its ink.

    A digit of the split is drawn at random and its ink is put at a random place of the image, all
    of it inside. Eight pieces, each cut at random from the middle of another digit, go to random
    places. Where ink meets ink, the darker counts.

    Args:
        n: number of images.
        size: height and width in pixels, at least 28.
        seed: equal seeds give equal images, and the first k of n are those of k.
        split: "train" or "test", which of MNIST's digits are drawn from, with replacement.

    Returns:
        Images, shape (n, size, size), float32 from 0 (paper) to 1 (ink); labels, shape (n,), int64
        from 0 to 9; boxes, shape (n, 4), int64: top, left, bottom and right of the smallest box
        that holds the digit's ink, in pixels, bottom and right just outside of it.

    Raises:
        ValueError: naming the argument, the value got and what is allowed.
        OSError: a file of MNIST is missing or damaged.

    Source: Mnih et al. (2014), section 4.1.2, the cluttered translated MNIST. Deviations: the ink
    and not the 28×28 image is inside, so that digits come close to the borders; eight pieces of
    8×8 pixels in an image of 48×48 unless told otherwise; no piece is cut from the digit itself,
    and none from the empty margin of another.

    >>> images, labels, boxes = cluttered_mnist(3, seed=1)
    >>> images.shape, labels.shape, boxes.shape
    ((3, 48, 48), (3,), (3, 4))
    >>> top, left, bottom, right = boxes[0]
    >>> bool(0 <= top < bottom <= 48), bool(0 <= left < right <= 48)
    (True, True)
    """
    n = count("n", n)
    size = count("size", size, low=SIDE)
    seed = count("seed", seed)
    digits, classes = mnist(choice("split", split, list(FILES)))
    drawn = np.random.default_rng(seed).random((n, 3 + 5 * PIECES))

    def whole(column: int, below: int | np.ndarray) -> np.ndarray:
        """Whole numbers from 0 to below − 1, shape (n,), from a column of what was drawn."""
        return (drawn[:, column] * below).astype(np.int64)

    which = whole(0, len(digits))
    ink = _ink(digits[which])
    height, width = ink[:, 2] - ink[:, 0], ink[:, 3] - ink[:, 1]
    top, left = whole(1, size - height + 1), whole(2, size - width + 1)
    boxes = np.stack([top, left, top + height, left + width], axis=1)

    # Each pixel looks its ink up in the digit; a border of paper answers for all that is outside.
    bordered = np.pad(digits[which], ((0, 0), (1, 1), (1, 1)))
    place = np.arange(size)
    rows = np.clip(place - (top - ink[:, 0])[:, None], -1, SIDE) + 1
    columns = np.clip(place - (left - ink[:, 1])[:, None], -1, SIDE) + 1
    each = np.arange(n)[:, None, None]
    images = bordered[each, rows[:, :, None], columns[:, None, :]]

    down, right = np.arange(PIECE)[None, :, None], np.arange(PIECE)[None, None, :]
    starts = MIDDLE[1] - MIDDLE[0] + 1
    for first in range(3, drawn.shape[1], 5):
        other = (which + 1 + whole(first, len(digits) - 1)) % len(digits)  # never the digit itself
        cut_y, cut_x = (MIDDLE[0] + whole(first + i, starts) for i in (1, 2))
        put_y, put_x = (whole(first + i, size - PIECE + 1) for i in (3, 4))
        piece = digits[
            other[:, None, None], cut_y[:, None, None] + down, cut_x[:, None, None] + right
        ]
        where = (each, put_y[:, None, None] + down, put_x[:, None, None] + right)
        images[where] = np.maximum(images[where], piece)
    return images, classes[which], boxes


def _ink(digits: np.ndarray) -> np.ndarray:
    """Return top, left, bottom, right of each digit's ink, shape (n, 4)."""
    rows, columns = digits.any(2), digits.any(1)
    return np.stack(
        [
            rows.argmax(1),
            columns.argmax(1),
            SIDE - rows[:, ::-1].argmax(1),
            SIDE - columns[:, ::-1].argmax(1),
        ],
        axis=1,
    )
