r"""Maxout: a unit that learns its own activation, as the largest of k affine functions.

====== ============================================= =====================
symbol meaning                                       in the code
====== ============================================= =====================
x      inputs, shape (n, d)                          ``x``
W      weights of m units of k pieces, (d, m, k)     ``W``
b      biases, (m, k)                                ``b``
z      the pieces, zᵢⱼ = xᵀW₍·ᵢⱼ₎ + bᵢⱼ, (n, m, k)   ``z``
h      outputs, hᵢ = maxⱼ zᵢⱼ, (n, m)                ``maxout(x, W, b)``
====== ============================================= =====================

One unit is convex in x: it can be any convex function, but for the corners. The difference of two
can be any continuous function, but for the corners. :func:`fit_convex` and :func:`fit_difference`
construct both for functions of one variable, without any training.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor, nn

from converge_lib._validation import count, number

Function = Callable[[np.ndarray], np.ndarray]
Line = tuple[float, float]

GOLDEN = (math.sqrt(5) - 1) / 2
SAMPLES = 1001
"""Points at which a target is asked whether it is finite and convex."""


def maxout(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return hᵢ = maxⱼ (xᵀW₍·ᵢⱼ₎ + bᵢⱼ), shape (n, m).

    Args:
        x: inputs, shape (n, d).
        W: weights, shape (d, m, k).
        b: biases, shape (m, k).

    Source: Goodfellow et al. (2013), section 3.

    >>> maxout([[-2.0], [3.0]], [[[-1.0, 1.0]]], [[0.0, 0.0]])     # |x|
    array([[2.],
           [3.]])
    """
    return _pieces(x, W, b)[-1].max(axis=-1)


def maxout_backward(
    x: np.ndarray, W: np.ndarray, b: np.ndarray, upstream: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the gradients by x, W and b, in their shapes, of Σ upstream · maxout(x, W, b).

    Only the winning piece of a unit gets a gradient. Among equals the first wins, as in torch's
    ``max(dim)`` (not as in ``amax``, which shares the gradient out).

    Args:
        x: inputs, shape (n, d).
        W: weights, shape (d, m, k).
        b: biases, shape (m, k).
        upstream: the gradient by the outputs, shape (n, m).

    Source: Goodfellow et al. (2013), section 3, differentiated.

    >>> by_x, by_W, by_b = maxout_backward([[-2.0]], [[[-1.0, 1.0]]], [[0.0, 0.0]], [[1.0]])
    >>> by_x, by_W, by_b
    (array([[-1.]]), array([[[-2.,  0.]]]), array([[1., 0.]]))
    """
    x, W, b, z = _pieces(x, W, b)
    upstream = np.asarray(upstream, dtype=np.float64)
    if upstream.shape != z.shape[:2]:
        raise ValueError(f"upstream must have shape {z.shape[:2]}, got {upstream.shape}")
    wins = z.argmax(axis=-1)[..., None] == np.arange(z.shape[-1])
    by_z = np.where(wins, upstream[..., None], 0.0)
    by_x = np.einsum("nmk,dmk->nd", by_z, W)
    by_W = np.einsum("nd,nmk->dmk", x, by_z)
    return by_x, by_W, by_z.sum(axis=0)


class Maxout(nn.Module):
    """A layer of maxout units: inputs (..., in_features), outputs (..., out_features).

    Args:
        in_features: d, numbers in an input.
        out_features: m, units.
        pieces: k, affine functions a unit chooses from; 1 makes it a linear layer.

    Its parameters are those of one ``nn.Linear`` with m · k outputs, the pieces of a unit side by
    side: W of :func:`maxout` is ``layer.linear.weight.T`` in the shape (d, m, k).

    Source: Goodfellow et al. (2013), section 3. Deviation: the weights begin as PyTorch's own.

    >>> import torch
    >>> Maxout(5, 3, pieces=4)(torch.zeros(2, 5)).shape
    torch.Size([2, 3])
    """

    def __init__(self, in_features: int, out_features: int, pieces: int) -> None:
        super().__init__()
        in_features = count("in_features", in_features, low=1)
        self.units = (count("out_features", out_features, low=1), count("pieces", pieces, low=1))
        self.linear = nn.Linear(in_features, math.prod(self.units))

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs of ``x``, shape (..., in_features): shape (..., out_features)."""
        return self.linear(x).unflatten(-1, self.units).max(-1).values


class MaxoutConv2d(nn.Module):
    """A convolution with maxout units: the largest of k maps, at each place.

    Args:
        in_channels: of the inputs, shape (n, in_channels, height, width).
        out_channels: maps that come out, each the largest of ``pieces`` maps.
        pieces: k.
        kernel_size: height and width of the filters.
        stride: in pixels.
        padding: rows and columns of zeros at each edge.

    Source: Goodfellow et al. (2013), section 3. Deviation: there the maximum is also taken over
    neighbouring places; put a ``nn.MaxPool2d`` behind for that.

    >>> import torch
    >>> MaxoutConv2d(1, 6, pieces=2, kernel_size=5)(torch.zeros(3, 1, 28, 28)).shape
    torch.Size([3, 6, 24, 24])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        pieces: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        in_channels = count("in_channels", in_channels, low=1)
        self.units = (count("out_channels", out_channels, low=1), count("pieces", pieces, low=1))
        self.convolution = nn.Conv2d(
            in_channels, math.prod(self.units), kernel_size, stride=stride, padding=padding
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps of ``x``, shape (n, in_channels, h, w): (n, out_channels, h', w')."""
        return self.convolution(x).unflatten(-3, self.units).max(-3).values


def relu_as_maxout() -> tuple[np.ndarray, np.ndarray]:
    """Return W, shape (1, 1, 2), and b, (1, 2), of the unit max(0·x, 1·x).

    At 0 the first piece wins, so that the slope there is 0, as in torch.

    >>> maxout([[-2.0], [3.0]], *relu_as_maxout())
    array([[0.],
           [3.]])
    """
    return np.array([[[0.0, 1.0]]]), np.zeros((1, 2))


def abs_as_maxout() -> tuple[np.ndarray, np.ndarray]:
    """Return W, shape (1, 1, 2), and b, (1, 2), of the unit max(−x, x).

    At 0 the first piece wins, so that the slope there is −1 (torch says 0; all of [−1, 1] is a
    subgradient).

    >>> maxout([[-2.0], [3.0]], *abs_as_maxout())
    array([[2.],
           [3.]])
    """
    return np.array([[[-1.0, 1.0]]]), np.zeros((1, 2))


def fit_convex(f: Function, interval: tuple[float, float], k: int) -> tuple[np.ndarray, np.ndarray]:
    r"""Return W, shape (1, 1, k), and b, (1, k), of the best unit for a convex f: the minimax one.

    No k lines have a smaller largest error on the interval. The construction, for an error e:

    1. Begin e below f, at the interval's left end.
    2. Draw the steepest line that stays at most e above f: it touches f + e.
    3. Where it falls e below f again, the next line begins.

    The lines get steeper, so their maximum is this broken line. Bisection finds the least e with
    which k lines reach the right end. Then f − e and f + e are touched in turn, at 2k + 1 places.
    Less cannot do: of any k pieces, one has to serve the whole of one of these k stretches, and no
    line is closer to f there than e.

    For x² all stretches are of length (high − low)/k, and e = (high − low)²/(8k²).

    Args:
        f: convex and continuous; takes NumPy arrays and numbers, element by element.
        interval: (low, high).
        k: pieces. Where fewer do as well, the last is repeated.

    Source: the task is Goodfellow et al. (2013), figure 1; the construction is equioscillation, as
    in Chebyshev's theorem.

    >>> W, b = fit_convex(np.square, (-1, 1), 2)
    >>> W.round(6), b.round(6)
    (array([[[-1.,  1.]]]), array([[-0.125, -0.125]]))
    >>> round(largest_error(np.square, W, b, (-1, 1)), 6)
    0.125
    """
    low, high = _ends(interval)
    k = count("k", k, low=1)
    x, y = _sampled(f, low, high)
    bends = np.diff(y, 2)
    scale = np.abs(y).max()
    if bends.min() < -1e-12 * scale:
        raise ValueError(
            f"f must be convex on [{low:g}, {high:g}], got a slope that falls near "
            f"x = {x[bends.argmin() + 1]:g}; fit_difference takes any continuous function"
        )

    slope = (y[-1] - y[0]) / (high - low)

    def below_chord(t: float) -> float:
        return float(f(t)) - y[0] - slope * (t - low)

    enough = max(0.0, -below_chord(_argmin(below_chord, low, high)) / 2)
    lines = [(slope, y[0] - enough - slope * low)]
    too_little = 0.0
    while enough - too_little > 1e-14 * scale:
        error = (too_little + enough) / 2
        found = _lines(f, low, high, error, k)
        if found is None:
            too_little = error
        else:
            enough, lines = error, found
    return _unit(lines + lines[-1:] * (k - len(lines)))


def fit_difference(
    f: Function, interval: tuple[float, float], k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return W, shape (1, 2, k), and b, (2, k): two units whose difference follows any f.

    It goes straight between k + 1 equidistant points of f, see :func:`piecewise_linear`. Where f
    is smooth, its error is at most max|f″| (high − low)²/(8k²), twice what is possible.

    Args:
        f: continuous; takes NumPy arrays, element by element.
        interval: (low, high).
        k: pieces of each unit.

    Source: Goodfellow et al. (2013), theorem 4.3, for one input.

    >>> W, b = fit_difference(np.sin, (0, 2 * np.pi), 4)
    >>> first, second = maxout([[np.pi / 2]], W, b)[0]
    >>> round(float(first - second), 12)
    1.0
    """
    low, high = _ends(interval)
    _sampled(f, low, high)
    knots = np.linspace(low, high, count("k", k, low=1) + 1)
    return piecewise_linear(knots, f(knots))


def piecewise_linear(knots: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return W, shape (1, 2, k), and b, (2, k): two units whose difference joins the points.

    The slope changes from piece to piece. The first unit makes the increases, the second makes the
    decreases, so both are convex, and a convex broken line is the maximum of its lines.

    Args:
        knots: increasing, shape (k + 1,).
        values: of the function at the knots, shape (k + 1,).

    Outside the knots the first and the last line go on.

    Source: Goodfellow et al. (2013), proposition 4.1 (Wang, 2004), for one input.

    >>> W, b = piecewise_linear([0, 1, 2], [0, 1, 0])     # a hat: x − max(0, 2(x − 1))
    >>> W[0], b
    (array([[1., 1.],
           [0., 2.]]), array([[ 0.,  0.],
           [ 0., -2.]]))
    """
    knots, values = (np.asarray(a, dtype=np.float64) for a in (knots, values))
    if knots.ndim != 1 or len(knots) < 2 or not (np.diff(knots) > 0).all():
        raise ValueError(f"knots must be two numbers or more that increase, got {knots}")
    if not np.isfinite(knots).all():
        raise ValueError(f"knots must be finite, got {knots}")
    if values.shape != knots.shape or not np.isfinite(values).all():
        raise ValueError(f"values must be finite, of shape {knots.shape}, got {values}")
    slopes = np.diff(values) / np.diff(knots)
    changes = np.diff(slopes)
    rising = slopes[0] + np.append(0, np.cumsum(np.maximum(changes, 0)))
    falling = np.append(0, np.cumsum(np.maximum(-changes, 0)))
    W = np.stack([rising, falling])
    # neighbours meet at the knot between them: b₍ⱼ₊₁₎ = bⱼ − (W₍ⱼ₊₁₎ − Wⱼ) · knot
    steps = -np.diff(W) * knots[1:-1]
    first = np.array([[values[0] - slopes[0] * knots[0]], [0.0]])
    return W[None], np.hstack([first, first + np.cumsum(steps, axis=1)])


def largest_error(
    f: Function, W: np.ndarray, b: np.ndarray, interval: tuple[float, float], points: int = 10_001
) -> float:
    """Return the largest |f − h| on equidistant points of the interval, its ends included.

    Args:
        f: takes NumPy arrays, element by element.
        W: of one unit, shape (1, 1, k), or of two, (1, 2, k): then h is their difference.
        b: shape (1, k) or (2, k).
        interval: (low, high).
        points: how many.

    >>> largest_error(np.abs, *abs_as_maxout(), (-1, 1))
    0.0
    """
    x, y = _sampled(f, *_ends(interval), count("points", points, low=2))
    if np.shape(W)[:2] not in ((1, 1), (1, 2)):
        raise ValueError(f"W must be of one unit or of two, for one input, got shape {np.shape(W)}")
    outputs = maxout(x[:, None], W, b)
    return float(np.abs(y - outputs[:, 0] + outputs[:, 1:].sum(axis=1)).max())


def _pieces(
    x: np.ndarray, W: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return x, W and b as float64 arrays, and z, shape (n, m, k)."""
    x, W, b = (np.asarray(a, dtype=np.float64) for a in (x, W, b))
    if W.ndim != 3 or W.shape[-1] == 0:
        raise ValueError(f"W must have shape (d, m, k) with k of at least 1, got {W.shape}")
    d, m, k = W.shape
    if b.shape != (m, k):
        raise ValueError(f"b must have shape (m, k) = ({m}, {k}), got {b.shape}")
    if x.ndim != 2 or x.shape[1] != d:
        raise ValueError(f"x must have shape (n, {d}), got {x.shape}")
    return x, W, b, np.einsum("nd,dmk->nmk", x, W) + b


def _ends(interval: Sequence[float]) -> tuple[float, float]:
    if not isinstance(interval, (Sequence, np.ndarray)) or len(interval) != 2:
        raise ValueError(f"interval must be (low, high), got {interval!r}")
    low = number("interval[0]", interval[0])
    return low, number("interval[1]", interval[1], low=low, low_open=True)


def _sampled(
    f: Function, low: float, high: float, points: int = SAMPLES
) -> tuple[np.ndarray, np.ndarray]:
    x = np.linspace(low, high, points)
    with np.errstate(all="ignore"):  # what is not finite is reported in words
        y = np.asarray(f(x), dtype=np.float64)
    if y.shape != x.shape:
        raise ValueError(f"f must return the shape that it gets, got {y.shape} for {x.shape}")
    if not np.isfinite(y).all():
        where = x[~np.isfinite(y)][0]
        raise ValueError(f"f must be finite on [{low:g}, {high:g}], got none at x = {where:g}")
    return x, y


def _lines(f: Function, low: float, high: float, error: float, k: int) -> list[Line] | None:
    """Return at most k lines that stay within ``error`` of f, (slope, intercept), or None."""
    lines: list[Line] = []
    begin = low
    while high - begin > 1e-14 * (abs(low) + abs(high)):  # less is rounding, and serves no line
        if len(lines) == k:
            return None
        bottom = float(f(begin)) - error

        def steepness(t: float, begin: float = begin, bottom: float = bottom) -> float:
            rise = float(f(t)) + error - bottom
            return rise / (t - begin) if t > begin else math.inf

        touch = _argmin(steepness, begin, high)
        slope = steepness(touch)
        intercept = bottom - slope * begin
        lines.append((slope, intercept))
        if slope * high + intercept >= float(f(high)) - error:
            break
        above, below = touch, high
        while (middle := (above + below) / 2) not in (above, below):
            if slope * middle + intercept >= float(f(middle)) - error:
                above = middle
            else:
                below = middle
        begin = above
    return lines


def _argmin(g: Callable[[float], float], low: float, high: float) -> float:
    """Return where g, which falls and then rises, is least, by golden section."""
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = g(left), g(right)
    for _ in range(64):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - GOLDEN * (high - low)
            at_left = g(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + GOLDEN * (high - low)
            at_right = g(right)
    return left if at_left <= at_right else right


def _unit(lines: Sequence[Line]) -> tuple[np.ndarray, np.ndarray]:
    slopes, intercepts = np.array(lines).T
    return slopes[None, None], intercepts[None]
