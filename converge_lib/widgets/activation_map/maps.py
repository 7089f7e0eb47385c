r"""A class's map in a byte a cell, so that the maps of 1,000 classes fit in a page.

====== ============================================================ =============
symbol meaning                                                      in the code
====== ============================================================ =============
M      maps, one a class, shape (classes, h, w)                     ``maps``
m      their means over cells: S − b, the score without its bias    ``means``
q      what is stored, from 0 to 255                                ``cells``
δ      how much one step of q is worth, one a class                 ``steps``
====== ============================================================ =============

M ≈ m + δ (q − mean q). Each cell is rounded, by little more than δ/2; the mean is not, so that the
cells of the rounded map still make the exact score. The twin of maps.js.
"""

from __future__ import annotations

import numpy as np


def pack(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return q, shape (n, h, w), uint8, and δ, shape (n,), float32.

    Args:
        maps: M, finite, shape (n, h, w).

    >>> pack(np.array([[[-1.0, 0.0], [254.0, 4.4]]]))
    (array([[[  0,   1],
            [255,   5]]], dtype=uint8), array([1.], dtype=float32))
    """
    least, largest = maps.min((1, 2)), maps.max((1, 2))
    steps = ((largest - least) / 255).astype(np.float32)
    width = np.where(steps > 0, steps, 1).astype(np.float64)[:, None, None]
    cells = np.rint((maps - least[:, None, None]) / width).clip(0, 255)
    return cells.astype(np.uint8), steps


def unpack(cells: np.ndarray, steps: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Return the rounded M, shape (n, h, w), float64, from q, δ and m.

    >>> unpack(np.array([[[0, 1], [255, 4]]]), np.ones(1), np.array([64.0]))
    array([[[ -1.,   0.],
            [254.,   3.]]])
    """
    centred = cells - cells.mean((1, 2), keepdims=True)
    return means[:, None, None] + steps.astype(np.float64)[:, None, None] * centred


def probabilities(scores: np.ndarray) -> np.ndarray:
    """Return the softmax of scores, shape (n,), in float64.

    >>> probabilities(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    powers = np.exp(scores.astype(np.float64) - scores.max())
    return powers / powers.sum()


def longest_first(height: int, width: int, longest: int) -> tuple[int, int]:
    """Return height and width in the same proportion, the longer of them ``longest``.

    >>> longest_first(400, 600, 224)
    (149, 224)
    """
    longer = max(height, width)
    return tuple(max(1, round(side * longest / longer)) for side in (height, width))
