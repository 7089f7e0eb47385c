"""Exercises of the chapter "Global average pooling"."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from converge_lib.exercises.exercise import Exercise
from converge_lib.exercises.judging import Recorded


def average_pool(features: np.ndarray) -> np.ndarray:
    """Return each channel's mean over its positions."""
    return features.mean(axis=(2, 3))


def _average_pool_loop(features: np.ndarray) -> list:
    return [[sum(map(sum, one.tolist())) / one.size for one in case] for case in features]


def _average_pool_torch(features: np.ndarray) -> object:
    import torch

    return torch.nn.functional.adaptive_avg_pool2d(torch.tensor(features), 1).flatten(1)


class AveragePool(Exercise):
    """Given feature maps, average each one over its positions."""

    id = "structure.global-average-pooling-forward"
    title = "One number a channel"
    reference = average_pool
    returns = ("F",)
    hints = (
        "Four axes go in: images, channels, rows, columns. Which of them does the result still "
        "have?",
        "`np.mean` takes a tuple of axes. What is averaged over must be where in the picture, not "
        "which picture and not which channel.",
        "The positions are the axes 2 and 3: `features.mean(axis=(2, 3))`.",
    )
    explanation = (
        "The images of a batch have nothing to do with each other, and a channel is what the "
        "network looks for. Where it found it is the only thing that goes."
    )
    wrong_answers = {
        lambda f: f.mean((0, 2, 3)): "You average over the batch as well: all images share one "
        "row of numbers, and each image's scores depend on its neighbours.",
        lambda f: np.broadcast_to(f.mean((0, 2, 3)), f.shape[:2]): "You average over the batch as "
        "well: every image gets the same row. The mean is over positions, axes 2 and 3.",
        lambda f: f.mean(0): "You average over the batch, axis 0. The positions are the axes 2 "
        "and 3.",
        lambda f: f.mean((0, 1)): "You average over images and channels, and keep the positions. "
        "It is the other way round.",
        lambda f: f.mean(1): "You average over the channels, axis 1: what was found is lost, and "
        "where is kept. It is the other way round.",
        lambda f: f.mean((1, 2, 3)): "You average over the channels as well: one number an image "
        "is left, and ten classes cannot be told apart by it.",
        lambda f: f.mean((1, 2)): "The axes 1 and 2 are channels and rows. The positions are the "
        "axes 2 and 3.",
        lambda f: f.mean(3): "You average over the columns alone. The rows, axis 2, are positions "
        "too.",
        lambda f: f.mean(2): "You average over the rows alone. The columns, axis 3, are positions "
        "too.",
        lambda f: f.sum((2, 3)): "You return the sum. It grows with the size of the map: divide "
        "by the number of positions.",
        lambda f: f.max((2, 3)): "You return the maximum over positions: that is global max "
        "pooling.",
        lambda f: f.sum((2, 3)) / f.shape[2]: "You divide by the number of rows. The map has rows "
        "times columns positions.",
        lambda f: f.sum((2, 3)) / f.shape[3]: "You divide by the number of columns. The map has "
        "rows times columns positions.",
        lambda f: np.median(f, (2, 3)): "You return the median. It ignores how strongly the few "
        "places respond at which the network has found something.",
        lambda f: f.mean(): "You average over everything. Images and channels stay apart: one "
        "number for each of them.",
        lambda f: f.mean((2, 3)).squeeze(): "`squeeze` drops every axis of length 1, also that of "
        "a batch of one image. The mean over two axes has dropped these two already.",
        lambda f: f.mean((2, 3), keepdims=True): "The numbers are right, and the two axes of the "
        "positions are still there, of length 1: a linear layer wants shape (n, c).",
    }
    other_answers = (
        lambda f: f.reshape(*f.shape[:2], -1).mean(-1),
        lambda f: np.einsum("nchw->nc", f) / (f.shape[2] * f.shape[3]),
        _average_pool_loop,
        _average_pool_torch,
    )

    def cases(self) -> Iterable[tuple]:
        yield (np.array([[[[1.0, 2.0, 3.0], [4.0, 5.0, 9.0]]], [[[0.0, 0.0, 6.0], [0.0, 0, 0]]]]),)
        rng = np.random.default_rng(0)
        for shape in ((2, 3, 4, 5), (3, 2, 7, 7), (1, 4, 1, 6)):
            yield (rng.normal(size=shape).round(3),)


def average_pool_backward(gradient: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Return the gradient of the loss at the feature maps, from that at their means."""
    n, c, h, w = features.shape
    return np.broadcast_to(gradient[:, :, None, None] / (h * w), (n, c, h, w))


def _spread(gradient: np.ndarray, features: np.ndarray, share: float) -> np.ndarray:
    """Return ``share`` of each channel's gradient at each of its positions."""
    return gradient[:, :, None, None] * share * np.ones_like(features)


def _to_largest(gradient: np.ndarray, features: np.ndarray) -> np.ndarray:
    return gradient[:, :, None, None] * (features == features.max((2, 3), keepdims=True))


def _backward_torch(gradient: np.ndarray, features: np.ndarray) -> object:
    import torch

    features = torch.tensor(features, requires_grad=True)
    (found,) = torch.autograd.grad(features.mean((2, 3)), features, torch.tensor(gradient))
    return found


class AveragePoolBackward(Exercise):
    """Given the gradient at the means, return it at the maps."""

    id = "structure.global-average-pooling-backward"
    title = "What each position is told"
    reference = average_pool_backward
    returns = ("df",)
    hints = (
        "Raise one entry of a map by ε. By how much does the channel's mean rise? Does it matter "
        "which entry?",
        "By ε / hw, wherever it is. So every position gets the same share of its channel's "
        "gradient, and the values of the maps do not matter, only their shape.",
        "Give `gradient` two axes of length 1, divide by h · w, and spread it over the shape of "
        "`features`: `gradient[:, :, None, None] / (h * w)` times ones.",
    )
    explanation = (
        "F is a sum of hw terms f(x, y) / hw, so each has the derivative 1/hw. All positions get "
        "the same signal, however they responded. The maximum tells one position everything and "
        "the others nothing."
    )
    wrong_answers = {
        lambda g, f: _spread(g, f, 1.0): "The 1/hw of the mean is forgotten: you return the "
        "gradient of the sum.",
        _to_largest: "The whole gradient goes to the largest entry: that is the backward pass of "
        "global max pooling.",
        lambda g, f: _to_largest(g, f) / f[0, 0].size: "Only the largest entry gets its share. In "
        "a mean every position counts.",
        lambda g, f: _spread(g, f, 1 / f.size): "You divide by the number of all entries of "
        "`features`. The mean of one channel of one image is over h · w of them.",
        lambda g, f: _spread(g, f, 1 / f[0].size): "You divide by c · h · w. The mean is over the "
        "positions alone, h · w.",
        lambda g, f: _spread(g, f, 1 / (len(f) * f[0, 0].size)): "You divide by the batch as "
        "well. `gradient` is that of the loss already: whatever mean the loss takes is in it.",
        lambda g, f: _spread(g, f, 1 / f.shape[2]): "You divide by the number of rows; a map has "
        "h · w positions.",
        lambda g, f: _spread(g, f, 1 / f.shape[3]): "You divide by the number of columns; a map "
        "has h · w positions.",
        lambda g, f: _spread(g, f, f[0, 0].size): "You multiply by h · w. The derivative of a mean "
        "of hw numbers is 1/hw.",
        lambda g, f: _spread(g, f, 1 / f[0, 0].size) * f: "You multiply by the features. They are "
        "what is averaged, not the derivative of the average.",
        lambda g, f: g[:, :, None, None] / f[0, 0].size: "The share is right, and each map has it "
        "once. Each of its h · w positions gets it: the result has the shape of `features`.",
        lambda g, f: np.ones_like(f) / f[0, 0].size: "That is ∂F/∂f, 1/hw. By the chain rule it is "
        "multiplied by `gradient`.",
        lambda g, f: (
            g[:, :, None, None] * f / f.sum((2, 3), keepdims=True)
        ): "You share the gradient out by response. A mean weighs all positions alike.",
        lambda g, f: g / f[0, 0].size: "The share is right, and it is not spread: each of the "
        "h · w positions gets it, so the result has the shape of `features`.",
        lambda g, f: _spread(np.broadcast_to(g.mean(0), g.shape), f, 1 / f[0, 0].size): "You "
        "average the gradient over the batch: each image has its own.",
    }
    other_answers = (
        lambda g, f: np.repeat(g[..., None] / f[0, 0].size, f[0, 0].size, -1).reshape(f.shape),
        lambda g, f: np.einsum("nc,hw->nchw", g, np.full(f.shape[2:], 1 / f[0, 0].size)),
        _backward_torch,
    )

    def cases(self) -> Iterable[tuple]:
        yield np.array([[6.0], [12.0]]), np.arange(12.0).reshape(2, 1, 2, 3)
        rng = np.random.default_rng(1)
        for shape in ((3, 2, 4, 5), (2, 4, 7, 7)):
            yield rng.normal(size=shape[:2]).round(3), rng.normal(size=shape).round(3)


def head_parameters(
    channels: int, height: int, width: int, hidden: int, classes: int
) -> tuple[int, int]:
    """Return the parameters of a dense head with a hidden layer, and of GAP and a linear layer."""
    inputs = channels * height * width
    dense = (inputs + 1) * hidden + (hidden + 1) * classes
    pooled = (channels + 1) * classes
    return dense, pooled


def _counted(dense: Callable | None = None, pooled: Callable | None = None) -> Callable:
    """Return the answer with one of its two counts replaced."""

    def answer(channels: int, height: int, width: int, hidden: int, classes: int) -> tuple:
        sizes = (channels, height, width, hidden, classes)
        right = head_parameters(*sizes)
        return dense(*sizes) if dense else right[0], pooled(*sizes) if pooled else right[1]

    return answer


def _counted_torch(channels: int, height: int, width: int, hidden: int, classes: int) -> tuple:
    from torch import nn

    dense = nn.Sequential(
        nn.Flatten(),
        nn.Linear(channels * height * width, hidden, device="meta"),
        nn.ReLU(),
        nn.Linear(hidden, classes, device="meta"),
    )
    pooled = nn.Linear(channels, classes, device="meta")
    return tuple(sum(p.numel() for p in head.parameters()) for head in (dense, pooled))


class HeadParameters(Exercise):
    """Given the sizes of a network's end, count what its head would have to learn."""

    id = "structure.global-average-pooling-head-parameters"
    title = "Two heads, counted"
    reference = head_parameters
    returns = ("dense", "pooled")
    hints = (
        "A linear layer from a to b numbers has a·b weights and one bias for each output. How many "
        "numbers enter the first layer of each head?",
        "Flattening keeps every number of the maps: channels · height · width. Pooling keeps one "
        "a channel, and has nothing to learn itself.",
        "dense = (chw + 1) · hidden + (hidden + 1) · classes, and pooled = (c + 1) · classes. The "
        "+ 1 is the bias.",
    )
    explanation = (
        "The picture's size enters the dense head through h · w, and the other not at all. That is "
        "why one of the two grows with the picture, and why it can take pictures of one size only."
    )
    bias = "The biases are forgotten: each output of a linear layer has one."
    wrong_answers = {
        _counted(lambda c, h, w, m, k: c * h * w * m + m * k, lambda c, h, w, m, k: c * k): bias,
        _counted(lambda c, h, w, m, k: c * h * w * m + m * k): bias,
        _counted(None, lambda c, h, w, m, k: c * k): bias,
        _counted(lambda c, h, w, m, k: (c + 1) * m + (m + 1) * k): "The first "
        "layer sees every number of the maps: channels · height · width.",
        _counted(lambda c, h, w, m, k: (h * w + 1) * m + (m + 1) * k): "The "
        "first layer sees the maps of all channels, not of one.",
        _counted(lambda c, h, w, m, k: (c * h * w + 1) * m): "The last layer, "
        "from the hidden units to the classes, is missing.",
        _counted(lambda c, h, w, m, k: (c * h * w + 1) * k): "The hidden layer "
        "is missing: you go from the maps to the classes at once.",
        _counted(lambda c, h, w, m, k: c * h * w * m + m * k + k): "The biases "
        "of the hidden layer are forgotten.",
        _counted(lambda c, h, w, m, k: (c * h * w + 1) * m + m * k): "The "
        "biases of the last layer are forgotten.",
        _counted(None, lambda c, h, w, m, k: 0): "Pooling has nothing to learn, "
        "but a linear layer follows it.",
        _counted(None, lambda c, h, w, m, k: (c * h * w + 1) * k): "Behind the "
        "pooling the picture's size is gone: one number a channel is left.",
        _counted(None, lambda c, h, w, m, k: (c + 1) * m + (m + 1) * k): "The "
        "pooled head has no hidden layer: it goes from the channels to the classes.",
        _counted(None, lambda c, h, w, m, k: c * k + c): "Biases belong to what comes out: one a "
        "class, not one a channel.",
        lambda c, h, w, m, k: head_parameters(c, h, w, m, k)[::-1]: "The values are right and "
        "their order is not: dense, pooled.",
    }
    other_answers = (
        _counted_torch,
        lambda c, h, w, m, k: [m * (c * h * w + 1 + k) + k, k * c + k],
    )

    def cases(self) -> Iterable[tuple]:
        yield 2, 3, 3, 4, 5
        yield 32, 7, 7, 64, 10
        yield 512, 7, 7, 4096, 1000
        yield 16, 5, 9, 40, 3


def scores_on_sheet(
    F: np.ndarray, paper: np.ndarray, area: float, W: np.ndarray, b: np.ndarray
) -> np.ndarray:
    """Return the scores on a sheet ``area`` times as large, as if it were not diluted."""
    return (paper + area * (F - paper)) @ W.T + b


def _undiluted(change: Callable) -> Callable:
    """Return the answer W · change(F, p, a) + b."""
    return lambda F, paper, area, W, b: change(F, paper, area) @ W.T + b


def _undiluted_torch(
    F: np.ndarray, paper: np.ndarray, area: float, W: np.ndarray, b: np.ndarray
) -> object:
    import torch

    F, paper, W, b = (torch.tensor(array) for array in (F, paper, W, b))
    return torch.nn.functional.linear(paper + area * (F - paper), W, b)


class ScoresOnSheet(Exercise):
    """Given the means over a larger sheet, remove the empty paper from them."""

    id = "structure.global-average-pooling-larger-sheet"
    title = "A mean with too much paper in it"
    reference = scores_on_sheet
    returns = ("scores",)
    hints = (
        "Of every `area` positions on the sheet, one part holds the digit and the rest holds "
        "paper. Write the mean over the sheet as a sum of the two.",
        "`F = (digit + (area − 1) · paper) / area`, where `digit` is the mean over the frame "
        "alone. Solve for it.",
        "`digit = paper + area · (F − paper)`. Then the linear layer, once: `digit @ W.T + b`.",
    )
    explanation = (
        "The digit's own mean is F₁ = p + a (F − p). Multiplying F alone would count the features "
        "of the paper a times, and multiplying the scores would count the biases a times."
    )
    wrong_answers = {
        _undiluted(lambda F, p, a: F): "Nothing is corrected: these are the diluted scores.",
        _undiluted(lambda F, p, a: a * F): "You multiply all of F, and so the paper's features "
        "too. Multiply what exceeds the paper.",
        _undiluted(lambda F, p, a: a * (F - p)): "You remove the paper of the frame itself too. In "
        "training there was paper around the digit: add `paper` once.",
        _undiluted(lambda F, p, a: F - p): "You take the paper away and do not undo the dilution: "
        "what is left is still divided by `area`.",
        _undiluted(lambda F, p, a: F / a): "You divide by `area`: that dilutes once more.",
        _undiluted(lambda F, p, a: p + (F - p) / a): "You divide by `area`: that dilutes once "
        "more. Multiply.",
        _undiluted(lambda F, p, a: F + a * (F - p)): "You add `area` times the excess to F. F has "
        "it once already: start from `paper`.",
        _undiluted(lambda F, p, a: p + a**2 * (F - p)): "You multiply by the square of `area`. It "
        "is a ratio of areas, not of sides.",
        _undiluted(lambda F, p, a: p + a**0.5 * (F - p)): "You multiply by the root of `area`. "
        "It is a ratio of areas already, not of sides.",
        _undiluted(lambda F, p, a: p + (a - 1) * (F - p)): "The excess is divided by `area`, so "
        "multiply it by `area`, not by `area − 1`.",
        lambda F, p, a, W, b: p + a * (F - p): "These are the features of the frame. The linear "
        "layer is still to come.",
        _undiluted(lambda F, p, a: a * F - p): "Of the paper there are `area − 1` parts too many, "
        "not one.",
        lambda F, p, a, W, b: a * (F @ W.T + b): "You multiply the scores, and the biases with "
        "them. Correct the features, then apply the layer.",
        lambda F, p, a, W, b: p @ W.T + b + a * ((F - p) @ W.T + b): "The biases count more than "
        "once. Correct the features, then apply the layer once.",
        lambda F, p, a, W, b: scores_on_sheet(F, p, a, W, 0 * b): "The biases are forgotten.",
    }
    other_answers = (
        lambda F, p, a, W, b: a * (F @ W.T + b) - (a - 1) * (p @ W.T + b),
        lambda F, p, a, W, b: np.einsum("kc,nc->nk", W, a * F - (a - 1) * p) + b,
        _undiluted_torch,
    )

    def cases(self) -> Iterable[tuple]:
        yield np.array([[1.0, 0.5]]), np.array([0.5, 0.5]), 4.0, np.eye(2), np.array([0.0, 1.0])
        rng = np.random.default_rng(2)
        for n, channels, area in ((3, 4, 9.0), (2, 48, 2.25), (4, 6, 1.0)):
            F, W = rng.uniform(size=(n, channels)), rng.normal(size=(5, channels))
            yield F, rng.uniform(size=channels), area, W, rng.normal(size=5)


def invariant_shift(score: Callable, image: np.ndarray) -> int:
    """Return the smallest cyclic shift, down and to the right, that leaves the scores alone."""
    scores = score(image)
    for by in range(1, len(image) + 1):
        down, right = np.roll(image, by, axis=0), np.roll(image, by, axis=1)
        if np.allclose(score(down), scores) and np.allclose(score(right), scores):
            return by
    raise AssertionError("a shift by the whole height is no shift")


def _first_shift(
    same: Callable = np.allclose,
    moved: Callable = lambda x, by: [np.roll(x, by, 0), np.roll(x, by, 1)],
    first: int = 1,
) -> Callable:
    """Return the answer with one of its parts replaced."""

    def answer(score: Callable, image: np.ndarray) -> int:
        scores = score(image)
        for by in range(first, len(image) + 1):
            if all(same(score(there), scores) for there in moved(image, by)):
                return by
        return len(image)

    return answer


def _combined(combine: Callable) -> Callable:
    """Return the answer that finds a shift for each direction and combines the two."""

    def answer(score: Callable, image: np.ndarray) -> int:
        by = [
            _first_shift(moved=lambda x, by, axis=axis: [np.roll(x, by, axis)])(score, image)
            for axis in (0, 1)
        ]
        return combine(*by)

    return answer


def _pushed(image: np.ndarray, by: int) -> list[np.ndarray]:
    """Return the image moved down, and moved to the right, with paper coming in."""
    return [np.pad(image, ((by, 0), (0, 0)))[:-by], np.pad(image, ((0, 0), (by, 0)))[:, :-by]]


def _first_shift_torch(score: Callable, image: np.ndarray) -> int:
    import torch

    image = torch.tensor(image)
    scores = score(image)
    changes = [
        max(np.abs(score(torch.roll(image, by, axis)) - scores).max() for axis in (0, 1))
        for by in range(1, len(image) + 1)
    ]
    return 1 + int(np.argmax(np.array(changes) < 1e-8))


class InvariantShift(Exercise):
    """Given a network as a function, find by how much a picture must move for it not to notice."""

    id = "structure.global-average-pooling-invariant-shift"
    title = "A test of invariance"
    reference = invariant_shift
    returns = ("by",)
    hints = (
        "You cannot look into the network. Move the picture by one pixel and compare the scores, "
        "up to rounding. If they differ, move it by two.",
        "`np.roll(image, by, axis)` moves rows with `axis=0` and columns with `axis=1`. A network "
        "may have other strides in the two directions, so both must leave the scores alone.",
        "For `by` from 1 to `len(image)`: return the first for which "
        "`np.allclose(score(np.roll(image, by, axis)), score(image))` for both axes.",
    )
    explanation = (
        "A mean over places does not change when the places are exchanged. Strides make it see "
        "every s-th place only, and then shifts by s are what it does not notice. Comparing the "
        "scores, not the winning class, finds it."
    )
    wrong_answers = {
        _first_shift(first=0): "`by` is 0: no shift leaves every score alone. Start at 1.",
        _first_shift(moved=lambda x, by: [np.roll(x, by, 0)]): "You move the picture down and not "
        "to the right: a network may have another stride there.",
        _first_shift(moved=lambda x, by: [np.roll(x, by, 1)]): "You move the picture to the right "
        "and not down: a network may have another stride there.",
        _first_shift(moved=lambda x, by: [np.roll(x, (by, by), (0, 1))]): "You move the picture "
        "along the diagonal alone. A network that looks at the diagonals does not notice that, "
        "and notices a step to the right.",
        _first_shift(moved=lambda x, by: [np.roll(x, by)]): "`np.roll` without an axis rolls the "
        "flattened picture: rows run into each other. Give it `axis=0`, then `axis=1`.",
        _first_shift(moved=_pushed): "You let paper come in. What leaves on one side must come "
        "back on the other, or the picture is another one: `np.roll`.",
        _first_shift(
            same=lambda new, old: np.argmax(new) == np.argmax(old)
        ): "You compare the winning class. It may stay although the scores change: compare the "
        "scores.",
        _first_shift(same=lambda new, old: np.isclose(np.sum(new), np.sum(old))): "You compare the "
        "sum of the scores: it may stay while they change places.",
        _first_shift(
            same=lambda new, old: np.isclose(new, old).any()
        ): "One score that stays is not enough: all of them must.",
        _combined(min): "It is enough for you that one of the two directions leaves the scores "
        "alone. Both must.",
        _combined(max): "You find a shift for each direction, and take the larger. The other "
        "direction may notice that one: take the smallest common multiple.",
        _combined(lambda down, right: down * right): "You multiply the shifts of the two "
        "directions. A smaller one may be a multiple of both.",
        lambda score, image: len(image): "You return the whole height: a shift by it is no shift "
        "at all. A smaller one may do.",
    }
    other_answers = (
        _first_shift(),
        _first_shift(same=lambda new, old: np.abs(new - old).max() < 1e-9),
        _first_shift_torch,
        _combined(np.lcm),
    )

    def cases(self) -> Iterable[tuple]:
        rng = np.random.default_rng(3)
        for down, right in ((1, 1), (2, 2), (4, 2), (2, 4), (1, 3), (3, 1), (6, 4)):
            image = rng.uniform(size=(12, 12)).round(3)
            shown = f"a network of strides {down}, {right}"
            yield Recorded(_strided(rng.normal(size=(3, 3, 3)), down, right), shown), image
        yield Recorded(_diagonal, "a network that looks along diagonals"), image
        framed = np.pad(rng.uniform(size=(4, 4)).round(3), 4)  # as much paper as a shift can ask
        yield (
            Recorded(_strided(rng.normal(size=(3, 3, 3)), 3, 1), "a network of strides 3, 1"),
            framed,
        )


def _strided(filters: np.ndarray, down: int, right: int) -> Callable:
    """Return the means of three rectified cyclic convolutions with these strides, and of −them."""

    def score(image: np.ndarray) -> np.ndarray:
        shifted = [[np.roll(image, (i, j), (0, 1)) for j in range(3)] for i in range(3)]
        maps = np.einsum("kij,ijhw->khw", filters, shifted)[:, ::down, ::right]
        means = np.maximum(maps, 0).mean((1, 2))
        return np.append(means, -means.sum())

    return score


def _diagonal(image: np.ndarray) -> np.ndarray:
    """Return what the two halves of the diagonals hold: cyclic along them, and not across."""
    row, column = np.indices(image.shape)
    apart = (row - column) % len(image)
    return np.array([image[apart < 6].mean(), image[apart >= 6].mean()])
