"""Exercises of the chapter "Class activation maps"."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from converge_lib.exercises.exercise import Exercise
from converge_lib.exercises.judging import Recorded, Trial


def class_map(
    features: np.ndarray, weights: np.ndarray, index: int, enlarge: Callable
) -> np.ndarray:
    """Return the enlarged class activation map of one class."""
    small = np.tensordot(weights[index], features, axes=1)
    return enlarge(small)


def _enlarged(small: Callable) -> Callable:
    """Return the answer that enlarges small(features, weights, index)."""
    return lambda f, w, i, enlarge: enlarge(small(f, w, i))


def _map(features: np.ndarray, weights: np.ndarray, index: int) -> np.ndarray:
    return np.tensordot(weights[index], features, axes=1)


def _scaled(map: np.ndarray) -> np.ndarray:
    return (map - map.min()) / (map.max() - map.min())


def _enlarging_each(f: np.ndarray, w: np.ndarray, i: int, enlarge: Callable) -> np.ndarray:
    return sum(weight * enlarge(channel) for weight, channel in zip(w[i], f, strict=True))


def _class_map_torch(f: np.ndarray, w: np.ndarray, i: int, enlarge: Callable) -> object:
    import torch

    small = torch.einsum("k,kyx->yx", torch.tensor(w)[i], torch.tensor(f))
    return torch.tensor(enlarge(small))


def _bilinear(map: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return maps, shape (..., h, w), in another size: the shelf's ``upsample``, without torch."""
    for axis, new in zip((-2, -1), size, strict=True):
        old = map.shape[axis]
        centres = (np.arange(new) + 0.5) * old / new - 0.5

        def along(line: np.ndarray, old: int = old, at: np.ndarray = centres) -> np.ndarray:
            return np.interp(at, np.arange(old), line)

        map = np.apply_along_axis(along, axis, map)
    return map


class ClassMap(Exercise):
    """Given features, weights and a class, return its map in the size of the image."""

    id = "structure.class-activation-class-map"
    title = "The map of a class"
    reference = class_map
    returns = ("map",)
    hints = (
        "The score of the class is a weighted sum of channels' means. Which sum is "
        "left without the means?",
        "Row `index` of `weights` holds one weight for each channel. Multiply each channel's map "
        "by its weight, and add them up.",
        "`np.tensordot(weights[index], features, axes=1)` is the map. Enlarging is linear, so it "
        "may come last, and once is enough.",
    )
    explanation = (
        "Σₖ wₖ fₖ(x, y), with the weights of the class: row `index`, since a row makes a score. "
        "Enlarging and summing are both linear. They may change places: the result is the same. "
        "The bill is not: a network with 1,280 channels would enlarge 1,280 maps for one."
    )
    too_many = (
        "The map is right, and {} cells went through `enlarge` where {} do. Enlarging is linear: "
        "sum the channels first, then enlarge one map."
    )
    wrong_answers = {
        _enlarged(lambda f, w, i: np.tensordot(w[:, i], f, axes=1)): "You take column `index` of "
        "the weights. That is one channel's weight in all classes; the class has a row.",
        _enlarged(lambda f, w, i: (w[i][:, None, None] * f).mean(0)): "You take the mean over the "
        "channels. The score is their weighted sum.",
        _enlarged(lambda f, w, i: f.sum(0)): "You add the channels up without their weights: this "
        "map is the same for every class.",
        _enlarged(lambda f, w, i: f.mean(0)): "You take the mean of the channels without their "
        "weights: this map is the same for every class.",
        _enlarged(lambda f, w, i: np.tensordot(w.sum(0), f, axes=1)): "You add up the maps of all "
        "classes. Only row `index` of the weights belongs to this one.",
        _enlarged(lambda f, w, i: _map(f, w, (w @ f.mean((1, 2))).argmax())): "This is the map of "
        "the class with the highest score. You were asked for class `index`.",
        _enlarged(lambda f, w, i: _map(f, np.maximum(w, 0), i)): "You drop the negative weights. "
        "They say where the class is not, and the score has them.",
        _enlarged(lambda f, w, i: np.maximum(_map(f, w, i), 0)): "You drop the negative part of "
        "the map, as Grad-CAM does. Here it belongs to the score.",
        _enlarged(lambda f, w, i: np.abs(_map(f, w, i))): "You take the size of the map: evidence "
        "against the class now looks like evidence for it.",
        _enlarged(lambda f, w, i: _map(f, w, i) / f[0].size): "You divide by the number of "
        "positions. That is what a position gives to the score; the map is without the divisor.",
        _enlarged(lambda f, w, i: _scaled(_map(f, w, i))): "You bring the map to [0, 1]. The "
        "map itself is asked for: its mean belongs to the score.",
        _enlarging_each: too_many.format(8, 4),
        lambda f, w, i, enlarge: np.tensordot(w[i], enlarge(f), axes=1): too_many.format(8, 4),
    }
    other_answers = (
        lambda f, w, i, enlarge: enlarge((w[i][:, None, None] * f).sum(0)),
        lambda f, w, i, enlarge: enlarge(np.einsum("k,kyx->yx", w[i], f)),
        _class_map_torch,
    )

    def cases(self) -> Iterable[tuple]:
        def enlarge(size: tuple[int, int]) -> Recorded:
            return Recorded(
                lambda map: _bilinear(np.asarray(map, dtype=np.float64), size),
                f"bilinear, to {size[0]}×{size[1]}",
            )

        features = np.array([[[1.0, 0.0], [0.0, 0.0]], [[0.0, 2.0], [0.0, 1.0]]])
        yield features, np.array([[1.0, -1.0], [2.0, 3.0]]), 0, enlarge((2, 2))
        rng = np.random.default_rng(0)
        # As many classes as channels: a column in the place of a row must not fail by its shape.
        for n, h, w, index in ((3, 2, 3, 1), (6, 4, 3, 5), (5, 7, 7, 2)):
            yield rng.normal(size=(n, h, w)), rng.normal(size=(n, n)), index, enlarge((2 * h, 9))

    def diagnose(self, trials: list[Trial]) -> str:
        """Find the answers that enlarge every channel."""
        if not all(trial.right for trial in trials):
            return ""
        for trial in trials:
            cells = sum(point.size for point in trial.passed[3].points)
            needed = trial.arguments[0][0].size
            if cells > needed:
                return self.too_many.format(cells, needed)
        return ""


def score_from_box(
    map: np.ndarray, bias: float, box: tuple[int, int, int, int]
) -> tuple[float, float]:
    """Return what the cells in the box give to the score, and the score."""
    top, left, bottom, right = box
    part = map[top:bottom, left:right].sum() / map.size
    return part, map.mean() + bias


def _inside(map: np.ndarray, box: Sequence[int]) -> np.ndarray:
    return map[box[0] : box[2], box[1] : box[3]]


def _score_from_box_torch(map: np.ndarray, bias: float, box: Sequence[int]) -> tuple:
    import torch

    cells = torch.tensor(map) / map.size
    return _inside(cells, box).sum(), cells.sum() + bias


def _with_part(part: Callable) -> Callable:
    return lambda map, bias, box: (part(map, bias, box), map.mean() + bias)


def _with_score(score: Callable) -> Callable:
    return lambda map, bias, box: (_inside(map, box).sum() / map.size, score(map, bias))


class ScoreFromBox(Exercise):
    """Given a map, a bias and a box, return the box's part of the score, and the score."""

    id = "structure.class-activation-score-from-box"
    title = "Which part of the score comes from here?"
    reference = score_from_box
    returns = ("part", "score")
    hints = (
        "The score is a mean over all positions, and a bias. What does one position give?",
        "A position gives M(x, y)/hw, wherever it lies. Add up those in the box; hw counts the "
        "whole map.",
        "`map[top:bottom, left:right].sum() / map.size`, and `map.mean() + bias`.",
    )
    explanation = (
        "S = (1/hw) Σ M(x, y) + b. Each position gives its value divided by hw, the number of all "
        "positions and not of those in the box. Boxes that tile the map give S − b together. The "
        "bias comes from no place at all."
    )
    wrong_answers = {
        _with_part(lambda map, bias, box: _inside(map, box).mean()): "Your `part` is the mean over "
        "the box. Divide by the positions of the whole map: all parts add up to S − b.",
        _with_part(
            lambda map, bias, box: _inside(map, box).sum()
        ): "Your `part` is the sum over the "
        "box. The score is a mean, so each position gives its value divided by hw.",
        _with_part(lambda map, bias, box: _inside(map, box).sum() / map.size + bias): "You count "
        "the bias to the box. It is there wherever you look, and comes from no position.",
        _with_part(lambda map, bias, box: _inside(map + bias, box).sum() / map.size): "You add the "
        "bias to each position in the box. It is in the score once, and comes from no position.",
        _with_part(lambda map, bias, box: _inside(map, box).sum() / map.sum()): "Your `part` is a "
        "share of the map's sum. The question is how much, in the units of the score.",
        _with_part(lambda map, bias, box: np.maximum(_inside(map, box), 0).sum() / map.size): "You "
        "drop the negative values in the box. They lower the score, and count.",
        _with_part(
            lambda map, bias, box: map[box[0] : box[2] + 1, box[1] : box[3] + 1].sum() / map.size
        ): "Your box is a row and a column too large: `bottom` and `right` are just outside.",
        _with_part(lambda map, bias, box: _inside(map.T, box).sum() / map.size): "Rows and columns "
        "are exchanged: the box is (top, left, bottom, right), and rows come first.",
        _with_score(lambda map, bias: map.mean()): "Your `score` is without the bias.",
        _with_score(lambda map, bias: map.sum() + bias): "Your `score` has the sum of the map. "
        "Global average pooling takes the mean.",
        _with_score(lambda map, bias: map.sum()): "Your `score` is the sum of the map. It is the "
        "mean, and the bias.",
        lambda map, bias, box: score_from_box(map, bias, box)[::-1]: "The values are right and "
        "their order is not: part, score.",
    }
    other_answers = (
        lambda map, bias, box: (_inside(map, box).sum() / np.prod(map.shape), map.mean() + bias),
        lambda map, bias, box: [_inside(map / map.size, box).sum(), map.sum() / map.size + bias],
        _score_from_box_torch,
    )

    def cases(self) -> Iterable[tuple]:
        yield np.array([[4.0, 0.0], [-2.0, 6.0]]), 1.0, (0, 0, 1, 1)
        yield np.array([[4.0, 0.0, 1.0], [-2.0, 6.0, 3.0]]), -0.5, (0, 1, 2, 2)
        rng = np.random.default_rng(0)
        yield rng.normal(size=(7, 7)), 0.3, (2, 1, 5, 6)
        yield rng.normal(size=(5, 8)), -2.0, (1, 2, 3, 5)
        yield rng.normal(size=(4, 4)), 2.0, (0, 0, 4, 3)


def box_around(map: np.ndarray, threshold: float) -> tuple[int, int, int, int]:
    """Return the box around the largest group of cells that reach the threshold."""
    from scipy import ndimage

    scaled = (map - map.min()) / (map.max() - map.min())
    groups, _ = ndimage.label(scaled >= threshold)
    largest = np.bincount(groups.ravel())[1:].argmax() + 1
    rows, columns = np.nonzero(groups == largest)
    return rows.min(), columns.min(), rows.max() + 1, columns.max() + 1


def _largest_group(bright: np.ndarray, corners: bool = False) -> np.ndarray:
    from scipy import ndimage

    groups, _ = ndimage.label(bright, np.ones((3, 3)) if corners else None)
    return groups == np.bincount(groups.ravel())[1:].argmax() + 1


def _brightest_group(map: np.ndarray, threshold: float) -> np.ndarray:
    from scipy import ndimage

    groups, _ = ndimage.label(_scaled(map) >= threshold)
    return groups == groups.ravel()[map.argmax()]


def _brightest_sum(map: np.ndarray, threshold: float) -> np.ndarray:
    from scipy import ndimage

    scaled = _scaled(map)
    groups, n = ndimage.label(scaled >= threshold)
    return groups == ndimage.sum(scaled, groups, range(1, n + 1)).argmax() + 1


def _around(chosen: np.ndarray, beyond: int = 1) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(chosen)
    return rows.min(), columns.min(), rows.max() + beyond, columns.max() + beyond


def _box_around_by_filling(map: np.ndarray, threshold: float) -> list[int]:
    left = {(int(y), int(x)) for y, x in np.argwhere(_scaled(map) >= threshold)}
    best: set[tuple[int, int]] = set()
    while left:
        group, edge = set(), [left.pop()]
        while edge:
            y, x = edge.pop()
            group.add((y, x))
            for near in {(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)} & left:
                left.remove(near)
                edge.append(near)
        best = max(best, group, key=len)
    rows, columns = ({cell[axis] for cell in best} for axis in (0, 1))
    return [min(rows), min(columns), max(rows) + 1, max(columns) + 1]


class BoxAround(Exercise):
    """Given a map and a threshold, return the box around its largest bright group."""

    id = "structure.class-activation-box-around"
    title = "From a map to a box"
    reference = box_around
    returns = ("box",)
    hints = (
        "Maps come in any scale, and may be negative all over. What must happen before a threshold "
        "between 0 and 1 has a meaning?",
        "Bring the least value to 0 and the largest to 1. `scipy.ndimage.label` numbers the groups "
        "of the cells that reach the threshold; `np.bincount` counts the cells of each.",
        "Group 0 is the background, so look for the largest from 1 on. `np.nonzero` gives the rows "
        "and columns of its cells; the box ends one behind the last.",
    )
    explanation = (
        "Three choices make a box of a map: how the values are scaled, where the threshold lies, "
        "and which group counts. The paper scales by the largest value alone; with negative values "
        "in the map, taking the least one off first gives the threshold one meaning everywhere."
    )
    wrong_answers = {
        lambda map, t: _around(_largest_group(map >= t)): "The threshold meets the raw values. "
        "Bring the map to [0, 1] first: its scale says nothing.",
        lambda map, t: _around(_largest_group(map >= t * map.max())): "You compare with a share of "
        "the largest value. Here the least value goes to 0 first.",
        lambda map, t: _around(_largest_group(np.abs(map) / np.abs(map).max() >= t)): "You take "
        "sizes: strongly negative cells count as bright.",
        lambda map, t: _around(_scaled(map) >= t): "Your box holds all cells that reach the "
        "threshold. Only the largest connected group counts: a speck far away spoils the box.",
        lambda map, t: _around(
            _brightest_group(map, t)
        ): "You take the group of the brightest cell. The largest group is asked for.",
        lambda map, t: _around(
            _brightest_sum(map, t)
        ): "You take the group whose values add up to most. The largest group has the most cells.",
        lambda map, t: _around(_largest_group(_scaled(map) >= t, corners=True)): "Your groups "
        "connect across corners. Cells connect along edges.",
        lambda map, t: _around(_largest_group(_scaled(map) > t)): "A cell that just reaches the "
        "threshold counts: `>=`, not `>`.",
        lambda map, t: _around(_largest_group(_scaled(map) < t)): "You box what is dark: the cells "
        "below the threshold.",
        lambda map, t: _around(_largest_group(_scaled(map) >= t), beyond=0): "`bottom` and `right` "
        "are the last row and column of the group. They lie just outside: one more.",
        lambda map, t: np.array(box_around(map, t))[[1, 0, 3, 2]]: "The order: top, left, bottom, "
        "right. You have columns before rows.",
        lambda map, t: np.array(box_around(map, t))[[0, 2, 1, 3]]: "The order: top, left, bottom, "
        "right. You have top, bottom, left, right.",
        lambda map, t: (
            *box_around(map, t)[:2],
            *np.subtract(box_around(map, t)[2:], box_around(map, t)[:2]),
        ): "You return height and width in the place of bottom and right.",
    }
    other_answers = (
        _box_around_by_filling,
        lambda map, t: np.array(_around(_largest_group(map - map.min() >= t * np.ptp(map)))),
    )

    def cases(self) -> Iterable[tuple]:
        yield np.array([[0.0, 0.0, 0.0], [0.0, 9.0, 8.0]]), 0.25
        yield np.array([[9.0, 0.0, 0.0, 0.0], [0.0, 0.0, 8.0, 8.0]]), 0.25
        yield np.array([[-8.0, -6.0, -2.0], [-8.0, -3.0, 2.0], [-8.0, -8.0, -8.0]]), 0.5
        yield np.array([[9.0, 9.0, 0.0], [0.0, 0.0, 0.0], [5.0, 5.0, 5.0]]), 0.5
        yield (
            np.array([[6, 4, -10, 0, 0], [0, 2, 0, 5, 0], [0, 0, 5, 0, 4], [8, 0, 0, 4, 4]], float),
            0.75,
        )
        rng = np.random.default_rng(0)
        for threshold in (0.25, 0.5, 0.75):
            yield rng.integers(-8, 9, (7, 9)) * 16.0, threshold


def iou(a: Sequence[int], b: Sequence[int]) -> float:
    """Return the intersection of two boxes over their union."""
    height = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    width = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    union = _area(a) + _area(b) - height * width
    return height * width / union


def _area(box: Sequence[int]) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _sides(a: Sequence[int], b: Sequence[int]) -> tuple[int, int]:
    """Return the height and width in common, negative where the boxes are apart."""
    return min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    height, width = _sides(a, b)
    return max(0, height) * max(0, width)


def _unclipped(a: Sequence[int], b: Sequence[int]) -> float:
    height, width = _sides(a, b)
    return height * width / (_area(a) + _area(b) - height * width)


def _inclusive(a: Sequence[int], b: Sequence[int]) -> float:
    return iou(*((*box[:2], box[2] + 1, box[3] + 1) for box in (a, b)))


def _hull(a: Sequence[int], b: Sequence[int]) -> int:
    return (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))


def _iou_of_masks(a: Sequence[int], b: Sequence[int]) -> object:
    masks = np.zeros((2, 60, 60), dtype=bool)
    for mask, (top, left, bottom, right) in zip(masks, (a, b), strict=True):
        mask[top:bottom, left:right] = True
    return masks.all(0).sum() / masks.any(0).sum()


class IntersectionOverUnion(Exercise):
    """Given two boxes, return their intersection over their union."""

    id = "structure.class-activation-iou"
    title = "When is a box right?"
    reference = iou
    returns = ("iou",)
    hints = (
        "The pixels that both boxes hold, over the pixels that at least one of them holds.",
        "The intersection begins at the larger of the two tops and ends at the smaller of the two "
        "bottoms. What if it ends before it begins?",
        "Height and width of the intersection are at least 0. The union is the sum of the two "
        "areas, less the intersection, which that sum counts twice.",
    )
    explanation = (
        "The union punishes a box for being too large as well as for being too small: a box that "
        "is the whole image holds every object, and has an intersection over union near 0."
    )
    wrong_answers = {
        lambda a, b: _common(a, b) / _area(a): "You divide by the area of the first box. By that "
        "measure a tiny box inside the other one is perfect. Divide by the union.",
        lambda a, b: _common(a, b) / _area(b): "You divide by the area of the second box. By that "
        "measure the whole image is a perfect box. Divide by the union.",
        lambda a, b: _common(a, b) / min(_area(a), _area(b)): "You divide by the smaller box. "
        "Divide by the union.",
        lambda a, b: _common(a, b) / max(_area(a), _area(b)): "You divide by the larger box. "
        "Divide by the union.",
        lambda a, b: _common(a, b) / (_area(a) + _area(b)): "The sum of the areas counts the "
        "intersection twice: take it off once.",
        lambda a, b: _common(a, b) / (_area(a) + _area(b) + _common(a, b)): "You add the "
        "intersection to the sum of the areas, which counts it twice already: take it off once.",
        lambda a, b: 2 * _common(a, b) / (_area(a) + _area(b)): "This is Dice's coefficient, the "
        "intersection over the mean area. Divide by the union.",
        lambda a, b: _common(a, b) / _hull(a, b): "You divide by the smallest box around both. It "
        "holds pixels that are in neither.",
        _unclipped: "Boxes that are apart have a negative height or width in common, or both, and "
        "the product of two negatives looks like an overlap. Neither may go below 0.",
        _inclusive: "You add 1 to each side. `bottom` and `right` are just outside already.",
        lambda a, b: _common(a, b): "You return the intersection in pixels. Divide by the union.",
        lambda a, b: 1 - iou(a, b): "This is 1 less the right value: a distance, not an overlap.",
    }
    other_answers = (
        _iou_of_masks,
        lambda a, b: np.float64(_common(a, b)) / (_area(a) + _area(b) - _common(a, b)),
    )

    def cases(self) -> Iterable[tuple]:
        yield (0, 0, 2, 2), (1, 0, 3, 2)
        yield (0, 0, 4, 4), (1, 1, 3, 2)
        yield (10, 20, 30, 30), (5, 22, 20, 40)
        yield (0, 0, 2, 2), (4, 5, 6, 9)
        yield (0, 0, 3, 3), (3, 0, 6, 3)
        yield (7, 8, 9, 11), (7, 8, 9, 11)
        yield (5, 1, 8, 50), (1, 20, 40, 23)


def grad_cam_maps(features: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Return each image's Grad-CAM map."""
    alpha = gradients.mean(axis=(2, 3))
    maps = np.einsum("nk,nkyx->nyx", alpha, features)
    return np.maximum(maps, 0)


def _weighted(alpha: Callable) -> Callable:
    """Return the answer with other weights alpha(gradients), which broadcast to (n, c, h, w)."""
    return lambda f, g: np.maximum((alpha(g) * f).sum(1), 0)


def _grad_cam_torch(features: np.ndarray, gradients: np.ndarray) -> object:
    import torch

    alpha = torch.tensor(gradients).mean((2, 3), keepdim=True)
    return (alpha * torch.tensor(features)).sum(1).relu()


class GradCam(Exercise):
    """Given features and the score's gradients with respect to them, return Grad-CAM's maps."""

    id = "structure.class-activation-grad-cam"
    title = "Grad-CAM"
    reference = grad_cam_maps
    returns = ("maps",)
    hints = (
        "Each image has its own map, and each channel of it one weight. Over which axes must the "
        "gradients be averaged for that?",
        "The weights are `gradients.mean(axis=(2, 3))`, of shape (n, c). Positions disappear, "
        "images stay apart.",
        "Weigh the channels, add them up over axis 1, and leave out what is below 0 at the end.",
    )
    explanation = (
        "αₖ is the mean of ∂S/∂fₖ over positions. On a network that ends in global average pooling "
        "that gradient is wₖ/hw everywhere, so that its mean is wₖ/hw too: before the rectifier, "
        "Grad-CAM is the class activation map divided by hw."
    )
    wrong_answers = {
        _weighted(lambda g: g.mean(0)): "You average over the images of the batch. "
        "One image's gradients then colour another's map; the mean is over positions.",
        _weighted(lambda g: g.mean((0, 2, 3))[:, None, None]): "You average over the images "
        "as well. Each image has its own gradients: only positions are averaged.",
        _weighted(lambda g: g.sum((2, 3), keepdims=True)): "You sum the gradients over positions. "
        "The mean is asked for: your map grows with the size of the features.",
        _weighted(lambda g: g.mean(1, keepdims=True)): "You average over the channels. Then all "
        "channels weigh the same; the mean is over positions.",
        _weighted(lambda g: g): "You multiply position by position. The weight of a channel is the "
        "mean of its gradient over all positions, one number.",
        _weighted(lambda g: g.max((2, 3), keepdims=True)): "You take the largest gradient of each "
        "channel. The weight is the mean.",
        _weighted(lambda g: np.abs(g).mean((2, 3), keepdims=True)): "You average the sizes of the "
        "gradients. A channel that speaks against the class must have a negative weight.",
        _weighted(lambda g: np.maximum(g, 0).mean((2, 3), keepdims=True)): "You rectify the "
        "gradients. Here the rectifier comes once, at the end.",
        lambda f, g: (g.mean((2, 3), keepdims=True) * f).sum(1): "The rectifier is missing: "
        "Grad-CAM leaves the negative part out.",
        lambda f, g: np.maximum(g.mean((2, 3), keepdims=True) * f, 0).sum(1): "You rectify before "
        "the sum over channels. Evidence against the class must count before it is cut off.",
        lambda f, g: np.maximum(
            (g.mean((2, 3), keepdims=True) * f).mean(1), 0
        ): "You take the mean over channels, where the map is their weighted sum.",
        lambda f, g: np.maximum((f.mean((2, 3), keepdims=True) * g).sum(1), 0): "Features and "
        "gradients are exchanged: the gradients become weights, the features stay maps.",
    }
    other_answers = (
        _weighted(lambda g: g.sum((2, 3), keepdims=True) / g[0, 0].size),
        lambda f, g: [
            np.tensordot(b.reshape(len(b), -1).mean(1), a, 1).clip(0)
            for a, b in zip(f, g, strict=True)
        ],
        _grad_cam_torch,
    )

    def cases(self) -> Iterable[tuple]:
        features = np.array([[[[1.0, 0.0]], [[0.0, 2.0]]], [[[3.0, 1.0]], [[1.0, 1.0]]]])
        gradients = np.array([[[[2.0, 4.0]], [[-1.0, 0.0]]], [[[0.0, -2.0]], [[5.0, 1.0]]]])
        yield features, gradients
        rng = np.random.default_rng(0)
        for shape in ((3, 4, 3, 2), (2, 6, 5, 5), (4, 4, 2, 6)):
            yield rng.normal(size=shape), rng.normal(size=shape)
