"""Networks in the page: what JavaScript computes against torch in float64, and what is refused."""

import base64
import json

import numpy as np
import pytest
import torch
from torch import nn

from converge_lib.structure.network_in_network import MlpConv, count_multiplications
from converge_lib.widgets.network import pack, rounded
from tests import node


class Doubled(nn.Sequential):
    def forward(self, x):
        return super().forward(x) * 2


NETWORKS = {
    "dense": (
        lambda: nn.Sequential(
            *(nn.Conv2d(1, 4, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
            *(nn.Linear(4 * 12 * 11, 7), nn.ReLU(), nn.Dropout(), nn.Linear(7, 3)),
        ),
        (1, 28, 27),
    ),
    "padded, not square": (
        lambda: nn.Sequential(
            *(nn.Conv2d(3, 5, (3, 5), padding=2), nn.MaxPool2d(3), nn.ReLU()),
            *(nn.Conv2d(5, 2, 2, padding=1, bias=False), nn.MaxPool2d((2, 2))),
        ),
        (3, 17, 11),
    ),
    "averaged": (
        lambda: nn.Sequential(
            *(MlpConv(2, [6, 4], 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            nn.Linear(4, 10, bias=False),
        ),
        (2, 9, 13),
    ),
    "largest": (
        lambda: nn.Sequential(nn.Conv2d(1, 8, 4), nn.AdaptiveMaxPool2d((1, 1)), nn.Flatten(1)),
        (1, 6, 5),
    ),
    "padding wider than the kernel": (
        lambda: nn.Sequential(nn.Conv2d(2, 3, 2, padding=4), nn.ReLU()),
        (2, 1, 3),
    ),
    "one pixel": (
        lambda: nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Conv2d(8, 2, 1)),
        (3, 1, 1),
    ),
}
CASES = [(name, bits) for name in NETWORKS for bits in (8, 16, 32)]


def made(name, bits):
    """Return a network with random weights, its input, and both rounded as the page has them."""
    torch.manual_seed(len(name) + bits)
    make, shape = NETWORKS[name]
    return make().eval(), torch.randn(shape, dtype=torch.float64)


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks")
    questions = []
    for name, bits in CASES:
        network, x = made(name, bits)
        question = {"packed": pack(network, bits), "input": x.flatten().tolist()}
        questions.append({**question, "shape": list(x.shape)})
    (folder / "questions.json").write_text(json.dumps({"networks": questions}))
    script = node.WIDGETS.parents[1] / "tests" / "widgets" / "compute_layers.mjs"
    ran = node.run(
        "node", str(script), str(folder / "questions.json"), str(folder / "answers.json")
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads((folder / "answers.json").read_text())["networks"]


@pytest.mark.parametrize("i", range(len(CASES)), ids=lambda i: "-".join(map(str, CASES[i])))
def test_every_layer_is_the_same_in_javascript(answers, i):
    network, x = made(*CASES[i])
    layers = rounded(network, CASES[i][1])
    answer = answers[i]
    assert len(answer["outputs"]) == len(layers) == len(pack(network)["layers"])
    x = x[None]
    for layer, output, shape in zip(layers, answer["outputs"], answer["shapes"], strict=True):
        x = layer(x)
        expected = x[0].numpy()
        assert output["shape"] == shape == [*expected.shape, 1, 1][:3]
        got = np.array(output["data"]).reshape(expected.shape)
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())
    np.testing.assert_allclose(answer["softmax"], torch.softmax(x.flatten(), 0), rtol=1e-9)


@pytest.mark.parametrize("i", range(len(CASES)), ids=lambda i: "-".join(map(str, CASES[i])))
def test_multiplications_are_counted_as_the_shelf_counts_them(answers, i):
    network, x = made(*CASES[i])
    assert answers[i]["multiplications"] == count_multiplications(network, x.shape) > 0


def test_rounded_weights_are_those_that_are_packed():
    network = nn.Sequential(nn.Flatten(), nn.Linear(50, 20), nn.Dropout(), nn.ReLU())
    for bits, kind in ((16, torch.float16), (32, torch.float32)):
        near = rounded(network, bits)
        assert torch.equal(near[1].weight, network[1].weight.to(kind).double())
        assert torch.equal(near[1].bias, network[1].bias.to(kind).double())
        assert [type(layer) for layer in near] == [nn.Flatten, nn.Linear, nn.ReLU]
        assert not near.training and not any(p.requires_grad for p in near.parameters())
    assert network[1].weight.dtype == torch.float32 and network.training


def test_rounding_leaves_the_network_and_the_callers_random_numbers_alone():
    network = nn.Sequential(
        *(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2, 2))
    )
    state = torch.get_rng_state()
    near = rounded(network)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(layer.training for layer in network)
    assert all(p.requires_grad for p in network.parameters())
    assert not set(near) & set(network)


def test_the_packed_network_is_json_and_two_bytes_a_weight():
    packed = json.dumps(pack(nn.Sequential(nn.Conv2d(8, 16, 5))), allow_nan=False)
    assert 3216 * 2 * 4 / 3 < len(packed) < 3216 * 2 * 4 / 3 + 200


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Linear(2, 2), "module must be an nn.Sequential, got Linear"),
        (nn.Sequential(), "module must have a layer, got none"),
        (nn.Sequential(nn.Dropout()), "module must have a layer, got none"),
        (nn.Sequential(nn.ReLU(), nn.Tanh()), r"cannot be packed, 1: Tanh\(\); there is no rule"),
        (nn.Sequential(nn.Sequential(nn.GELU())), r"cannot be packed, 0\.0: GELU"),
        (nn.Sequential(Doubled(nn.ReLU())), "cannot be packed, 0: Doubled"),
        (nn.Sequential(nn.BatchNorm2d(3)), "there is no rule for it"),
        (nn.Sequential(nn.Linear(2, 2)), "it must come behind an nn.Flatten"),
        (nn.Sequential(nn.Flatten(), nn.Conv2d(1, 1, 1)), "it must come before the nn.Flatten"),
        (nn.Sequential(nn.Flatten(2)), "it must flatten each case whole"),
        (nn.Sequential(nn.Conv2d(1, 1, 3, stride=2)), "stride, dilation and groups must be 1"),
        (nn.Sequential(nn.Conv2d(1, 1, 3, dilation=2)), "stride, dilation and groups must be 1"),
        (nn.Sequential(nn.Conv2d(2, 2, 3, groups=2)), "stride, dilation and groups must be 1"),
        (nn.Sequential(nn.Conv2d(1, 1, 3, padding_mode="circular")), "and the padding zeros"),
        (nn.Sequential(nn.Conv2d(1, 1, 3, padding=(1, 0))), "the padding must be one number"),
        (nn.Sequential(nn.Conv2d(1, 1, 3, padding="same")), "the padding must be one number"),
        (nn.Sequential(nn.MaxPool2d(3, stride=2)), "it must pool whole squares"),
        (nn.Sequential(nn.MaxPool2d((2, 3))), "it must pool whole squares"),
        (nn.Sequential(nn.MaxPool2d(2, padding=1)), "it must pool whole squares"),
        (nn.Sequential(nn.MaxPool2d(2, dilation=2)), "it must pool whole squares"),
        (nn.Sequential(nn.MaxPool2d(2, ceil_mode=True)), "it must pool whole squares"),
        (nn.Sequential(nn.AdaptiveAvgPool2d(2)), "it must pool to one pixel"),
        (nn.Sequential(nn.AdaptiveMaxPool2d((1, 2))), "it must pool to one pixel"),
    ],
)
def test_what_a_page_does_not_have_is_refused_by_its_name(module, message):
    for refuse in (pack, rounded):
        with pytest.raises(ValueError, match=message):
            refuse(module)


@pytest.mark.parametrize("bits", [4, 64, "16", True, None])
def test_bits_are_8_16_or_32(bits):
    for refuse in (pack, rounded):
        with pytest.raises(ValueError, match="bits must be one of 8, 16, 32"):
            refuse(nn.Sequential(nn.ReLU()), bits)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e6])
def test_weights_that_sixteen_bits_cannot_hold_are_refused(value):
    network = nn.Sequential(nn.Conv2d(1, 1, 1))
    with torch.no_grad():
        network[0].weight.fill_(value)
    with pytest.raises(ValueError, match="finite weights of 16 bits, got others in 0"):
        pack(network)
    if np.isfinite(value):
        assert float(rounded(network, 32)[0].weight) == value


def test_eight_bits_are_within_half_a_step_of_the_largest_of_each_row():
    network = nn.Sequential(nn.Conv2d(3, 4, 3))
    with torch.no_grad():
        network[0].weight[1] *= 1000
        network[0].weight[2] = 0
    near = rounded(network, 8)[0].weight
    exact = network[0].weight.detach().double()
    steps = exact.abs().amax((1, 2, 3)) / 127
    assert ((near - exact).abs().amax((1, 2, 3)) <= 0.5001 * steps).all()
    np.testing.assert_allclose(near.abs().amax((1, 2, 3)), 127 * steps, rtol=1e-6)
    assert not near[2].any()
    packed = base64.b64decode(pack(network, 8)["layers"][0]["weight"])
    levels = np.frombuffer(packed, np.int8).reshape(4, -1)
    assert np.abs(levels).max(1).tolist() == [127, 127, 0, 127]


def test_eight_bits_take_half_the_room_of_sixteen():
    network = nn.Sequential(nn.Flatten(), nn.Linear(400, 100))
    sizes = [len(json.dumps(pack(network, bits))) for bits in (8, 16)]
    assert 0.5 < sizes[0] / sizes[1] < 0.53


def test_a_weight_that_is_no_number_is_refused_in_eight_bits():
    network = nn.Sequential(nn.Conv2d(1, 1, 1))
    with torch.no_grad():
        network[0].weight.fill_(np.nan)
    with pytest.raises(ValueError, match="finite weights of 8 bits, got others in 0"):
        pack(network, 8)
