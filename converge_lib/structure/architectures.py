r"""Three networks of the ImageNet years, written out to be counted: features, then a head.

Each is on the device "meta", which holds shapes and no weights. Its two parts are ``features``, as
far as the last pooling within the picture, and ``head``, which makes 1,000 class scores.

Local response normalisation is left out: it has no weights.
"""

from __future__ import annotations

import torch
from torch import nn

from converge_lib.structure.network_in_network import MlpConv


def alexnet() -> nn.Sequential:
    """Return AlexNet for inputs (3, 227, 227); layers 2, 4 and 5 are split into two groups.

    Source: Krizhevsky, Sutskever and Hinton (2012), figure 2. Deviation: inputs of 227 pixels, not
    the 224 of the text, with which the sizes of the figure do not come out.

    >>> from converge_lib.structure.network_in_network import count_parameters
    >>> count_parameters(alexnet().head)
    58631144
    >>> (6 * 6 * 256 + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * 1000
    58631144
    """
    with torch.device("meta"):
        features = nn.Sequential(
            *(nn.Conv2d(3, 96, 11, stride=4), nn.ReLU(), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(256, 384, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU()),
            *(nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        )
        return _network(features, _dense(256 * 6 * 6))


def vgg16() -> nn.Sequential:
    """Return VGG-16 for inputs (3, 224, 224).

    Source: Simonyan and Zisserman (2015), table 1, configuration D.

    >>> from converge_lib.structure.network_in_network import count_parameters
    >>> count_parameters(vgg16().head)
    123642856
    >>> (7 * 7 * 512 + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * 1000
    123642856
    """
    layers: list[nn.Module] = []
    channels = 3
    with torch.device("meta"):
        for width, times in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
            for _ in range(times):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            layers.append(nn.MaxPool2d(2))
        return _network(nn.Sequential(*layers), _dense(512 * 7 * 7))


def nin() -> nn.Sequential:
    """Return the ImageNet Network in Network for inputs (3, 227, 227); its head has no weights.

    Source: Lin, Chen and Yan (2014), section 3, in the sizes of the authors' published ImageNet
    model: the paper itself has CIFAR, SVHN and MNIST alone.

    >>> from converge_lib.structure.network_in_network import count_parameters
    >>> count_parameters(nin().head)
    0
    """
    with torch.device("meta"):
        features = nn.Sequential(
            *(MlpConv(3, [96, 96, 96], 11, stride=4), nn.MaxPool2d(3, 2, ceil_mode=True)),
            *(MlpConv(96, [256, 256, 256], 5, padding=2), nn.MaxPool2d(3, 2, ceil_mode=True)),
            *(MlpConv(256, [384, 384, 384], 3, padding=1), nn.MaxPool2d(3, 2, ceil_mode=True)),
            *(nn.Dropout(), MlpConv(384, [1024, 1024, 1000], 3, padding=1)),
        )
        return _network(features, nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))


def _dense(inputs: int) -> nn.Sequential:
    return nn.Sequential(
        *(nn.Flatten(), nn.Linear(inputs, 4096), nn.ReLU(), nn.Dropout()),
        *(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 1000)),
    )


def _network(features: nn.Sequential, head: nn.Sequential) -> nn.Sequential:
    network = nn.Sequential()
    network.add_module("features", features)
    network.add_module("head", head)
    return network
