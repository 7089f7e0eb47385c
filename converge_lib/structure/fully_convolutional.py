r"""Fully convolutional networks: a dense layer is a convolution that fills its input exactly.

A linear layer behind a flattened map of c × h × w numbers has a weight for each of them: it is a
convolution with h × w filters that fits in one place only. On a larger map it fits in several, and
the network gives a score at each: what it would say of each window of the picture, but with the
work that windows share done once.

Window (i, j) of the score map of a network with the stride s = :func:`stride_of` has its upper
left corner at pixel (i · s[0], j · s[1]). The map is the sliding window's, window by window, where
no layer looks past the edge of its input. A padded layer does: in the middle of a larger picture
it sees pixels where the window alone would show it zeros. :func:`edge_layers` names such layers.

Where strides leave the last rows or columns of a window unseen, the map may have one row or column
more than there are windows: of windows that stick out of the picture by what nobody looks at.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from converge_lib._validation import count
from converge_lib.structure import _meta

Shape = tuple[int, int, int]

ELEMENTWISE = (
    *(nn.CELU, nn.ELU, nn.GELU, nn.Hardshrink, nn.Hardsigmoid, nn.Hardswish, nn.Hardtanh),
    *(nn.Identity, nn.LeakyReLU, nn.LogSigmoid, nn.Mish, nn.ReLU, nn.ReLU6, nn.RReLU, nn.SELU),
    *(nn.SiLU, nn.Sigmoid, nn.Softplus, nn.Softshrink, nn.Softsign, nn.Tanh, nn.Tanhshrink),
    *(nn.Threshold, nn.Dropout, nn.AlphaDropout),
)
POOLING = (nn.MaxPool2d, nn.AvgPool2d)
ON_MAPS = (
    *(nn.Conv2d, *POOLING, nn.BatchNorm2d, nn.Dropout2d, nn.FeatureAlphaDropout),
    nn.LocalResponseNorm,
)
ON_VECTORS = (nn.Linear, nn.Flatten, nn.BatchNorm1d, nn.Softmax, nn.LogSoftmax, nn.PReLU)
ADAPTIVE = {nn.AdaptiveAvgPool2d: nn.AvgPool2d, nn.AdaptiveMaxPool2d: nn.MaxPool2d}


def convolutionalise(module: nn.Module, input_shape: Sequence[int]) -> nn.Sequential:
    r"""Return the network with its linear layers as convolutions: it takes any larger picture.

    On pictures of ``input_shape`` its scores are the network's, in the shape (n, classes, 1, 1);
    on larger ones they are a map of scores, (n, classes, rows, columns).

    ============================= ============================================================
    layer                         becomes
    ============================= ============================================================
    convolution, pooling, BN, …   itself
    adaptive pooling to (p, q)    pooling with windows (h/p, w/q), which must be whole numbers;
                                  to one number, they move by one place at a time
    flatten                       nothing
    linear, behind (c, h, w)      a convolution with h × w filters
    linear, behind a linear       a convolution with 1 × 1 filters
    batch normalisation 1d        the same for maps, 2d
    softmax over the classes      softmax over the channels
    activation, dropout           itself
    ============================= ============================================================

    Weights are copied, not shared, and a layer that occurs twice becomes two. Training mode stays
    as it is, layer by layer, and so does what is frozen.

    Args:
        module: an ``nn.Sequential``, nested or not, of the layers above.
        input_shape: (channels, height, width) of the pictures that the network is made for.

    Anything else is refused by its name. Equality is that of ``eval()`` mode: in training, dropout
    draws and batch normalisation counts each place of a map.

    Source: Long, Shelhamer and Darrell (2015), section 3.1. Deviation: no upsampling to pixels
    (section 3.3), and no padding of 100 pixels around the picture, which breaks the equality.

    >>> network = nn.Sequential(nn.Conv2d(1, 4, 5), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3))
    >>> everywhere = convolutionalise(network, (1, 10, 10))
    >>> everywhere[-1]
    Conv2d(4, 3, kernel_size=(3, 3), stride=(1, 1))
    >>> everywhere(torch.zeros(2, 1, 10, 10)).shape, everywhere(torch.zeros(2, 1, 16, 20)).shape
    (torch.Size([2, 3, 1, 1]), torch.Size([2, 3, 4, 6]))
    """
    if not isinstance(module, nn.Sequential):
        raise ValueError(f"module must be an nn.Sequential, got {type(module).__name__}")
    if not isinstance(input_shape, Sequence) or len(input_shape) != 3:
        raise ValueError(f"input_shape must be (channels, height, width), got {input_shape!r}")
    batch = _meta.batch_of(input_shape, module)
    converted: list[nn.Module] = []
    flat, flattened = False, ""
    for name, layer in _layers(module):
        shape = tuple(batch.shape[1:])
        if type(layer) is nn.Flatten:
            if (layer.start_dim, layer.end_dim) not in ((1, -1), (1, 1 if flat else 3)):
                raise _refusal(name, layer, "it must flatten each case whole")
            flat, flattened = True, flattened or name
            continue
        new = _on_vectors(name, layer, shape) if flat else _on_maps(name, layer, shape)
        new.train(layer.training)
        try:
            batch = _meta.call(new, batch)
        except (RuntimeError, ValueError) as error:
            reason = f"inputs of shape {shape} do not fit ({error})"
            raise _refusal(name, layer, reason) from error
        converted.append(new)
    if flat and batch.shape[2:] != (1, 1):
        raise ValueError(
            f"module must have a linear layer behind {flattened}: Flatten, whose output is a map "
            f"of shape {tuple(batch.shape[1:])}"
        )
    network = nn.Sequential(*converted)
    network.training = module.training  # train() would set the layers too
    return network


def stride_of(module: nn.Module) -> tuple[int, int]:
    """Return by how many pixels, (down, right), neighbours in the network's score map differ.

    It is the product of the strides of convolutions and pooling.

    Args:
        module: an ``nn.Sequential``, nested or not, such as :func:`convolutionalise` returns. It
            may have linear layers, but no adaptive pooling, whose stride the picture decides.

    >>> stride_of(nn.Sequential(nn.Conv2d(1, 4, 5, stride=2), nn.MaxPool2d(2)))
    (4, 4)
    """
    down = right = 1
    for name, layer in _known_layers(module):
        if type(layer) in ADAPTIVE:
            raise ValueError(
                f"module must be converted first, got {name}: {type(layer).__name__}, whose stride "
                "depends on the picture"
            )
        if type(layer) in (nn.Conv2d, *POOLING):
            stride = _pair(layer.stride)
            down, right = down * stride[0], right * stride[1]
    return down, right


def edge_layers(module: nn.Module) -> list[str]:
    """Return the names of the layers that look past the edge of their input.

    These have padding, or pool a last window that is not full (``ceil_mode``). With none, the
    score map equals the sliding window everywhere; with some, it differs where a window's edge is
    not the picture's.

    Args:
        module: an ``nn.Sequential``, nested or not.

    >>> edge_layers(nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)))
    ['0']
    """
    return [
        name
        for name, layer in _known_layers(module)
        if type(layer) in (nn.Conv2d, *POOLING)
        and (_pads(layer) or (type(layer) in POOLING and layer.ceil_mode))
    ]


def slide(
    module: Callable[[Tensor], Tensor],
    images: Tensor,
    window: tuple[int, int],
    stride: tuple[int, int],
) -> Tensor:
    """Return what a network says of each window: the score map, (n, classes, rows, columns).

    The slow way, which :func:`convolutionalise` is checked against and compared with. All the
    windows are one batch.

    Args:
        module: takes windows, (…, channels, height, width), to scores, (…, classes).
        images: shape (n, channels, height, width).
        window: its height and width.
        stride: by how many pixels, (down, right), a window differs from the next.

    Source: Long, Shelhamer and Darrell (2015), section 3.1.

    >>> slide(nn.Flatten(), torch.arange(9.0).reshape(1, 1, 3, 3), (1, 2), (2, 1))
    tensor([[[[0., 1.],
              [6., 7.]],
    <BLANKLINE>
             [[1., 2.],
              [7., 8.]]]])
    """
    for name, pair in (("window", window), ("stride", stride)):
        if not isinstance(pair, Sequence) or len(pair) != 2:
            raise ValueError(f"{name} must be two whole numbers, down and across, got {pair!r}")
    height, width = (count("window", size, low=1) for size in window)
    down, right = (count("stride", size, low=1) for size in stride)
    if images.ndim != 4 or images.shape[2] < height or images.shape[3] < width:
        raise ValueError(
            f"images must have shape (n, channels, height, width) of at least the window "
            f"({height}, {width}), got {tuple(images.shape)}"
        )
    windows = images.unfold(2, height, down).unfold(3, width, right)
    windows = windows.permute(0, 2, 3, 1, 4, 5)
    scores = module(windows.flatten(0, 2))
    if scores.ndim != 2 or len(scores) != windows.shape[:3].numel():
        raise ValueError(
            f"module must give scores of shape ({windows.shape[:3].numel()}, classes), "
            f"got {tuple(scores.shape)}"
        )
    return scores.unflatten(0, windows.shape[:3]).movedim(3, 1)


def _layers(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Yield the layers with their names in the order of use, as often as they are used."""
    if not isinstance(module, nn.Sequential) or type(module).forward is not nn.Sequential.forward:
        yield prefix, module
        return
    for name, child in module._modules.items():  # named_children() leaves out repeated layers
        yield from _layers(child, f"{prefix}.{name}".lstrip("."))


def _known_layers(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    known = (*ON_MAPS, *ELEMENTWISE, *ON_VECTORS, *ADAPTIVE)
    for name, layer in _layers(module):
        if type(layer) not in known:
            raise _refusal(name, layer, "there is no rule for it")
        yield name, layer


def _on_maps(name: str, layer: nn.Module, shape: Shape) -> nn.Module:
    """Return the layer that does on maps of any size what ``layer`` does on maps of ``shape``."""
    kind = type(layer)
    if kind in ADAPTIVE:
        return _pooling(name, layer, shape)
    if kind is nn.Linear:
        raise _refusal(name, layer, "it must come behind an nn.Flatten")
    if getattr(layer, "return_indices", False):
        raise _refusal(name, layer, "return_indices is not supported")
    if kind in ON_MAPS or kind in ELEMENTWISE or kind is nn.PReLU:
        return copy.deepcopy(layer)
    raise _refusal(name, layer, "there is no rule for it on maps")


def _on_vectors(name: str, layer: nn.Module, shape: Shape) -> nn.Module:
    """Return the layer that does at each place what ``layer`` does to the flattened ``shape``."""
    kind = type(layer)
    if kind is nn.Linear:
        return _convolution(name, layer, shape)
    if kind in ELEMENTWISE or (kind is nn.PReLU and layer.num_parameters == 1):
        return copy.deepcopy(layer)
    if shape[1:] != (1, 1) and kind in (nn.BatchNorm1d, nn.Softmax, nn.LogSoftmax, nn.PReLU):
        raise _refusal(name, layer, "it must come behind a linear layer, not directly a flatten")
    if kind is nn.PReLU:
        return copy.deepcopy(layer)
    if kind is nn.BatchNorm1d:
        return _batch_norm(layer)
    if kind in (nn.Softmax, nn.LogSoftmax) and layer.dim in (1, -1):
        return kind(dim=1)
    raise _refusal(name, layer, "there is no rule for it behind a flatten")


def _convolution(name: str, layer: nn.Linear, shape: Shape) -> nn.Conv2d:
    if layer.in_features != math.prod(shape):
        reason = f"with this input_shape it gets {math.prod(shape)} numbers, of shape {shape}"
        raise _refusal(name, layer, reason)
    channels, height, width = shape
    convolution = skip_init(
        nn.Conv2d,
        channels,
        layer.out_features,
        (height, width),
        bias=layer.bias is not None,
        device=layer.weight.device,
        dtype=layer.weight.dtype,
    )
    with torch.no_grad():
        # a flattened map lists channels, then rows, then columns: so does a filter
        convolution.weight.copy_(layer.weight.view(-1, *shape))
        convolution.weight.requires_grad_(layer.weight.requires_grad)
        if layer.bias is not None:
            convolution.bias.copy_(layer.bias)
            convolution.bias.requires_grad_(layer.bias.requires_grad)
    return convolution


def _batch_norm(layer: nn.BatchNorm1d) -> nn.BatchNorm2d:
    new = nn.BatchNorm2d(layer.num_features, layer.eps, layer.momentum)
    new.affine, new.track_running_stats = layer.affine, layer.track_running_stats
    # 1d and 2d hold the same, and differ only in the inputs that they accept
    layer = copy.deepcopy(layer)
    new._parameters, new._buffers = layer._parameters, layer._buffers
    return new


def _pooling(name: str, layer: nn.Module, shape: Shape) -> nn.Module:
    if getattr(layer, "return_indices", False):
        raise _refusal(name, layer, "return_indices is not supported")
    sizes = shape[1:]
    wanted = _pair(layer.output_size)
    parts = [size if part is None else part for part, size in zip(wanted, sizes, strict=True)]
    if any(size % part for size, part in zip(sizes, parts, strict=True)):
        raise _refusal(name, layer, f"maps of {sizes} have no equal windows for {tuple(parts)}")
    kernel = tuple(size // part for size, part in zip(sizes, parts, strict=True))
    stride = tuple(1 if part == 1 else size for part, size in zip(parts, kernel, strict=True))
    return ADAPTIVE[type(layer)](kernel, stride)


def _pads(layer: nn.Module) -> bool:
    if layer.padding == "same":
        return layer.kernel_size != (1, 1)
    return layer.padding != "valid" and _pair(layer.padding) != (0, 0)


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)


def _refusal(name: str, layer: nn.Module, reason: str) -> ValueError:
    return ValueError(f"module has a layer that cannot be converted, {name}: {layer!r}; {reason}")
