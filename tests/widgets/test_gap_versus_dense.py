"""GapVersusDense: frames and networks in JavaScript against torch, what is measured, its traits."""

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

from converge_lib.data import mnist
from converge_lib.widgets import GapVersusDense
from converge_lib.widgets.gap_versus_dense.measure import SHIFTS, SIZES, directions, frame, measure
from converge_lib.widgets.network import rounded
from tests import node

TRAIN, TEST = mnist(n=30), mnist("test", 12)


def trunk():
    return (
        *(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
    )


def networks(seed=0):
    torch.manual_seed(seed)
    return {
        "dense": nn.Sequential(
            *(*trunk(), nn.Flatten(), nn.Linear(294, 8), nn.ReLU(), nn.Dropout()),
            nn.Linear(8, 10),
        ),
        "average": nn.Sequential(*trunk(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 10)),
        "max": nn.Sequential(*trunk(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(6, 10)),
    }


def make(**options):
    return GapVersusDense(networks(), train=TRAIN, test=TEST, **options)


def drawing(seed):
    levels = np.random.default_rng(seed).integers(0, 16, 784)
    return "".join(f"{level:x}" for level in levels)


STATES = [
    {"digit": 0, "shift": [0, 0], "size": 28},
    {"digit": 1, "shift": [3, -2], "size": 28},
    {"digit": 2, "shift": [-8, 8], "size": 28},
    {"digit": 3, "shift": [8, -8], "size": 12},
    {"digit": 4, "shift": [0, 5], "size": 20},
    {"digit": 5, "shift": [-1, 0], "size": 36},
    {"digit": 0, "shift": [8, 8], "size": 56},
    {"digit": -1, "drawing": drawing(1), "shift": [-3, 4], "size": 28},
    {"digit": -1, "drawing": drawing(2), "shift": [0, 0], "size": 48},
    {"digit": -1, "drawing": "", "shift": [0, 0], "size": 28},
]


@pytest.fixture(scope="module")
def figure():
    return make()


@pytest.fixture(scope="module")
def answers(figure, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gap")
    questions = {"traits": own_state(figure), "states": STATES}
    (folder / "questions.json").write_text(json.dumps(questions))
    script = node.WIDGETS.parents[1] / "tests" / "widgets" / "compute_gap_versus_dense.mjs"
    ran = node.run(
        "node", str(script), str(folder / "questions.json"), str(folder / "answers.json")
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads((folder / "answers.json").read_text())


# ── JavaScript against torch ─────────────────────────────────────────────────────────────────────


def set_to(figure, state):
    for name, value in state.items():
        setattr(figure, name, value)


@pytest.mark.parametrize("i", range(len(STATES)))
def test_an_image_and_what_is_said_of_it_are_the_same_in_javascript(figure, answers, i):
    set_to(figure, STATES[i])
    answer = answers[i]
    np.testing.assert_array_equal(
        np.reshape(answer["image"], (figure.size, figure.size)), figure.image_shown()
    )
    expected = figure.answers()
    assert [one["name"] for one in answer["networks"]] == list(expected)
    for one in answer["networks"]:
        shares = expected[one["name"]]
        assert ("refused" in one) == (shares is None)
        if shares is not None:
            np.testing.assert_allclose(one["shares"], shares, rtol=1e-9, atol=1e-12)
            assert one["winner"] == shares.argmax()


@pytest.mark.parametrize("i", range(len(STATES)))
def test_a_network_runs_or_says_what_does_not_fit(answers, i):
    size = STATES[i]["size"]
    dense, *others = answers[i]["networks"]
    assert not any("refused" in one for one in others)
    if size == 28:
        assert "refused" not in dense
    else:
        assert dense["refused"] == {"wanted": [6, 7, 7], "got": [6, size // 4, size // 4]}


@pytest.mark.parametrize("i", range(len(STATES)))
def test_the_mean_of_a_class_map_and_the_bias_are_the_score(figure, answers, i):
    set_to(figure, STATES[i])
    _, average, largest = answers[i]["networks"]
    assert largest["map"] is None
    network = rounded(networks()["average"], 8)
    with torch.no_grad():
        scores = network(torch.from_numpy(figure.image_shown())[None, None])[0]
        features = network[:6](torch.from_numpy(figure.image_shown())[None, None])[0]
    k = average["winner"]
    assert average["map"]["shape"] == [1, figure.size // 4, figure.size // 4]
    expected = torch.einsum("c,chw->hw", network[-1].weight[k], features)
    found = np.reshape(average["map"]["data"], expected.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    mean = np.mean(found) + float(network[-1].bias[k])
    assert mean == pytest.approx(float(scores[k]), rel=1e-9)


def test_a_state_of_python_is_a_state_of_javascript(answers):
    for given, answer in zip(STATES, answers, strict=True):
        assert {name: answer["state"][name] for name in given} == given


# ── Frames ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [12, 20, 28, 40, 56])
@pytest.mark.parametrize(("right", "down"), [(0, 0), (3, -2), (-8, 8), (8, 8)])
def test_a_frame_is_what_padding_shifting_and_cropping_give(size, right, down):
    images = np.random.default_rng(0).random((3, 28, 28))
    sheet = torch.nn.functional.pad(torch.tensor(images), (40, 40, 40, 40))
    moved = torch.roll(sheet, (down, right), (1, 2))
    start = 54 - size // 2
    expected = moved[:, start : start + size, start : start + size]
    np.testing.assert_array_equal(frame(images, size, right, down), expected)


def test_directions_are_those_of_a_king():
    assert directions(0) == [(0, 0)]
    for by in (1, 8):
        ways = directions(by)
        assert len(set(ways)) == 8
        assert {max(map(abs, way)) for way in ways} == {by}


# ── What is measured ─────────────────────────────────────────────────────────────────────────────


def test_accuracies_are_those_counted_one_by_one(figure):
    for name, network in networks().items():
        near = rounded(network, 8)
        known = figure.measured()[name]
        right = [
            int(near(torch.from_numpy(one.astype(float))[None, None]).argmax()) == label
            for one, label in zip(*TRAIN, strict=True)
        ]
        assert known.train == pytest.approx(np.mean(right))
        for by in (0, 3, 8):
            right = [
                int(near(torch.tensor(frame(one, 28, *way))[None, None].double()).argmax()) == label
                for one, label in zip(*TEST, strict=True)
                for way in directions(by)
            ]
            assert known.shifts[by] == pytest.approx(np.mean(right))
        assert len(known.shifts) == len(SHIFTS) and len(known.sizes) == len(SIZES)
        assert known.sizes[SIZES.index(28)] == known.shifts[0]
        at_larger = [size for size, one in zip(SIZES, known.sizes, strict=True) if one is not None]
        assert at_larger == ([28] if name == "dense" else list(SIZES))


def test_a_network_that_looks_at_one_pixel_follows_a_line_along_it_and_no_other_way():
    network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Flatten(), nn.Linear(784, 10))
    with torch.no_grad():
        for one in network.parameters():
            one.zero_()
        network[0].weight.fill_(1)
        network[2].weight[1, 14 * 28 + 14] = 1  # of class 1, else of class 0
    images, labels = np.zeros((2, 28, 28), dtype=np.float32), np.array([1, 1])
    images[:, :, 14] = 1
    known = measure(network, (images, labels), (images, labels))
    assert known.train == 1
    assert known.shifts == [1] + [2 / 8] * 8
    assert known.sizes == [1 if size == 28 else None for size in SIZES]
    assert (known.parameters, known.head) == (7852, 7850)


# ── Its traits ───────────────────────────────────────────────────────────────────────────────────


def test_every_trait_has_help():
    assert without_help(GapVersusDense) == []


def test_the_state_is_json_and_starts_from_the_defaults(figure):
    state = own_state(make())
    assert (state["digit"], state["shift"], state["size"]) == (0, [0, 0], 28)
    assert (state["chart"], state["mapped"], state["drawing"]) == ("shift", False, "")
    assert state["tested"] == 12
    assert [one["label"] for one in state["digits"]] == sorted(set(TEST[1].tolist()))
    assert [one["name"] for one in state["networks"]] == ["dense", "average", "max"]


def test_digits_are_those_asked_for():
    state = own_state(make(digits=[3, 1], digit=1))
    assert [one["label"] for one in state["digits"]] == TEST[1][[3, 1]].tolist()
    assert state["digit"] == 1


IMAGES, LABELS = TEST
TWO = dict(list(networks().items())[:2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"networks": nn.Sequential(nn.ReLU())}, "networks must be two or three networks by name"),
        ({"networks": {"one": TWO["dense"]}}, "networks must be two or three .* got 1"),
        ({"networks": {**TWO, "": TWO["dense"]}}, "each name of networks must be some text"),
        ({"networks": {**TWO, "x": nn.Tanh()}}, "'x' does not: module must be an nn.Sequential"),
        (
            {"networks": {**TWO, "x": nn.Sequential(nn.Flatten(), nn.Linear(9, 10))}},
            "networks must take images of shape",
        ),
        (
            {"networks": {**TWO, "x": nn.Sequential(nn.Conv2d(1, 3, 28), nn.Flatten())}},
            r"networks must give 10 scores, 'x' gives \(3,\)",
        ),
        (
            {"networks": {**TWO, "x": nn.Sequential(nn.Flatten(), nn.Linear(784, 10))}},
            "networks must have a convolution, 'x' has none",
        ),
        ({"train": IMAGES}, "train must be images and labels"),
        ({"train": (IMAGES[:0], LABELS[:0])}, "train must have images of shape"),
        ({"test": (IMAGES[:, :20], LABELS)}, "test must have images of shape"),
        ({"test": (2 * IMAGES, LABELS)}, "test must have images from 0 to 1, got from 0 to 2"),
        ({"test": (IMAGES * math.nan, LABELS)}, "test must have images from 0 to 1"),
        ({"test": (IMAGES, LABELS[:3])}, "test must have a label from 0 to 9 for each of 12"),
        ({"test": (IMAGES, LABELS + 5)}, "test must have a label from 0 to 9"),
        ({"test": (IMAGES, LABELS / 2)}, "test must have a label from 0 to 9"),
        ({"digits": "01"}, "digits must be a list of indices"),
        ({"digits": []}, "digits must hold 1 to 12 indices, got 0"),
        ({"digits": [0] * 13}, "digits must hold 1 to 12 indices, got 13"),
        ({"digits": [12]}, "each of digits must be below 12, got 12"),
        ({"digits": [-1]}, "each of digits must be a whole number of at least 0"),
        ({"digit": 12}, "digit must be below the"),
        ({"digit": -1}, "digit must be a whole number of at least 0"),
        ({"shift": 3}, "shift must be two whole numbers from -8 to 8"),
        ({"shift": (1, 2, 3)}, "shift must be two whole numbers"),
        ({"shift": (9, 0)}, "each of shift must be a whole number from -8 to 8, got 9"),
        ({"shift": (0.5, 0)}, "each of shift must be a whole number"),
        ({"shift": (True, 0)}, "each of shift must be a whole number"),
        ({"size": 30}, "size must be one of 12, 16, 20"),
        ({"size": 60}, "size must be one of"),
        ({"size": "28"}, "size must be a whole number"),
        ({"chart": "both"}, "chart must be one of 'shift', 'size'"),
        ({"mapped": 1}, "mapped must be True or False"),
        ({"predict": 1}, "predict must be True or False"),
        ({"key": ""}, "key must be some text"),
        ({"label": None}, "label must be some text"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    given = {"networks": TWO, "train": TRAIN, "test": TEST, **arguments}
    with pytest.raises(ValueError, match=message):
        GapVersusDense(given.pop("networks"), **given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("digit", 99), ("digit", -2), ("drawing", "0"), ("drawing", "g" * 784)),
        *(("shift", [9, 0]), ("shift", [0]), ("size", 29), ("chart", "both"), ("key", "")),
    ],
)
def test_a_bad_assignment_is_refused_and_changes_nothing(figure, name, value):
    before = getattr(figure, name)
    with pytest.raises(traitlets.TraitError):
        setattr(figure, name, value)
    assert getattr(figure, name) == before


@pytest.mark.parametrize(
    "arguments",
    [{}, {"shift": (5, -8), "size": 56, "chart": "size"}, {"size": 12}, {"predict": True}],
)
def test_the_picture_is_a_small_png(arguments):
    assert_shows_a_small_picture(make(**arguments))


def test_the_picture_is_the_same_whatever_the_style():
    assert_is_the_same_whatever_the_style(make)


def test_the_description_says_what_is_to_be_seen_and_hides_what_is_asked():
    said = make(shift=(3, -2), size=36).describe()
    assert "A 0, moved by 3 pixels to the right and -2 down, in an image of 36 × 36" in said
    assert "dense cannot run on it" in said and "average says " in said
    hidden = make(predict=True).describe()
    assert "hidden until you predict it" in hidden
    assert "says" not in hidden and "moved by 4" not in hidden
