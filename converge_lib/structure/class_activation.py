r"""Class activation maps: where a network looked, read off its own last layer.

====== ============================================================ =====================
symbol meaning                                                      in the code
====== ============================================================ =====================
f      the last feature maps, f_k(x, y), shape (n, c, h, w)         ``features``
F      their means over positions, F_k = (1/hw) Σ_xy f_k(x, y)      what is pooled
w, b   the linear layer, shapes (classes, c) and (classes,)         ``weight``, ``bias``
S      the class scores, S_i = Σ_k w_ik F_k + b_i                   ``scores``
M      the map of class i, M_i(x, y) = Σ_k w_ik f_k(x, y)           :func:`cam`
====== ============================================================ =====================

Two sums change places, and the score is a mean over positions: S_i = (1/hw) Σ_xy M_i(x, y) + b_i.
M_i(x, y)/hw is what the position (x, y) gives to the score of class i, no more and no less.

Any other network has no such map. :func:`grad_cam` puts the mean of ∂S_i/∂f_k over positions in
the place of w_ik, which here is w_ik/hw: the same map, up to the positive constant 1/hw.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from converge_lib._validation import count, number

Array = np.ndarray | Tensor
Box = tuple[int, int, int, int]
"""Top, left, bottom, right in pixels; bottom and right are just outside."""

LINEAR = {"linear"}
POOLS = {"adaptive_avg_pool2d", "avg_pool2d", "mean"}
TRANSPARENT = {
    *("flatten", "view", "reshape", "squeeze", "unsqueeze", "contiguous", "__getitem__"),
    *("dropout", "dropout2d", "alpha_dropout", "feature_alpha_dropout", "clone", "identity"),
}
"""Functions that leave the numbers as they are, in ``eval()`` mode."""


def cam(features: Array, weights: Array, index: int) -> Array:
    r"""Return the class activation map of class ``index``, shape (h, w): Σ_k w_k f_k.

    Args:
        features: f of one image, shape (c, h, w); NumPy or torch, as the result is.
        weights: w of the linear layer, shape (classes, c), of the same kind.
        index: the class.

    Source: Zhou et al. (2016), section 2, equation 2.

    >>> cam(np.array([[[1.0, 2.0]], [[3.0, 0.0]]]), np.array([[0.0, 0.0], [2.0, 1.0]]), 1)
    array([[5., 4.]])
    """
    _array("features", features)
    _array("weights", weights)
    if features.ndim != 3:
        raise ValueError(f"features must be of shape (c, h, w), got {tuple(features.shape)}")
    if weights.ndim != 2 or weights.shape[1] != features.shape[0]:
        raise ValueError(
            f"weights must be of shape (classes, {features.shape[0]}), got {tuple(weights.shape)}"
        )
    index = count("index", index)
    if index >= len(weights):
        raise ValueError(f"index must be below {len(weights)}, got {index}")
    return (weights[index][:, None, None] * features).sum(0)


def upsample(map: Array, size: int | tuple[int, int]) -> Array:
    r"""Return a map, shape (..., h, w), in another size, by bilinear interpolation.

    A cell's value is that of its centre; beyond the outermost centres it stays what it is there.
    Both axes are interpolated by a matrix, R map Cᵀ, so that upsampling and sums of maps commute.

    Args:
        map: NumPy or torch, as the result is; whole numbers become floating ones.
        size: height and width wanted, or one number for both.

    Source: Zhou et al. (2016), section 2. Equal to ``torch.nn.functional.interpolate`` with
    ``mode="bilinear"``.

    >>> upsample(np.array([[0.0, 4.0]]), (1, 4))
    array([[0., 1., 3., 4.]])
    """
    _array("map", map)
    if map.ndim < 2 or 0 in map.shape:
        raise ValueError(f"map must be of shape (..., h, w), none 0, got {tuple(map.shape)}")
    wanted = size if isinstance(size, tuple) else (size, size)
    if len(wanted) != 2:
        raise ValueError(f"size must be a number or a pair (height, width), got {size!r}")
    rows, columns = (
        _interpolation(old, count("size", new, low=1))
        for old, new in zip(map.shape[-2:], wanted, strict=True)
    )
    if isinstance(map, Tensor):
        if not map.is_floating_point():  # in whole numbers the matrices would be rounded
            map = map.to(torch.get_default_dtype())
        rows, columns = torch.from_numpy(rows).to(map), torch.from_numpy(columns).to(map)
    elif map.dtype == np.float32:
        rows, columns = rows.astype(np.float32), columns.astype(np.float32)
    return rows @ map @ columns.T


def _interpolation(old: int, new: int) -> np.ndarray:
    """Return the matrix, shape (new, old), of linear interpolation between cells' centres."""
    centre = ((np.arange(new) + 0.5) * old / new - 0.5).clip(0, old - 1)
    return np.maximum(0, 1 - np.abs(centre[:, None] - np.arange(old)))


@dataclass(frozen=True)
class Head:
    """What a network ends in, found while it looked at some images.

    Attributes:
        features: f, what is pooled, shape (n, c, h, w).
        weight: w of the linear layer, shape (classes, c).
        bias: b, shape (classes,); zeros where the layer has none.
        scores: S, what the network returned, shape (n, classes).
    """

    features: Tensor
    weight: Tensor
    bias: Tensor
    scores: Tensor


@dataclass(frozen=True)
class ClassActivation:
    """Class activation maps of a network that ends in global average pooling and a linear layer.

    It need not be an ``nn.Sequential``: what its forward pass calls is watched, and followed back
    from the scores, through one linear layer (and dropout, and changes of shape), to a mean over
    all positions, by average pooling or ``mean``. That they make the scores, S = wF + b, is then
    checked in numbers. The network is run in ``eval()`` mode, and left in the mode that it was in.

    Args:
        network: model(images) gives scores, shape (n, classes).

    Raises:
        ValueError: network is not a module; or, from the methods, it does not end so. The message
            says what was found instead.

    Source: Zhou et al. (2016), section 2.

    >>> network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 1, bias=False))
    >>> _ = nn.init.ones_(network[2].weight)                # the map is the sum of two channels
    >>> ClassActivation(network).maps(torch.tensor([[[[1.0, 2.0]], [[3.0, 0.0]]]]), 0)
    tensor([[[4., 2.]]])
    """

    network: nn.Module

    def __post_init__(self) -> None:
        _module("network", self.network)

    def head(self, images: Tensor) -> Head:
        """Return the network's :class:`Head` on images, cases first; nothing of it has a graph."""
        if len(images) == 0:
            raise ValueError("images must hold one at least, got none")
        with _evaluating(self.network), torch.no_grad(), _Calls() as calls:
            scores = self.network(images)
        return _head(calls.made, _scores(scores, images))

    def maps(self, images: Tensor, classes: int | Sequence[int] | Tensor) -> Tensor:
        """Return M, shape (n, h, w), in the size of the last feature maps; see :func:`upsample`.

        Args:
            images: n images, as the network takes them.
            classes: one class for all images, or one for each, shape (n,).
        """
        head = self.head(images)
        chosen = _classes(classes, head.scores)
        return torch.einsum("nk,nkyx->nyx", head.weight[chosen], head.features)


def grad_cam(
    network: nn.Module,
    layer: nn.Module,
    images: Tensor,
    classes: int | Sequence[int] | Tensor,
    *,
    relu: bool = True,
) -> Tensor:
    r"""Return the Grad-CAM maps at a layer, shape (n, h, w): max(0, Σ_k α_k A_k).

    A are the layer's outputs, shape (n, c, h, w), and α_k is the mean over positions of ∂S/∂A_k, S
    the score of the class. It takes any network, in ``eval()`` mode.

    Args:
        network: model(images) gives scores, shape (n, classes), each image's from it alone.
        layer: a part of the network, from whose output the scores are computed. Where it is
            called more than once, its last call counts.
        images: n images, as the network takes them.
        classes: one class for all images, or one for each, shape (n,).
        relu: False leaves the negative values in, which on a network that ends in global average
            pooling makes it the class activation map, divided by h · w.

    Source: Selvaraju et al. (2017), section 3, equations 1 and 2; 3.1 for the equality.

    >>> network = nn.Sequential(nn.Identity(), nn.Flatten(), nn.Linear(4, 1, bias=False))
    >>> _ = nn.init.constant_(network[2].weight, 0.25)      # ∂S/∂A = ¼ everywhere
    >>> grad_cam(network, network[0], torch.tensor([[[[8.0, -4.0], [4.0, 0.0]]]]), 0)
    tensor([[[2., 0.],
             [1., 0.]]])
    """
    _module("network", network)
    if not any(layer is part for part in network.modules()):
        raise ValueError(f"layer must be a module of the network, got {layer!r}")
    outputs = []

    def keep(module: nn.Module, inputs: object, output: object) -> Tensor:
        if not isinstance(output, Tensor) or output.ndim != 4:
            got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise ValueError(f"layer must give feature maps of shape (n, c, h, w), got {got}")
        outputs.append(output.detach().requires_grad_())
        return outputs[-1].clone()  # lest the next layer change it in place

    handle = layer.register_forward_hook(keep)
    try:
        with _evaluating(network), torch.inference_mode(False), torch.enable_grad():
            scores = _scores(network(images), images)
            chosen = _classes(classes, scores)
            if not outputs:
                raise ValueError("layer must be called when the network runs, and was not")
            gradient = _gradient(scores, chosen, outputs[-1])
    finally:
        handle.remove()
    if gradient is None:
        raise ValueError("layer must have a part in the scores, and has none")
    maps = torch.einsum("nk,nkyx->nyx", gradient.mean((2, 3)), outputs[-1].detach())
    return maps.relu() if relu else maps


def saliency(network: nn.Module, images: Tensor, classes: int | Sequence[int] | Tensor) -> Tensor:
    r"""Return max_k |∂S/∂x_k|, shape (n, height, width), over the channels of the images x.

    Args:
        network: model(images) gives scores, shape (n, classes), each image's from it alone; it is
            run in ``eval()`` mode.
        images: shape (n, channels, height, width).
        classes: one class for all images, or one for each, shape (n,).

    Source: Simonyan, Vedaldi and Zisserman (2014), section 3.1.

    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(2, 1))
    >>> _ = nn.init.constant_(network[1].weight, -3)
    >>> saliency(network, torch.zeros(1, 1, 1, 2), 0)
    tensor([[[3., 3.]]])
    """
    _module("network", network)
    if not isinstance(images, Tensor) or images.ndim != 4 or not images.is_floating_point():
        tensor = isinstance(images, Tensor)
        got = f"{images.dtype} of shape {tuple(images.shape)}" if tensor else type(images).__name__
        raise ValueError(f"images must be a float tensor of shape (n, c, h, w), got {got}")
    with _evaluating(network), torch.inference_mode(False), torch.enable_grad():
        x = images.detach().clone().requires_grad_()
        scores = _scores(network(x.clone()), images)  # lest the first layer change it in place
        gradient = _gradient(scores, _classes(classes, scores), x)
    if gradient is None:
        raise ValueError("network must have a gradient: its scores do not depend on images")
    return gradient.abs().amax(1)


def box_of(map: Array, threshold: float) -> Box:
    r"""Return the box around what is bright in a map, shape (h, w): top, left, bottom, right.

    The map is brought to [0, 1], its least value to 0 and its largest to 1. Of the cells that reach
    the threshold, the largest group connected along edges counts; among equals, the first in
    reading order. A constant map points nowhere, and its box is the whole map.

    Args:
        map: finite; NumPy or torch.
        threshold: from 0, which gives the whole map, to 1, which gives the largest value alone.

    Source: Zhou et al. (2016), section 3.2, with 0.2. Deviation: they take that share of the
    largest value; from a map with negative values, the least one is taken off first.

    >>> box_of(np.array([[9.0, 0.0, 0.0], [0.0, 8.0, 8.0]]), 0.5)
    (1, 1, 2, 3)
    """
    from scipy import ndimage

    values = _finite(map)
    threshold = number("threshold", threshold, low=0, high=1)
    spread = values.max() - values.min()
    if spread == 0:
        return 0, 0, *values.shape
    groups, _ = ndimage.label((values - values.min()) / spread >= threshold)
    largest = np.bincount(groups.ravel())[1:].argmax()
    rows, columns = ndimage.find_objects(groups)[largest]
    return rows.start, columns.start, rows.stop, columns.stop


def iou(first: Sequence[int], second: Sequence[int]) -> float:
    """Return the intersection of two boxes over their union, from 0 to 1.

    Args:
        first: top, left, bottom, right; bottom and right are just outside.
        second: the same.

    Source: Russakovsky et al. (2015), section 4.2: a box counts as right from 0.5.

    >>> iou((0, 0, 2, 2), (1, 0, 3, 2))                     # 2 pixels of 6
    0.3333333333333333
    """
    a, b = _box("first", first), _box("second", second)
    height = min(a[2], b[2]) - max(a[0], b[0])
    width = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0, height) * max(0, width)
    return shared / (_area(a) + _area(b) - shared)


def pointing_hit(map: Array, box: Sequence[int]) -> bool:
    """Say whether the brightest place of a map, shape (h, w), is in a box.

    Where several are equally bright, all must be: a map that points nowhere does not hit.

    Args:
        map: finite, in the pixels of the box: see :func:`upsample`.
        box: top, left, bottom, right, within the map.

    Source: Zhang et al. (2018), section 4.1, the pointing game. Deviation: no pixels of tolerance
    around the box.

    >>> pointing_hit(np.array([[0.0, 1.0], [0.0, 0.0]]), (0, 1, 1, 2))
    True
    """
    values = _finite(map)
    top, left, bottom, right = _box("box", box)
    if top < 0 or left < 0 or bottom > values.shape[0] or right > values.shape[1]:
        raise ValueError(f"box must lie within the map, of shape {values.shape}, got {tuple(box)}")
    inside = values[top:bottom, left:right]
    brightest = values == values.max()
    return bool(brightest.sum() == (inside == values.max()).sum())


Call = tuple[str, tuple[Any, ...], dict[str, Any], weakref.ref]


class _Calls(TorchFunctionMode):
    """Notes every torch function that is called and gives a tensor: its name, arguments, result.

    Arguments are kept only where the way back from the scores may need them: images by the hundred
    would otherwise hold every layer's feature maps in memory.
    """

    def __init__(self) -> None:
        super().__init__()
        self.made: list[Call] = []

    def __torch_function__(
        self, func: Callable, types: object, args: tuple = (), kwargs: dict | None = None
    ) -> object:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if isinstance(result, Tensor):
            name = getattr(func, "__name__", str(func))
            needed = (args, kwargs) if name in LINEAR | POOLS | TRANSPARENT else ((), {})
            self.made.append((name, *needed, weakref.ref(result)))
        return result


def _head(calls: list[Call], scores: Tensor) -> Head:
    """Follow the calls back from the scores: linear ← mean over positions ← feature maps."""
    if not scores.isfinite().all():
        raise ValueError("network must give finite scores, got others")
    end, name, args, kwargs = _origin(calls, scores, len(calls))
    if name in POOLS:
        raise ValueError(
            "network must end in global average pooling and one linear layer; its scores are the "
            "pooled channels themselves, so that the channel of a class already is its map"
        )
    if name not in LINEAR:
        raise ValueError(
            "network must end in global average pooling and one linear layer; "
            f"its scores come from {name}"
        )
    given = dict(zip(("input", "weight", "bias"), args, strict=False)) | kwargs
    weight, bias = given["weight"], given.get("bias")
    pooled = given["input"]
    start, name, args, kwargs = _origin(calls, pooled, end)
    if name not in POOLS:
        raise ValueError(
            "network must end in global average pooling and one linear layer; "
            f"what goes into its last linear layer comes from {name}"
        )
    features = args[0] if args else kwargs["input"]
    while features.ndim != 4:
        at = _made_by(calls, features, start)
        if at is None or calls[at][0] not in TRANSPARENT | POOLS:  # the mean may be one of means
            break
        features, start = _argument(calls[at]), at
    bias = torch.zeros_like(weight[:, 0]) if bias is None else bias
    if features.ndim != 4 or features.shape[:2] != pooled.shape:
        raise ValueError(
            "network must pool feature maps of shape (n, c, h, w) to shape (n, c); "
            f"it takes {tuple(features.shape)} to {tuple(pooled.shape)}"
        )
    means = features.mean((2, 3))
    if not _agree(means, pooled) or not _agree(functional.linear(means, weight, bias), scores):
        raise ValueError(
            "network must end in the mean over all positions and one linear layer; "
            "with what was found its scores are not S = wF + b"
        )
    return Head(*(tensor.detach() for tensor in (features, weight, bias, scores)))


def _origin(calls: list[Call], tensor: Tensor, before: int) -> tuple[int, str, tuple, dict]:
    """Return the last call that changed the numbers of a tensor, and its place in the list."""
    while (at := _made_by(calls, tensor, before)) is not None:
        name, args, kwargs, _ = calls[at]
        if name not in TRANSPARENT:
            return at, name, args, kwargs
        tensor, before = _argument(calls[at]), at
    return before, "something that is no torch function", (), {}


def _made_by(calls: list[Call], tensor: Tensor, before: int) -> int | None:
    return next((i for i in reversed(range(before)) if calls[i][3]() is tensor), None)


def _argument(call: Call) -> Tensor:
    _, args, kwargs, _ = call
    return args[0] if args else kwargs["input"]


def _agree(a: Tensor, b: Tensor) -> bool:
    """Say whether two tensors are equal up to the rounding of sums in their precision."""
    tolerance = 100 * torch.finfo(a.dtype).eps
    return a.shape == b.shape and bool(
        ((a - b).abs() <= tolerance * (1 + a.abs().amax() + b.abs().amax())).all()
    )


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    modes = [(part, part.training) for part in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def _module(name: str, value: object) -> None:
    if not isinstance(value, nn.Module):
        raise ValueError(f"{name} must be a torch.nn.Module, got {value!r}")


def _array(name: str, value: object) -> None:
    if not isinstance(value, Array):
        raise ValueError(f"{name} must be a NumPy array or a torch tensor, got {value!r}")


def _scores(scores: object, images: Tensor) -> Tensor:
    if not isinstance(scores, Tensor) or scores.ndim != 2 or len(scores) != len(images):
        got = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        raise ValueError(f"network must give scores of shape ({len(images)}, classes), got {got}")
    return scores


def _classes(classes: object, scores: Tensor) -> Tensor:
    """Return one class an image, shape (n,), from one for all or one for each."""
    n, k = scores.shape
    wanted = f"classes must be a whole number or {n} of them, got {classes!r}"
    try:
        chosen = torch.as_tensor(classes, device=scores.device)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(wanted) from error
    fractions = chosen.is_floating_point() or chosen.is_complex()
    if fractions or chosen.dtype == torch.bool or chosen.shape not in ((), (n,)):
        raise ValueError(wanted)
    if ((chosen < 0) | (chosen >= k)).any():
        raise ValueError(f"classes must be from 0 to {k - 1}, got {classes!r}")
    return chosen.long().expand(n)


def _gradient(scores: Tensor, chosen: Tensor, at: Tensor) -> Tensor | None:
    """Return the gradient by ``at`` of each image's chosen score, None where there is no way."""
    total = scores.gather(1, chosen[:, None]).sum()
    return torch.autograd.grad(total, at, allow_unused=True)[0] if total.requires_grad else None


def _finite(map: Array) -> np.ndarray:
    values = np.asarray(map.detach().cpu() if isinstance(map, Tensor) else map, dtype=np.float64)
    if values.ndim != 2 or values.size == 0:
        raise ValueError(f"map must be of shape (h, w), none 0, got {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"map must be finite, got {values[~np.isfinite(values)][0]}")
    return values


def _box(name: str, box: Sequence[int]) -> Box:
    try:
        top, left, bottom, right = sides = tuple(map(int, box))
        whole = all(a == b for a, b in zip(sides, box, strict=True))
    except (TypeError, ValueError, OverflowError):
        whole = False
    if not whole or top >= bottom or left >= right:
        raise ValueError(
            f"{name} must be (top, left, bottom, right), whole numbers with top < bottom and "
            f"left < right, got {box!r}"
        )
    return top, left, bottom, right


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
