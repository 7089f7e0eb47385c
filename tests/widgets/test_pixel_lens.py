"""PixelLens: JavaScript against torch, one pixel against the map, and its traits."""

import json
import math

import numpy as np
import pytest
import torch
import traitlets
from charts import (
    assert_is_the_same_whatever_the_style,
    assert_shows_a_small_picture,
    own_state,
    without_help,
)
from torch import nn

from converge_lib.structure.network_in_network import mlp_of, per_pixel
from converge_lib.widgets import PixelLens
from tests import node

NAMES = ["cup", "coffee", "table", "spoon"]


def network(channels=3, outputs=4, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(channels, 8, 1),
        nn.ReLU(),
        nn.Conv2d(8, 5, 1),
        nn.ReLU(),
        nn.Conv2d(5, outputs, 1),
    )


def picture(height=9, width=14, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


FIGURES = {
    "first": lambda: PixelLens(picture(), network(), names=NAMES),
    "a corner": lambda: PixelLens(picture(), network(), at=(8, 13), layer=0),
    "linear": lambda: PixelLens(picture(), network(), relu=False, layer=1),
    "shuffled": lambda: PixelLens(picture(), network(), shuffled=True, at=(2, 3)),
    "grey": lambda: PixelLens(np.linspace(0, 1, 60).reshape(6, 10), network(1, 2), layer=2),
    "seven channels": lambda: PixelLens(picture(channels=7), network(7, 10)),
    "one output": lambda: PixelLens(picture(), nn.Sequential(nn.Conv2d(3, 1, 1, bias=False))),
    "ends in ReLU": lambda: PixelLens(picture(), nn.Sequential(nn.Conv2d(3, 6, 1), nn.ReLU())),
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lenses")
    questions = [own_state(make()) for make in FIGURES.values()]
    (folder / "questions.json").write_text(json.dumps({"lenses": questions}))
    script = node.WIDGETS.parents[1] / "tests" / "widgets" / "compute_layers.mjs"
    ran = node.run(
        "node", str(script), str(folder / "questions.json"), str(folder / "answers.json")
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads((folder / "answers.json").read_text())["lenses"]
    return dict(zip(FIGURES, found, strict=True))


# ── What is computed ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", FIGURES)
def test_everything_is_the_same_in_javascript(answers, name):
    shown, answer = FIGURES[name](), answers[name]
    for got, expected in zip(answer["values"], shown.activations(), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)
    for got, expected in zip(answer["maps"], shown.maps(), strict=True):
        assert got["shape"] == list(expected.shape)
        data = np.array(got["data"]).reshape(expected.shape)
        np.testing.assert_allclose(data, expected, rtol=1e-9, atol=1e-12)
    assert answer["moved"] == pytest.approx(shown.moved(), abs=1e-12)


@pytest.mark.parametrize("name", FIGURES)
def test_the_network_at_a_pixel_is_the_map_there(name):
    shown = FIGURES[name]()
    row, column = shown.place()
    for one, everywhere in zip(shown.activations(), shown.maps(), strict=True):
        # sums of a dozen terms at most; where they cancel, the size of the terms counts
        rounding = 12 * np.finfo(float).eps * np.abs(everywhere).max()
        np.testing.assert_allclose(one, everywhere[:, row, column], rtol=1e-12, atol=rounding)


def test_it_is_the_shelfs_multilayer_perceptron_pixel_by_pixel():
    shown = FIGURES["first"]()
    pixels = torch.from_numpy(picture() / 255).permute(2, 0, 1)[None]
    expected = per_pixel(mlp_of(network().double()), pixels)[0].detach().numpy()
    np.testing.assert_allclose(shown.maps()[-1], expected, rtol=1e-6, atol=1e-7)


def test_without_relu_it_is_one_linear_map():
    shown = FIGURES["linear"]()
    maps = shown.maps()
    design = np.concatenate([maps[0].reshape(3, -1), np.ones((1, 9 * 14))]).T
    outputs = maps[-1].reshape(4, -1).T
    fitted, *_ = np.linalg.lstsq(design, outputs, rcond=None)
    np.testing.assert_allclose(design @ fitted, outputs, atol=1e-12)
    shown.relu = True
    bent = shown.maps()[-1].reshape(4, -1).T
    assert np.abs(design @ np.linalg.lstsq(design, bent, rcond=None)[0] - bent).max() > 1e-3


def test_shuffling_moves_scores_and_changes_none():
    plain, mixed = PixelLens(picture(), network()), PixelLens(picture(), network(), shuffled=True)
    for one, other in zip(plain.maps(), mixed.maps(), strict=True):
        assert not np.array_equal(one, other)
        columns = [maps.reshape(len(maps), -1).T.tolist() for maps in (one, other)]
        np.testing.assert_allclose(sorted(columns[0]), sorted(columns[1]), rtol=1e-12)
    assert plain.place() == (4, 7) != mixed.place()


def test_a_picture_is_rounded_to_bytes():
    grey = np.linspace(0, 1, 60).reshape(6, 10)
    shown = PixelLens(grey, network(1))
    assert np.array_equal(shown.maps()[0][0], np.round(255 * grey) / 255)
    colour = PixelLens(picture(), network())
    assert np.array_equal(colour.maps()[0], picture().transpose(2, 0, 1) / 255)


# ── Its traits ───────────────────────────────────────────────────────────────────────────────────


def test_every_trait_has_help():
    assert without_help(PixelLens) == []


def test_the_state_is_json_and_starts_from_the_defaults():
    state = own_state(PixelLens(picture(), network()))
    assert state["image"]["shape"] == [9, 14, 3]
    assert state["names"] == ["output 1", "output 2", "output 3", "output 4"]
    assert (state["at"], state["relu"], state["shuffled"], state["layer"]) == (
        [4, 7],
        True,
        False,
        3,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image": "coffee"}, "image must be an array of shape"),
        ({"image": np.zeros(5)}, r"image must be .* got shape \(5,\)"),
        ({"image": picture(1, 14)}, r"each side 2 to 200.* got shape \(1, 14, 3\)"),
        ({"image": picture(201, 2)}, r"got shape \(201, 2, 3\)"),
        ({"image": picture(channels=33)}, r"at most 32 channels.* got shape \(9, 14, 33\)"),
        ({"image": picture().astype(int)}, "uint8 or from 0 to 1, got from 0 to 255"),
        ({"image": np.full((4, 4, 3), np.nan)}, "got from nan to nan"),
        ({"image": picture(channels=4)}, "network must take the 4 channels"),
        ({"network": nn.Conv2d(3, 1, 1)}, "module must be an nn.Sequential"),
        ({"network": nn.Sequential(nn.Conv2d(3, 4, 1), nn.Tanh())}, "cannot be packed, 1: Tanh"),
        ({"network": nn.Sequential(nn.Conv2d(3, 4, 3))}, "network must be of 1×1 convolutions"),
        (
            {"network": nn.Sequential(nn.Conv2d(3, 4, 1, padding=1))},
            "network must be of 1×1 convolutions",
        ),
        ({"network": nn.Sequential(nn.ReLU(), nn.Conv2d(3, 4, 1))}, r"or none, got ReLU\(\)"),
        (
            {"network": nn.Sequential(nn.Conv2d(3, 4, 1), nn.AdaptiveAvgPool2d(1))},
            "or none, got AdaptiveAvgPool2d",
        ),
        (
            {"network": nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1))},
            "network must take the 4 channels",
        ),
        ({"network": nn.Sequential(nn.Conv2d(3, 33, 1))}, "at most 5 convolutions of at most 32"),
        (
            {"network": nn.Sequential(*(nn.Conv2d(3, 3, 1) for _ in range(6)))},
            "at most 5 convolutions",
        ),
        ({"names": ["a"]}, "names must be a list of 4"),
        ({"names": "four"}, "names must be a list of 4"),
        ({"names": ["a", "b", "c", None]}, "each of names must be some text"),
        ({"names": ["a", "b", "c", "a"]}, "names must name each output differently"),
        ({"at": 5}, "at must be a row and a column"),
        ({"at": (1, 2, 3)}, "at must be a row and a column"),
        ({"at": (9, 0)}, r"at must lie in the picture of shape \(9, 14\), got \(9, 0\)"),
        ({"at": (0, -1)}, "each of at must be a whole number"),
        ({"relu": 1}, "relu must be True or False"),
        ({"shuffled": "no"}, "shuffled must be True or False"),
        ({"layer": 4}, "layer must be a whole number of at most 3, got 4"),
        ({"layer": -1}, "layer must be a whole number"),
        ({"predict": None}, "predict must be True or False"),
        ({"key": " "}, "key must be some text"),
        ({"label": 3}, "label must be some text"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    given = {"image": picture(), "network": network(), **arguments}
    with pytest.raises(ValueError, match=message):
        PixelLens(given.pop("image"), given.pop("network"), **given)


@pytest.mark.parametrize(
    ("name", "value"),
    [("at", [9, 0]), ("at", [0, math.nan]), ("layer", 4), ("relu", 2), ("key", ""), ("label", "")],
)
def test_a_bad_assignment_is_refused_and_changes_nothing(name, value):
    shown = FIGURES["first"]()
    before = getattr(shown, name)
    with pytest.raises(traitlets.TraitError):
        setattr(shown, name, value)
    assert getattr(shown, name) == before


@pytest.mark.parametrize("name", FIGURES)
def test_the_picture_is_a_small_png(name):
    assert_shows_a_small_picture(FIGURES[name]())


def test_the_picture_is_the_same_whatever_the_style():
    assert_is_the_same_whatever_the_style(FIGURES["first"])


def test_the_description_says_what_is_to_be_seen():
    shown = FIGURES["first"]()
    said = shown.describe()
    best = NAMES[int(shown.activations()[-1].argmax())]
    assert "from row 4, column 7 is (" in said
    assert f"A network 3 → 8 → 5 → 4 takes it for “{best}”" in said
    assert "without ReLU takes" in FIGURES["linear"]().describe()
    assert "The pixels are shuffled" in FIGURES["shuffled"]().describe()
    assert "A network 3 → 1 gives it " in FIGURES["one output"]().describe()
    shown.predict = True
    assert "hidden until you predict" in shown.describe()
