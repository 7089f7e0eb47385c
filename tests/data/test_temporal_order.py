import numpy as np
import pytest

from converge_lib.data import temporal_order
from converge_lib.data.temporal_order import CLASSES, SYMBOLS


@pytest.mark.parametrize("length", [10, 30, 64])
@pytest.mark.parametrize("seed", [0, 1])
def test_two_marks_in_their_places_decide_the_class(length, seed):
    sequences, classes = temporal_order(500, length, seed)
    assert sequences.shape == (500, length, 6)
    assert sequences.dtype == np.float32
    assert classes.dtype == np.int64
    assert (sequences.sum(2) == 1).all()
    tenth = length // 10
    for sequence, c in zip(sequences.argmax(2), classes, strict=True):
        first, second = np.flatnonzero(sequence >= 4)
        assert tenth <= first < 2 * tenth
        assert 5 * tenth <= second < 6 * tenth
        assert SYMBOLS[sequence[first]] + SYMBOLS[sequence[second]] == CLASSES[c]


def test_all_is_uniform():
    sequences, classes = temporal_order(4000, 40, seed=3)
    symbols = sequences.argmax(2)
    noise = np.bincount(symbols[symbols < 4], minlength=4) / (symbols < 4).sum()
    np.testing.assert_allclose(noise, 0.25, atol=0.01)
    np.testing.assert_allclose(np.bincount(classes) / 4000, 0.25, atol=0.03)
    places = (symbols >= 4).mean(0)
    np.testing.assert_allclose(places[4:8], 0.25, atol=0.03)
    np.testing.assert_allclose(places[20:24], 0.25, atol=0.03)


def test_seeds():
    first, again, other = (temporal_order(50, 20, seed)[0] for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    assert temporal_order(0, 20)[0].shape == (0, 20, 6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 10), "n must be a whole number of at least 0, got -1"),
        ((1, 9), "length must be a whole number of at least 10, got 9"),
        ((1, 10.0), "length must be a whole number of at least 10, got 10.0"),
        ((1, 10, -1), "seed must be a whole number of at least 0, got -1"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        temporal_order(*arguments)
