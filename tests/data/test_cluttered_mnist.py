"""Cluttered MNIST: the digit is in its box, whole, and the rest is pieces of other digits."""

import numpy as np
import pytest

from converge_lib.data import cluttered_mnist, mnist
from converge_lib.data.cluttered_mnist import MIDDLE, PIECE, PIECES


def drawn_slowly(n, size, seed, split):
    """The definition, one image and one piece at a time, from the same random numbers."""
    digits, classes = mnist(split)
    images, labels, boxes = np.zeros((n, size, size), np.float32), [], []
    for image, row in zip(
        images, np.random.default_rng(seed).random((n, 3 + 5 * PIECES)), strict=True
    ):
        which = int(row[0] * len(digits))
        ys, xs = np.nonzero(digits[which])
        ink = digits[which][ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
        h, w = ink.shape
        top, left = int(row[1] * (size - h + 1)), int(row[2] * (size - w + 1))
        image[top : top + h, left : left + w] = ink
        for numbers in row[3:].reshape(PIECES, 5):
            other = (which + 1 + int(numbers[0] * (len(digits) - 1))) % len(digits)
            y, x = (MIDDLE[0] + int(u * (MIDDLE[1] - MIDDLE[0] + 1)) for u in numbers[1:3])
            to_y, to_x = (int(u * (size - PIECE + 1)) for u in numbers[3:])
            place = image[to_y : to_y + PIECE, to_x : to_x + PIECE]
            place[:] = np.maximum(place, digits[other][y : y + PIECE, x : x + PIECE])
        labels.append(classes[which])
        boxes.append((top, left, top + h, left + w))
    return images, labels, boxes


@pytest.mark.parametrize(
    ("size", "seed", "split"), [(48, 0, "train"), (28, 1, "test"), (61, 2, "test")]
)
def test_equals_the_definition(size, seed, split):
    for found, expected in zip(
        cluttered_mnist(40, size, seed, split), drawn_slowly(40, size, seed, split), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("seed", [0, 1])
def test_shapes_types_ranges_and_places(seed):
    images, labels, boxes = cluttered_mnist(1500, seed=seed, split="test")
    assert images.shape == (1500, 48, 48) and images.dtype == np.float32
    assert labels.shape == (1500,) and labels.dtype == np.int64
    assert boxes.shape == (1500, 4) and boxes.dtype == np.int64
    assert images.min() == 0 and images.max() == 1
    assert np.bincount(labels, minlength=10).min() > 80
    assert boxes.min() == 0 and boxes.max() == 48  # digits come up to all the borders
    sides = boxes[:, 2:] - boxes[:, :2]
    assert sides.min() >= 1 and sides.max() <= 28
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    np.testing.assert_allclose(centres.mean(0), 24, atol=1)


def test_there_is_clutter_outside_of_the_box():
    images, _, boxes = cluttered_mnist(300, seed=3, split="test")
    for image, (top, left, bottom, right) in zip(images, boxes, strict=True):
        outside = image.copy()
        outside[top:bottom, left:right] = 0
        assert outside.any()


def test_equal_seeds_give_equal_images_and_others_differ():
    first, again, other = (cluttered_mnist(20, seed=s, split="test")[0] for s in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_larger_set_begins_with_the_smaller():
    for more, fewer in zip(
        cluttered_mnist(300, split="test"), cluttered_mnist(130, split="test"), strict=True
    ):
        np.testing.assert_array_equal(more[:130], fewer)


def test_no_images():
    shapes = [array.shape for array in cluttered_mnist(0, split="test")]
    assert shapes == [(0, 48, 48), (0,), (0, 4)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": -1}, "n must be a whole number of at least 0, got -1"),
        ({"n": 2.5}, "n must be a whole number"),
        ({"n": 2, "size": 27}, "size must be a whole number of at least 28, got 27"),
        ({"n": 2, "seed": -1}, "seed must be a whole number of at least 0, got -1"),
        ({"n": 2, "split": "valid"}, "split must be one of 'train', 'test', got 'valid'"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        cluttered_mnist(**arguments)
