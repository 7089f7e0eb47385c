r"""Patches of photographs, whitened: what the sparse autoencoder learns edges from."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from converge_lib._validation import count

PHOTOGRAPHS = ("astronaut", "camera", "chelsea", "coffee", "rocket")
"""Names in ``skimage.data``; these files are in the package itself, and nothing is downloaded."""
CUTOFF = 0.4
"""Cycles a pixel beyond which a photograph holds more noise than picture."""
MARGIN = 8
"""Pixels along the border that no patch touches: the filter takes opposite borders for adjacent."""
CLIP = 3.0
"""Deviations from the mean are cut off at so many standard deviations."""
LOW, HIGH = 0.1, 0.9
"""A logistic output reaches neither 0 nor 1, so the targets keep away from both."""


def patches(n: int, size: int = 8, seed: int = 0) -> np.ndarray:
    r"""Return ``n`` square patches of photographs, shape (n, size, size), float32 in [0.1, 0.9].

    Neighbouring pixels of a photograph are nearly equal, and its amplitude falls as one over the
    frequency. Each photograph is whitened by the filter f · exp(−(f / 0.4)⁴), f in cycles a pixel,
    and brought to unit variance. A patch loses its mean, is cut off at ±3 and mapped to
    [0.1, 0.9], so that 0.5 is the patch's mean grey.

    Args:
        n: number of patches.
        size: height and width in pixels, from 1 to 64.
        seed: equal seeds give equal patches, and the first k of n are those of k.

    Raises:
        ValueError: naming the argument, the value got and what is allowed.

    Source: Ng (2011), the sparse autoencoder of the lecture notes and of UFLDL, which cuts patches
    from photographs whitened as by Olshausen and Field (1997). Deviations: five photographs that
    scikit-image ships; deviations are cut off at 3 standard deviations of the photograph and not
    of the sample, so that a patch does not depend on the others.

    >>> few = patches(100, seed=1)
    >>> few.shape, few.dtype, bool(few.min() >= 0.1), bool(few.max() <= 0.9)
    ((100, 8, 8), dtype('float32'), True, True)
    """
    n = count("n", n)
    size = count("size", size, low=1)
    if size > 64:
        raise ValueError(f"size must be at most 64, got {size}")
    generator = np.random.default_rng(count("seed", seed))
    photographs = _whitened()
    drawn = generator.random((n, 3))
    result = np.empty((n, size, size))
    for patch, (which, down, right) in zip(result, drawn, strict=True):
        photograph = photographs[int(which * len(photographs))]
        rows, columns = (extent - size + 1 for extent in photograph.shape)
        top, left = int(down * rows), int(right * columns)
        patch[:] = photograph[top : top + size, left : left + size]
    result -= result.mean((1, 2), keepdims=True)
    share = (result.clip(-CLIP, CLIP) / CLIP + 1) / 2
    return (LOW + (HIGH - LOW) * share).astype(np.float32)


@cache
def _whitened() -> tuple[np.ndarray, ...]:
    from skimage import color, data

    return tuple(_whiten(_grey(getattr(data, name)(), color.rgb2gray)) for name in PHOTOGRAPHS)


def _grey(photograph: np.ndarray, rgb2gray: Callable) -> np.ndarray:
    return rgb2gray(photograph) if photograph.ndim == 3 else photograph / 255


def _whiten(photograph: np.ndarray) -> np.ndarray:
    frequency = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, photograph.shape), indexing="ij"))
    response = frequency * np.exp(-((frequency / CUTOFF) ** 4))
    flat = np.fft.ifft2(np.fft.fft2(photograph) * response).real
    flat = flat[MARGIN:-MARGIN, MARGIN:-MARGIN]
    return (flat - flat.mean()) / flat.std()
