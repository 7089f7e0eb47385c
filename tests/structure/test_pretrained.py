"""The pretrained network on photographs whose contents are known, and its class activation maps."""

import numpy as np
import pytest
import torch

from converge_lib.data import imagenet_classes, photographs
from converge_lib.structure.class_activation import ClassActivation, grad_cam
from converge_lib.structure.pretrained import centre_crop, efficientnet_lite0, preprocess


@pytest.fixture(scope="module")
def network():
    return efficientnet_lite0()


@pytest.fixture(scope="module")
def images():
    return {name: preprocess(picture)[None] for name, picture in photographs().items()}


CATS = {"tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat"}


@pytest.mark.parametrize(
    ("photograph", "allowed", "rank"),
    [("coffee", {"espresso"}, 1), ("camera", {"tripod"}, 3), ("chelsea", CATS, 3)],
)
def test_it_sees_what_is_there(network, images, photograph, allowed, rank):
    with torch.no_grad():
        best = network(images[photograph])[0].topk(rank).indices
    assert allowed & {imagenet_classes()[i] for i in best}


def test_it_is_frozen_and_evaluates(network):
    assert not network.training
    assert not any(p.requires_grad for p in network.parameters())


def test_reading_it_draws_nothing_from_the_callers_numbers():
    state = torch.get_rng_state()
    efficientnet_lite0()
    assert torch.equal(torch.get_rng_state(), state)


def test_its_maps_make_its_scores_and_equal_grad_cam(network, images):
    image = images["coffee"]
    head = ClassActivation(network).head(image)
    assert head.features.shape == (1, 1280, 7, 7) and head.weight.shape == (1000, 1280)
    for index in (967, 0, 999):
        maps = ClassActivation(network).maps(image, index)
        score = maps.mean((1, 2)) + head.bias[index]
        torch.testing.assert_close(score, head.scores[:, index], rtol=1e-5, atol=1e-5)
        gradient = grad_cam(network, network._swish, image, index, relu=False)
        torch.testing.assert_close(49 * gradient, maps, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("height", "width"), [(300, 451), (451, 300), (10, 10), (1, 500)])
def test_the_crop_is_the_middle_square(height, width):
    side = min(height, width)
    photograph = np.zeros((height, width, 3), np.uint8)
    top, left = (height - side) // 2, (width - side) // 2
    photograph[top : top + side, left : left + side] = (10, 20, 30)
    crop = centre_crop(photograph)
    assert crop.shape == (224, 224, 3) and crop.dtype == np.uint8
    np.testing.assert_array_equal(crop, np.full((224, 224, 3), (10, 20, 30)))


def test_preprocessing_scales_and_moves_channels_first():
    photograph = np.full((224, 224, 3), (0, 127, 255), np.uint8)
    expected = torch.tensor([-127 / 128, 0, 1])[:, None, None].expand(3, 224, 224)
    torch.testing.assert_close(preprocess(photograph), expected, rtol=0, atol=0)


@pytest.mark.parametrize(
    "photograph",
    [
        np.zeros((5, 5), np.uint8),
        np.zeros((5, 5, 4), np.uint8),
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((5, 5, 3)),
    ],
)
def test_refuses_what_is_no_photograph(photograph):
    with pytest.raises(ValueError, match=r"photograph must be of shape \(height, width, 3\)"):
        preprocess(photograph)
