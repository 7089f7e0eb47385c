r"""Autoencoders: a network that gives back its input, through a layer too narrow to copy it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from converge_lib._validation import count


def deep_autoencoder(sizes: Sequence[int]) -> nn.Sequential:
    r"""Return an encoder of these layer sizes and its mirror image, the decoder, in one network.

    All layers are logistic except the code, the innermost one, which is linear: a code of six
    numbers should not be six numbers from 0 to 1.

    Args:
        sizes: of the input, of every layer of the encoder, and of the code: at least two.

    Source: Hinton and Salakhutdinov (2006). Deviation: the weights are PyTorch's own at the start,
    not pretrained; see :func:`~converge_lib.descent.hessian_free.sparse_init` for another start.

    >>> deep_autoencoder([64, 32, 3])
    Sequential(
      (0): Linear(in_features=64, out_features=32, bias=True)
      (1): Sigmoid()
      (2): Linear(in_features=32, out_features=3, bias=True)
      (3): Linear(in_features=3, out_features=32, bias=True)
      (4): Sigmoid()
      (5): Linear(in_features=32, out_features=64, bias=True)
      (6): Sigmoid()
    )
    """
    sizes = [count("sizes", size, low=1) for size in sizes]
    if len(sizes) < 2:
        raise ValueError(f"sizes must name the input and the code at least, got {sizes}")
    layers: list[nn.Module] = []
    mirrored = [*sizes, *sizes[-2::-1]]
    for i, (inputs, outputs) in enumerate(pairwise(mirrored)):
        layers.append(nn.Linear(inputs, outputs))
        if i != len(sizes) - 2:
            layers.append(nn.Sigmoid())
    return nn.Sequential(*layers)
