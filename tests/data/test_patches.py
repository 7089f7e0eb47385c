"""Patches against the same cut out by hand, and against what the docstring says of them."""

import numpy as np
import pytest
from skimage import color, data

from converge_lib.data import patches


def by_hand(name):
    """A photograph, whitened by an explicit sum over frequencies, borders cut off."""
    photograph = getattr(data, name)()
    grey = color.rgb2gray(photograph) if photograph.ndim == 3 else photograph / 255
    spectrum = np.fft.fft2(grey)
    rows, columns = grey.shape
    down = np.minimum(np.arange(rows), rows - np.arange(rows))[:, None] / rows
    right = np.minimum(np.arange(columns), columns - np.arange(columns))[None] / columns
    f = np.sqrt(down**2 + right**2)
    flat = np.fft.ifft2(spectrum * f * np.exp(-((f / 0.4) ** 4)))
    assert np.abs(flat.imag).max() < 1e-12
    flat = flat.real[8:-8, 8:-8]
    return (flat - flat.mean()) / flat.std()


def test_every_patch_is_one_of_a_photograph():
    wholes = [by_hand(name) for name in ("astronaut", "camera", "chelsea", "coffee", "rocket")]
    for patch in patches(5, 8, 3):
        found = False
        for whole in wholes:
            windows = np.lib.stride_tricks.sliding_window_view(whole, (8, 8))
            windows = windows - windows.mean((2, 3), keepdims=True)
            expected = 0.5 + 0.4 * np.clip(windows, -3, 3) / 3
            found = found or bool((np.abs(expected - patch).max((2, 3)) < 1e-5).any())
        assert found


def test_shape_type_and_range():
    drawn = patches(2000, 8, 0)
    assert drawn.shape == (2000, 8, 8) and drawn.dtype == np.float32
    assert drawn.min() >= np.float32(0.1) and drawn.max() <= np.float32(0.9)
    assert drawn.min() < 0.11 and drawn.max() > 0.89


def test_a_patch_has_no_mean_but_for_what_was_cut_off():
    drawn = patches(2000, 8, 0).astype(float)
    whole = (drawn.min((1, 2)) > 0.1001) & (drawn.max((1, 2)) < 0.8999)
    assert whole.mean() > 0.7
    assert np.abs(drawn[whole].mean((1, 2)) - 0.5).max() < 1e-6


def correlation(images):
    """Of pixels side by side, over all patches."""
    return np.corrcoef(images[:, :, :-1].ravel(), images[:, :, 1:].ravel())[0, 1]


def test_neighbours_are_less_alike_after_whitening():
    camera = data.camera() / 255
    raw = np.lib.stride_tricks.sliding_window_view(camera, (8, 8))[::20, ::20].reshape(-1, 8, 8)
    assert correlation(raw) > 0.95
    assert abs(correlation(patches(2000, 8, 0))) < 0.6


def test_all_photographs_are_drawn_from():
    # A constant is drawn from nowhere: patches of five photographs, seen by their first number.
    firsts = np.random.default_rng(0).random((300, 3))[:, 0]
    assert len(set((firsts * 5).astype(int))) == 5
    assert len(np.unique(patches(300, 8, 0).reshape(300, -1), axis=0)) == 300


def test_equal_seeds_give_equal_patches_and_others_differ():
    np.testing.assert_array_equal(patches(20, 8, 5), patches(20, 8, 5))
    assert not np.array_equal(patches(20, 8, 5), patches(20, 8, 6))


def test_a_larger_set_begins_with_the_smaller():
    np.testing.assert_array_equal(patches(300, 8, 5)[:130], patches(130, 8, 5))


def test_arrays_are_fresh():
    patches(3)[:] = -1
    assert patches(3).min() > 0


@pytest.mark.parametrize("size", [1, 64])
def test_extreme_sizes(size):
    drawn = patches(7, size, 1)
    assert drawn.shape == (7, size, size)
    if size == 1:  # a pixel is its own mean
        np.testing.assert_allclose(drawn, 0.5)


def test_no_patches():
    assert patches(0).shape == (0, 8, 8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": -1}, "n must be a whole number of at least 0, got -1"),
        ({"n": 2.5}, "n must be a whole number"),
        ({"n": 2, "size": 0}, "size must be a whole number of at least 1, got 0"),
        ({"n": 2, "size": 65}, "size must be at most 64, got 65"),
        ({"n": 2, "seed": -1}, "seed must be a whole number of at least 0, got -1"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        patches(**arguments)
