"""MNIST as it was published: sizes, counts and first labels; and what becomes of a damaged copy."""

import gzip
import hashlib
import importlib
import shutil

import numpy as np
import pytest

from converge_lib.data import mnist

# converge_lib.data.mnist is the function; the module of that name is found so.
module = importlib.import_module("converge_lib.data.mnist")

# Of the four files as they were published, before compression.
PUBLISHED = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
COUNTS = {
    "train": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    "test": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_files_are_the_published_ones(name):
    raw = gzip.decompress((module.FOLDER / f"{name}.gz").read_bytes())
    assert hashlib.sha256(raw).hexdigest() == PUBLISHED[name]


@pytest.mark.parametrize(
    ("split", "n", "first"), [("train", 60_000, [5, 0, 4, 1]), ("test", 10_000, [7, 2, 1, 0])]
)
def test_shapes_types_counts_and_first_labels(split, n, first):
    images, labels = mnist(split)
    assert images.shape == (n, 28, 28) and labels.shape == (n,)
    assert images.dtype == np.float32 and labels.dtype == np.int64
    assert images.min() == 0 and images.max() == 1
    assert labels[:4].tolist() == first
    assert np.bincount(labels).tolist() == COUNTS[split]


def test_rows_are_rows_and_columns_columns():
    # The first digit of the test set is a 7: a bar along the top, a stroke down on the right.
    seven = mnist("test", 1)[0][0]
    assert seven[:9].sum(1).max() > 2 * seven[15:].sum(1).max()
    assert seven[20:, 14:].sum() < seven[20:, :14].sum() < seven[6:10].sum()


def test_the_first_n_are_those_of_all():
    images, labels = mnist("test")
    few_images, few_labels = mnist("test", 30)
    np.testing.assert_array_equal(few_images, images[:30])
    np.testing.assert_array_equal(few_labels, labels[:30])
    assert mnist("train", 0)[0].shape == (0, 28, 28)


def test_arrays_are_fresh():
    mnist("test", 2)[0][:] = -1
    assert mnist("test", 2)[0].min() == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Train",), "split must be one of 'train', 'test', got 'Train'"),
        (("test", 10_001), "n must be at most 10000 for split 'test', got 10001"),
        (("test", -1), "n must be a whole number of at least 0, got -1"),
        (("test", 2.5), "n must be a whole number"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        mnist(*arguments)


@pytest.fixture
def copy(tmp_path, monkeypatch):
    folder = tmp_path / "mnist"
    shutil.copytree(module.FOLDER, folder)
    monkeypatch.setattr(module, "FOLDER", folder)
    return folder


@pytest.mark.parametrize("name", ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
@pytest.mark.parametrize("damage", ["a bit", "cut", "empty"])
def test_a_damaged_file_is_named(copy, name, damage):
    path = copy / f"{name}.gz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes({"a bit": data, "cut": data[:1000], "empty": b""}[damage])
    with pytest.raises(OSError, match=rf"{name}\.gz is damaged: its SHA-256 is [0-9a-f]{{64}}"):
        mnist("test", 5)
    mnist("train", 5)  # the other split is whole


def test_a_missing_file_is_named(copy):
    (copy / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(OSError, match=r"train-labels-idx1-ubyte\.gz cannot be read: No such file"):
        mnist("train", 5)
