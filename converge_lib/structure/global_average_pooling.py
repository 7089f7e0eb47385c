r"""Global average pooling: one number a channel, in place of the dense layers.

====== ============================================================ ============
symbol meaning                                                      in the code
====== ============================================================ ============
f      the last convolution's feature maps, shape (n, c, h, w)      ``features``
F      mean over positions, F_k = (1/hw) Σ_xy f_k(x, y)             the result
====== ============================================================ ============

The mean has no parameters, takes any height and width, and passes every position the same share
of the gradient, 1/hw. The maximum passes all of it to one position.
"""

from __future__ import annotations

import numpy as np
from torch import nn

from converge_lib.structure import _meta

CONVOLUTIONS = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)


def global_average_pool(features: np.ndarray) -> np.ndarray:
    r"""Return each channel's mean over its positions, shape (n, c), from shape (n, c, h, w).

    Source: Lin, Chen and Yan (2014), section 3.2.

    >>> global_average_pool(np.array([[[[1.0, 2.0], [3.0, 6.0]]]]))
    array([[3.]])
    """
    return _maps(features).mean((2, 3))


def global_average_pool_backward(gradient: np.ndarray, features: np.ndarray) -> np.ndarray:
    r"""Return ∂L/∂f, shape (n, c, h, w), from ∂L/∂F, shape (n, c): ∂L/∂F_k / hw everywhere.

    >>> global_average_pool_backward(np.array([[8.0]]), np.zeros((1, 1, 2, 2)))
    array([[[[2., 2.],
             [2., 2.]]]])
    """
    features = _maps(features)
    share = _gradient(gradient, features) / features[0, 0].size
    return np.broadcast_to(share[:, :, None, None], features.shape).copy()


def global_max_pool(features: np.ndarray) -> np.ndarray:
    r"""Return each channel's largest value, shape (n, c), from shape (n, c, h, w).

    Source: Oquab et al. (2015), section 3, with which Zhou et al. (2016) compare the mean.

    >>> global_max_pool(np.array([[[[1.0, 2.0], [3.0, 6.0]]]]))
    array([[6.]])
    """
    return _maps(features).max((2, 3))


def global_max_pool_backward(gradient: np.ndarray, features: np.ndarray) -> np.ndarray:
    r"""Return ∂L/∂f, shape (n, c, h, w): all of ∂L/∂F_k, shape (n, c), where f_k is largest.

    Among equals the first in reading order gets it, as in torch's max pooling.

    >>> global_max_pool_backward(np.array([[8.0]]), np.array([[[[1.0, 6.0], [3.0, 6.0]]]]))
    array([[[[0., 8.],
             [0., 0.]]]])
    """
    features = _maps(features)
    gradient = _gradient(gradient, features)
    n, c = gradient.shape
    result = np.zeros((n, c, features[0, 0].size), gradient.dtype)
    where = features.reshape(n, c, -1).argmax(2)
    np.put_along_axis(result, where[:, :, None], gradient[:, :, None], axis=2)
    return result.reshape(features.shape)


def head_share(module: nn.Module) -> float:
    """Return the share of a network's parameters that its dense head holds, from 0 to 1.

    The head is every ``nn.Linear`` after the last convolution, in the order in which the modules
    were registered. Tied parameters count once; what is not trained counts as well.

    Args:
        module: a network with a convolution and with parameters that have their shapes.

    Raises:
        ValueError: module is not such a network.

    Source: Lin, Chen and Yan (2014), section 3.2, on what the fully connected layers cost.

    >>> net = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Flatten(), nn.Linear(9, 10))    # 10, 100
    >>> round(head_share(net), 3)
    0.909
    """
    if not isinstance(module, nn.Module):
        raise ValueError(f"module must be a torch.nn.Module, got {module!r}")
    layers = list(module.modules())
    convolutions = [i for i, layer in enumerate(layers) if isinstance(layer, CONVOLUTIONS)]
    if not convolutions:
        raise ValueError(f"module must have a convolution, got {type(module).__name__} without one")
    _meta.refuse_lazy(module)
    linear = [layer for layer in layers[convolutions[-1] :] if isinstance(layer, nn.Linear)]
    head = {id(p): p.numel() for layer in linear for p in layer.parameters()}
    return sum(head.values()) / sum(p.numel() for p in module.parameters())


def _maps(features: np.ndarray) -> np.ndarray:
    features = np.asarray(features)
    if features.ndim != 4 or 0 in features.shape:
        raise ValueError(f"features must be of shape (n, c, h, w), none 0, got {features.shape}")
    return features


def _gradient(gradient: np.ndarray, features: np.ndarray) -> np.ndarray:
    gradient = np.asarray(gradient)
    if gradient.shape != features.shape[:2]:
        raise ValueError(f"gradient must be of shape {features.shape[:2]}, got {gradient.shape}")
    return gradient
