"""Exercises of the chapter "Network in Network"."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from converge_lib.exercises.exercise import Exercise


def pointwise(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a 1×1 convolution: x of shape (n, c, h, w), W of shape (d, c), b of shape (d,)."""
    return np.einsum("dc,nchw->ndhw", W, x) + b[:, None, None]


def _pointwise_loop(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    n, _, h, w = x.shape
    y = np.empty((n, len(W), h, w))
    for case in range(n):
        for i in range(h):
            for j in range(w):
                y[case, :, i, j] = W @ x[case, :, i, j] + b
    return y


def _pointwise_moved(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.moveaxis(np.moveaxis(x, 1, -1) @ W.T + b, -1, 1)


def _pointwise_torch(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> object:
    import torch

    x, W, b = (torch.tensor(array) for array in (x, W, b))
    return torch.nn.functional.conv2d(x, W[:, :, None, None], b)


def _pointwise_reshaped(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    n, c, h, w = x.shape
    rows = x.reshape(-1, c) @ W.T + b
    return rows.reshape(n, h, w, -1).transpose(0, 3, 1, 2)


def _pointwise_reshaped_twice(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    n, c, h, w = x.shape
    rows = np.moveaxis(x, 1, -1).reshape(-1, c) @ W.T + b
    return rows.reshape(n, -1, h, w)


class Pointwise(Exercise):
    """Given images, a matrix and biases, write the 1×1 convolution."""

    id = "structure.network-in-network-pointwise"
    title = "A 1×1 convolution in one line"
    reference = pointwise
    returns = ("y",)
    hints = (
        "One pixel first. Its c channels are a vector. What does the layer make of that vector, "
        "and which index of `x` does the sum run over?",
        "y[n, d, i, j] = Σ_c W[d, c] x[n, c, i, j] + b[d]. `np.einsum` takes such a formula nearly "
        "as it stands.",
        '`np.einsum("dc,nchw->ndhw", W, x)`, and then the biases along the second axis: '
        "`b[:, None, None]`.",
    )
    explanation = (
        "The sum runs over the channels c and over nothing else: rows and columns only come along. "
        "There is one bias for each output channel, the same at every pixel, so it needs two empty "
        "axes at its end to line up with (d, h, w)."
    )
    wrong_answers = {
        lambda x, W, b: np.einsum("dc,nhcw->nhdw", W, x) + b[:, None]: "It mixes rows, not "
        "channels: in (n, c, h, w) the channels are the second axis.",
        lambda x, W, b: np.einsum("dc,nhwc->nhwd", W, x) + b: "It mixes the last axis, columns. "
        "That is right for images stored as (n, h, w, c); here the channels are the second axis.",
        lambda x, W, b: np.einsum("cd,nchw->ndhw", W, x) + b[:, None, None]: "W is transposed: its "
        "rows belong to the output channels, W[d, c].",
        lambda x, W, b: np.einsum("dc,nchw->ndhw", W, x): "The biases are missing.",
        lambda x, W, b: np.einsum("dc,nchw->ndhw", W, x) + b: "The biases run along the columns: "
        "`+ b` lines up with the last axis. There is one for each output channel, "
        "`b[:, None, None]`.",
        lambda x, W, b: np.einsum("dc,nchw->ndhw", W, x) + b[:, None]: "The biases run along the "
        "rows. There is one for each output channel, `b[:, None, None]`.",
        lambda x, W, b: np.einsum("dc,nchw->ndhw", W, x) + b.sum(): "All biases are added to every "
        "channel. Each belongs to one.",
        lambda x, W, b: np.einsum("dc,nchw->nhwd", W, x) + b: "The numbers are right and their "
        "layout is not: the channels come second, (n, d, h, w).",
        lambda x, W, b: np.einsum("dc,nchw->ndhw", W, x) / len(W.T) + b[:, None, None]: "You "
        "average over the channels. The layer sums.",
        lambda x, W, b: np.maximum(pointwise(x, W, b), 0): "There is a ReLU at the end. The "
        "convolution itself is linear.",
        _pointwise_reshaped: "`reshape(-1, c)` does not move the channels to the end: it cuts "
        "memory into rows of c neighbours of one channel. Use `moveaxis` first.",
        _pointwise_reshaped_twice: "The way back is wrong: `reshape` does not move an axis. The "
        "channels are last there, and `moveaxis(…, -1, 1)` brings them back.",
        lambda x, W, b: (
            (W @ x.reshape(x.shape[1], -1)).reshape(len(x), len(W), *x.shape[2:]) + b[:, None, None]
        ): "`reshape(c, -1)` is right for one image. With several, their channels "
        "do not follow each other in memory: bring the channels to the front with `moveaxis`.",
        lambda x, W, b: np.einsum("dc,nchw->nd", W, x) + b: "Rows and columns are summed too. They "
        "stay: `…->ndhw`.",
    }
    other_answers = (_pointwise_loop, _pointwise_moved, _pointwise_torch)

    def cases(self) -> Iterable[tuple]:
        rng = np.random.default_rng(0)
        yield (
            np.array([[[[1.0, 2.0]], [[10.0, 20.0]]]]),
            np.array([[1.0, 0.0], [1.0, 1.0]]),
            np.array([0.5, -0.5]),
        )
        yield rng.normal(size=(1, 3, 3, 3)), rng.normal(size=(3, 3)), rng.normal(size=3)
        yield rng.normal(size=(4, 4, 4, 4)), rng.normal(size=(4, 4)), rng.normal(size=4)


def kernels(W1: np.ndarray, W2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the filters of two 1×1 convolutions that do what h = max(xW1, 0), y = hW2 does."""
    return W1.T[:, :, None, None], W2.T[:, :, None, None]


def _kernels(turn: Callable) -> Callable:
    """Return the answer that does ``turn`` to each matrix."""
    return lambda W1, W2: (turn(W1), turn(W2))


class Kernels(Exercise):
    """Given the matrices of a perceptron, write the filters of its 1×1 convolutions."""

    id = "structure.network-in-network-kernels"
    title = "A perceptron's weights as filters"
    reference = kernels
    returns = ("K1", "K2")
    hints = (
        "A filter bank has four axes. Which of them tell channels, and which tell places within "
        "the patch? How many places has a patch of 1×1?",
        "`conv2d` wants (outputs, inputs, height, width). A perceptron written as `x @ W` keeps "
        "its matrix as (inputs, outputs).",
        "Transpose, then add two axes of length 1 at the end: `W.T[:, :, None, None]`.",
    )
    explanation = (
        "The weight from input c to output d stands in W[c, d], and a filter bank wants it in "
        "K[d, c, 0, 0]. `reshape` would give the right shape and put the weights in the wrong "
        "places: it keeps the order in memory, and a transpose does not."
    )
    wrong_answers = {
        _kernels(lambda W: W[:, :, None, None]): "The matrices are not transposed: `x @ W` has "
        "them as (inputs, outputs), and a filter bank begins with the outputs.",
        _kernels(lambda W: W.reshape(W.shape[1], W.shape[0], 1, 1)): "The shapes are right and the "
        "weights are not: `reshape` keeps the order in memory. It needs a transpose.",
        _kernels(lambda W: W.T[None, None]): "The places come first in yours, and a filter bank "
        "has them last: (outputs, inputs, 1, 1).",
        _kernels(lambda W: W[None, None]): "This is TensorFlow's layout, (1, 1, inputs, outputs). "
        "Here it is (outputs, inputs, 1, 1).",
        _kernels(lambda W: W.T): "The two axes of the patch are missing: (outputs, inputs, 1, 1).",
        lambda W1, W2: kernels(W1, W2)[::-1]: "The values are right and their order is not",
        lambda W1, W2: (W1.T[:, :, None, None], (W1 @ W2).T[:, :, None, None]): ""
        "The second filter has both matrices in it: with a ReLU between them they do not multiply.",
    }
    other_answers = (
        _kernels(lambda W: np.expand_dims(np.swapaxes(W, 0, 1), (2, 3))),
        _kernels(lambda W: np.array([[[[entry]] for entry in column] for column in W.T])),
    )

    def cases(self) -> Iterable[tuple]:
        yield np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])
        rng = np.random.default_rng(0)
        for c, m, d in ((3, 4, 2), (3, 3, 3), (2, 5, 6)):
            yield rng.normal(size=(c, m)), rng.normal(size=(m, d))


def collapse(
    W1: np.ndarray, b1: np.ndarray, W2: np.ndarray, b2: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return W and b of the one 1×1 convolution that equals two, W1, b1 first, without ReLU."""
    return W2 @ W1, W2 @ b1 + b2


def _collapse_by_probing(
    W1: np.ndarray, b1: np.ndarray, W2: np.ndarray, b2: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    def both(x: np.ndarray) -> np.ndarray:
        return W2 @ (W1 @ x + b1) + b2

    b = both(np.zeros(W1.shape[1]))
    return np.stack([both(e) - b for e in np.eye(W1.shape[1])], axis=1), b


def _collapse_torch(
    W1: np.ndarray, b1: np.ndarray, W2: np.ndarray, b2: np.ndarray
) -> tuple[object, object]:
    import torch

    W1, b1, W2, b2 = (torch.tensor(array) for array in (W1, b1, W2, b2))
    return torch.einsum("dm,mc->dc", W2, W1), torch.addmv(b2, W2, b1)


class Collapse(Exercise):
    """Given two 1×1 convolutions in a row, write the one that equals them."""

    id = "structure.network-in-network-collapse"
    title = "Two layers that are one"
    reference = collapse
    returns = ("W", "b")
    hints = (
        "Write down what the second layer makes of the first one's output, at one pixel x, and "
        "multiply out.",
        "W₂(W₁x + b₁) + b₂. What stands before x, and what is left when x is 0?",
        "`W = W2 @ W1` and `b = W2 @ b1 + b2`.",
    )
    explanation = (
        "W₂(W₁x + b₁) + b₂ = (W₂W₁)x + (W₂b₁ + b₂). What is done first stands on the right. The "
        "first bias passes through the second layer like any other vector. With a ReLU between the "
        "layers the brackets cannot be multiplied out, and that is all the difference."
    )
    wrong_answers = {
        lambda W1, b1, W2, b2: (W1 @ W2, W2 @ b1 + b2): "The product is in the wrong "
        "order: what is done first stands on the right, W₂W₁.",
        lambda W1, b1, W2, b2: (W2 @ W1, b2): "The first bias is forgotten: it "
        "passes through the second layer.",
        lambda W1, b1, W2, b2: (W2 @ W1, b1 + b2): "The first bias is added as it "
        "is. It passes through the second layer: W₂b₁.",
        lambda W1, b1, W2, b2: (W2 @ W1, W2 @ b1): "The second bias is forgotten.",
        lambda W1, b1, W2, b2: (W2 @ W1, W2 @ (b1 + b2)): "b₂ is added after the "
        "second layer, and W₂ does not touch it.",
        lambda W1, b1, W2, b2: (
            W2 @ W1,
            b1 @ W2 + b2,
        ): "`b1 @ W2` multiplies by W2's columns. The layer multiplies by its rows: `W2 @ b1`.",
        lambda W1, b1, W2, b2: (W1 + W2, b1 + b2): "The layers are added. They are applied one "
        "after the other, so their matrices multiply.",
        lambda W1, b1, W2, b2: (W2 * W1, W2 @ b1 + b2): "`*` multiplies entry by "
        "entry; the product of matrices is `@`.",
        lambda W1, b1, W2, b2: ((W2 @ W1).T, W2 @ b1 + b2): "`W` is transposed.",
        lambda W1, b1, W2, b2: (np.maximum(W2 @ W1, 0), np.maximum(W2 @ b1 + b2, 0)): "There is a "
        "ReLU in it, and these layers have none.",
    }
    other_answers = (
        _collapse_by_probing,
        _collapse_torch,
        lambda W1, b1, W2, b2: (np.tensordot(W2, W1, 1), (W2 * b1).sum(1) + b2),
    )

    def cases(self) -> Iterable[tuple]:
        yield (
            np.array([[0.0, 1.0], [1.0, 0.0]]),
            np.array([1.0, -2.0]),
            np.array([[2.0, 0.0], [0.0, 3.0]]),
            np.array([0.5, 0.25]),
        )
        rng = np.random.default_rng(0)
        for n in (3, 4, 5):
            yield (
                rng.normal(size=(n, n)),
                rng.normal(size=n),
                rng.normal(size=(n, n)),
                rng.normal(size=n),
            )


def convolution_cost(
    channels: int, filters: int, kernel: int, side: int, stride: int, padding: int, groups: int
) -> tuple[int, int]:
    """Return the parameters, biases included, and the multiplications of a square convolution."""
    weights = filters * (channels // groups) * kernel**2
    out = (side + 2 * padding - kernel) // stride + 1
    return weights + filters, weights * out**2


def _cost(
    each: Callable = lambda c, k, g: c // g * k**2,
    out: Callable = lambda side, k, s, p: (side + 2 * p - k) // s + 1,
    biases: Callable = lambda f: f,
    multiplied: Callable = lambda f, each, out: f * each * out**2,
    each_parameter: Callable = lambda c, k, g: c // g * k**2,
) -> Callable:
    """Return the answer with one of its parts replaced."""

    def answer(
        channels: int, filters: int, kernel: int, side: int, stride: int, padding: int, groups: int
    ) -> tuple[int, int]:
        size = out(side, kernel, stride, padding)
        return (
            filters * each_parameter(channels, kernel, groups) + biases(filters),
            multiplied(filters, each(channels, kernel, groups), size),
        )

    return answer


def _cost_torch(
    channels: int, filters: int, kernel: int, side: int, stride: int, padding: int, groups: int
) -> tuple[int, int]:
    from torch import nn

    from converge_lib.structure import network_in_network as shelf

    layer = nn.Conv2d(channels, filters, kernel, stride, padding, groups=groups)
    return shelf.count_parameters(layer), shelf.count_multiplications(layer, (channels, side, side))


class ConvolutionCost(Exercise):
    """Given a convolution's sizes, count its parameters and its multiplications."""

    id = "structure.network-in-network-convolution-cost"
    title = "What a convolution costs"
    reference = convolution_cost
    returns = ("parameters", "multiplications")
    hints = (
        "How many weights has one filter, and how many filters are there? At how many places is "
        "each weight used?",
        "A filter sees channels / groups channels of kernel × kernel pixels, and has one bias. It "
        "is applied at ⌊(side + 2 padding − kernel) / stride⌋ + 1 places along each axis.",
        "weights = filters · (channels // groups) · kernel². The parameters are weights + filters, "
        "and each weight multiplies once at each of out² places.",
    )
    explanation = (
        "A weight is stored once and used at every place: that is what sharing means. So "
        "parameters do not grow with the picture, and multiplications do. With g groups a filter "
        "sees only 1/g of the channels. A bias is added, not multiplied."
    )
    wrong_answers = {
        _cost(biases=lambda f: 0): "The biases are forgotten: one for each filter.",
        _cost(biases=lambda f: 1): "There is a bias for each filter, not one for all.",
        _cost(out=lambda side, k, s, p: side + 2 * p - k + 1): "The stride "
        "is ignored: the filter stands at every stride-th place only.",
        _cost(out=lambda side, k, s, p: (side - k) // s + 1): "The padding "
        "is ignored: it adds places on both sides.",
        _cost(out=lambda side, k, s, p: (side + p - k) // s + 1): "The "
        "padding is on both sides: side + 2 padding.",
        _cost(out=lambda side, k, s, p: (side + 2 * p - k) // s): "There is "
        "one place more along each axis: the first one.",
        _cost(out=lambda side, k, s, p: side): "You count a place for each "
        "pixel of the input; the filters stand where the output has a pixel.",
        _cost(out=lambda side, k, s, p: -(-(side + 2 * p - k) // s) + 1): ""
        "You round up: a filter that would stick out at the end is left out.",
        _cost(out=lambda side, k, s, p: (side + 2 * p - k) / s + 1): "The number of places is not "
        "rounded down: a filter that would stick out at the end is left out.",
        _cost(
            each=lambda c, k, g: c * k**2, each_parameter=lambda c, k, g: c * k**2
        ): "The groups are ignored: a filter sees channels / groups.",
        _cost(
            each=lambda c, k, g: c // g * k, each_parameter=lambda c, k, g: c // g * k
        ): "The patch is kernel × kernel pixels: the square is missing.",
        _cost(
            each=lambda c, k, g: k**2, each_parameter=lambda c, k, g: k**2
        ): "A filter has weights for each channel that it sees, not for one.",
        _cost(multiplied=lambda f, each, out: f * (each + 1) * out**2): ""
        "The biases are multiplied with nothing: they are added.",
        _cost(multiplied=lambda f, each, out: 2 * f * each * out**2): "You count the additions "
        "too: only the multiplications are asked for.",
        _cost(multiplied=lambda f, each, out: f * each * out): "The output "
        "has out × out places, not out.",
        _cost(multiplied=lambda f, each, out: each * out**2): "That is one "
        "filter's work: there are several.",
        _cost(multiplied=lambda f, each, out: f * each): "That is the work "
        "at one place: each weight is used at all of them.",
        lambda *sizes: convolution_cost(*sizes)[::-1]: "The values are right and their order is",
    }
    other_answers = (
        _cost_torch,
        _cost(out=lambda side, k, s, p: len(range(0, side + 2 * p - k + 1, s))),
        _cost(out=lambda side, k, s, p: math.floor((side + 2 * p - k) / s + 1)),
    )

    def cases(self) -> Iterable[tuple]:
        yield 3, 8, 1, 4, 1, 0, 1
        yield 3, 8, 5, 28, 1, 2, 1
        yield 3, 96, 11, 227, 4, 0, 1
        yield 48, 64, 5, 27, 1, 2, 2
        yield 12, 12, 3, 20, 2, 1, 12
        yield 8, 6, 2, 9, 3, 1, 2


def bottleneck_width(channels: int, filters: int, kernel: int, factor: int) -> int:
    """Return the widest bottleneck with which a convolution multiplies ``factor`` times less."""
    direct = channels * kernel**2 * filters
    return direct // (factor * (channels + kernel**2 * filters))


def _width(
    cost: Callable = lambda c, f, k: c + k**2 * f,
    rounded: Callable = math.floor,
    direct: Callable = lambda c, f, k: c * k**2 * f,
) -> Callable:
    """Return the answer with one of its parts replaced."""
    return lambda channels, filters, kernel, factor: rounded(
        direct(channels, filters, kernel) / (factor * cost(channels, filters, kernel))
    )


def _width_by_trying(channels: int, filters: int, kernel: int, factor: int) -> int:
    width = 0
    while (
        factor * (channels * (width + 1) + (width + 1) * kernel**2 * filters)
        <= channels * kernel**2 * filters
    ):
        width += 1
    return width


class BottleneckWidth(Exercise):
    """Given a convolution, say how narrow a bottleneck before it must be."""

    id = "structure.network-in-network-bottleneck-width"
    title = "How narrow must the bottleneck be?"
    reference = bottleneck_width
    returns = ("width",)
    hints = (
        "Count the multiplications at one place, without the bottleneck and with one of m "
        "channels. The size of the picture drops out.",
        "Without it: channels · kernel² · filters. With it there are two layers: channels · m, and "
        "m · kernel² · filters.",
        "m (channels + kernel² filters) ≤ channels kernel² filters / factor. Solve for m and round "
        "down.",
    )
    explanation = (
        "Both layers of the detour cost in proportion to m, so the widest m is a ratio. Rounding "
        "up would break the budget. Where the patch is large, the 1×1 layer is nearly free, and m "
        "is about channels / factor: that rule of thumb is slightly too generous."
    )
    wrong_answers = {
        lambda channels, filters, kernel, factor: channels // factor: "You leave the cost of the "
        "1×1 layer out: m · channels multiplications at each place.",
        _width(rounded=math.ceil): "You round up, and the budget is broken.",
        _width(rounded=round): "You round to the nearest, and where that is up the budget is "
        "broken.",
        lambda *sizes: bottleneck_width(*sizes) - 1: "One more would fit: the budget may be met "
        "exactly.",
        lambda channels, filters, kernel, factor: (
            (channels * kernel**2 * filters - 1) // (factor * (channels + kernel**2 * filters))
        ): "You stay below the budget. It says at most: it may be met exactly.",
        _width(cost=lambda c, f, k: c + k * f, direct=lambda c, f, k: c * k * f): "The patch is "
        "kernel × kernel pixels: the square is missing.",
        _width(cost=lambda c, f, k: c + f): "The second layer's filters see m channels of "
        "kernel × kernel pixels: its kernel² is missing.",
        _width(cost=lambda c, f, k: c * k**2 + f): "The bottleneck comes first: its own filters "
        "are 1×1, and the large ones come after it.",
        _width(cost=lambda c, f, k: c * k**2 + k**2 * f): "Both layers of yours have large "
        "filters. The first one's are 1×1.",
        _width(cost=lambda c, f, k: c): "That is the 1×1 layer's cost alone. The large filters "
        "come after it, on m channels.",
        _width(
            rounded=float
        ): "It is right but for the rounding: a width is a whole number, and may not be more than "
        "this.",
        lambda channels, filters, kernel, factor: (
            channels * kernel**2 * filters // (channels + kernel**2 * filters)
        ): "The factor is not used: this is the width at which the detour costs as much as the "
        "straight way.",
        lambda channels, filters, kernel, factor: (
            (channels * kernel**2 * filters - channels * kernel**2 * filters // factor)
            // (channels + kernel**2 * filters)
        ): "You save a share of 1/factor. The cost may be no more than that share.",
    }
    other_answers = (_width(), _width_by_trying)

    def cases(self) -> Iterable[tuple]:
        yield 192, 32, 5, 10
        yield 256, 256, 3, 4
        yield 64, 64, 3, 2
        yield 480, 48, 5, 5
        yield 100, 4, 5, 2
