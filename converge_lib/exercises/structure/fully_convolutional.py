"""Exercises of the chapter "Fully convolutional networks"."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from converge_lib.exercises.exercise import Exercise


def score_map(features: np.ndarray, W: np.ndarray, b: np.ndarray, h: int, w: int) -> np.ndarray:
    """Return what a linear layer made for (c, h, w) says of each h×w part of larger features."""
    kernels = W.reshape(len(W), len(features), h, w)
    windows = np.lib.stride_tricks.sliding_window_view(features, (h, w), axis=(1, 2))
    return np.einsum("kcij,cyxij->kyx", kernels, windows) + b[:, None, None]


def _score_map_of(weights: Callable, window: Callable = lambda part: part) -> Callable:
    """Return an answer that changes the kernels, (classes, c, h, w), or the windows' parts."""

    def answer(features: np.ndarray, W: np.ndarray, b: np.ndarray, h: int, w: int) -> np.ndarray:
        kernels = weights(W, len(features), h, w)
        rows, columns = features.shape[1] - h + 1, features.shape[2] - w + 1
        scores = np.empty((len(W), rows, columns))
        for y in range(rows):
            for x in range(columns):
                part = window(features[:, y : y + h, x : x + w])
                scores[:, y, x] = (kernels * part).sum((1, 2, 3)) + b
        return scores

    return answer


def _plain(W: np.ndarray, c: int, h: int, w: int) -> np.ndarray:
    return W.reshape(len(W), c, h, w)


def _score_map_torch(
    features: np.ndarray, W: np.ndarray, b: np.ndarray, h: int, w: int
) -> np.ndarray:
    import torch

    kernels = torch.tensor(W.reshape(len(W), len(features), h, w))
    return torch.nn.functional.conv2d(torch.tensor(features)[None], kernels, torch.tensor(b))[0]


def _without_bias(features: np.ndarray, W: np.ndarray, b: np.ndarray, h: int, w: int) -> np.ndarray:
    return score_map(features, W, 0 * b, h, w)


def _apart(features: np.ndarray, W: np.ndarray, b: np.ndarray, h: int, w: int) -> np.ndarray:
    return score_map(features, W, b, h, w)[:, ::h, ::w]


def _transposed(features: np.ndarray, W: np.ndarray, b: np.ndarray, h: int, w: int) -> np.ndarray:
    return score_map(features, W, b, h, w).transpose(0, 2, 1)


def _padded(features: np.ndarray, W: np.ndarray, b: np.ndarray, h: int, w: int) -> np.ndarray:
    frame = ((0, 0), ((h - 1) // 2, h // 2), ((w - 1) // 2, w // 2))
    return score_map(np.pad(features, frame), W, b, h, w)


def _classes_last(features: np.ndarray, W: np.ndarray, b: np.ndarray, h: int, w: int) -> np.ndarray:
    return score_map(features, W, b, h, w).transpose(1, 2, 0)


class ScoreMap(Exercise):
    """Given a linear layer behind (c, h, w), apply it to every part of larger feature maps."""

    id = "structure.fully-convolutional-score-map"
    title = "A dense layer, everywhere"
    reference = score_map
    returns = ("scores",)
    hints = (
        "A row of W holds the weights of one class for c·h·w numbers, in the order in which "
        "flatten puts them. Give them their places back.",
        "`W.reshape(len(W), c, h, w)` are the kernels. Slide them over the features, without "
        "flipping and without padding.",
        "`np.lib.stride_tricks.sliding_window_view(features, (h, w), axis=(1, 2))` has the shape "
        "(c, rows, columns, h, w). Multiply it by the kernels, sum over c, i and j, and add each "
        "class's bias at every place.",
    )
    explanation = (
        "The weights do not change, they only get their places back: channel, row, column. What "
        "deep learning calls a convolution does not flip the kernel, so nothing else is needed. "
        "The bias belongs to the class, and is added at each place."
    )
    wrong_answers = {
        _without_bias: "The bias is forgotten in the conversion: each place needs its class's b.",
        _score_map_of(
            lambda W, c, h, w: W.reshape(len(W), h, w, c).transpose(0, 3, 1, 2)
        ): "The order of the weights: flatten goes channel by channel, each row by row, so a row "
        "of W is (c, h, w), not (h, w, c).",
        _score_map_of(
            lambda W, c, h, w: W.reshape(len(W), c, w, h).transpose(0, 1, 3, 2)
        ): "Rows and columns are exchanged within each channel: flatten goes row by row.",
        _score_map_of(
            lambda W, c, h, w: _plain(W, c, h, w)[:, :, ::-1, ::-1]
        ): "The kernels are flipped. That is the convolution of mathematics; the dense layer "
        "multiplies each weight with the number in its own place.",
        _score_map_of(
            lambda W, c, h, w: (
                _plain(W, c, h, w).sum((2, 3), keepdims=True) + np.zeros((1, 1, h, w))
            )
        ): "Each weight is replaced by the sum over its channel: the place within the window is "
        "lost.",
        _score_map_of(
            _plain, lambda part: part.mean((1, 2), keepdims=True)
        ): "The features are averaged over the window: that is global average pooling, which a "
        "later chapter puts in the place of the dense layer.",
        _apart: "The windows lie side by side. They overlap: each begins one place after the last.",
        _transposed: "Rows and columns of the map are exchanged.",
        _padded: "The features are padded. A window that hangs over the edge is none that the "
        "layer was made for: there are height − h + 1 rows of windows.",
        _classes_last: "The scores are right, and their axes are not: the classes come first, then "
        "rows and columns.",
    }
    other_answers = (_score_map_of(_plain), _score_map_torch)

    def cases(self) -> Iterable[tuple]:
        yield np.arange(6.0).reshape(1, 2, 3), np.array([[1.0, 0, 0, 10]]), np.array([100.0]), 2, 2
        rng = np.random.default_rng(0)
        for c, height, width, h, w, classes in ((2, 4, 5, 2, 3, 3), (3, 6, 7, 3, 2, 4)):
            yield (
                rng.normal(size=(c, height, width)),
                rng.normal(size=(classes, c * h * w)),
                rng.normal(size=classes),
                h,
                w,
            )


def field_and_stride(layers: list[tuple[int, int]]) -> tuple[int, int]:
    """Return what one cell sees, and how far the next one's window is: both in pixels."""
    field, stride = 1, 1
    for kernel, step in layers:
        field += (kernel - 1) * stride
        stride *= step
    return field, stride


def _field_of(grow: Callable, move: Callable = lambda stride, step: stride * step) -> Callable:
    """Return an answer with other rules for the field and the stride."""

    def answer(layers: list[tuple[int, int]]) -> tuple[int, int]:
        field, stride = 1, 1
        for kernel, step in layers:
            before, stride = stride, move(stride, step)
            field = grow(field, kernel, before, step)
        return field, stride

    return answer


def _backwards(layers: list[tuple[int, int]]) -> tuple[int, int]:
    field, stride = 1, 1
    for kernel, step in reversed(layers):
        field = (field - 1) * step + kernel
        stride *= step
    return field, stride


class FieldAndStride(Exercise):
    """Given kernels and strides, work out receptive field and stride of the score map."""

    id = "structure.fully-convolutional-field-and-stride"
    title = "What does a cell see?"
    reference = field_and_stride
    returns = ("field", "stride")
    hints = (
        "Walk through the layers and keep two numbers: how wide one cell's view is, and how far "
        "apart neighbours are, both in pixels.",
        "A kernel of 3 adds two neighbours. How many pixels away are they, before this layer?",
        "field += (kernel − 1) · stride, with the stride so far; then stride *= the layer's own.",
    )
    explanation = (
        "Neighbours in a layer are `stride` pixels apart, so each further weight of a kernel "
        "widens the view by that much. The layer's own stride counts from the next layer on."
    )
    wrong_answers = {
        _field_of(
            lambda field, kernel, stride, step: field + (kernel - 1) * stride,
            lambda stride, step: stride + step - 1,
        ): "Strides multiply: two steps of 2 are a step of 4 pixels.",
        _field_of(
            lambda field, kernel, stride, step: field + kernel - 1
        ): "Behind a stride, neighbours are several pixels apart: a kernel widens the view by "
        "(kernel − 1) times the stride so far.",
        _field_of(
            lambda field, kernel, stride, step: field + (kernel - 1) * stride * step
        ): "A layer's own stride does not widen its own view: it counts from the next layer on.",
        _field_of(
            lambda field, kernel, stride, step: field + kernel * stride
        ): "A kernel of 1 sees no more than before: it is (kernel − 1) that counts.",
        _field_of(
            lambda field, kernel, stride, step: field * kernel
        ): "Views do not multiply: two 3×3 convolutions see 5 pixels, not 9.",
        lambda layers: (
            field_and_stride(layers)[0],
            sum(step for _, step in layers),
        ): "Strides multiply: two steps of 2 are a step of 4 pixels.",
        lambda layers: (
            sum(kernel for kernel, _ in layers),
            field_and_stride(layers)[1],
        ): "Kernels do not add up: two of 3 see 5 pixels, as they share one. And behind a stride "
        "their neighbours are further apart.",
        lambda layers: (
            1 + sum((kernel - 1) * step for kernel, step in layers),
            field_and_stride(layers)[1],
        ): "You multiply by the layer's own stride. What counts is the product of all strides "
        "before it.",
        lambda layers: (
            field_and_stride(layers)[0] - 1,
            field_and_stride(layers)[1],
        ): "One pixel is missing: without any layer a cell sees one.",
        lambda layers: field_and_stride(layers)[::-1]: "The two numbers are exchanged: the field "
        "comes first.",
    }
    other_answers = (_backwards,)

    def cases(self) -> Iterable[tuple]:
        yield ([(3, 1), (3, 1)],)
        yield ([(5, 1), (2, 2), (5, 1), (2, 2), (4, 1)],)
        yield ([(11, 4), (3, 2), (5, 1), (3, 2), (3, 1)],)
        yield ([(1, 1), (7, 2), (1, 3), (3, 1)],)
        yield ([],)


def saving(sides: list[int], kernels: list[int], window: int) -> float:
    """Return by what factor one pass is cheaper than the windows, for convolutions of stride 1."""
    [height, width] = sides
    windows = (height - window + 1) * (width - window + 1)
    each, whole, shrunk = 0, 0, 0
    for kernel in kernels:
        shrunk += kernel - 1
        each += (window - shrunk) ** 2 * kernel**2
        whole += (height - shrunk) * (width - shrunk) * kernel**2
    return windows * each / whole


def _saving(
    windows: Callable, shrink: Callable = lambda kernel: kernel - 1, power: int = 2
) -> Callable:
    def answer(sides: list[int], kernels: list[int], window: int) -> float:
        height, width = sides
        each, whole, shrunk = 0, 0, 0
        for kernel in kernels:
            shrunk += shrink(kernel)
            each += (window - shrunk) ** 2 * kernel**power
            whole += (height - shrunk) * (width - shrunk) * kernel**power
        return windows(height, width, window) * each / whole

    return answer


def _saving_of_inputs(sides: list[int], kernels: list[int], window: int) -> float:
    cost = {(window, window): 0, tuple(sides): 0}
    for height, width in cost:
        shrunk = 0
        for kernel in kernels:
            cost[height, width] += (height - shrunk) * (width - shrunk) * kernel**2
            shrunk += kernel - 1
    return _all_windows(*sides, window) * cost[window, window] / cost[tuple(sides)]


def _saving_apart(sides: list[int], kernels: list[int], window: int) -> float:
    def cost(height: int, width: int) -> int:
        return sum((height - k + 1) * (width - k + 1) * k**2 for k in kernels)

    return _all_windows(*sides, window) * cost(window, window) / cost(*sides)


def _all_windows(height: int, width: int, window: int) -> int:
    return (height - window + 1) * (width - window + 1)


class Saving(Exercise):
    """Given a picture and kernels, count what the windows compute twice."""

    id = "structure.fully-convolutional-saving"
    title = "How much is saved?"
    reference = saving
    returns = ("factor",)
    hints = (
        "Count multiplications for one channel: a convolution makes kernel² of them for each "
        "number that comes out.",
        "Without padding a kernel takes kernel − 1 off each side. Do the same count twice, once "
        "for a window and once for the whole picture.",
        "There are (height − window + 1)(width − window + 1) windows. The factor is their number "
        "times the cost of one, over the cost of the picture.",
    )
    explanation = (
        "The windows overlap, and where they do, each computes the same features again. One pass "
        "over the picture computes each feature once."
    )
    wrong_answers = {
        _saving(
            lambda height, width, window: (height // window) * (width // window)
        ): "The windows overlap: there is one at every pixel, (height − window + 1)(width − window "
        "+ 1) of them.",
        _saving(
            lambda height, width, window: (height - window) * (width - window)
        ): "One window in each direction is missing: a picture as large as the window has one.",
        _saving(lambda height, width, window: 1): "You compare one window with the picture. How "
        "many windows are there?",
        _saving(
            _all_windows, shrink=lambda kernel: 0
        ): "Without padding each convolution takes kernel − 1 off the sides.",
        _saving(
            _all_windows, shrink=lambda kernel: kernel
        ): "A kernel takes kernel − 1 off the sides: a kernel of 1 takes nothing.",
        _saving_of_inputs: "Each number that comes out costs kernel² multiplications. You count "
        "those that go in: shrink first, then count.",
        _saving_apart: "Each layer works on what the last one left: kernel − 1 is lost again and "
        "again.",
        lambda sides, kernels, window: saving([sides[0]] * 2, kernels, window): "You take the "
        "picture for a square. It has a height and a width.",
        _saving(_all_windows, power=1): "A number that comes out costs kernel² multiplications.",
        lambda sides, kernels, window: 1 / saving(sides, kernels, window): "This is the picture's "
        "cost over the windows'. By what factor is it cheaper?",
    }
    other_answers = (_saving(_all_windows),)

    def cases(self) -> Iterable[tuple]:
        yield [3, 3], [1], 2
        yield [28, 28], [5, 3], 28
        yield [40, 50], [5, 3, 3], 28
        yield [90, 64], [3, 1, 7, 5], 20


def stitch(maps: list[list[np.ndarray]]) -> np.ndarray:
    """Return the map of every pixel from those of shifted pictures: maps[dy][dx]."""
    step, (rows, columns) = len(maps), maps[0][0].shape
    dense = np.empty((step * rows, step * columns))
    for dy in range(step):
        for dx in range(step):
            dense[dy::step, dx::step] = maps[dy][dx]
    return dense


def _stitch_at_once(maps: list[list[np.ndarray]]) -> np.ndarray:
    all = np.array(maps)  # dy, dx, rows, columns
    return all.transpose(2, 0, 3, 1).reshape(len(maps) * all.shape[2], len(maps) * all.shape[3])


def _blocks(maps: list[list[np.ndarray]]) -> np.ndarray:
    return np.block(maps)


def _exchanged(maps: list[list[np.ndarray]]) -> np.ndarray:
    return stitch([list(row) for row in zip(*maps, strict=True)])


def _repeated(maps: list[list[np.ndarray]]) -> np.ndarray:
    return np.kron(maps[0][0], np.ones((len(maps), len(maps))))


def _reversed(maps: list[list[np.ndarray]]) -> np.ndarray:
    return stitch([row[::-1] for row in maps[::-1]])


class Stitch(Exercise):
    """Given the maps of a picture shifted by each (dy, dx), make the map of stride 1."""

    id = "structure.fully-convolutional-stitch"
    title = "Shift and stitch"
    reference = stitch
    returns = ("dense",)
    hints = (
        "The map of the picture cut off by (dy, dx) has the window that begins at pixel (dy, dx) "
        "in its first cell. Where does the next cell's window begin?",
        "A cell (i, j) of `maps[dy][dx]` looks at the window at (step·i + dy, step·j + dx).",
        "`dense[dy::step, dx::step] = maps[dy][dx]`.",
    )
    explanation = (
        "The cells of one map are a stride apart. The maps of the shifted pictures are what lies "
        "between, so they interleave: none of it is guessed."
    )
    wrong_answers = {
        _blocks: "The maps are laid side by side. They interleave: neighbours in one map are a "
        "stride apart in the dense one.",
        _exchanged: "Rows and columns of the shifts are exchanged: the first index is dy, down.",
        _repeated: "Each cell is repeated: that is upsampling by nearest neighbours. The shifted "
        "maps know what lies between.",
        _reversed: "The shifts run the wrong way: a picture cut off by dy begins dy pixels further "
        "down.",
        lambda maps: np.array(maps).reshape(
            len(maps) * maps[0][0].shape[0], -1
        ): "A reshape alone keeps the numbers in their order: dy and dx still run slowest. Bring "
        "the axes into the order row, dy, column, dx first.",
        lambda maps: np.array(maps).mean((0, 1)): "The maps are averaged. Each knows about windows "
        "of its own.",
    }
    other_answers = (_stitch_at_once,)

    def cases(self) -> Iterable[tuple]:
        yield ([[np.array([[0.0]]), np.array([[1.0]])], [np.array([[2.0]]), np.array([[3.0]])]],)
        rows = np.arange(8.0).reshape(2, 4)
        yield ([[rows[dy : dy + 1, dx::2] for dx in range(2)] for dy in range(2)],)
        rng = np.random.default_rng(0)
        for step, rows, columns in ((2, 3, 5), (4, 2, 7), (3, 1, 13)):
            yield ([[rng.normal(size=(rows, columns)) for _ in range(step)] for _ in range(step)],)


def mean_iu(found: np.ndarray, true: np.ndarray, classes: int) -> float:
    """Return the mean over classes of intersection over union; a class in neither is left out."""
    shares = []
    for index in range(classes):
        a, b = found == index, true == index
        if (a | b).any():
            shares.append((a & b).sum() / (a | b).sum())
    return float(np.mean(shares))


def _iu_of(found: np.ndarray, true: np.ndarray, chosen: Iterable[int]) -> float:
    return float(np.mean([_overlap(found == index, true == index) for index in chosen]))


def _iu_pooled(found: np.ndarray, true: np.ndarray, classes: int) -> float:
    both = (found == true).sum()
    return both / (2 * true.size - both)


def _without_first(found: np.ndarray, true: np.ndarray, classes: int) -> float:
    present = np.union1d(found, true)
    return _iu_of(found, true, present[present > 0])


def _iu(share: Callable, absent: float | None = None) -> Callable:
    """Return the mean of a share over classes; those in neither picture count as ``absent``."""

    def answer(found: np.ndarray, true: np.ndarray, classes: int) -> float:
        shares = []
        for index in range(classes):
            a, b = found == index, true == index
            if (a | b).any():
                shares.append(share(a, b))
            elif absent is not None:
                shares.append(absent)
        return float(np.mean(shares))

    return answer


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / (a | b).sum()


def _iu_by_pairs(found: np.ndarray, true: np.ndarray, classes: int) -> float:
    pairs = np.bincount(classes * true.ravel() + found.ravel(), minlength=classes**2)
    pairs = pairs.reshape(classes, classes)
    union = pairs.sum(0) + pairs.sum(1) - pairs.diagonal()
    return (pairs.diagonal()[union > 0] / union[union > 0]).mean()


class MeanIU(Exercise):
    """Given the classes of pixels found and true, return the mean intersection over union."""

    id = "structure.fully-convolutional-mean-iu"
    title = "Mean intersection over union"
    reference = mean_iu
    returns = ("iu",)
    hints = (
        "For one class: which pixels are in both pictures, and which in at least one?",
        "`a = found == index` and `b = true == index`. Intersection is `a & b`, union `a | b`.",
        "Average over the classes, not over the pixels, and leave out a class that neither "
        "picture has: 0/0 says nothing.",
    )
    explanation = (
        "Every class counts the same, however few its pixels. That is why paper, which is nine "
        "tenths of a sheet, cannot hide what is wrong with the digits."
    )
    wrong_answers = {
        lambda found, true, classes: float((found == true).mean()): "This is the share of pixels "
        "that are right. A picture of nothing but paper would do well.",
        _iu(lambda a, b: (a & b).sum() / max(1, b.sum())): "You divide by the true pixels alone: "
        "pixels named in excess cost nothing.",
        _iu(lambda a, b: (a & b).sum() / max(1, a.sum())): "You divide by the pixels found alone: "
        "pixels missed cost nothing.",
        _iu(lambda a, b: (a & b).sum() / (a.sum() + b.sum())): "The union is not the sum: what is "
        "in both counts once.",
        _iu(lambda a, b: 2 * (a & b).sum() / (a.sum() + b.sum())): "This is Dice's coefficient. "
        "Intersection over union divides by `a | b`.",
        _iu(_overlap, absent=0.0): "A class that neither picture has counts as 0. Leave it out.",
        _iu(_overlap, absent=1.0): "A class that neither picture has counts as 1. Leave it out.",
        lambda found, true, classes: _iu_of(found, true, np.unique(true)): "You leave out the "
        "classes that only `found` has. Each of them is a mistake, and counts as 0.",
        lambda found, true, classes: _iu_of(found, true, np.unique(found)): "You leave out the "
        "classes that only `true` has. Each of them is missed, and counts as 0.",
        _iu_pooled: "You add up all intersections and all unions. Divide for each class, then "
        "average.",
        _without_first: "Class 0 counts as well.",
        _iu(lambda a, b: (a & b).mean()): "You divide by all pixels instead of by the union.",
    }
    other_answers = (_iu(_overlap), _iu_by_pairs)

    def cases(self) -> Iterable[tuple]:
        yield np.array([[0, 0], [1, 1]]), np.array([[0, 1], [1, 1]]), 2
        yield np.array([[0, 0, 2]]), np.array([[0, 1, 2]]), 4
        yield np.array([[0, 3], [2, 1]]), np.array([[0, 0], [2, 2]]), 4
        rng = np.random.default_rng(0)
        for classes, side in ((3, 6), (5, 9), (11, 20)):
            true = rng.integers(0, classes, (side, side))
            found = np.where(rng.random((side, side)) < 0.6, true, rng.integers(0, classes, 1))
            yield found, true, classes
