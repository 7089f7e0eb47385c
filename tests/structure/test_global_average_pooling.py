"""Pooling against torch, forward and gradient; the head's share against counts by hand."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from converge_lib.structure.global_average_pooling import (
    global_average_pool,
    global_average_pool_backward,
    global_max_pool,
    global_max_pool_backward,
    head_share,
)

POOLS = {
    "average": (
        global_average_pool,
        global_average_pool_backward,
        lambda x: functional.adaptive_avg_pool2d(x, 1),
    ),
    "max": (
        global_max_pool,
        global_max_pool_backward,
        lambda x: functional.adaptive_max_pool2d(x, 1),
    ),
}


@pytest.mark.parametrize("kind", POOLS)
@pytest.mark.parametrize("shape", [(3, 4, 5, 2), (1, 1, 1, 1), (2, 3, 7, 7)])
@pytest.mark.parametrize("levels", [None, 3])
def test_equals_torch(kind, shape, levels):
    pool, backward, oracle = POOLS[kind]
    rng = np.random.default_rng(0)
    # few levels, so that several positions hold the largest value
    features = rng.normal(size=shape) if levels is None else rng.integers(levels, size=shape) * 1.0
    gradient = rng.normal(size=shape[:2])
    x = torch.tensor(features, requires_grad=True)
    y = oracle(x)
    (expected,) = torch.autograd.grad(y, x, torch.tensor(gradient)[:, :, None, None])
    # n terms in any order are off by n ε of their size, also where their mean is nearly 0
    rounding = np.prod(shape[2:]) * np.finfo(float).eps * np.abs(features).mean((2, 3)).max()
    np.testing.assert_allclose(pool(features), y.detach().flatten(1), rtol=0, atol=rounding)
    np.testing.assert_allclose(backward(gradient, features), expected, rtol=1e-13)


@pytest.mark.parametrize("kind", POOLS)
def test_backward_by_finite_differences(kind):
    pool, backward, _ = POOLS[kind]
    rng = np.random.default_rng(1)
    features, gradient = rng.normal(size=(2, 2, 3, 4)), rng.normal(size=(2, 2))
    found = backward(gradient, features)
    for index in np.ndindex(features.shape):
        step = np.zeros_like(features)
        step[index] = 1e-6
        slope = (gradient * (pool(features + step) - pool(features - step))).sum() / 2e-6
        assert abs(found[index] - slope) < 1e-8


@pytest.mark.parametrize("backward", [global_average_pool_backward, global_max_pool_backward])
def test_a_gradient_may_be_changed_place_by_place(backward):
    found = backward(np.ones((1, 1)), np.zeros((1, 1, 2, 2)))
    before = found.copy()
    found[0, 0, 1, 1] += 7
    assert (found - before).ravel().tolist() == [0, 0, 0, 7]


@pytest.mark.parametrize("backward", [global_average_pool_backward, global_max_pool_backward])
def test_refuses_other_shapes(backward):
    with pytest.raises(ValueError, match=r"gradient must be of shape \(2, 3\), got \(3, 2\)"):
        backward(np.zeros((3, 2)), np.zeros((2, 3, 4, 4)))


@pytest.mark.parametrize("shape", [(3, 4, 4), (2, 3, 0, 4), ()])
@pytest.mark.parametrize("pool", [global_average_pool, global_max_pool])
def test_refuses_what_are_no_maps(pool, shape):
    with pytest.raises(ValueError, match=r"features must be of shape \(n, c, h, w\)"):
        pool(np.zeros(shape))


def test_head_share_of_what_is_counted_by_hand():
    dense = nn.Sequential(
        nn.Linear(5, 5),  # before the last convolution: no head
        nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU()),  # 40
        nn.Sequential(nn.Linear(4, 4), nn.Conv2d(4, 4, 1)),  # 20, between convolutions, and 20
        nn.Flatten(),
        nn.Linear(16, 6),  # 102
        nn.Sequential(nn.BatchNorm1d(6), nn.Linear(6, 2)),  # 12, 14
    )
    assert head_share(dense) == (102 + 14) / (30 + 40 + 20 + 20 + 102 + 12 + 14)
    averaged = nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert head_share(averaged) == 0


def test_head_share_counts_tied_parameters_once():
    tied = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.Linear(3, 3), nn.Linear(3, 3))
    tied[2].weight = tied[1].weight
    assert head_share(tied) == (9 + 3 + 3) / (1 + 9 + 3 + 3)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Linear(2, 2), "module must have a convolution, got Linear without one"),
        ("net", "module must be a torch.nn.Module, got 'net'"),
        (nn.Sequential(nn.Conv2d(1, 1, 1), nn.LazyLinear(2)), "module must know its shapes"),
    ],
)
def test_head_share_refuses(module, message):
    with pytest.raises(ValueError, match=message):
        head_share(module)
