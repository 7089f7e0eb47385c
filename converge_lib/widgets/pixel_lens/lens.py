"""A network of 1×1 convolutions at one pixel, and on a whole picture. The twin of lens.js."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import nn

SEED = 2024


def without_relu(network: nn.Sequential) -> nn.Sequential:
    """Return the network without its ReLUs, which is one linear map.

    >>> from torch import nn
    >>> without_relu(nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU()))
    Sequential(
      (0): Conv2d(3, 2, kernel_size=(1, 1), stride=(1, 1))
    )
    """
    from torch import nn

    return nn.Sequential(*(layer for layer in network if not isinstance(layer, nn.ReLU)))


def activations(network: nn.Sequential, picture: np.ndarray) -> list[np.ndarray]:
    """Return what goes in and what comes out of each 1×1 convolution with its ReLU.

    Args:
        network: of 1×1 convolutions, each with a ReLU behind it or none.
        picture: shape (channels, height, width), also of one pixel.
    """
    import torch
    from torch import nn

    found = [picture]
    with torch.no_grad():
        x = torch.from_numpy(np.ascontiguousarray(picture))[None]
        for layer in network:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                found.pop()
            found.append(x[0].numpy())
    return found


def shuffled_order(n: int) -> np.ndarray:
    """Return an order of n pixels that looks like chance: where each place takes its pixel from.

    >>> sorted(shuffled_order(5).tolist())
    [0, 1, 2, 3, 4]
    """
    order = np.arange(n)
    x = SEED
    for i in range(n - 1, 0, -1):
        x = x * 48271 % 2147483647
        j = x % (i + 1)
        order[i], order[j] = order[j], order[i]
    return order


def reordered(maps: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return maps of shape (channels, height, width) with their pixels in another order."""
    return maps.reshape(len(maps), -1)[:, order].reshape(maps.shape)
