"""Converted networks against the originals, at the training size and window by window."""

from collections import OrderedDict

import pytest
import torch
from torch import nn

from converge_lib.structure.architectures import vgg16
from converge_lib.structure.fully_convolutional import (
    convolutionalise,
    edge_layers,
    slide,
    stride_of,
)
from converge_lib.structure.maxout import Maxout
from converge_lib.structure.network_in_network import (
    MlpConv,
    count_multiplications,
    count_parameters,
)

SHARED = nn.ReLU()

# name: shape of a picture, stride, the network; none looks past the edge of its input
NETWORKS = {
    "small": (
        (1, 12, 12),
        (2, 2),
        lambda: nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(100, 3)
        ),
    ),
    "not-square": (
        (2, 9, 14),
        (1, 3),
        lambda: nn.Sequential(
            *(nn.Conv2d(2, 3, (2, 4), stride=(1, 3)), nn.Tanh(), nn.Flatten()),
            nn.Linear(3 * 8 * 4, 5),
        ),
    ),
    "three-linear": (
        (1, 10, 10),
        (2, 2),
        lambda: nn.Sequential(
            *(nn.Conv2d(1, 4, 4, stride=2), SHARED, nn.Flatten(), nn.Dropout()),
            *(nn.Linear(64, 7), SHARED, nn.Linear(7, 6), SHARED, nn.Linear(6, 3)),
        ),
    ),
    "no-bias": (
        (3, 8, 8),
        (4, 4),
        lambda: nn.Sequential(
            *(nn.Conv2d(3, 4, 2, stride=2, bias=False), nn.PReLU(4), nn.AvgPool2d(2)),
            *(nn.Flatten(), nn.Linear(16, 5, bias=False), nn.PReLU(5), nn.Linear(5, 2, bias=False)),
        ),
    ),
    "nested": (
        (1, 11, 9),
        (2, 2),
        lambda: nn.Sequential(
            OrderedDict(
                features=nn.Sequential(MlpConv(1, [4, 3], 3), nn.Sequential(nn.MaxPool2d(3, 2))),
                head=nn.Sequential(
                    nn.Flatten(), nn.Sequential(nn.Linear(36, 8), nn.Sigmoid()), nn.Linear(8, 3)
                ),
            )
        ),
    ),
    "dilation": (
        (1, 13, 13),
        (1, 1),
        lambda: nn.Sequential(
            *(nn.Conv2d(1, 3, 3, dilation=2), nn.MaxPool2d(3, 1, dilation=3), nn.ELU()),
            *(nn.Conv2d(3, 3, 1, groups=3), nn.Flatten(), nn.Linear(27, 4)),
        ),
    ),
    "batch-norm": (
        (1, 8, 8),
        (2, 2),
        lambda: nn.Sequential(
            *(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.LocalResponseNorm(3)),
            *(nn.MaxPool2d(2), nn.Dropout2d(), nn.Flatten(), nn.Linear(36, 6)),
            *(nn.BatchNorm1d(6, eps=0.1, momentum=0.3), nn.ReLU()),
            *(nn.Linear(6, 3), nn.BatchNorm1d(3, affine=False)),
        ),
    ),
    "softmax": (
        (1, 5, 5),
        (1, 1),
        lambda: nn.Sequential(
            *(nn.Conv2d(1, 2, 2), nn.Flatten(), nn.Linear(32, 4), nn.LogSoftmax(-1)),
            *(nn.Flatten(), nn.Identity(), nn.Softmax(dim=1)),
        ),
    ),
    "remainder": (
        (1, 13, 12),  # row 12 and column 11 are seen by nobody
        (3, 3),
        lambda: nn.Sequential(
            *(nn.Conv2d(1, 3, 4, stride=3), nn.ReLU(), nn.Flatten(), nn.Linear(36, 2)),
        ),
    ),
    "average": (
        (1, 9, 10),
        (1, 1),
        lambda: nn.Sequential(
            *(nn.Conv2d(1, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            nn.Linear(5, 3),
        ),
    ),
    "maximum": (
        (1, 9, 9),
        (1, 1),
        lambda: nn.Sequential(nn.Conv2d(1, 5, 3), nn.AdaptiveMaxPool2d((1, 1)), nn.Flatten()),
    ),
    "adaptive": (
        (1, 10, 14),
        (2, 12),
        lambda: nn.Sequential(
            *(nn.Conv2d(1, 3, 3), nn.AdaptiveAvgPool2d((4, None)), nn.Tanh()),
            *(nn.Conv2d(3, 3, 1, stride=(1, 12)), nn.Flatten(), nn.Linear(12, 2)),
        ),
    ),
    "no-linear": ((1, 6, 6), (2, 2), lambda: nn.Sequential(nn.Conv2d(1, 3, 5, stride=2))),
}

# these leave rows or columns unseen, and may find one more window that sticks out by no more
REMAINDER = {"remainder", "not-square", "adaptive", "no-linear"}


def made(name, seed, dtype=torch.float64):
    torch.manual_seed(seed)
    shape, stride, make = NETWORKS[name]
    network = make().to(dtype)
    for layer in network.modules():  # statistics and scales that are not 0 and 1
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.normal_(layer.running_mean)
            nn.init.uniform_(layer.running_var, 0.5, 2)
            if layer.affine:
                nn.init.normal_(layer.weight)
                nn.init.normal_(layer.bias)
    return shape, stride, network.eval()


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_scores_at_the_training_size(name, seed):
    shape, _, network = made(name, seed, torch.float32)
    images = torch.randn(3, *shape)
    scores = network(images)
    ours = convolutionalise(network, shape)(images)
    assert ours.shape == (3, scores.shape[1], 1, 1)
    torch.testing.assert_close(ours.flatten(1), scores.flatten(1), rtol=0, atol=1e-5)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", NETWORKS)
def test_larger_pictures_give_the_sliding_windows_scores(name, seed):
    (channels, height, width), stride, network = made(name, seed)
    everywhere = convolutionalise(network, (channels, height, width))
    assert stride_of(everywhere) == stride
    assert edge_layers(network) == edge_layers(everywhere) == []
    for more in ((0, 5), (7, 0), (6, 13)):
        images = torch.randn(2, channels, height + more[0], width + more[1], dtype=torch.float64)
        expected = slide(lambda x: network(x).flatten(1), images, (height, width), stride)
        ours = everywhere(images)
        rows, columns = expected.shape[2:]
        assert (rows, columns) == (more[0] // stride[0] + 1, more[1] // stride[1] + 1)
        spare = name in REMAINDER
        assert ours.shape[2] - rows in (0, spare)
        assert ours.shape[3] - columns in (0, spare)
        torch.testing.assert_close(ours[..., :rows, :columns], expected, rtol=0, atol=1e-12)


def test_one_window_by_hand():
    shape, stride, network = made("small", 0)
    image = torch.randn(1, 1, 20, 23, dtype=torch.float64)
    scores = convolutionalise(network, shape)(image)
    window = image[:, :, 3 * stride[0] : 3 * stride[0] + 12, 5 * stride[1] : 5 * stride[1] + 12]
    torch.testing.assert_close(scores[:, :, 3, 5], network(window), rtol=0, atol=1e-12)


PADDED = {
    "zeros": (lambda: nn.Conv2d(1, 3, 3, padding=1), 1),
    "same": (lambda: nn.Conv2d(1, 3, 3, padding="same"), 1),
    "reflect": (lambda: nn.Conv2d(1, 3, 3, padding=1, padding_mode="reflect"), 1),
    "pooling": (lambda: nn.MaxPool2d(3, 1, padding=1), 1),
    "ceil": (lambda: nn.MaxPool2d(3, 2, ceil_mode=True), 2),
    "average-ceil": (lambda: nn.AvgPool2d(3, 2, ceil_mode=True), 2),
}


@pytest.mark.parametrize("name", PADDED)
def test_layers_that_look_past_the_edge_break_the_equality_there_alone(name):
    torch.manual_seed(0)
    make, stride = PADDED[name]
    layer = make()
    channels = layer(torch.zeros(1, 1, 8, 8)).shape[1]
    side = layer(torch.zeros(1, 1, 8, 8)).shape[2]
    network = nn.Sequential(layer, nn.Flatten(), nn.Linear(channels * side**2, 2)).double()
    assert edge_layers(network) == ["0"]
    everywhere = convolutionalise(network, (1, 8, 8))
    images = torch.randn(1, 1, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(everywhere(images).flatten(1), network(images), rtol=0, atol=1e-12)
    larger = torch.randn(1, 1, 12, 12, dtype=torch.float64)
    expected = slide(network, larger, (8, 8), (stride, stride))
    ours = everywhere(larger)
    assert ours.shape == expected.shape
    assert (ours - expected).abs().max() > 1e-3


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(1, 2, 3),
        nn.Conv2d(1, 2, 3, padding="valid"),
        nn.Conv2d(1, 2, 1, padding="same"),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
    ],
)
def test_layers_that_stay_inside(layer):
    assert edge_layers(nn.Sequential(layer)) == []


def test_names_of_edge_layers_are_those_of_the_network():
    network = nn.Sequential(
        OrderedDict(features=nn.Sequential(nn.ReLU(), nn.Conv2d(1, 1, 3, 1, 1)))
    )
    assert edge_layers(network) == ["features.1"]
    assert len(edge_layers(vgg16())) == 13


def test_strides_multiply():
    network = nn.Sequential(
        *(nn.Conv2d(1, 1, 3, stride=(2, 1)), nn.MaxPool2d(3), nn.AvgPool2d(2, stride=(1, 5))),
        *(nn.Flatten(), nn.Linear(3, 3)),
    )
    assert stride_of(network) == (6, 15)
    assert stride_of(vgg16()) == (32, 32)
    with pytest.raises(ValueError, match="must be converted first, got 0: AdaptiveAvgPool2d"):
        stride_of(nn.Sequential(nn.AdaptiveAvgPool2d(1)))


@pytest.mark.parametrize("question", [stride_of, edge_layers])
def test_unknown_layers_may_have_strides_and_edges(question):
    with pytest.raises(ValueError, match="cannot be converted, 0: ConvTranspose2d"):
        question(nn.Sequential(nn.ConvTranspose2d(1, 1, 2)))


def test_weights_are_copied():
    shape, _, network = made("batch-norm", 0)
    everywhere = convolutionalise(network, shape)
    images = torch.randn(2, *shape, dtype=torch.float64)
    before = everywhere(images)
    assert not {p.data_ptr() for p in network.parameters()} & {
        p.data_ptr() for p in everywhere.parameters()
    }
    assert not set(network.modules()) & set(everywhere.modules())
    with torch.no_grad():
        for tensor in (*network.parameters(), *network.buffers()):
            tensor.add_(1)
    assert torch.equal(everywhere(images), before)
    assert count_parameters(everywhere) == count_parameters(network)


def test_the_network_is_left_as_it_was():
    shape, _, network = made("batch-norm", 0)
    network.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.get_rng_state()
    everywhere = convolutionalise(network, shape)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert everywhere[1].num_batches_tracked == 0


def test_training_mode_and_frozen_weights_stay():
    shape, _, network = made("batch-norm", 0)
    network.train()
    network[1].eval()
    network[8].eval()
    network[7].weight.requires_grad_(False)
    network[10].bias.requires_grad_(False)
    everywhere = convolutionalise(network, shape)
    assert everywhere.training
    flat = [layer for layer in network if type(layer) is not nn.Flatten]
    assert [layer.training for layer in everywhere] == [layer.training for layer in flat]
    assert [p.requires_grad for p in everywhere.parameters()] == [
        p.requires_grad for p in network.parameters()
    ]
    assert not convolutionalise(network.eval(), shape).training


def test_converted_networks_learn_alike():
    shape, _, network = made("three-linear", 0)
    everywhere = convolutionalise(network, shape)
    images = torch.randn(4, *shape, dtype=torch.float64)
    for model in (network, everywhere):
        model(images).square().sum().backward()
    pairs = zip(network.parameters(), everywhere.parameters(), strict=True)
    for one, other in pairs:
        torch.testing.assert_close(other.grad.flatten(), one.grad.flatten())


def test_training_statistics_at_the_training_size():
    shape, _, network = made("batch-norm", 0)
    for layer in (network.train()[5], network[3]):
        layer.eval()
    everywhere = convolutionalise(network, shape)
    images = torch.randn(4, *shape, dtype=torch.float64)
    torch.testing.assert_close(everywhere(images).flatten(1), network(images))
    torch.testing.assert_close(everywhere[7].running_var, network[8].running_var)


def test_a_layer_that_occurs_twice():
    torch.manual_seed(0)
    layer = nn.Linear(4, 4)
    network = nn.Sequential(nn.Flatten(), layer, nn.Tanh(), layer)
    images = torch.randn(3, 1, 2, 2)
    ours = convolutionalise(network, (1, 2, 2))(images).flatten(1)
    torch.testing.assert_close(ours, network(images))


def test_multiplications_are_saved():
    shape, stride, network = made("small", 0)
    everywhere = convolutionalise(network, shape)
    at_once = count_multiplications(everywhere, (1, 40, 40))
    windows = ((40 - 12) // stride[0] + 1) ** 2
    assert count_multiplications(everywhere, shape) == count_multiplications(network, shape)
    assert windows * count_multiplications(network, shape) > 5 * at_once


def test_shapes_alone_are_enough():
    everywhere = convolutionalise(vgg16(), (3, 224, 224))
    assert count_parameters(everywhere) == 138_357_544
    assert everywhere(torch.empty(1, 3, 384, 384, device="meta")).shape == (1, 1000, 6, 6)


class Residual(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


class TwiceLinear(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


@pytest.mark.parametrize(
    ("layers", "name"),
    [
        ([nn.LSTM(6, 3)], "0: LSTM"),
        ([nn.Sequential(nn.ReLU(), nn.Sequential(nn.GroupNorm(1, 2)))], r"0\.1\.0: GroupNorm"),
        ([nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(32, 2)], "1: AdaptiveAvg.*4"),
        ([nn.AdaptiveMaxPool2d(1, return_indices=True)], "0: AdaptiveMaxPool2d.*return_indices"),
        ([nn.MaxPool2d(2, return_indices=True)], "0: MaxPool2d.*return_indices"),
        ([nn.Linear(6, 3)], "0: Linear.*must come behind an nn.Flatten"),
        ([nn.Flatten(2)], "0: Flatten.*each case whole"),
        ([nn.Flatten(0)], "0: Flatten.*each case whole"),
        ([nn.Flatten(1, 2)], "0: Flatten.*each case whole"),
        ([nn.Flatten(), nn.Linear(71, 2)], r"1: Linear.*it gets 72 numbers, of shape \(2, 6, 6\)"),
        ([nn.Flatten(), nn.BatchNorm1d(72), nn.Linear(72, 2)], "1: BatchNorm1d.*behind a linear"),
        ([nn.Flatten(), nn.PReLU(72), nn.Linear(72, 2)], "1: PReLU.*behind a linear"),
        ([nn.Flatten(), nn.Softmax(1), nn.Linear(72, 2)], "1: Softmax.*behind a linear"),
        ([nn.Flatten(), nn.Linear(72, 2), nn.Softmax(0)], "2: Softmax"),
        ([nn.Flatten(), nn.Linear(72, 2), nn.LayerNorm(2)], "2: LayerNorm"),
        ([nn.Flatten(), nn.Linear(72, 2), nn.Dropout1d()], "2: Dropout1d"),
        ([nn.Flatten(), Maxout(72, 2, 3)], "1: Maxout"),
        ([nn.Flatten(), TwiceLinear(72, 2)], "1: TwiceLinear"),
        ([nn.Flatten(), nn.Unflatten(1, (2, 6, 6))], "1: Unflatten"),
        ([nn.Flatten(), nn.Conv2d(2, 2, 1)], "1: Conv2d"),
        ([Residual(nn.Conv2d(2, 2, 1))], "0: Residual"),
        ([nn.Conv2d(3, 2, 1)], r"0: Conv2d.*shape \(2, 6, 6\) do not fit"),
        ([nn.Conv2d(2, 2, 7)], "0: Conv2d.*do not fit"),
        ([nn.BatchNorm2d(3)], "0: BatchNorm2d.*do not fit"),
        ([nn.Flatten(), nn.Linear(72, 2), nn.BatchNorm1d(3)], "2: BatchNorm1d.*do not fit"),
        ([nn.Softmax(1)], "0: Softmax"),
        ([nn.ConvTranspose2d(2, 2, 2)], "0: ConvTranspose2d"),
    ],
)
def test_layers_that_cannot_be_converted_are_named(layers, name):
    message = rf"(?s)module has a layer that cannot be converted, {name}"
    with pytest.raises(ValueError, match=message):
        convolutionalise(nn.Sequential(*layers), (2, 6, 6))


def test_vectors_that_nothing_reads():
    with pytest.raises(ValueError, match="must have a linear layer behind 1: Flatten"):
        convolutionalise(nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Tanh()), (2, 6, 6))


@pytest.mark.parametrize(
    ("module", "shape", "message"),
    [
        (nn.Linear(3, 3), (1, 2, 2), "module must be an nn.Sequential, got Linear"),
        (None, (1, 2, 2), "module must be an nn.Sequential, got NoneType"),
        (nn.Sequential(), (2, 2), r"input_shape must be \(channels, height, width\)"),
        (nn.Sequential(), 28, r"input_shape must be \(channels, height, width\), got 28"),
        (nn.Sequential(), (1, 0, 2), "input_shape must be a whole number of at least 1"),
        (nn.Sequential(nn.LazyLinear(2)), (1, 2, 2), "0: LazyLinear"),
    ],
)
def test_arguments_that_cannot_be(module, shape, message):
    with pytest.raises(ValueError, match=message):
        convolutionalise(module, shape)


@pytest.mark.parametrize(
    ("shape", "window", "stride", "message"),
    [
        ((1, 1, 4, 4), (5, 4), (1, 1), "images must have shape .* at least the window"),
        ((1, 4, 4), (2, 2), (1, 1), "images must have shape"),
        ((1, 1, 4, 4), (0, 2), (1, 1), "window must be"),
        ((1, 1, 4, 4), (2, 2), (1, 0), "stride must be"),
        ((1, 1, 4, 4), 2, (1, 1), "window must be two whole numbers, down and across, got 2"),
        ((1, 1, 4, 4), (2, 2, 2), (1, 1), r"window must be two .* got \(2, 2, 2\)"),
        ((1, 1, 4, 4), (2, 2), 1, "stride must be two whole numbers, down and across, got 1"),
    ],
)
def test_windows_that_do_not_fit(shape, window, stride, message):
    with pytest.raises(ValueError, match=message):
        slide(nn.Flatten(), torch.zeros(shape), window, stride)


def test_windows_whose_scores_are_no_vectors():
    with pytest.raises(ValueError, match=r"scores of shape \(18, classes\), got \(18, 1, 2, 2\)"):
        slide(nn.Identity(), torch.zeros(2, 1, 4, 4), (2, 2), (1, 1))


def test_no_pictures_have_no_windows():
    assert slide(nn.Flatten(), torch.zeros(0, 1, 4, 5), (2, 2), (1, 1)).shape == (0, 4, 3, 4)


def test_pictures_need_not_be_contiguous():
    shape, stride, network = made("small", 0)
    images = torch.randn(20, 1, 17, 2, dtype=torch.float64).permute(3, 1, 2, 0)
    torch.testing.assert_close(
        slide(network, images, shape[1:], stride),
        slide(network, images.contiguous(), shape[1:], stride),
    )
