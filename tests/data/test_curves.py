"""CURVES against a drawing made pixel by pixel, and against what the design says of it."""

import math

import numpy as np
import pytest

from converge_lib.data import curves


def drawn_slowly(n, size, seed):
    """The definition, one pixel and one pen position at a time, in double precision."""
    rng = np.random.default_rng(seed)
    points = rng.uniform((size - 1) / 6, (size - 1) * 5 / 6, (n, 3, 2))
    images = np.zeros((n, size, size))
    for image, (a, b, c) in zip(images, points, strict=True):
        for t in np.linspace(0, 1, 48):
            # Lagrange's parabola through (0, a), (1/2, b), (1, c)
            pen = a * (1 - 2 * t) * (1 - t) + b * 4 * t * (1 - t) + c * t * (2 * t - 1)
            for y in range(size):
                for x in range(size):
                    distance2 = (pen[0] - x) ** 2 + (pen[1] - y) ** 2
                    image[y, x] = max(image[y, x], np.exp(-distance2 / (2 * 0.7**2)))
    return images


@pytest.mark.parametrize(("n", "size", "seed"), [(3, 9, 0), (2, 12, 7), (4, 2, 3)])
def test_equals_the_definition(n, size, seed):
    np.testing.assert_allclose(curves(n, size, seed), drawn_slowly(n, size, seed), atol=2e-6)


def test_no_bit_depends_on_the_processor():
    """Python's own exp, of no vector unit, gives the same images."""
    n, size = 20, 8
    points = np.random.default_rng(4).uniform(7 / 6, 35 / 6, (n, 3, 2)).astype(np.float32)
    images = np.zeros((n, size, size), dtype=np.float32)
    for image, (a, b, c) in zip(images, points, strict=True):
        for t in np.linspace(0, 1, 48, dtype=np.float32):
            pen = (1 - t) ** 2 * a + 2 * t * (1 - t) * (2 * b - (a + c) / 2) + t**2 * c
            factors = [
                [math.exp(-((float(place) - i) ** 2) / (2 * 0.7**2)) for i in range(size)]
                for place in pen
            ]
            column, row = np.where(np.array(factors) < 1e-12, 0, factors).astype(np.float32)
            np.maximum(image, np.outer(row, column), out=image)
    np.testing.assert_array_equal(curves(n, size, 4), images)


def test_shape_type_and_range():
    images = curves(300, 28, 0)
    assert images.shape == (300, 28, 28)
    assert images.dtype == np.float32
    assert images.min() == 0
    assert 0.9 < images.max() <= 1


def test_every_image_shows_a_curve():
    assert curves(500, 16, 2).max((1, 2)).min() > 0.5


def test_equal_seeds_give_equal_images_and_others_differ():
    np.testing.assert_array_equal(curves(20, 10, 5), curves(20, 10, 5))
    assert not np.array_equal(curves(20, 10, 5), curves(20, 10, 6))


def test_a_larger_set_begins_with_the_smaller():
    np.testing.assert_array_equal(curves(300, 8, 5)[:130], curves(130, 8, 5))


def test_six_numbers_an_image_yet_not_linear_in_them():
    images = curves(1500, 16, 0).reshape(1500, -1).astype(float)
    variances = np.linalg.svd(images - images.mean(0), compute_uv=False) ** 2 / 1500
    assert 8 < variances.sum() < 11  # squared error of the mean image
    assert variances[6:].sum() > 0.4 * variances.sum()  # of six principal components


def test_no_images():
    assert curves(0, 8, 0).shape == (0, 8, 8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": -1}, "n must be a whole number of at least 0, got -1"),
        ({"n": 2.5}, "n must be a whole number"),
        ({"n": 2, "size": 1}, "size must be a whole number of at least 2, got 1"),
        ({"n": 2, "seed": "a"}, "seed must be a whole number"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        curves(**arguments)
