r"""Network in Network: a small network slides over the picture where a filter did.

A convolution is linear in each patch, plus one nonlinearity. An *mlpconv* layer puts a multilayer
perceptron in its place: its first layer sees the patch, and the others see the channels of one
place, which makes them convolutions with 1×1 filters.

Beside it stand the counters that say what an architecture costs: :func:`count_parameters` and
:func:`count_multiplications`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from converge_lib._validation import count
from converge_lib.structure import _meta


class MlpConv(nn.Sequential):
    r"""A convolution, then 1×1 convolutions, with a ReLU after each.

    At each place (i, j), with the patch x around it:

        f₁ = max(W₁x + b₁, 0), f₂ = max(W₂f₁ + b₂, 0), …

    Args:
        in_channels: of the inputs, shape (n, in_channels, height, width).
        channels: of f₁, f₂, …; with one number it is a plain convolution and ReLU.
        kernel_size: height and width of the patch.
        stride: in pixels, of the patch.
        padding: rows and columns of zeros at each edge.

    Source: Lin, Chen and Yan (2014), section 3.1, equation 2.

    >>> MlpConv(3, [192, 160, 96], kernel_size=5, padding=2)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 96, 32, 32])
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        in_channels = count("in_channels", in_channels, low=1)
        if not isinstance(channels, Sequence) or not channels:
            raise ValueError(f"channels must be a list of one layer at least, got {channels!r}")
        channels = [count("channels", size, low=1) for size in channels]
        first = nn.Conv2d(in_channels, channels[0], kernel_size, stride=stride, padding=padding)
        layers: list[nn.Module] = [first, nn.ReLU()]
        for before, after in pairwise(channels):
            layers += [nn.Conv2d(before, after, 1), nn.ReLU()]
        super().__init__(*layers)

    def __getitem__(self, index: int | slice) -> nn.Module:
        return nn.Sequential(*self)[index]  # a slice is no MlpConv


def per_pixel(mlp: nn.Module, images: Tensor) -> Tensor:
    """Return what ``mlp`` makes of the channels of each pixel, shape (n, outputs, height, width).

    Args:
        mlp: takes (..., channels) to (..., outputs), as linear layers and activations do.
        images: shape (n, channels, height, width).

    Source: Lin, Chen and Yan (2014), section 3.1: it equals 1×1 convolutions, see
    :func:`mlp_of`.

    >>> per_pixel(nn.Linear(3, 5), torch.zeros(2, 3, 4, 6)).shape
    torch.Size([2, 5, 4, 6])
    """
    if images.ndim != 4:
        raise ValueError(
            f"images must have shape (n, channels, height, width), got {tuple(images.shape)}"
        )
    return mlp(images.movedim(1, -1)).movedim(-1, 1)


def mlp_of(convolutions: nn.Sequential) -> nn.Sequential:
    """Return the multilayer perceptron that these 1×1 convolutions apply at each pixel.

    Args:
        convolutions: of ``nn.Conv2d`` with 1×1 filters and ``nn.ReLU``; anything else is refused.

    The weights are copied.

    >>> block = MlpConv(3, [8, 4], kernel_size=5)
    >>> mlp_of(block[2:])
    Sequential(
      (0): Linear(in_features=8, out_features=4, bias=True)
      (1): ReLU()
    )
    """
    if not isinstance(convolutions, nn.Sequential):
        got = type(convolutions).__name__
        raise ValueError(f"convolutions must be an nn.Sequential, got {got}")
    layers: list[nn.Module] = []
    for layer in convolutions:
        if type(layer) is nn.ReLU:
            layers.append(nn.ReLU())
            continue
        if type(layer) is not nn.Conv2d or not _sees_one_pixel(layer):
            raise ValueError(f"convolutions must be 1×1 convolutions and ReLU, got {layer!r}")
        linear = skip_init(
            nn.Linear,
            layer.in_channels,
            layer.out_channels,
            bias=layer.bias is not None,
            device=layer.weight.device,
            dtype=layer.weight.dtype,
        )
        with torch.no_grad():
            linear.weight.copy_(layer.weight[:, :, 0, 0])
            if layer.bias is not None:
                linear.bias.copy_(layer.bias)
        layers.append(linear)
    return nn.Sequential(*layers)


def count_parameters(module: nn.Module) -> int:
    """Return how many numbers the module learns, frozen ones too and shared ones once.

    >>> count_parameters(nn.Conv2d(3, 8, 5))     # 8 filters of 3 · 5 · 5, and 8 biases
    608
    """
    _meta.refuse_lazy(module)
    return sum(p.numel() for p in module.parameters())


def count_multiplications(module: nn.Module, input_shape: Sequence[int]) -> int:
    r"""Return the multiplications that convolutions and linear layers make for one input.

    A linear layer makes inputs × outputs at each place that it is applied to. A convolution makes,
    for each number that comes out, channels / groups × height × width of its filter; a product
    with a zero of the padding counts like any other.

    Biases, activations, pooling and normalisation are left out: they grow with the outputs, not
    with outputs × inputs. A layer with weights of another kind is refused, for its count would be
    zero. Only what layers do is seen, not products of tensors in a module's own ``forward``.

    Args:
        module: takes a batch of inputs; it may be on the device "meta", where it has no weights.
        input_shape: of one input, without the batch: (channels, height, width) or (features,).

    Nothing is computed but shapes, and the module is left as it was.

    >>> count_multiplications(nn.Conv2d(3, 8, 5), (3, 28, 28))     # 24 · 24 · 8 · (3 · 5 · 5)
    345600
    """
    total = 0

    def add(layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal total
        if isinstance(layer, nn.Linear):
            each = layer.in_features
        else:
            each = layer.in_channels // layer.groups * math.prod(layer.kernel_size)
        # one case's share of the batch: a layer may see its cases in another order or shape
        total += output.numel() // _meta.CASES * each

    layers = [m for m in module.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
    for name, other in module.named_modules():
        own = other.parameters(recurse=False)
        if other not in layers and any(p.ndim > 1 for p in own):
            raise ValueError(
                "module must have its weights in convolutions and linear layers, "
                f"got {name or 'the module itself'}: {type(other).__name__}"
            )
    batch = _meta.batch_of(input_shape, module)
    hooks = [layer.register_forward_hook(add) for layer in layers]
    try:
        _meta.call(module, batch)
    finally:
        for hook in hooks:
            hook.remove()
    return total


def _sees_one_pixel(layer: nn.Conv2d) -> bool:
    padding = layer.padding if isinstance(layer.padding, tuple) else (0, 0)  # "same" adds nothing
    plain = layer.kernel_size == layer.stride == (1, 1) and layer.groups == 1
    return plain and padding == (0, 0)
