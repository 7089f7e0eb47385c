"""ActivationMap: its maps against the network's own, JavaScript against Python, and its traits."""

import base64
import io
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
from PIL import Image
from torch import nn

from converge_lib.data import imagenet_classes, photographs
from converge_lib.structure.class_activation import ClassActivation, box_of, upsample
from converge_lib.structure.pretrained import efficientnet_lite0, preprocess
from converge_lib.widgets import ActivationMap
from converge_lib.widgets.activation_map.colours import AGAINST, FOR, coloured
from converge_lib.widgets.activation_map.maps import longest_first, pack, unpack
from tests import node

CLOSE = {"rtol": 1e-9, "atol": 1e-9}
PHOTOGRAPHS = ["coffee", "chelsea", "camera"]
THRESHOLDS = [0.05, 0.2, 0.37, 0.5, 0.8, 0.95]


class Small(nn.Module):
    """A network of one's own: a convolution with a stride, and the head that is wanted."""

    def __init__(self, classes=4, channels=9, *, size=4, seed=0, bias=True):
        super().__init__()
        torch.manual_seed(seed)
        self.features = nn.Conv2d(3, channels, size, stride=size)
        self.head = nn.Linear(channels, classes, bias=bias)

    def forward(self, images):
        return self.head(self.features(images).mean((2, 3)))


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


OWN = {
    "tiny": lambda: ActivationMap(noise(8, 20), Small()),
    "upright": lambda: ActivationMap(noise(60, 32, seed=1), Small(12, 3, bias=False)),
    "one cell": lambda: ActivationMap(noise(4, 4), Small(2)),
    "one class": lambda: ActivationMap(noise(16, 8, seed=3), Small(1)),
    "fine": lambda: ActivationMap(noise(100, 100, seed=4), Small(7, size=2)),
}


@pytest.fixture(scope="module")
def figures():
    made = {name: ActivationMap(photographs()[name]) for name in PHOTOGRAPHS}
    return made | {name: make() for name, make in OWN.items()}


@pytest.fixture(scope="module")
def heads():
    """What the network has, not rounded: scores, biases, and maps in float64."""
    network = efficientnet_lite0()
    found = {}
    for name in PHOTOGRAPHS:
        head = ClassActivation(network).head(preprocess(photographs()[name])[None])
        maps = np.tensordot(head.weight.double().numpy(), head.features[0].double().numpy(), 1)
        found[name] = head.scores[0].numpy(), head.bias.numpy(), maps
    return found


# ── What the page carries, against the network ───────────────────────────────────────────────────


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_scores_are_the_network_s_and_maps_are_its_own_but_for_a_byte(figures, heads, name):
    figure, (scores, biases, exact) = figures[name], heads[name]
    np.testing.assert_array_equal(figure._floats("scores"), scores)
    np.testing.assert_array_equal(figure._floats("biases"), biases)
    softmax = torch.from_numpy(scores).double().softmax(0).numpy()
    np.testing.assert_allclose(figure.probabilities(), softmax, **CLOSE)
    maps = figure.maps()
    spread = exact.max((1, 2)) - exact.min((1, 2))
    assert (np.abs(maps - exact).max((1, 2)) < 0.003 * spread).all()
    np.testing.assert_allclose(maps.mean((1, 2)), scores - biases.astype(float), **CLOSE)
    assert figure.index == scores.argmax()


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_shares_are_the_network_s_to_a_fiftieth_of_a_percent(figures, heads, name):
    figure, (scores, biases, exact) = figures[name], heads[name]
    index = figure.index
    shares = np.array([[figure.share(row, column) for column in range(7)] for row in range(7)])
    expected = exact[index] / 49 / (scores[index] - biases[index])
    assert shares.sum() == pytest.approx(1, abs=1e-12)
    assert np.abs(shares - expected).max() < 2e-4


def test_it_sees_the_cup_and_a_class_that_is_not_there_looks_absent(figures):
    figure = figures["coffee"]
    maps = figure.maps()
    assert figure.names[figure.index] == "espresso"
    assert tuple(figure.names) == imagenet_classes()
    assert maps[figure.index].max() > 10 * maps[figure.names.index("tench")].max() / 1.2
    assert maps.max() == maps[figure.index].max()


def test_the_channels_are_those_that_give_most_and_what_they_give(figures):
    network, image = efficientnet_lite0(), preprocess(photographs()["coffee"])[None]
    head = ClassActivation(network).head(image)
    features, weight = head.features[0].double().numpy(), head.weight.double().numpy()
    tiles = figures["coffee"].tiles
    assert [one["index"] for one in tiles] == head.scores[0].topk(5).indices.tolist()
    for one in tiles:
        gives = weight[one["index"]] * features.mean((1, 2))
        found = {tile["channel"]: tile for tile in one["channels"]}
        assert len(found) == 6 and figures["coffee"].channels == len(gives) == 1280
        left_out = np.delete(np.abs(gives), list(found))
        for channel, tile in found.items():
            assert tile["gives"] == pytest.approx(gives[channel], rel=1e-12)
            assert abs(gives[channel]) >= left_out.max()
            assert tile["weight"] == weight[one["index"], channel]
            exact = tile["weight"] * features[channel]
            packed = np.frombuffer(base64.b64decode(tile["cells"]), np.uint8).reshape(1, 7, 7)
            map = unpack(packed, np.array([tile["step"]]), np.array([tile["gives"]]))[0]
            assert np.abs(map - exact).max() < 0.004 * np.ptp(exact)


@pytest.mark.parametrize("seed", range(3))
def test_packing_keeps_means_exactly_and_cells_to_half_a_step(seed):
    random = np.random.default_rng(seed)
    maps = random.normal(size=(40, 5, 6)) * 10.0 ** random.uniform(-6, 6, (40, 1, 1))
    maps[0] = 3.7  # constant
    maps[1] = 0
    cells, steps = pack(maps)
    again = unpack(cells, steps, maps.mean((1, 2)))
    np.testing.assert_allclose(again.mean((1, 2)), maps.mean((1, 2)), rtol=1e-12, atol=1e-12)
    assert (np.abs(again - maps).max((1, 2)) <= 0.8 * steps + 1e-12).all()
    assert cells[2:].min((1, 2)).max() == 0 and cells[2:].max((1, 2)).min() == 255


# ── Networks and pictures of one's own ───────────────────────────────────────────────────────────


def test_a_network_of_one_s_own_is_taken_with_its_names_and_preprocessing():
    network, picture = Small(3).double(), noise(24, 32)
    seen = []

    def prepare(photograph):
        seen.append(photograph)
        return torch.from_numpy(photograph[::-1].copy()).permute(2, 0, 1).double() / 100

    figure = ActivationMap(
        picture, network, names=["a", "b", "c"], preprocess=prepare, index=2, label="Mine"
    )
    np.testing.assert_array_equal(seen[0], picture)
    image = prepare(picture)[None]
    expected = ClassActivation(network).maps(image, 2)[0].detach().numpy()
    assert figure.shape == [6, 8] and figure.size == [168, 224] and figure.index == 2
    assert np.abs(figure.maps()[2] - expected).max() < 0.004 * np.ptp(expected)
    assert figure.names == ["a", "b", "c"] and network.training
    assert [len(one["channels"]) for one in figure.tiles] == [6, 6, 6]


def test_without_names_and_preprocessing_classes_have_numbers_and_pixels_go_from_0_to_1():
    network, picture = Small(2), noise(8, 8)
    figure = ActivationMap(picture, Small(2).double())
    scores = network(torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255)
    np.testing.assert_allclose(figure._floats("scores"), scores[0].detach().numpy(), rtol=1e-6)
    assert figure.names == ["class 0", "class 1"]


def test_the_picture_is_the_square_that_the_network_sees_and_no_larger_than_needed():
    whole = photographs()["coffee"]
    figure = ActivationMap(whole)
    seen = decoded(figure)
    assert seen.shape == (400, 400, 3)
    assert np.abs(seen.astype(int) - whole[:, 100:500]).mean() < 4  # of 255, by JPEG
    large = ActivationMap(np.kron(whole, np.ones((3, 1, 1), np.uint8)), Small(size=100))
    assert decoded(large).shape == (448, 224, 3)


def test_a_small_picture_is_kept_pixel_by_pixel():
    picture = noise(28, 28)
    np.testing.assert_array_equal(decoded(ActivationMap(picture, Small())), picture)


def decoded(figure):
    head, _, body = figure.photograph.partition(",")
    assert head in ("data:image/jpeg;base64", "data:image/png;base64")
    return np.array(Image.open(io.BytesIO(base64.b64decode(body))))


@pytest.mark.parametrize(
    ("height", "width", "expected"), [(1, 1, (9, 9)), (2, 1000, (1, 9)), (30, 20, (9, 6))]
)
def test_proportions(height, width, expected):
    assert longest_first(height, width, 9) == expected


def test_shares_where_nothing_is_given_are_none():
    network = Small(2)
    with torch.no_grad():
        network.head.weight[1] = 0
    figure = ActivationMap(noise(8, 8), network, index=1)
    assert math.isnan(figure.share(0, 1))


def test_the_box_is_that_of_the_upsampled_map_and_of_a_difference(figures):
    figure = figures["chelsea"]
    map = figure.maps()[figure.index]
    assert figure.box() == box_of(upsample(map, 224), 0.2)
    assert figure.box(0.6) == box_of(upsample(map, 224), 0.6)
    other = ActivationMap(photographs()["chelsea"])
    other.other = other.names.index("lynx")
    difference = map - other.maps()[other.other]
    assert other.box(0.6) == box_of(upsample(difference, 224), 0.6) != figure.box(0.6)


# ── JavaScript against Python ────────────────────────────────────────────────────────────────────

UPSAMPLINGS = [((7, 7), (224, 224)), ((1, 1), (3, 2)), ((2, 5), (9, 9)), ((9, 8), (4, 3))]
UPSAMPLINGS += [((1, 4), (2, 8)), ((5, 1), (10, 3)), ((3, 3), (3, 3))]
VALUES = [-2.0, -0.99, -0.3, -1e-9, 0.1, 0.77, 7.0, *np.linspace(-1, 1, 17).tolist()]


def grids():
    """Maps with groups that touch, that touch at corners only, of equal size, and of one value."""
    random = np.random.default_rng(5)
    yield np.array([[9.0, 0.0, 0.0], [0.0, 8.0, 8.0]])
    yield np.array([[1.0, 0, 1], [0, 0, 0], [1, 0, 1]])
    yield np.full((2, 3), 4.0)
    yield np.zeros((1, 1))
    yield np.array([[1.0, 1, 0], [0, 1, 1], [1, 0, 0], [1, 1, 1]])
    for _ in range(12):
        yield random.integers(0, 4, random.integers(1, 12, 2)).astype(float)


@pytest.fixture(scope="module")
def answers(figures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("activation")
    random = np.random.default_rng(0)
    questions = {
        "figures": [
            {"traits": own_state(one), "states": states(one), "thresholds": THRESHOLDS}
            for one in figures.values()
        ],
        "upsamplings": [
            {"map": random.normal(size=old).ravel().tolist(), "from": old, "to": new}
            for old, new in UPSAMPLINGS
        ],
        "boxes": [
            {"map": map.ravel().tolist(), "size": map.shape, "threshold": threshold}
            for map in grids()
            for threshold in (0, 0.3, 0.5, 1)
        ],
        "colours": VALUES,
    }
    (folder / "questions.json").write_text(json.dumps(questions))
    script = node.WIDGETS.parents[1] / "tests" / "widgets" / "compute_activation_map.mjs"
    ran = node.run(
        "node", str(script), str(folder / "questions.json"), str(folder / "answers.json")
    )
    assert ran.returncode == 0, ran.stderr
    return questions, json.loads((folder / "answers.json").read_text())


def states(figure):
    """Classes to be shown: the first and last, the likeliest, and differences of two."""
    last = len(figure.names) - 1
    alone = [{"index": index, "other": None} for index in sorted({0, figure.index, last})]
    pair = [{"index": 0, "other": last}, {"index": last, "other": 0, "own_scale": True}]
    return [*alone, {**alone[0], "own_scale": True}, *(pair if last else [])]


@pytest.mark.parametrize("name", [*PHOTOGRAPHS, *OWN])
def test_the_page_has_python_s_maps_shares_and_boxes(figures, answers, name):
    figure, (questions, found) = figures[name], answers
    at = list(figures).index(name)
    answer, maps = found["figures"][at], figure.maps()
    assert answer["names"] == figure.names
    np.testing.assert_allclose(answer["probabilities"], figure.probabilities(), **CLOSE)
    scores, biases = figure._floats("scores"), figure._floats("biases")
    assert answer["order"] == np.argsort(-scores, kind="stable").tolist()
    cells = maps[0].size
    assert answer["lowest"] == pytest.approx(min(0, maps.min() / cells), rel=1e-9)
    assert answer["highest"] == pytest.approx(max(0, maps.max() / cells), rel=1e-9)
    for state, shown in zip(questions["figures"][at]["states"], answer["shown"], strict=True):
        index, other = state["index"], state["other"]
        figure.index, figure.other = index, None
        map = maps[index] - (0 if other is None else maps[other])
        np.testing.assert_allclose(shown["map"], map.ravel(), **CLOSE)
        sum = map.mean()
        assert shown["sum"] == pytest.approx(sum, **{"rel": 1e-9, "abs": 1e-9})
        bias = biases[index] - (0 if other is None else biases[other])
        assert shown["score"] == pytest.approx(sum + bias, rel=1e-9, abs=1e-9)
        if other is None:
            shares = [np.nan if one is None else one for one in shown["shares"]]
            expected = [figure.share(*divmod(i, figure.shape[1])) for i in range(cells)]
            np.testing.assert_allclose(shares, expected, **CLOSE)
        large = upsample(map, tuple(figure.size))
        np.testing.assert_allclose(shown["fine"], large.ravel(), **CLOSE)
        figure.other = other
        assert [tuple(box) for box in shown["boxes"]] == [figure.box(t) for t in THRESHOLDS]
        ranks = 1 + (map.ravel()[None] > map.ravel()[:, None]).sum(1)
        assert shown["places"] == ranks.tolist()
        assert shown["half"] == half(map)
        scale = np.abs(map).max() if state.get("own_scale") else np.abs(maps).max()
        scale = max(scale, np.abs(map).max()) or 1
        np.testing.assert_allclose(shown["relative"], map.ravel() / scale, **CLOSE)
    figure.index, figure.other = int(scores.argmax()), None


def half(map):
    """Count the largest cells that together give half of a positive sum."""
    if map.sum() <= 0:
        return 0
    return 1 + int(np.argmax(np.cumsum(np.sort(map.ravel())[::-1]) >= map.sum() / 2))


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_channels_are_the_same_in_javascript(figures, answers, name):
    answer = answers[1]["figures"][PHOTOGRAPHS.index(name)]
    for one, expected in zip(answer["tiles"], figures[name].tiles, strict=True):
        assert one["index"] == expected["index"]
        for tile, packed in zip(one["tiles"], expected["channels"], strict=True):
            cells = np.frombuffer(base64.b64decode(packed["cells"]), np.uint8).reshape(1, 7, 7)
            step, gives = np.array([packed["step"]]), np.array([packed["gives"]])
            np.testing.assert_allclose(tile["map"], unpack(cells, step, gives).ravel(), **CLOSE)
            assert tile["channel"] == packed["channel"] and tile["gives"] == packed["gives"]


@pytest.mark.parametrize("i", range(len(UPSAMPLINGS)))
def test_upsampling_is_the_same_in_javascript_and_torch(answers, i):
    question, answer = answers[0]["upsamplings"][i], answers[1]["upsamplings"][i]
    map = np.array(question["map"]).reshape(question["from"])
    np.testing.assert_allclose(answer, upsample(map, tuple(question["to"])).ravel(), **CLOSE)
    theirs = nn.functional.interpolate(
        torch.from_numpy(map)[None, None], question["to"], mode="bilinear"
    )
    np.testing.assert_allclose(answer, theirs.ravel().numpy(), **CLOSE)


def test_boxes_are_the_same_in_javascript(answers):
    for question, answer in zip(answers[0]["boxes"], answers[1]["boxes"], strict=True):
        map = np.array(question["map"]).reshape(question["size"])
        assert tuple(answer) == box_of(map, question["threshold"]), question


def test_colours_are_the_same_in_javascript(answers):
    for value, answer in zip(VALUES, answers[1]["colours"], strict=True):
        np.testing.assert_allclose(answer["exact"], coloured(np.array(value)), **CLOSE)
        assert np.abs(np.array(answer["pixel"][:3]) - answer["exact"]).max() < 1.5
        assert answer["pixel"][3] == 255


# ── Colours ──────────────────────────────────────────────────────────────────────────────────────


def oklab(rgb):
    """Return OKLab of sRGB from 0 to 255: Ottosson (2020)."""
    share = np.asarray(rgb) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    lms = linear @ np.array(
        [
            [0.4122214708, 0.2119034982, 0.0883024619],
            [0.5363325363, 0.6806995451, 0.2817188376],
            [0.0514459929, 0.1073969566, 0.6299787005],
        ]
    )
    return np.cbrt(lms) @ np.array(
        [
            [0.2104542553, 1.9779984951, 0.0259040371],
            [0.7936177850, -2.4285922050, 0.7827717662],
            [-0.0040720468, 0.4505937099, -0.8086757660],
        ]
    )


@pytest.mark.parametrize("side", [1, -1])
def test_lightness_rises_evenly_from_nothing_to_the_end_of_the_scale(side):
    lightness = oklab(coloured(side * np.linspace(0, 1, len(FOR))))[:, 0]
    steps = np.diff(lightness)
    assert lightness[0] < 0.2 and lightness[-1] > 0.9
    assert steps.min() > 0.8 * steps.mean() and steps.max() < 1.25 * steps.mean()


DEFICIENCIES = {  # Machado, Oliveira and Fernandes (2009), severity 1
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_for_and_against_differ_to_the_colour_blind(deficiency):
    sizes = np.linspace(0.25, 1, 16)
    matrix = np.array(DEFICIENCIES[deficiency]).T
    see = lambda values: oklab((coloured(values) @ matrix).clip(0, 255))  # noqa: E731
    assert np.linalg.norm(see(sizes) - see(-sizes), axis=1).min() > 0.1


def test_both_sides_begin_at_the_same_colour():
    assert FOR[0] == AGAINST[0] and len(FOR) == len(AGAINST)


# ── Its traits ───────────────────────────────────────────────────────────────────────────────────


def test_every_trait_has_help():
    assert without_help(ActivationMap) == []


def test_the_state_is_json_and_starts_from_the_defaults(figures):
    state = own_state(ActivationMap(noise(8, 12), Small()))
    assert (state["opacity"], state["smooth"], state["own_scale"]) == (0.7, True, False)
    assert (state["boxed"], state["threshold"], state["other"]) == (False, 0.2, None)
    assert state["cell"] == [1, 1] and state["predict"] is False
    assert json.loads(json.dumps(state)) == state
    assert len(json.dumps(own_state(figures["camera"]))) < 150_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"photograph": np.zeros((5, 5), np.uint8)}, "photograph must be of shape"),
        ({"photograph": np.zeros((5, 5, 3))}, "type uint8, got shape .* float64"),
        ({"photograph": np.zeros((0, 5, 3), np.uint8)}, "photograph must be of shape"),
        ({"photograph": "coffee"}, "photograph must be of shape"),
        ({"network": "efficientnet"}, "network must be a torch.nn.Module"),
        ({"network": nn.Flatten()}, "network must end in global average pooling"),
        ({"network": nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())}, "network must end in"),
        ({"names": ["a", "b"]}, "names must hold 4 names, one a class"),
        ({"names": "abcd"}, "names must hold 4 names"),
        ({"names": ["a", "b", "c", ""]}, "each of names must be some text"),
        ({"names": ["a", "b", "c", 4]}, "each of names must be some text"),
        ({"preprocess": 3}, "preprocess must be a function or None"),
        ({"preprocess": lambda x: x}, "preprocess must give a float tensor"),
        ({"preprocess": lambda x: torch.zeros(1, 3, 8, 8)}, "preprocess must give a float tensor"),
        ({"preprocess": lambda x: torch.zeros(3, 8, 8).byte()}, "preprocess must give a float"),
        ({"preprocess": lambda x: torch.full((3, 8, 8), torch.nan)}, "network must"),
        ({"network": Small(size=1), "photograph": noise(225, 3)}, "at most 224 × 224 cells"),
        ({"index": 4}, "index must be below 4, got 4"),
        ({"index": -1}, "index must be a whole number"),
        ({"index": "cat"}, "index must be a whole number"),
        ({"predict": 1}, "predict must be True or False"),
        ({"key": " "}, "key must be some text"),
        ({"label": None}, "label must be some text"),
    ],
)
def test_bad_arguments_are_named(change, message):
    arguments = {"photograph": noise(8, 8), "network": Small(), **change}
    with pytest.raises(ValueError, match=message):
        ActivationMap(arguments.pop("photograph"), **arguments)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("index", 4),
        ("index", None),
        ("other", -1),
        ("cell", [0]),
        ("cell", [0, 2]),
        ("cell", [0.5, 0]),
        ("cell", "00"),
        ("opacity", 1.5),
        ("threshold", 0.0),
        ("smooth", "yes"),
        ("label", ""),
    ],
)
def test_a_bad_assignment_is_refused_and_changes_nothing(name, value):
    figure = ActivationMap(noise(8, 8), Small())
    before = getattr(figure, name)
    with pytest.raises(traitlets.TraitError):
        setattr(figure, name, value)
    assert getattr(figure, name) == before


@pytest.mark.parametrize("cell", [(2, 0), (0, -1), (0.0, 0)])
def test_a_share_of_no_cell_is_refused(cell):
    with pytest.raises(ValueError, match=r"cell's (row|column) must be"):
        ActivationMap(noise(8, 8), Small()).share(*cell)


def test_the_picture_is_a_small_png(figures):
    for figure in figures.values():
        assert_shows_a_small_picture(figure)


def test_the_picture_is_the_same_whatever_the_style():
    assert_is_the_same_whatever_the_style(lambda: ActivationMap(noise(8, 8), Small()))


def test_the_description_says_what_is_to_be_seen_and_hides_what_is_asked(figures):
    said = figures["coffee"].describe()
    assert "likeliest classes are espresso 94 %, cup 1.7 %" in said
    assert "row 3, column 4 gives most, +0.728" in said
    hidden = ActivationMap(noise(8, 8), Small(), predict=True)
    assert "hidden until you predict" in hidden.describe()
    assert "gives most" not in hidden.describe()
    shown = ActivationMap(noise(8, 8), Small())
    assert shown.picture() != hidden.picture()
    shown.other = (shown.index + 1) % 4
    assert f"minus class {shown.other}" in shown.describe()
