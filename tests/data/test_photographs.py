"""Photographs against scikit-image's own functions, the names of classes against known ones."""

import importlib
import shutil

import numpy as np
import pytest
from skimage import data

from converge_lib.data import imagenet_classes, photographs

module = importlib.import_module("converge_lib.data.photographs")


def test_they_are_scikit_images():
    pictures = photographs()
    assert list(pictures) == sorted(pictures) and len(pictures) == 7
    for name, picture in pictures.items():
        expected = getattr(data, name)()
        expected = expected if expected.ndim == 3 else np.stack([expected] * 3, axis=2)
        assert picture.dtype == np.uint8
        np.testing.assert_array_equal(picture, expected)


def test_each_has_a_source():
    assert set(module.SOURCES) == set(photographs())
    assert all("CC0" in s or "public" in s or "no known" in s for s in module.SOURCES.values())


def test_arrays_are_fresh():
    photographs()["coffee"][:] = 0
    assert photographs()["coffee"].max() == 255


@pytest.fixture
def copy(tmp_path, monkeypatch):
    for file in module.FILES.values():
        shutil.copy(module._folder() / file, tmp_path / file)
    monkeypatch.setattr(module, "_folder", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize("file", ["coffee.png", "rocket.jpg"])
@pytest.mark.parametrize("damage", ["cut", "empty", "text"])
def test_a_damaged_photograph_is_named(copy, file, damage):
    whole = (copy / file).read_bytes()
    broken = {"cut": whole[: len(whole) // 2], "empty": b"", "text": b"no image"}
    (copy / file).write_bytes(broken[damage])
    with pytest.raises(OSError, match=rf"{file} cannot be read"):
        photographs()


def test_a_missing_photograph_is_named(copy):
    (copy / "chelsea.png").unlink()
    with pytest.raises(OSError, match=r"chelsea\.png cannot be read: .*No such file"):
        photographs()


def test_a_thousand_names_in_the_known_order():
    names = imagenet_classes()
    assert isinstance(names, tuple) and len(names) == 1000
    assert len({name.lower() for name in names}) == 1000
    assert all(name and name == name.strip() for name in names)
    known = {0: "tench", 1: "goldfish", 134: "crane (bird)", 207: "golden retriever"}
    known |= {285: "Egyptian cat", 388: "giant panda", 504: "coffee mug", 517: "crane (machine)"}
    known |= {872: "tripod", 954: "banana", 967: "espresso", 999: "toilet tissue"}
    assert {i: names[i] for i in known} == known
