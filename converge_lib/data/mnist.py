r"""MNIST: 70,000 handwritten digits, the four original files as they were published, compressed."""

from __future__ import annotations

import gzip
import hashlib
import io
import math
from pathlib import Path

import numpy as np

from converge_lib._validation import choice, count

FOLDER = Path(__file__).with_name("mnist")

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}

SHA256 = {
    "train-images-idx3-ubyte": "7ff28fd295f802eefc6d40e461175dfe4b969b1842b2abc8c6dc8c20711cf79f",
    "train-labels-idx1-ubyte": "81a978ae83d39ffdba0db3ce2fcaf80a8921e9629e874428996a2b03242d4b2a",
    "t10k-images-idx3-ubyte": "197e111ae341b0770be9011ac5e622d0e6cd1c640b32eb0de5dc1dd26cc6e182",
    "t10k-labels-idx1-ubyte": "b91679a0acfe4ba0e50a2437a903084cba1f5f92592b016a25a7dfd00455798b",
}
"""Of the compressed files, which end in .gz."""


def mnist(split: str = "train", n: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the first ``n`` images of a split with their labels, in the original order.

    Args:
        split: "train", 60,000 images, or "test", 10,000.
        n: how many; None for all.

    Returns:
        Images, shape (n, 28, 28), float32 from 0 (paper) to 1 (ink), and labels, shape (n,),
        int64 from 0 to 9. Both are fresh arrays.

    Raises:
        ValueError: an argument is not one of these.
        OSError: a file of the data is missing or damaged; the message says which.

    Source: LeCun, Cortes and Burges (1998).

    >>> images, labels = mnist("test", 4)
    >>> images.shape, images.dtype, labels
    ((4, 28, 28), dtype('float32'), array([7, 2, 1, 0]))
    """
    images_file, labels_file = FILES[choice("split", split, list(FILES))]
    most = 60_000 if split == "train" else 10_000
    n = most if n is None else count("n", n)
    if n > most:
        raise ValueError(f"n must be at most {most} for split {split!r}, got {n}")
    images, labels = _idx(images_file, (n, 28, 28)), _idx(labels_file, (n,))
    return images.astype(np.float32) / 255, labels.astype(np.int64)


def _idx(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Read the first entries of a file in the IDX format: a header, then unsigned bytes."""
    path = FOLDER / f"{name}.gz"
    try:
        compressed = path.read_bytes()
    except OSError as error:
        raise OSError(f"the data file {path} cannot be read: {error.strerror}") from error
    found = hashlib.sha256(compressed).hexdigest()
    if found != SHA256[name]:
        raise OSError(
            f"the data file {path} is damaged: its SHA-256 is {found}, not {SHA256[name]}; "
            "restore it from the book's source"
        )
    with gzip.open(io.BytesIO(compressed)) as file:
        file.read(4 + 4 * len(shape))  # the type, the number of dimensions, their sizes
        return np.frombuffer(file.read(math.prod(shape)), np.uint8).reshape(shape)
