from itertools import pairwise

import pytest
import torch
from torch import nn

from converge_lib.pretraining.autoencoder import deep_autoencoder


@pytest.mark.parametrize("sizes", [[5, 2], [9, 7, 4, 3]])
def test_mirrored_with_a_linear_code(sizes):
    model = deep_autoencoder(sizes)
    linear = [layer for layer in model if isinstance(layer, nn.Linear)]
    shapes = [(layer.in_features, layer.out_features) for layer in linear]
    there = list(pairwise(sizes))
    assert shapes == [*there, *[(b, a) for a, b in reversed(there)]]
    torch.manual_seed(0)
    x = torch.rand(4, sizes[0])
    for i, layer in enumerate(linear):  # by hand
        x = layer(x)
        if i != len(there) - 1:
            x = 1 / (1 + torch.exp(-x))
    torch.manual_seed(0)
    torch.testing.assert_close(model(torch.rand(4, sizes[0])), x)


@pytest.mark.parametrize("sizes", [[], [3], [3, 0], [3, 1.5], [3, True]])
def test_wrong_sizes_are_named(sizes):
    with pytest.raises(ValueError, match="sizes must"):
        deep_autoencoder(sizes)
