r"""Small networks that a page carries: packed for JavaScript, and rounded as the page has them.

A page computes with exactly the packed weights, so :func:`rounded` is what it is compared with.
The other side is core/maths/layers.js.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn

BITS = {8: "<f4", 16: "<f2", 32: "<f4"}
"""How numbers are stored for so many bits a weight; the weights of 8 bits have a scale a row."""
LARGEST = 127


def pack(module: nn.Sequential, bits: int = 16) -> dict[str, Any]:
    r"""Return a network as JSON, its weights as base64 of little-endian floats or of whole numbers.

    ======================================= =====================================================
    layer                                   becomes
    ======================================= =====================================================
    ``nn.Conv2d``, stride 1                 kind "conv2d", shape, padding, weight, bias
    ``nn.Linear``, behind a flatten         kind "linear", shape, weight, bias
    ``nn.MaxPool2d``, stride = size         kind "max_pool", size
    ``nn.ReLU``, ``nn.Flatten``             kind "relu", kind "flatten"
    ``nn.AdaptiveAvgPool2d(1)``             kind "global_average_pool"
    ``nn.AdaptiveMaxPool2d(1)``             kind "global_max_pool"
    ``nn.Dropout``                          nothing
    ======================================= =====================================================

    With 8 bits a weight is a whole number from −127 to 127 times the scale of its row, which is
    what goes to one output; scales and biases have 32 bits.

    Args:
        module: an ``nn.Sequential``, nested or not, of these layers.
        bits: of each weight, 8, 16 or 32.

    Raises:
        ValueError: naming the layer that cannot be packed, or the argument that is not one.

    >>> from torch import nn
    >>> packed = pack(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Dropout()))
    >>> packed["bits"], [layer["kind"] for layer in packed["layers"]]
    (16, ['conv2d', 'relu'])
    >>> packed["layers"][0]["shape"], packed["layers"][0]["padding"]
    ([2, 1, 3, 3], 0)
    """
    from torch import nn

    layers: list[dict[str, Any]] = []
    for name, layer in _known_layers(module, bits):
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            weight, bias = _weights(layer)
            convolution = isinstance(layer, nn.Conv2d)
            layers.append(
                {
                    "kind": "conv2d" if convolution else "linear",
                    "shape": list(weight.shape),
                    **({"padding": layer.padding[0]} if convolution else {}),
                    **_packed_weight(name, weight, bits),
                    "bias": _base64(_near(name, bias, bits)),
                }
            )
        elif isinstance(layer, nn.MaxPool2d):
            layers.append({"kind": "max_pool", "size": _one(layer.kernel_size)})
        else:
            kinds = {
                nn.ReLU: "relu",
                nn.Flatten: "flatten",
                nn.AdaptiveAvgPool2d: "global_average_pool",
                nn.AdaptiveMaxPool2d: "global_max_pool",
            }
            layers.append({"kind": kinds[type(layer)]})
    return {"bits": int(bits), "layers": layers}


def rounded(module: nn.Sequential, bits: int = 16) -> nn.Sequential:
    """Return the network with exactly the weights that :func:`pack` packs, in float64.

    It is flat and without dropout; what the page computes is what it computes.

    >>> from torch import nn
    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2), nn.Dropout())
    >>> rounded(network)[1].weight.dtype, len(rounded(network))
    (torch.float64, 2)
    """
    import torch
    from torch import nn
    from torch.nn.utils import skip_init

    layers: list[nn.Module] = []
    for name, layer in _known_layers(module, bits):
        if isinstance(layer, nn.Conv2d):
            sizes = (layer.in_channels, layer.out_channels, layer.kernel_size)
            new = skip_init(nn.Conv2d, *sizes, padding=layer.padding, dtype=torch.float64)
        elif isinstance(layer, nn.Linear):
            sizes = (layer.in_features, layer.out_features)
            new = skip_init(nn.Linear, *sizes, dtype=torch.float64)
        else:
            layers.append(copy.deepcopy(layer))  # the caller's own keeps its mode
            continue
        with torch.no_grad():
            weight, bias = _weights(layer)
            new.weight.copy_(torch.from_numpy(_rounded(name, weight, bits)))
            new.bias.copy_(torch.from_numpy(_near(name, bias, bits).astype(np.float64)))
        layers.append(new)
    return nn.Sequential(*layers).requires_grad_(False).eval()


def _known_layers(module: nn.Sequential, bits: int) -> Iterator[tuple[str, nn.Module]]:
    """Yield the layers that a page has with their names, and refuse any other."""
    from torch import nn

    if isinstance(bits, bool) or bits not in BITS:
        raise ValueError(f"bits must be one of {', '.join(map(str, BITS))}, got {bits!r}")
    if not isinstance(module, nn.Sequential):
        raise ValueError(f"module must be an nn.Sequential, got {type(module).__name__}")
    flat = False
    some = False
    for name, layer in _layers(module):
        reason = _objection(layer, flat)
        if reason:
            raise ValueError(
                f"module has a layer that cannot be packed, {name}: {layer!r}; {reason}"
            )
        if type(layer) is nn.Dropout:
            continue
        flat = flat or type(layer) is nn.Flatten
        some = True
        yield name, layer
    if not some:
        raise ValueError("module must have a layer, got none")


def _objection(layer: nn.Module, flat: bool) -> str:
    """Return why a page has no such layer, or nothing."""
    from torch import nn

    kind = type(layer)
    if kind in (nn.ReLU, nn.Dropout):
        return ""
    if kind is nn.Linear:
        return "" if flat else "it must come behind an nn.Flatten"
    if kind is nn.Flatten:
        whole = (layer.start_dim, layer.end_dim) == (1, -1)
        return "" if whole else "it must flatten each case whole"
    if flat:
        return "it must come before the nn.Flatten"
    if kind is nn.Conv2d:
        plain = layer.stride == layer.dilation == (1, 1) and layer.groups == 1
        if not plain or layer.padding_mode != "zeros":
            return "stride, dilation and groups must be 1, and the padding zeros"
        even = isinstance(layer.padding, tuple) and layer.padding[0] == layer.padding[1]
        return "" if even else "the padding must be one number"
    if kind is nn.MaxPool2d:
        size = _one(layer.kernel_size)
        plain = (_one(layer.padding), _one(layer.dilation)) == (0, 1)
        plain = plain and not layer.ceil_mode and not layer.return_indices
        return "" if size and plain and _one(layer.stride) == size else "it must pool whole squares"
    if kind in (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d):
        plain = not getattr(layer, "return_indices", False)
        return "" if plain and _one(layer.output_size) == 1 else "it must pool to one pixel"
    return "there is no rule for it"


def _layers(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    from torch import nn

    if not isinstance(module, nn.Sequential) or type(module).forward is not nn.Sequential.forward:
        yield prefix, module
        return
    for name, child in module._modules.items():  # named_children() leaves out repeated layers
        yield from _layers(child, f"{prefix}.{name}".lstrip("."))


def _weights(layer: nn.Conv2d | nn.Linear) -> tuple[Tensor, Tensor]:
    weight = layer.weight.detach()
    bias = weight.new_zeros(weight.shape[0]) if layer.bias is None else layer.bias.detach()
    return weight, bias


def _near(name: str, numbers: Tensor, bits: int) -> np.ndarray:
    exact = numbers.cpu().double().numpy()
    with np.errstate(over="ignore"):
        near = exact.astype(BITS[bits])
    if not np.isfinite(near).all():
        raise ValueError(f"module must have finite weights of {bits} bits, got others in {name}")
    return near


def _levels(name: str, weight: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return the whole numbers of a weight, and the scale of each row."""
    exact = _near(name, weight, 8).astype(np.float64)
    rows = exact.reshape(len(exact), -1)
    scales = (np.abs(rows).max(1) / LARGEST).astype("<f4")
    levels = np.round(rows / np.where(scales > 0, scales, 1)[:, None])
    return levels.reshape(exact.shape).astype(np.int8), scales


def _packed_weight(name: str, weight: Tensor, bits: int) -> dict[str, str]:
    if bits != 8:
        return {"weight": _base64(_near(name, weight, bits))}
    levels, scales = _levels(name, weight)
    return {"weight": _base64(levels), "scale": _base64(scales)}


def _rounded(name: str, weight: Tensor, bits: int) -> np.ndarray:
    if bits != 8:
        return _near(name, weight, bits).astype(np.float64)
    levels, scales = _levels(name, weight)
    return levels * scales.astype(np.float64).reshape(-1, *[1] * (levels.ndim - 1))


def _base64(weights: np.ndarray) -> str:
    return base64.b64encode(weights.tobytes()).decode("ascii")


def _one(value: int | tuple[int, ...]) -> int | None:
    """Return a size as one number, or None where it is two."""
    if isinstance(value, int):
        return value
    return value[0] if len(set(value)) == 1 else None
