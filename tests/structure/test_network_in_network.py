"""1×1 convolutions against the same network at each pixel; counts against counts by hand."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from converge_lib.structure.architectures import alexnet, nin, vgg16
from converge_lib.structure.maxout import MaxoutConv2d
from converge_lib.structure.network_in_network import (
    MlpConv,
    count_multiplications,
    count_parameters,
    mlp_of,
    per_pixel,
)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("bias", [True, False])
def test_a_perceptron_at_each_pixel_is_a_chain_of_1x1_convolutions(seed, bias):
    torch.manual_seed(seed)
    convolutions = nn.Sequential(
        nn.Conv2d(5, 7, 1, bias=bias), nn.ReLU(), nn.Conv2d(7, 3, 1, bias=bias), nn.ReLU()
    ).double()
    images = torch.randn(4, 5, 6, 9, dtype=torch.float64)
    mlp = mlp_of(convolutions)
    # sums of 6 and of 8 terms below 10 in size, in another order: 14 ε · 10 = 3e-14
    torch.testing.assert_close(per_pixel(mlp, images), convolutions(images), rtol=0, atol=3e-14)
    for i in range(6):
        for j in range(9):
            one = mlp(images[:, :, i, j])
            torch.testing.assert_close(one, convolutions(images)[:, :, i, j], rtol=0, atol=3e-14)


def test_per_pixel_mixes_no_pixels():
    torch.manual_seed(0)
    mlp = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
    images = torch.randn(1, 3, 5, 7)
    before = per_pixel(mlp, images)
    images[0, :, 2, 3] += 1
    changed = (per_pixel(mlp, images) != before).any(1)[0]
    assert changed.nonzero().tolist() == [[2, 3]]


def test_mlp_of_copies():
    convolutions = nn.Sequential(nn.Conv2d(2, 2, 1).double())
    mlp = mlp_of(convolutions)
    assert mlp[0].weight.dtype == torch.float64
    before = mlp[0].weight.clone()
    with torch.no_grad():
        convolutions[0].weight.add_(1)
    assert torch.equal(mlp[0].weight, before)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(2, 2, 3),
        nn.Conv2d(2, 2, 1, stride=2),
        nn.Conv2d(2, 2, 1, padding=1),
        nn.Conv2d(2, 2, 1, groups=2),
        nn.Linear(2, 2),
        nn.MaxPool2d(2),
    ],
)
def test_what_is_not_a_perceptron_at_each_pixel(layer):
    with pytest.raises(ValueError, match=r"convolutions must be 1×1 convolutions and ReLU, got"):
        mlp_of(nn.Sequential(layer))


def test_one_convolution_is_no_chain_of_them():
    with pytest.raises(ValueError, match=r"convolutions must be an nn\.Sequential, got Conv2d"):
        mlp_of(nn.Conv2d(2, 2, 1))


def test_same_padding_of_one_pixel_is_none():
    layer = nn.Conv2d(2, 3, 1, padding="same")
    images = torch.randn(1, 2, 4, 4)
    torch.testing.assert_close(per_pixel(mlp_of(nn.Sequential(layer)), images), layer(images))


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 4), (1, 1, 3, 4, 4)])
def test_images_of_another_shape(shape):
    with pytest.raises(ValueError, match=r"images must have shape \(n, channels, height, width\)"):
        per_pixel(nn.Linear(3, 3), torch.zeros(shape))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_mlpconv_is_a_perceptron_on_each_patch(seed):
    torch.manual_seed(seed)
    layer = MlpConv(2, [5, 4, 3], kernel_size=(3, 2), stride=2, padding=1).double()
    images = torch.randn(3, 2, 7, 6, dtype=torch.float64)
    patches = nn.functional.unfold(images, (3, 2), stride=2, padding=1)
    hidden = patches.movedim(1, -1)
    for convolution in layer[::2]:
        weight = convolution.weight.flatten(1)
        hidden = (hidden @ weight.T + convolution.bias).clamp(min=0)
    maps = layer(images)
    torch.testing.assert_close(maps.flatten(2).movedim(1, -1), hidden)


def test_mlpconv_of_one_layer_and_its_slices():
    assert [type(layer) for layer in MlpConv(1, [2], 3)] == [nn.Conv2d, nn.ReLU]
    block = MlpConv(1, [2, 3], 3)
    assert type(block[2:]) is nn.Sequential
    assert block[-2] is list(block)[2]
    assert count_parameters(block) == 2 * 10 + 3 * 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, [2], 3), "in_channels must be"),
        ((1, [], 3), r"channels must be a list of one layer at least, got \[\]"),
        ((1, 8, 3), "channels must be a list of one layer at least, got 8"),
        ((1, [2, 0], 3), "channels must be a whole number of at least 1, got 0"),
    ],
)
def test_mlpconv_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        MlpConv(*arguments)


def test_shared_parameters_count_once_and_frozen_ones_too():
    layer = nn.Linear(3, 3)
    assert count_parameters(nn.Sequential(layer, nn.ReLU(), layer).requires_grad_(False)) == 12
    assert count_parameters(nn.ReLU()) == 0


def test_parameters_without_a_shape_cannot_be_counted():
    with pytest.raises(ValueError, match="module must know its shapes"):
        count_parameters(nn.Sequential(nn.Linear(3, 3), nn.LazyLinear(3)))


# layer, shape of an input, multiplications counted by hand
BY_HAND = {
    "plain": (nn.Conv2d(3, 8, 5), (3, 28, 28), 24 * 24 * 8 * 3 * 25),
    "padding": (nn.Conv2d(3, 8, 5, padding=2), (3, 28, 28), 28 * 28 * 8 * 3 * 25),
    "same": (nn.Conv2d(3, 8, 5, padding="same"), (3, 28, 28), 28 * 28 * 8 * 3 * 25),
    "stride": (nn.Conv2d(3, 8, 5, stride=(2, 3)), (3, 28, 28), 12 * 8 * 8 * 3 * 25),
    "dilation": (nn.Conv2d(3, 8, 5, dilation=2), (3, 28, 28), 20 * 20 * 8 * 3 * 25),
    "groups": (nn.Conv2d(4, 8, 3, groups=4), (4, 9, 7), 7 * 5 * 8 * 1 * 9),
    "not-square": (nn.Conv2d(2, 3, (1, 4)), (2, 5, 9), 5 * 6 * 3 * 2 * 4),
    "linear": (nn.Linear(7, 5), (7,), 35),
    "linear-at-places": (nn.Linear(7, 5), (4, 6, 7), 4 * 6 * 35),
    "maxout": (MaxoutConv2d(1, 2, 3, 2), (1, 4, 4), 9 * 6 * 4),
    "none": (nn.ReLU(), (3,), 0),
    "batch-norm": (
        nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(), nn.Linear(3, 2)),
        (4,),
        12 + 6,
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_multiplications_counted_by_hand_and_by_torch(name):
    layer, shape, expected = BY_HAND[name]
    assert count_multiplications(layer, shape) == expected
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        layer(torch.zeros(1 + any(type(m) is nn.BatchNorm1d for m in layer.modules()), *shape))
    batch = 2 if name == "batch-norm" else 1
    assert counter.get_total_flops() == 2 * batch * expected


def test_a_layer_used_twice_multiplies_twice():
    layer = nn.Linear(3, 3)
    assert count_multiplications(nn.Sequential(layer, nn.ReLU(), layer), (3,)) == 18


def test_counting_leaves_the_module_as_it_was():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout())
    before = {name: value.clone() for name, value in module.state_dict().items()}
    state = torch.get_rng_state()
    count_multiplications(module, (1, 5, 5))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert module[1].training
    assert not any(layer._forward_hooks for layer in module)
    with pytest.raises(RuntimeError):
        count_multiplications(module, (2, 5, 5))
    assert not any(layer._forward_hooks for layer in module)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_counting_in_other_precisions(dtype):
    assert count_multiplications(nn.Linear(3, 2).to(dtype), (3,)) == 6


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.LSTM(3, 3), "got the module itself: LSTM"),
        (nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(3, 3, 2)), "got 1: ConvTranspose2d"),
        (nn.Sequential(nn.Embedding(3, 3)), "got 0: Embedding"),
        (nn.LazyLinear(3), "module must know its shapes"),
    ],
)
def test_layers_that_would_count_as_nothing(module, message):
    with pytest.raises(ValueError, match=message):
        count_multiplications(module, (3,))


def test_an_input_shape_that_is_one_number():
    with pytest.raises(ValueError, match="input_shape must be the sizes of one input, got 32"):
        count_multiplications(nn.Linear(2, 2), 32)


@pytest.mark.parametrize("shape", [(0,), (2.0,), (-1, 3)])
def test_input_shapes_that_cannot_be(shape):
    with pytest.raises(ValueError, match="input_shape must be a whole number of at least 1"):
        count_multiplications(nn.Linear(2, 2), shape)


DENSE = (4096 + 1) * 4096 + (4096 + 1) * 1000


@pytest.mark.parametrize(
    ("network", "side", "features", "head", "multiplications"),
    [
        (
            alexnet,
            227,
            # two groups: half of the channels of the layer before
            *(96 * (3 * 121 + 1) + 256 * (48 * 25 + 1) + 384 * (256 * 9 + 1),),
            *((6 * 6 * 256 + 1) * 4096 + DENSE, 6 * 6 * 256 * 4096 + 4096 * 4096 + 4096 * 1000),
        ),
        (vgg16, 224, None, (7 * 7 * 512 + 1) * 4096 + DENSE, (25088 + 4096 + 1000) * 4096),
        (nin, 227, None, 0, 0),
    ],
    ids=["alexnet", "vgg16", "nin"],
)
def test_the_heads_counted_by_hand(network, side, features, head, multiplications):
    whole = network()
    assert all(p.is_meta for p in whole.parameters())
    assert count_parameters(whole.head) == head
    ahead = count_multiplications(whole.features, (3, side, side))
    assert count_multiplications(whole, (3, side, side)) - ahead == multiplications
    if features is not None:
        assert count_parameters(whole.features[:8]) == features
    assert whole(torch.empty(1, 3, side, side, device="meta")).shape == (1, 1000)


def test_the_whole_networks():
    """Krizhevsky et al. say 60 million, Simonyan and Zisserman 138 million (table 2)."""
    assert count_parameters(alexnet()) == 60_965_224
    assert count_parameters(vgg16()) == 138_357_544
    blocks = [(3, 121, 96, 96), (96, 25, 256, 256), (256, 9, 384, 384), (384, 9, 1024, 1000)]
    by_hand = sum(
        (before * area + 1) * w + (w + 1) * w + (w + 1) * last for before, area, w, last in blocks
    )
    assert count_parameters(nin()) == by_hand == 7_595_176
    # 13 layers of VGG-16 by the side of their maps
    layers = [(224, 3, 64), (224, 64, 64), (112, 64, 128), (112, 128, 128), (56, 128, 256)]
    layers += [(56, 256, 256)] * 2 + [(28, 256, 512)] + [(28, 512, 512)] * 2 + [(14, 512, 512)] * 3
    total = sum(side**2 * 9 * before * after for side, before, after in layers)
    assert count_multiplications(vgg16().features, (3, 224, 224)) == total
