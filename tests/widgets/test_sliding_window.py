"""SlidingWindow: JavaScript against torch, window against map, and its traits."""

import gzip
import json
import math
import re

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

from converge_lib.structure.fully_convolutional import convolutionalise, slide
from converge_lib.structure.network_in_network import count_multiplications
from converge_lib.widgets import SlidingWindow
from converge_lib.widgets.sliding_window.scores import pad_first
from tests import node

SIDE = 12


def network(seed=0, classes=4, side=SIDE):
    """Return a small network for windows of ``side``, with a stride of 4."""
    torch.manual_seed(seed)
    return nn.Sequential(
        *(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 4, 2), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(4 * ((side // 2 - 2) // 2) ** 2, 6), nn.Dropout(), nn.ReLU()),
        nn.Linear(6, classes),
    )


def pictures(seed=0):
    chance = np.random.default_rng(seed)
    return {"wide": chance.random((20, 31)), "one window": chance.random((SIDE, SIDE))}


LABELS = ["a", "b", "c", "d"]
FIGURES = {
    "first": {},
    "one window": {"image": 1},
    "cut": {"size": 17, "at": (8, 4)},
    "between cells": {"at": (3, 14), "snap": False},
    "nearest cell": {"at": (6, 14)},
    "beyond": {"at": (90, 90)},
    "beyond, not on the grid": {"at": (90, 90), "snap": False},
    "padded": {"padded": True, "at": (4, 4)},
    "one class": {"shown": "c", "labels": LABELS},
    "background": {"background": "a", "labels": LABELS},
}


def figure(name="first"):
    net = network()
    with torch.no_grad():  # so that it is sure of something, here this and there that
        picture = torch.from_numpy(pictures()["wide"]).float()
        scores = convolutionalise(net, (1, SIDE, SIDE)).eval()(picture[None, None])
        net[-1].bias.sub_(scores.mean((0, 2, 3))).mul_(500)
        net[-1].weight.mul_(500)
    return SlidingWindow(net, pictures(), window=SIDE, **FIGURES[name])


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("windows")
    questions = [own_state(figure(name)) for name in FIGURES]
    (folder / "questions.json").write_text(json.dumps({"windows": questions}))
    script = node.WIDGETS.parents[1] / "tests" / "widgets" / "compute_layers.mjs"
    ran = node.run(
        "node", str(script), str(folder / "questions.json"), str(folder / "answers.json")
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads((folder / "answers.json").read_text())["windows"]
    return dict(zip(FIGURES, found, strict=True))


# ── What is computed ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", FIGURES)
def test_everything_is_the_same_in_javascript(answers, name):
    shown, answer = figure(name), answers[name]
    assert tuple(answer["at"]) == shown.place()
    np.testing.assert_allclose(answer["scores"], shown.window_scores(), rtol=1e-9, atol=1e-11)
    expected = shown.score_map()
    assert answer["map"]["shape"] == list(expected.shape)
    got = np.array(answer["map"]["data"]).reshape(expected.shape)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-11)
    bill = shown.costs()
    for key in ("rows", "columns", "each", "once", "slid", "factor"):
        assert answer["costs"][key] == getattr(bill, key), key
    found = [(one["label"], one["row"], one["column"]) for one in answer["finds"]]
    assert found == [(one.label, one.row, one.column) for one in shown.finds()]
    shares = [one["share"] for one in answer["finds"]]
    assert shares == pytest.approx([one.share for one in shown.finds()], rel=1e-9)


def test_some_of_these_figures_find_something():
    assert len(figure().finds()) > 1
    assert {one.label for one in figure("one class").finds()} <= {2}
    assert 0 not in {one.label for one in figure("background").finds()}


def test_the_map_is_the_sliding_window_and_padding_breaks_it():
    for name, equal in (("first", True), ("padded", False)):
        shown = figure(name)
        picture = torch.from_numpy(shown.picture_shown())[None, None]
        each = slide(shown.network_shown(), picture, (SIDE, SIDE), (4, 4))[0].numpy()
        bill = shown.costs()
        assert each.shape[1:] == (bill.rows, bill.columns)
        difference = np.abs(each - shown.score_map()[:, : bill.rows, : bill.columns]).max()
        assert (difference < 1e-10) == equal


def test_the_window_is_a_cell_of_the_map_on_the_grid_only():
    shown = figure("nearest cell")
    assert shown.place() == (8, 16)
    np.testing.assert_allclose(
        shown.score_map()[:, 2, 4], shown.window_scores(), rtol=1e-9, atol=1e-11
    )
    between = figure("between cells")
    assert between.place() == (3, 14)
    assert np.abs(between.score_map()[:, 1, 3] - between.window_scores()).max() > 1e-3


@pytest.mark.parametrize("padding", [0, 1])
def test_costs_are_those_that_the_shelf_counts(padding):
    shown = figure("padded" if padding else "first")
    net = network()
    net[0].padding = (padding, padding)
    everywhere = convolutionalise(net, (1, SIDE, SIDE))
    bill = shown.costs()
    assert (bill.rows, bill.columns) == (3, 5)
    assert bill.each == count_multiplications(net, (1, SIDE, SIDE))
    assert bill.once == count_multiplications(everywhere, (1, 20, 31))
    assert bill.factor == 15 * bill.each / bill.once > 1


def test_padding_that_does_not_fit_is_none():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 36, 3))
    shown = SlidingWindow(net, [np.eye(9)], window=8, padded=True)
    assert shown.network_shown()[0].padding == (0, 0)
    assert pad_first(net)[0].padding == (1, 1) and net[0].padding == (0, 0)


def test_the_network_and_the_pictures_are_rounded_as_the_page_has_them():
    net = network()
    shown = SlidingWindow(net, pictures(), window=SIDE)
    assert torch.equal(shown.network_shown()[0].weight, net[0].weight.half().double())
    assert np.array_equal(shown.picture_shown(), np.round(pictures()["wide"] * 255) / 255)


def test_a_network_of_twelve_thousand_weights_with_four_pictures_is_a_small_part_of_a_page():
    torch.manual_seed(0)
    net = nn.Sequential(
        *(nn.Conv2d(1, 8, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(256, 32), nn.ReLU(), nn.Linear(32, 11)),
    )
    chance = np.random.default_rng(0)
    busy = [chance.random((80, 80)) * (chance.random((80, 80)) < 0.25) for _ in range(4)]
    state = json.dumps(own_state(SlidingWindow(net, busy)))
    script = (node.WIDGETS / "static" / "sliding_window.js").read_text("utf-8")
    style = (node.WIDGETS / "static" / "sliding_window.css").read_text("utf-8")
    assert sum(len(gzip.compress(part.encode())) for part in (state, script, style)) < 60_000


# ── Its traits ───────────────────────────────────────────────────────────────────────────────────


def test_every_trait_has_help():
    assert without_help(SlidingWindow) == []


def test_the_state_is_json_and_starts_from_the_defaults():
    state = own_state(figure())
    assert [one["name"] for one in state["images"]] == ["wide", "one window"]
    assert state["images"][0]["shape"] == [20, 31]
    assert state["labels"] == ["0", "1", "2", "3"]
    assert (state["image"], state["at"], state["shown"]) == (0, [0, 0], None)
    assert (state["snap"], state["padded"], state["marked"]) == (True, False, True)
    listed = SlidingWindow(network(), list(pictures().values()), window=SIDE)
    assert [one["name"] for one in listed.images] == ["Picture 1", "Picture 2"]


NAN = np.full((20, 20), np.nan)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"network": nn.Linear(2, 2)}, "module must be an nn.Sequential, got Linear"),
        ({"network": nn.Sequential(nn.Tanh())}, r"cannot be packed, 0: Tanh\(\)"),
        ({"network": network(side=20)}, r"network must take windows of shape \(1, 12, 12\)"),
        ({"network": nn.Sequential(nn.Conv2d(3, 1, 1))}, "network must take windows of shape"),
        ({"network": nn.Sequential(nn.Conv2d(1, 3, 3))}, "network must give at least two scores"),
        (
            {"network": nn.Sequential(nn.Flatten(), nn.Linear(144, 1))},
            "network must give at least two scores",
        ),
        (
            {
                "network": nn.Sequential(
                    nn.Conv2d(1, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)
                )
            },
            "network must take windows of .* depends on the picture",
        ),
        ({"images": []}, "images must hold 1 to 8 pictures, got 0"),
        ({"images": [np.eye(20)] * 9}, "images must hold 1 to 8 pictures, got 9"),
        ({"images": "digits"}, "images must be a list or a mapping of arrays"),
        ({"images": [np.eye(11)]}, r"each side 12 to 200, with values .* got shape \(11, 11\)"),
        ({"images": [np.eye(201)]}, r"got shape \(201, 201\)"),
        ({"images": [np.zeros((20, 20, 3))]}, r"got shape \(20, 20, 3\)"),
        ({"images": [255 * np.eye(20)]}, "values from 0 to 1, got from 0 to 255"),
        ({"images": [np.eye(20) - 0.5]}, "got from -0.5 to 0.5"),
        ({"images": [NAN]}, "got from nan to nan"),
        ({"images": [[["a"]]]}, "each of images must be an array"),
        ({"images": {"": np.eye(20)}}, "each name of images must be some text"),
        ({"window": 1}, "window must be a whole number of at least 2"),
        ({"window": 97}, "window must be a whole number of at most 96"),
        ({"window": 12.0}, "window must be a whole number"),
        ({"labels": ["a", "b"]}, "labels must be a list of 4 names"),
        ({"labels": "abcd"}, "labels must be a list of 4 names"),
        ({"labels": ["a", "b", "c", ""]}, "each of labels must be some text"),
        ({"labels": ["a", "b", "c", "a"]}, "labels must name each class differently"),
        ({"background": "nothing"}, "background must be one of '0', '1', '2', '3'"),
        ({"image": 2}, "image must be below the 2 pictures, got 2"),
        ({"image": -1}, "image must be a whole number"),
        ({"size": 11}, "size must be a whole number of at least 12"),
        ({"at": 3}, "at must be a row and a column"),
        ({"at": (1, 2, 3)}, "at must be a row and a column"),
        ({"at": (1, -2)}, "each of at must be a whole number"),
        ({"shown": "nine"}, "shown must be one of"),
        ({"snap": 1}, "snap must be True or False"),
        ({"padded": None}, "padded must be True or False"),
        ({"marked": "yes"}, "marked must be True or False"),
        ({"predict": 1}, "predict must be True or False"),
        ({"key": ""}, "key must be some text"),
        ({"label": None}, "label must be some text"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    given = {"network": network(), "images": pictures(), "window": SIDE, **arguments}
    with pytest.raises(ValueError, match=message):
        SlidingWindow(given.pop("network"), given.pop("images"), **given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("at", [1]), ("at", [0, math.nan]), ("size", 1), ("shown", "nine")),
        *(("background", "nine"), ("key", ""), ("snap", 3)),
    ],
)
def test_a_bad_assignment_is_refused_and_changes_nothing(name, value):
    shown = figure()
    before = getattr(shown, name)
    with pytest.raises(traitlets.TraitError):
        setattr(shown, name, value)
    assert getattr(shown, name) == before


def test_what_the_reader_set_is_what_the_methods_see():
    shown = figure()
    shown.image, shown.at, shown.size = 0, [4, 8], 20
    assert shown.picture_shown().shape == (20, 20) and shown.place() == (4, 8)
    assert shown.score_map().shape == (4, 3, 3)
    shown.image = 1
    assert shown.place() == (0, 0)


@pytest.mark.parametrize("name", [*FIGURES, "predict"])
def test_the_picture_is_a_small_png(name):
    shown = figure("first" if name == "predict" else name)
    shown.predict = name == "predict"
    assert_shows_a_small_picture(shown)


def test_the_picture_is_the_same_whatever_the_style():
    assert_is_the_same_whatever_the_style(figure)


def test_the_description_says_what_is_to_be_seen():
    shown = figure("nearest cell")
    said = shown.describe()
    best = shown.labels[shown.window_scores().argmax()]
    assert f"at row 8, column 16, which the network takes for “{best}”" in said
    assert re.search(r"map of 5 × 3 cells, sure of “\d”", said)
    assert f"over 15 windows multiplies {shown.costs().slid:,} times" in said
    shown.predict = True
    assert "hidden until you predict" in shown.describe()
    assert "multiplies" not in shown.describe()
