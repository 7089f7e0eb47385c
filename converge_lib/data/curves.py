r"""CURVES: images of smooth curves, each known by six numbers, the task of the deep autoencoder."""

from __future__ import annotations

import numpy as np

from converge_lib._validation import count

SAMPLES = 48
"""Points at which the pen is put down along a curve."""
PEN = 0.7
"""The pen's standard deviation in pixels."""
MARGIN = 1 / 6
"""The share of the image, on every side, that the three points keep clear of."""
INVISIBLE = 1e-12
"""Ink below this is none: products of such factors would be denormal numbers, which are slow."""
BLOCK = 128
"""Images drawn at a time, few enough to stay in the processor's cache."""


def curves(n: int, size: int = 28, seed: int = 0) -> np.ndarray:
    r"""Return ``n`` images of smooth curves, shape (n, size, size), float32 in [0, 1].

    Three points A, B, C are drawn at random. The curve is the parabola that is at them at t = 0,
    ½, 1, a quadratic Bézier curve with control point 2B − (A + C)/2. A Gaussian pen follows it: a
    pixel's value is that of the nearest of the pen's positions, exp(−distance² / 2σ²).

    Args:
        n: number of images.
        size: height and width in pixels, at least 2.
        seed: equal seeds give equal images, on every machine, and the first k of n are those of k.

    Source: after the description in Hinton and Salakhutdinov (2006), supporting material. The
    original generator was not published: these are CURVES-like, and numbers on them are not to be
    compared with the paper's.

    >>> images = curves(3, size=16, seed=1)
    >>> images.shape, images.dtype
    ((3, 16, 16), dtype('float32'))
    >>> float(images.min()) >= 0, float(images.max()) <= 1
    (True, True)
    """
    n = count("n", n)
    size = count("size", size, low=2)
    seed = count("seed", seed)
    generator = np.random.default_rng(seed)
    low, high = MARGIN * (size - 1), (1 - MARGIN) * (size - 1)
    points = generator.uniform(low, high, (n, 3, 2)).astype(np.float32)
    a, b, c = points[:, 0], points[:, 1], points[:, 2]
    control = 2 * b - (a + c) / 2
    t = np.linspace(0, 1, SAMPLES, dtype=np.float32)[:, None, None]
    pen = (1 - t) ** 2 * a + 2 * t * (1 - t) * control + t**2 * c  # (SAMPLES, n, 2)

    pixels = np.arange(size)
    images = np.zeros((n, size, size), dtype=np.float32)
    for start in range(0, n, BLOCK):
        block = images[start : start + BLOCK]
        # exp(−(Δx² + Δy²) / 2σ²) is a product of one factor a row and one a column. It is rounded
        # from double precision: the last digit of an exp is each processor's own, and images that
        # differ in theirs train to other networks.
        apart = pen[:, start : start + BLOCK].transpose(2, 0, 1)[..., None] - pixels
        factors = np.exp(-(apart**2) / (2 * PEN**2)).astype(np.float32)
        factors[factors < INVISIBLE] = 0
        for column, row in factors.transpose(1, 0, 2, 3):
            np.maximum(block, row[:, :, None] * column[:, None, :], out=block)
    return images
