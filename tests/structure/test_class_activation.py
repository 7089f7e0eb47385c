"""Class activation maps against the scores they add up to, Grad-CAM and closed forms."""

import weakref

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from converge_lib.structure.class_activation import (
    ClassActivation,
    box_of,
    cam,
    grad_cam,
    iou,
    pointing_hit,
    saliency,
    upsample,
)


def convolutions():
    return nn.Sequential(
        nn.Conv2d(2, 5, 3, stride=2), nn.BatchNorm2d(5), nn.ReLU(inplace=True), nn.Conv2d(5, 6, 2)
    )


class Written(nn.Module):
    """A network whose end is written out in its forward pass."""

    def __init__(self, end):
        super().__init__()
        self.convolutions, self.linear, self.end = convolutions(), nn.Linear(6, 4), end

    def forward(self, images):
        return self.end(self, self.convolutions(images))


ENDS = {
    "mean of two axes": lambda net, f: net.linear(f.mean((2, 3))),
    "negative axes": lambda net, f: net.linear(torch.mean(f, dim=(-2, -1))),
    "one axis, then the other": lambda net, f: net.linear(f.mean(3).mean(2)),
    "flattened first": lambda net, f: net.linear(f.flatten(2).mean(-1)),
    "view first": lambda net, f: net.linear(f.view(len(f), 6, -1).mean(2)),
    "kept axes": lambda net, f: net.linear(f.mean((2, 3), keepdim=True).squeeze(3).squeeze(2)),
    "pooled by a window": lambda net, f: net.linear(
        functional.avg_pool2d(f, f.shape[2:]).view(len(f), -1)
    ),
    "functional": lambda net, f: functional.linear(
        input=functional.adaptive_avg_pool2d(input=f, output_size=(1, 1))[:, :, 0, 0],
        weight=net.linear.weight,
        bias=net.linear.bias,
    ),
    "no bias": lambda net, f: functional.linear(f.mean((2, 3)), net.linear.weight),
    "features used twice": lambda net, f: net.linear((f + f.amax()).relu().mean((2, 3))),
}


def sequential():
    return nn.Sequential(
        convolutions(),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.5, inplace=True),
        nn.Linear(6, 4),
    )


NETWORKS = {name: (lambda end=end: Written(end)) for name, end in ENDS.items()}
NETWORKS["sequential"] = sequential


def drawn(make, seed=0):
    torch.manual_seed(seed)
    network = make().double()
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):  # statistics other than those of a fresh layer
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
    return network, torch.randn(3, 2, 9, 12, dtype=torch.float64)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_mean_of_the_map_and_the_bias_are_the_score(name, seed):
    network, images = drawn(NETWORKS[name], seed)
    scores = network.eval()(images).detach()
    bias = torch.zeros(4).double() if name == "no bias" else list(network.parameters())[-1].detach()
    for index in range(4):
        maps = ClassActivation(network).maps(images, index)
        assert maps.shape == (3, 3, 4) and not maps.requires_grad
        torch.testing.assert_close(
            maps.sum((1, 2)) / 12 + bias[index], scores[:, index], rtol=0, atol=1e-12
        )


def test_in_single_precision_to_five_digits():
    network, images = drawn(sequential)
    network, images = network.float(), images.float()
    head = ClassActivation(network).head(images)
    maps = ClassActivation(network).maps(images, 2)
    assert (maps.mean((1, 2)) + head.bias[2] - head.scores[:, 2]).abs().max() < 1e-5


@pytest.mark.parametrize("name", NETWORKS)
def test_each_map_is_cam_of_features_and_weights(name):
    network, images = drawn(NETWORKS[name])
    head = ClassActivation(network).head(images)
    maps = ClassActivation(network).maps(images, [3, 0, 2])
    for one, features, index in zip(maps, head.features, [3, 0, 2], strict=True):
        torch.testing.assert_close(one, cam(features, head.weight, index))
        by_hand = sum(head.weight[index, k] * features[k] for k in range(6))
        np.testing.assert_allclose(
            cam(features.numpy(), head.weight.numpy(), index), by_hand, rtol=1e-12, atol=1e-13
        )


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_grad_cam_is_the_same_map_up_to_a_constant(seed):
    network, images = drawn(sequential, seed)
    classes = torch.tensor([1, 3, 0])
    maps = ClassActivation(network).maps(images, classes)
    gradient = grad_cam(network, network[1], images, classes, relu=False)
    torch.testing.assert_close(12 * gradient, maps, rtol=1e-10, atol=1e-12)
    clipped = grad_cam(network, network[1], images, classes)
    torch.testing.assert_close(clipped, gradient.clamp(min=0))
    assert (gradient < 0).any() and (gradient > 0).any()


def test_grad_cam_of_a_deeper_layer_by_finite_differences():
    network, images = drawn(sequential)
    layer = network[0][1]  # what follows it works in place
    found = grad_cam(network.eval(), layer, images, 2, relu=False)
    rest = nn.Sequential(network[0][2], network[0][3], *network[1:])
    with torch.no_grad():
        a = network[0][1](network[0][0](images))
        expected = torch.zeros(3, *a.shape[2:]).double()
        for k in range(a.shape[1]):
            step = torch.zeros_like(a)
            step[:, k] = 1e-6
            slope = (rest(a + step) - rest(a - step))[:, 2] / 2e-6  # Σ over positions of ∂S/∂A_k
            expected += (slope / a[0, 0].numel())[:, None, None] * a[:, k]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)


def test_grad_cam_of_a_network_without_global_average_pooling():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(18, 3))
    images = torch.randn(2, 1, 5, 5)
    alpha = network[2].weight[1].detach().reshape(2, 9).mean(1)
    expected = torch.einsum("k,nkyx->nyx", alpha, network[0](images).detach()).relu()
    torch.testing.assert_close(grad_cam(network, network[0], images, 1), expected)


def test_grad_cam_where_a_layer_is_called_twice():
    torch.manual_seed(0)
    relu = nn.ReLU(inplace=True)
    network = nn.Sequential(
        *(nn.Conv2d(1, 3, 2), relu, nn.Conv2d(3, 4, 2), relu),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)),
    ).double()
    images = torch.randn(3, 1, 5, 5, dtype=torch.float64)
    maps = ClassActivation(network).maps(images, 1)
    torch.testing.assert_close(9 * grad_cam(network, relu, images, 1, relu=False), maps)


def test_grad_cam_of_a_frozen_network_inside_no_grad():
    network, images = drawn(sequential)
    expected = grad_cam(network, network[1], images, 1)
    network.requires_grad_(False)
    with torch.no_grad():
        torch.testing.assert_close(grad_cam(network, network[1], images, 1), expected)


@pytest.mark.parametrize("method", ["maps", "grad_cam", "saliency"])
def test_inside_inference_mode(method):
    network, images = drawn(sequential)
    asked = {
        "maps": lambda: ClassActivation(network).maps(images, 1),
        "grad_cam": lambda: grad_cam(network, network[1], images, 1),
        "saliency": lambda: saliency(network, images, 1),
    }[method]
    expected = asked()
    with torch.inference_mode():
        torch.testing.assert_close(asked(), expected)


def test_saliency_of_images_from_inference_mode():
    network, images = drawn(sequential)
    expected = saliency(network, images, 1)
    with torch.inference_mode():
        images = images.clone()
    torch.testing.assert_close(saliency(network, images, 1), expected)


def test_saliency_where_the_first_layer_works_in_place():
    network = nn.Sequential(nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(4, 2))
    images = torch.tensor([[[[-1.0, 2.0], [3.0, -4.0]]]])
    expected = network[2].weight[1].detach().abs() * (images.flatten() > 0)
    torch.testing.assert_close(saliency(network, images, 1).flatten(), expected)
    assert images.min() == -4


def test_saliency_by_finite_differences():
    network, images = drawn(sequential)
    network[0][2] = network[1] = nn.Tanh()  # smooth, so that differences are exact enough
    found = saliency(network, images, [0, 1, 2])
    assert found.shape == (3, 9, 12)
    network.eval()
    slopes = torch.zeros_like(images)
    with torch.no_grad():
        for index in np.ndindex(2, 9, 12):
            step = torch.zeros_like(images)
            step[:, *index] = 1e-6
            change = (network(images + step) - network(images - step)) / 2e-6
            slopes[:, *index] = change[range(3), [0, 1, 2]]
    torch.testing.assert_close(found, slopes.abs().amax(1), rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("method", ["maps", "grad_cam", "saliency"])
def test_the_network_is_left_as_it_was(method):
    network, images = drawn(sequential)
    network.train()
    network[0][1].eval()
    modes = [part.training for part in network.modules()]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    kept = images.clone()
    if method == "maps":
        ClassActivation(network).maps(images, 0)
    elif method == "grad_cam":
        grad_cam(network, network[1], images, 0)
    else:
        saliency(network, images, 0)
    assert [part.training for part in network.modules()] == modes
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert torch.equal(kept, images)
    assert all(p.grad is None for p in network.parameters())
    assert not network[1]._forward_hooks


def test_a_batch_of_one_is_the_first_of_many():
    network, images = drawn(sequential)
    network.train()  # in which batch norm would have normalised by the batch
    whole = ClassActivation(network).maps(images, 1)
    torch.testing.assert_close(ClassActivation(network).maps(images[:1], 1), whole[:1])


def max_pooled():
    return nn.Sequential(convolutions(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(6, 4))


def averaged(*end):
    return nn.Sequential(convolutions(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), *end)


def a_little_more(scores):
    scores.numpy()[:] += 1e-9
    return scores


REFUSED = {
    "dense head": (
        lambda: nn.Sequential(convolutions(), nn.Flatten(), nn.Linear(72, 4)),
        "what goes into its last linear layer comes from conv2d",
    ),
    "two linear layers": (
        lambda: averaged(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4)),
        "what goes into its last linear layer comes from relu",
    ),
    "two linear layers, nothing between": (
        lambda: averaged(nn.Linear(6, 5), nn.Linear(5, 4)),
        "what goes into its last linear layer comes from linear",
    ),
    "max pooling": (
        max_pooled,
        "what goes into its last linear layer comes from adaptive_max_pool2d",
    ),
    "softmax": (
        lambda: averaged(nn.Linear(6, 4), nn.Softmax(1)),
        "its scores come from softmax",
    ),
    "pooled last": (
        lambda: averaged(),
        "the channel of a class already is its map",
    ),
    "coarse pooling": (
        lambda: nn.Sequential(
            convolutions(), nn.AdaptiveAvgPool2d((1, 2)), nn.Flatten(), nn.Linear(12, 4)
        ),
        r"network must pool feature maps of shape \(n, c, h, w\) to shape \(n, c\)",
    ),
    "mean over channels": (
        lambda: Written(lambda net, f: net.linear(f[:, :, :2, :3].mean(1).flatten(1))),
        "network must pool feature maps|scores are not S = wF",
    ),
    "a part of the scores": (
        lambda: Written(lambda net, f: net.linear(f.mean((2, 3)))[:, :2]),
        "scores are not S = wF",
    ),
    "sum divided": (
        lambda: Written(lambda net, f: net.linear(f.sum((2, 3)) / f[0, 0].numel())),
        "what goes into its last linear layer comes from div",
    ),
    "mean over some positions": (
        lambda: Written(lambda net, f: net.linear(f.mean(3)[:, :, 0])),
        "scores are not S = wF",
    ),
    "mean over some positions, with weights of zero": (
        lambda: Written(
            lambda net, f: functional.linear(
                f.mean(3)[:, :, 0], 0 * net.linear.weight, net.linear.bias
            )
        ),
        "scores are not S = wF",
    ),
    "a little added behind torch's back": (
        lambda: Written(lambda net, f: a_little_more(net.linear(f.mean((2, 3))))),
        "scores are not S = wF",
    ),
    "dropout that is always on": (
        lambda: Written(lambda net, f: net.linear(functional.dropout(f.mean((2, 3)), 0.5))),
        "scores are not S = wF",
    ),
    "hidden from torch": (
        lambda: Written(lambda net, f: torch.tensor(net.linear(f.mean((2, 3))).tolist())),
        "its scores come from",
    ),
    "scores of another shape": (
        lambda: nn.Sequential(convolutions(), nn.AdaptiveAvgPool2d(1)),
        r"network must give scores of shape \(3, classes\), got \(3, 6, 1, 1\)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_says_why_a_network_has_no_maps(name):
    make, message = REFUSED[name]
    network, images = drawn(make)
    with pytest.raises(ValueError, match=message):
        ClassActivation(network).maps(images, 0)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (4, "classes must be from 0 to 3, got 4"),
        (-1, "classes must be from 0 to 3, got -1"),
        ([0, 1], r"classes must be a whole number or 3 of them, got \[0, 1\]"),
        (1.0, "classes must be a whole number or 3 of them, got 1.0"),
        (True, "classes must be a whole number or 3 of them, got True"),
        (1j, "classes must be a whole number or 3 of them, got 1j"),
        (None, "classes must be a whole number or 3 of them, got None"),
        ("cat", "classes must be a whole number or 3 of them, got 'cat'"),
        ([0, [1], 2], r"classes must be a whole number or 3 of them, got \[0, \[1\], 2\]"),
    ],
)
def test_refuses_classes(classes, message):
    network, images = drawn(sequential)
    for refused in (
        lambda: ClassActivation(network).maps(images, classes),
        lambda: grad_cam(network, network[1], images, classes),
        lambda: saliency(network, images, classes),
    ):
        with pytest.raises(ValueError, match=message):
            refused()
    assert not network[1]._forward_hooks


def test_refuses_layers_that_have_no_maps():
    network, images = drawn(sequential)
    with pytest.raises(ValueError, match="layer must be a module of the network"):
        grad_cam(network, nn.ReLU(), images, 0)
    with pytest.raises(ValueError, match=r"feature maps of shape \(n, c, h, w\), got \(3, 4\)"):
        grad_cam(network, network[5], images, 0)
    idle = Written(ENDS["mean of two axes"]).double()
    idle.never = nn.Conv2d(1, 1, 1)
    with pytest.raises(ValueError, match="layer must be called"):
        grad_cam(idle, idle.never, images, 0)
    aside = Written(lambda net, f: (net.aside(f), net.linear(f.mean((2, 3))))[1]).double()
    aside.aside = nn.Identity()
    with pytest.raises(ValueError, match="layer must have a part in the scores"):
        grad_cam(aside, aside.aside, images, 0)
    with pytest.raises(ValueError, match="layer must have a part in the scores"):
        grad_cam(aside.requires_grad_(False), aside.aside, images, 0)


@pytest.mark.parametrize("frozen", [True, False])
def test_saliency_refuses_scores_that_do_not_depend_on_images(frozen):
    constant = Written(lambda net, f: net.linear(torch.ones(len(f), 6).double())).double()
    constant.requires_grad_(not frozen)
    with pytest.raises(ValueError, match="its scores do not depend on images"):
        saliency(constant, torch.zeros(3, 2, 9, 12).double(), 0)


def test_feature_maps_that_no_one_needs_are_let_go():
    kept = []

    def end(net, features):
        first = features.relu()
        second = first.sigmoid()
        seen = weakref.ref(first)
        del first
        kept.append(seen())
        return net.linear(second.mean((2, 3)))

    network, images = drawn(lambda: Written(end))
    ClassActivation(network).head(images)
    assert kept == [None]


def test_a_head_is_found_without_a_graph():
    graphs = []
    network, images = drawn(
        lambda: Written(
            lambda net, f: (graphs.append(f.requires_grad), net.linear(f.mean((2, 3))))[1]
        )
    )
    head = ClassActivation(network).head(images)
    assert graphs == [False]
    assert not any(t.requires_grad for t in (head.features, head.weight, head.bias, head.scores))


def test_refuses_what_is_no_network_and_no_images():
    with pytest.raises(ValueError, match=r"network must be a torch\.nn\.Module, got 'net'"):
        ClassActivation("net")
    network, images = drawn(sequential)
    with pytest.raises(ValueError, match=r"images must be a float .* got torch\.float64 of shape"):
        saliency(network, images[0], 0)
    with pytest.raises(ValueError, match=r"got torch\.int64 of shape \(3, 2, 9, 12\)"):
        saliency(network, images.long(), 0)
    with pytest.raises(ValueError, match="images must hold one at least, got none"):
        ClassActivation(network).maps(images[:0], 0)
    images[1, 0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match="network must give finite scores"):
        ClassActivation(network).maps(images, 0)


@pytest.mark.parametrize(
    ("features", "weights", "index", "message"),
    [
        (np.zeros((1, 2, 3, 4)), np.zeros((5, 2)), 0, r"features must be of shape \(c, h, w\)"),
        (np.zeros((2, 3, 4)), np.zeros((5, 3)), 0, r"weights must be of shape \(classes, 2\)"),
        (np.zeros((2, 3, 4)), np.zeros((5, 2)), 5, "index must be below 5, got 5"),
        (np.zeros((2, 3, 4)), np.zeros((5, 2)), -1, "index must be a whole number of at least 0"),
    ],
)
def test_cam_refuses(features, weights, index, message):
    with pytest.raises(ValueError, match=message):
        cam(features, weights, index)


@pytest.mark.parametrize("old", [(7, 7), (3, 5), (1, 4), (6, 1)])
@pytest.mark.parametrize("size", [(224, 224), (9, 4), (1, 1), (5, 3)])
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_upsample_equals_torch(old, size, kind):
    maps = np.random.default_rng(0).normal(size=(2, *old)).astype(kind)
    expected = functional.interpolate(torch.from_numpy(maps)[None], size=size, mode="bilinear")[0]
    tolerance = 1e-12 if kind is np.float64 else 2e-6
    found = upsample(maps, size)
    assert found.dtype == kind
    np.testing.assert_allclose(found, expected, atol=tolerance)
    torch.testing.assert_close(
        upsample(torch.from_numpy(maps), size), expected, rtol=0, atol=tolerance
    )


@pytest.mark.parametrize("kind", [torch.int64, torch.uint8, torch.bool])
def test_whole_numbers_are_upsampled_to_fractions(kind):
    map = torch.tensor([[0, 1]], dtype=kind)
    for found in (upsample(map, (1, 4)), upsample(map.numpy(), (1, 4))):
        assert found.tolist() == [[0, 0.25, 0.75, 1]]


@pytest.mark.parametrize("turn", [lambda m: m[::-1, ::-2], lambda m: m.T, lambda m: m[1:, ::2]])
def test_maps_need_not_be_contiguous(turn):
    map = turn(np.random.default_rng(0).normal(size=(6, 8)))
    solid = map.copy()
    # Each value is a sum of four products, which another layout may add in another order.
    room = 4 * np.finfo(float).eps * np.abs(map).max()
    found = upsample(map, (13, 11))
    np.testing.assert_allclose(found, upsample(solid, (13, 11)), rtol=0, atol=room)
    assert box_of(map, 0.6) == box_of(solid, 0.6)


def test_maps_of_lists_are_refused():
    maps, weights = np.ones((1, 2, 2)), np.ones((3, 1))
    for name, refused in (
        ("features", lambda: cam(maps.tolist(), weights, 0)),
        ("weights", lambda: cam(maps, weights.tolist(), 0)),
        ("map", lambda: upsample([[1.0, 2.0]], 4)),
    ):
        with pytest.raises(ValueError, match=f"^{name} must be a NumPy array or a torch tensor"):
            refused()


@pytest.mark.parametrize("size", [0, 2.5, (3, 0), (1, 2, 3)])
def test_upsample_refuses(size):
    with pytest.raises(ValueError, match="size must be"):
        upsample(np.zeros((2, 2)), size)


BOXES = [
    ([[0, 0, 0], [0, 1, 0]], 0.5, (1, 1, 2, 2)),
    ([[0, 0, 0], [0, 1, 0]], 0, (0, 0, 2, 3)),  # everything reaches nothing
    ([[3, 3], [3, 3]], 0.9, (0, 0, 2, 2)),  # constant
    ([[-3, -1], [-9, -9]], 0.5, (0, 0, 1, 2)),  # negative all over: −1 is bright
    ([[-5, -5, -5], [-5, -4, -5]], 1, (1, 1, 2, 2)),
    ([[9, 0, 0], [0, 8, 8]], 0.5, (1, 1, 2, 3)),  # corners do not connect
    ([[9, 0, 8, 8, 0, 8]], 0.8, (0, 2, 1, 4)),  # the largest, not the brightest
    ([[1, 0, 1]], 1, (0, 0, 1, 1)),  # among equals the first
    ([[4.0]], 0.5, (0, 0, 1, 1)),
]


@pytest.mark.parametrize(("map", "threshold", "box"), BOXES)
def test_box_of(map, threshold, box):
    assert box_of(np.array(map), threshold) == box
    assert box_of(torch.tensor(map), threshold) == box
    assert box_of(7.0 * np.array(map) - 2.0, threshold) == box  # min-max: scale does not matter


def test_box_of_refuses():
    with pytest.raises(ValueError, match=r"threshold must be a finite number in \[0, 1\], got 1.5"):
        box_of(np.eye(2), 1.5)
    for wrong in (np.zeros((1, 2, 2)), np.zeros((0, 2)), np.zeros(3)):
        with pytest.raises(ValueError, match=r"map must be of shape \(h, w\), none 0, got \("):
            box_of(wrong, 0.5)
    for wrong in (np.nan, -np.inf):
        with pytest.raises(ValueError, match=f"map must be finite, got {wrong}"):
            pointing_hit(np.array([[0, wrong]]), (0, 0, 1, 1))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_iou_counts_pixels(seed):
    rng = np.random.default_rng(seed)
    for _ in range(50):
        masks, boxes = [], []
        for _ in range(2):
            (top, bottom), (left, right) = (
                np.sort(rng.choice(9, 2, replace=False)) for _ in range(2)
            )
            boxes.append((top, left, bottom, right))
            masks.append(np.zeros((9, 9), bool))
            masks[-1][top:bottom, left:right] = True
        expected = (masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum()
        assert iou(*boxes) == pytest.approx(expected) == iou(*boxes[::-1])


@pytest.mark.parametrize(
    "box",
    [
        *((0, 0, 0, 3), (2, 0, 1, 3), (0, 0, 1), (), (0, 0, 1, 1, 1)),
        *((0.5, 0, 2, 2), (0, 0, np.nan, 2), (0, 0, 2, np.inf), None, "1234"),
    ],
)
def test_iou_refuses(box):
    with pytest.raises(ValueError, match=r"second must be \(top, left, bottom, right\)"):
        iou((0, 0, 1, 1), box)


def test_pointing():
    map = np.array([[-3.0, -1.0, -2.0], [-5.0, -4.0, -9.0]])
    assert pointing_hit(map, (0, 1, 1, 2)) and pointing_hit(torch.tensor(map), (0, 0, 2, 3))
    assert not pointing_hit(map, (0, 0, 1, 1)) and not pointing_hit(map, (1, 0, 2, 3))
    assert not pointing_hit(map, (0, 2, 2, 3))  # right and bottom are outside of a box
    constant = np.zeros((3, 3))
    assert not pointing_hit(constant, (0, 0, 2, 3)) and pointing_hit(constant, (0, 0, 3, 3))
    with pytest.raises(ValueError, match=r"box must lie within the map, of shape \(3, 3\)"):
        pointing_hit(constant, (0, 0, 4, 3))
