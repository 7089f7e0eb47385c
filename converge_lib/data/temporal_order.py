r"""Temporal order: sequences whose class depends on two symbols seen long ago."""

from __future__ import annotations

import numpy as np

from converge_lib._validation import count

SYMBOLS = "abcdXY"
CLASSES = ("XX", "XY", "YX", "YY")


def temporal_order(n: int, length: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    r"""Return ``n`` sequences of symbols, one-hot, and which of four orders each one holds.

    Each symbol is one of a, b, c, d at random, except two: an X or a Y in the second tenth of the
    sequence, and another in the sixth. The class is what they were, in order: XX, XY, YX or YY. To
    tell it, a network must carry both over the noise that follows, ⅖ of the length at least.

    Args:
        n: number of sequences.
        length: T, at least 10.
        seed: equal seeds give equal sequences.

    Returns:
        Sequences, shape (n, length, 6), float32, the symbols in the order of SYMBOLS; classes,
        shape (n,), int64, in the order of CLASSES.

    Source: Hochreiter and Schmidhuber (1997), section 5.6, task 6a, in the form of Martens and
    Sutskever (2011), where both positions scale with the length. Deviation: no symbols for the
    beginning and the end.

    >>> sequences, classes = temporal_order(2, 10)
    >>> ["".join(SYMBOLS[i] for i in sequence.argmax(1)) for sequence in sequences]
    ['dXcbbYaaad', 'cYccdXcccd']
    >>> [CLASSES[c] for c in classes]
    ['XY', 'YX']
    """
    n = count("n", n)
    length = count("length", length, low=10)
    generator = np.random.default_rng(count("seed", seed))
    symbols = generator.integers(4, size=(n, length))
    tenth = length // 10
    first = generator.integers(tenth, 2 * tenth, n)
    second = generator.integers(5 * tenth, 6 * tenth, n)
    marks = generator.integers(2, size=(n, 2))
    rows = np.arange(n)
    symbols[rows, first], symbols[rows, second] = 4 + marks.T
    return np.eye(6, dtype=np.float32)[symbols], 2 * marks[:, 0] + marks[:, 1]
