"""The map's colours: dark is nothing, yellow speaks for a class, blue against it.

Lightness in OKLab rises evenly with the size of a value, so that equal steps look equal; the hue
says its sign, also to the colour-blind. The twin of colours.js.
"""

from __future__ import annotations

import numpy as np

FOR = ("0f0f0f", "421022", "76021d", "9c2304", "b45003", "cd7403", "e4990b", "f9bf12", "ffe97d")
AGAINST = ("0f0f0f", "172344", "0a397e", "04579e", "0377bb", "0c98d7", "12baf4", "6ad9fe", "bff2ff")
"""From 0 to the end of the scale, evenly apart."""


def coloured(values: np.ndarray) -> np.ndarray:
    """Return the colours of values between −1 and 1, shape (..., 3), from 0 to 255.

    >>> coloured(np.array([0.0, 1.0, -1.0]))
    array([[ 15.,  15.,  15.],
           [255., 233., 125.],
           [191., 242., 255.]])
    """
    stops = np.array([list(bytes.fromhex(one)) for one in (*AGAINST[::-1], *FOR[1:])], float)
    at = (np.clip(values, -1, 1) + 1) / 2 * (len(stops) - 1)
    return np.stack([np.interp(at, np.arange(len(stops)), channel) for channel in stops.T], -1)
