"""Exercises of the chapter "Maxout"."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np

from converge_lib.exercises.exercise import Exercise
from converge_lib.exercises.judging import Trial


def maxout_layer(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the outputs of a maxout layer, shape (n, m)."""
    z = np.einsum("nd,dmk->nmk", x, W) + b
    return z.max(axis=-1)


def _pieces(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("nd,dmk->nmk", x, W) + b


def _of_pieces(outcome: Callable) -> Callable:
    """Return the answer outcome(z)."""
    return lambda x, W, b: outcome(_pieces(x, W, b))


def _layer_mixed(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    d, m, k = W.shape
    return ((x @ W.reshape(d, m * k)) + b.reshape(m * k)).reshape(len(x), k, m).max(axis=1)


def _layer_flat(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (x @ W.reshape(len(W), -1) + b.ravel()).reshape(len(x), *b.shape).max(axis=2)


def _layer_by_loops(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> list:
    return [
        [max(row @ W[:, i, j] + b[i, j] for j in range(b.shape[1])) for i in range(b.shape[0])]
        for row in x
    ]


def _layer_torch(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> object:
    import torch

    x, W, b = (torch.tensor(array) for array in (x, W, b))
    return (torch.tensordot(x, W, dims=1) + b).amax(-1)


def _shapes() -> Iterable[tuple[np.random.Generator, tuple[int, int, int, int]]]:
    """Yield sizes n, d, m and k, some with as many units as pieces."""
    rng = np.random.default_rng(0)
    for shape in ((3, 2, 2, 2), (4, 3, 2, 5), (6, 4, 3, 3), (5, 2, 4, 3)):
        yield rng, shape


class MaxoutLayer(Exercise):
    """Given inputs, weights and biases, compute a layer of maxout units."""

    id = "structure.maxout-layer"
    title = "A layer of maxout units"
    reference = maxout_layer
    returns = ("h",)
    hints = (
        "First all the pieces, then the maximum. What shape do the pieces have, and which of its "
        "axes must go?",
        "z has shape (n, m, k): `np.einsum` or `np.tensordot` makes it, and b, of shape (m, k), "
        "adds to it as it is.",
        '`z = np.einsum("nd,dmk->nmk", x, W) + b`, and the maximum over its last axis.',
    )
    explanation = (
        "Each unit has k affine functions of the input, and answers with the largest. The maximum "
        "runs over the pieces of one unit, so the axis of length k goes, and n and m stay."
    )
    wrong_answers = {
        _of_pieces(lambda z: z.max(axis=1)): "The maximum runs over the units: you compare "
        "features with one another. Each unit takes the largest of its own pieces, the last axis.",
        _of_pieces(lambda z: z.max(axis=0)): "The maximum runs over the inputs. Each input gets "
        "its own: take it over the pieces, the last axis.",
        _of_pieces(lambda z: z.max()): "`max()` without an axis takes the largest of all, over "
        "inputs and units too.",
        _of_pieces(lambda z: z): "These are the pieces. The maximum over them is missing.",
        _of_pieces(lambda z: z.argmax(axis=-1)): "You return which piece wins. The output is its "
        "value.",
        _of_pieces(lambda z: np.abs(z).max(axis=-1)): "You take the largest in size. A piece that "
        "is far below zero must not win.",
        _of_pieces(lambda z: z.min(axis=-1)): "You take the smallest piece.",
        _of_pieces(lambda z: z.sum(axis=-1)): "You add the pieces up, and that is one affine "
        "function again. Take their maximum.",
        _of_pieces(lambda z: z.mean(axis=-1)): "You average the pieces, and that is one affine "
        "function again. Take their maximum.",
        _of_pieces(
            lambda z: np.maximum(z.max(axis=-1), 0)
        ): "You cut the outputs off at 0, as a ReLU does. A maxout unit may be negative.",
        lambda x, W, b: _pieces(x, W, 0 * b).max(axis=-1): "The biases are missing.",
        lambda x, W, b: (
            _pieces(x, W, 0 * b).max(axis=-1) + b.max(axis=-1)
        ): "The bias comes after the maximum. It belongs to its piece: add it before.",
        lambda x, W, b: x @ W.max(axis=-1) + b.max(axis=-1): "You take the maximum of the weights, "
        "and that is one affine function again. Compare the sums, input by input.",
        _of_pieces(
            lambda z: np.log(np.exp(z).sum(axis=-1))
        ): "That is a smooth maximum, log-sum-exp: it lies above the largest piece. Take `max`.",
        _layer_mixed: "The pieces of different units are mixed up. W has shape (d, m, k): those of "
        "one unit lie side by side, so the flat product has the shape (n, m, k).",
    }
    other_answers = (_layer_flat, _layer_by_loops, _layer_torch)

    def cases(self) -> Iterable[tuple]:
        yield np.array([[-2.0], [3.0]]), np.array([[[-1.0, 1.0]]]), np.zeros((1, 2))
        for rng, (n, d, m, k) in _shapes():
            yield (
                rng.normal(size=(n, d)),
                rng.normal(size=(d, m, k)),
                rng.normal(size=(m, k)) - 0.5,
            )


def maxout_gradient(
    x: np.ndarray, W: np.ndarray, b: np.ndarray, upstream: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradients of Σ upstream · h by W and by b, in their shapes."""
    z = np.einsum("nd,dmk->nmk", x, W) + b
    wins = z == z.max(axis=-1, keepdims=True)
    by_z = wins * upstream[:, :, None]
    return np.einsum("nd,nmk->dmk", x, by_z), by_z.sum(axis=0)


def _gradient(by_z: Callable, mean: bool = False) -> Callable:
    """Return the answer whose gradient by the pieces is by_z(z, upstream)."""

    def answer(
        x: np.ndarray, W: np.ndarray, b: np.ndarray, upstream: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        G = by_z(_pieces(x, W, b), upstream[:, :, None]) / (len(x) if mean else 1)
        return np.einsum("nd,nmk->dmk", x, G), G.sum(axis=0)

    return answer


def _wins(z: np.ndarray) -> np.ndarray:
    return z == z.max(axis=-1, keepdims=True)


def _gradient_by_loops(
    x: np.ndarray, W: np.ndarray, b: np.ndarray, upstream: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    by_W, by_b = np.zeros_like(W), np.zeros_like(b)
    for row, up in zip(x, upstream, strict=True):
        for i in range(len(b)):
            j = np.argmax(row @ W[:, i] + b[i])
            by_W[:, i, j] += up[i] * row
            by_b[i, j] += up[i]
    return by_W, by_b


def _gradient_torch(
    x: np.ndarray, W: np.ndarray, b: np.ndarray, upstream: np.ndarray
) -> tuple[object, ...]:
    import torch

    W, b = torch.tensor(W, requires_grad=True), torch.tensor(b, requires_grad=True)
    h = (torch.einsum("nd,dmk->nmk", torch.tensor(x), W) + b).max(-1).values
    return torch.autograd.grad(h, (W, b), torch.tensor(upstream))


class MaxoutGradient(Exercise):
    """Given the gradient by the outputs, send it back through a maxout layer."""

    id = "structure.maxout-gradient"
    title = "Who gets the gradient?"
    reference = maxout_gradient
    returns = ("by_W", "by_b")
    hints = (
        "Move the weights of a piece that does not win, a little. What happens to the output?",
        "Compute the pieces z and find the winner of each input and unit. The gradient by z is "
        "`upstream` there, and 0 elsewhere.",
        "`by_z = (z == z.max(axis=-1, keepdims=True)) * upstream[:, :, None]`. From there on it is "
        "an affine layer: x times by_z, summed over the inputs; and by_z itself, summed.",
    )
    explanation = (
        "A small move of a piece that loses does not change the maximum, so its gradient is 0. The "
        "winner passes everything on: its slope is 1, whatever its value. What remains is an "
        "affine layer, for which each input has chosen the weights."
    )
    wrong_answers = {
        _gradient(lambda z, up: up + 0 * z): "The gradient goes to all the pieces. Those that lose "
        "do not touch the output: theirs is 0.",
        _gradient(lambda z, up: up / z.shape[-1] + 0 * z): "You share the gradient out among the "
        "pieces. That is right for their mean; the maximum gives all of it to the winner.",
        _gradient(
            lambda z, up: up * np.exp(z) / np.exp(z).sum(-1, keepdims=True)
        ): "You weight the pieces by a softmax. The maximum is hard: the winner gets all of it.",
        _gradient(lambda z, up: up * ~_wins(z)): "The pieces that lose get the gradient, and the "
        "winner none.",
        _gradient(
            lambda z, up: up * (z == z.min(axis=-1, keepdims=True))
        ): "The smallest piece gets the gradient. The largest is the one that was passed on.",
        _gradient(
            lambda z, up: up * (np.abs(z) == np.abs(z).max(axis=-1, keepdims=True))
        ): "The winner is the piece that is largest in size. It must be the largest.",
        _gradient(
            lambda z, up: up * (z == z.max(axis=1, keepdims=True))
        ): "You look for the winner among the units. Each unit has its own winner, among its "
        "pieces, on the last axis.",
        _gradient(
            lambda z, up: up * (z == z.max(axis=0, keepdims=True))
        ): "You look for the winner among the inputs. Each input has its own winner, among the "
        "pieces of the unit.",
        _gradient(lambda z, up: 1.0 * _wins(z)): "`upstream` is not used: the chain rule wants it "
        "as a factor.",
        _gradient(lambda z, up: up * z * _wins(z)): "You multiply by the value of the piece. The "
        "slope of the maximum by its winner is 1.",
        _gradient(
            lambda z, up: up * _wins(z) * (z > 0)
        ): "You also ask whether the winner is positive, as a ReLU would. A winner below 0 is a "
        "winner.",
        _gradient(lambda z, up: up * _wins(z), mean=True): "You take the mean over the inputs. It "
        "is a sum: the question is for the gradient of Σ upstream · h.",
        lambda x, W, b, upstream: maxout_gradient(x, W, 0 * b, upstream): "You look for the winner "
        "without the biases.",
        lambda x, W, b, upstream: maxout_gradient(
            x, W, b, 0 * upstream + upstream.mean(axis=0)
        ): "Each input has an `upstream` of its own. You average it over the inputs first.",
    }
    other_answers = (_gradient_by_loops, _gradient_torch)

    def cases(self) -> Iterable[tuple]:
        W, b = np.array([[[-1.0, 1.0]]]), np.array([[0.5, 0.0]])
        yield np.array([[-2.0], [3.0], [4.0]]), W, b, np.array([[1.0], [10.0], [2.0]])
        for rng, (n, d, m, k) in _shapes():
            yield (
                rng.normal(size=(n, d)),
                rng.normal(size=(d, m, k)),
                rng.normal(size=(m, k)) - 0.5,
                rng.normal(size=(n, m)),
            )


def relu_as_pieces(W: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (d, m, 2) and biases (m, 2) of a maxout layer, the zero piece first."""
    return np.stack([np.zeros_like(W), W], axis=-1), np.stack([np.zeros_like(b), b], axis=-1)


def _stacked(first: Callable, second: Callable = lambda a: a) -> Callable:
    """Return the answer whose two pieces are first(·) and second(·) of the weights and biases."""
    return lambda W, b: tuple(np.stack([first(a), second(a)], axis=-1) for a in (W, b))


def _relu_padded(W: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.pad(W[..., None], ((0, 0), (0, 0), (1, 0))), np.pad(b[:, None], ((0, 0), (1, 0)))


def _relu_torch(W: np.ndarray, b: np.ndarray) -> tuple[object, object]:
    import torch

    W, b = torch.tensor(W), torch.tensor(b)
    return torch.stack([0 * W, W], -1), torch.stack([0 * b, b], -1)


class ReluAsPieces(Exercise):
    """Given a layer of ReLUs, write down the maxout layer that does the same."""

    id = "structure.maxout-relu-as-pieces"
    title = "A layer of ReLUs, as maxout"
    reference = relu_as_pieces
    returns = ("W", "b")
    hints = (
        "max(0, z) is the larger of two affine functions of x. Which two?",
        "The second piece is the layer as it is. The first is 0, whatever the input: what are its "
        "weights, and what is its bias?",
        "Stack zeros and W along a new last axis, and zeros and b in the same way: "
        "`np.stack([np.zeros_like(W), W], axis=-1)`.",
    )
    explanation = (
        "A ReLU compares its sum with 0, and 0 is an affine function too, with no weights and no "
        "bias. So it is a maxout unit of two pieces, one of which never learns. Putting that one "
        "first makes it win a draw, and the slope at 0 is 0, as usual."
    )
    wrong_answers = {
        lambda W, b: (relu_as_pieces(W, b)[0], np.stack([b, b], -1)): "The zero piece has kept the "
        "bias: it is b, and not 0.",
        lambda W, b: (relu_as_pieces(W, b)[0], np.zeros((len(b), 2))): "The biases must go "
        "along: 0 for the zero piece, b for the other.",
        _stacked(lambda a: a): "Both pieces are the layer itself, so their maximum is linear. The "
        "zero piece is missing.",
        lambda W, b: (W[..., None], b[..., None]): "There is one piece, so the layer is linear. "
        "The zero piece is missing.",
        _stacked(lambda a: -a): "That is |z|: its other piece is −z. A ReLU compares with 0.",
        _stacked(lambda a: a, np.zeros_like): "The pieces do the same as the ReLU, but the zero "
        "piece comes second. First, it wins a draw, and the slope at z = 0 is 0.",
        _stacked(lambda a: 0.01 * a): "That is a leaky ReLU: below 0 it still has a slope. The "
        "first piece is 0.",
        _stacked(np.zeros_like, lambda a: np.maximum(a, 0)): "You cut the weights off at 0. The "
        "maximum is taken of what they make of an input.",
        _stacked(np.ones_like): "The first piece is 1 + the sum of the inputs. It must be 0 for "
        "every input: weights 0, bias 0.",
        lambda W, b: (
            np.stack([np.zeros_like(W), W]),
            np.stack([np.zeros_like(b), b]),
        ): "The pieces are stacked along the first axis. They belong on the last: (d, m, k).",
        lambda W, b: (
            np.concatenate([np.zeros_like(W), W], axis=-1),
            np.concatenate([np.zeros_like(b), b]),
        ): "You have twice as many units. Two pieces for each unit want a new axis, the last.",
    }
    other_answers = (_relu_padded, _relu_torch)

    def cases(self) -> Iterable[tuple]:
        yield np.array([[2.0]]), np.array([-1.0])
        for rng, (_, d, m, _) in _shapes():
            yield rng.normal(size=(d, m)), rng.normal(size=m)


def tangent_unit(
    t: np.ndarray, value: np.ndarray, slope: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return slopes and intercepts of the lines that touch f at the points t, each shape (k,)."""
    return slope, value - slope * t


def _lines(w: Callable, b: Callable) -> Callable:
    """Return the answer with slopes w(t, f, s) and intercepts b(t, f, s)."""
    return lambda t, value, slope: (w(t, value, slope), b(t, value, slope))


def _same_slope(t: np.ndarray, f: np.ndarray, s: np.ndarray) -> np.ndarray:
    del t, f
    return s


def _tangents_by_loop(t: np.ndarray, value: np.ndarray, slope: np.ndarray) -> tuple:
    return list(slope), [f - s * a for a, f, s in zip(t, value, slope, strict=True)]


def _tangents_by_solving(t: np.ndarray, value: np.ndarray, slope: np.ndarray) -> tuple:
    lines = [
        np.linalg.solve([[a, 1.0], [1.0, 0.0]], [f, s])
        for a, f, s in zip(t, value, slope, strict=True)
    ]
    return tuple(np.array(lines).T)


class TangentUnit(Exercise):
    """Given points of a convex function with its slopes there, build the unit that touches it."""

    id = "structure.maxout-tangent-unit"
    title = "A unit of tangents"
    reference = tangent_unit
    returns = ("W", "b")
    hints = (
        "A line through the point (t, f(t)) with slope s: where does it meet the axis x = 0?",
        "The line is f(t) + s (x − t). Multiply out: what stands before x, and what remains?",
        "W is the slopes; b is `value - slope * t`.",
    )
    explanation = (
        "f(t) + f′(t)(x − t) = f′(t) x + (f(t) − f′(t) t). The tangents of a convex function stay "
        "below it, so their maximum does, and it meets f where they touch. Lifted by half its "
        "largest error, the unit is about as good as k pieces can be."
    )
    wrong_answers = {
        _lines(_same_slope, lambda t, f, s: f): "The intercept is f(t). It is the line's height "
        "at x = 0, and the line is at f(t) where x = t.",
        _lines(_same_slope, lambda t, f, s: f + s * t): "The sign in the intercept: from x = t "
        "back to 0 the line changes by −f′(t) t.",
        _lines(_same_slope, lambda t, f, s: s * t - f): "The intercept has the wrong sign. It is "
        "f(t) − f′(t) t; its negative is known as the convex conjugate.",
        _lines(_same_slope, lambda t, f, s: -s * t): "The height f(t) is missing: these lines "
        "cross zero at t.",
        _lines(_same_slope, lambda t, f, s: 0 * t): "The lines all go through the origin: the "
        "intercepts are missing.",
        _lines(_same_slope, lambda t, f, s: f - s): "You go back by one slope. From x = t to 0 it "
        "is t slopes: f(t) − f′(t) t.",
        _lines(_same_slope, lambda t, f, s: f - t): "You subtract t. From x = t to 0 the line "
        "changes by f′(t) t.",
        _lines(lambda t, f, s: 0 * t, lambda t, f, s: f): "The pieces are level, at the heights "
        "f(t): their maximum is one constant. A tangent has the slope f′(t).",
        _lines(lambda t, f, s: f / t, lambda t, f, s: 0 * t): "These are lines from the origin to "
        "the points. A tangent has the slope f′(t).",
        _lines(lambda t, f, s: f, lambda t, f, s: s): "Heights and slopes have changed places. W "
        "holds what stands before x.",
        _lines(
            lambda t, f, s: np.gradient(f, t), lambda t, f, s: f - np.gradient(f, t) * t
        ): "You take slopes from the points to their neighbours. Those are chords; the slopes of "
        "the tangents are given.",
    }
    other_answers = (_tangents_by_loop, _tangents_by_solving)

    def cases(self) -> Iterable[tuple]:
        for f, slope, t in (
            (np.square, lambda t: 2 * t, [2.0, 3.0]),
            (np.exp, np.exp, [-1.0, 0.5, 2.0]),
            (lambda t: np.abs(t) ** 3, lambda t: 3 * t * np.abs(t), [-2.0, -0.5, 0.4, 3.0]),
            (np.cosh, np.sinh, [-1.7, 0.3, 1.1, 2.9, 3.1]),
        ):
            points = np.array(t)
            yield points, f(points), slope(points)


def two_units(slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the slopes of two convex units whose difference has the slopes given."""
    changes = np.diff(slopes)
    first = slopes[0] + np.append(0, np.cumsum(np.maximum(changes, 0)))
    second = np.append(0, np.cumsum(np.maximum(-changes, 0)))
    return first, second


def _split(rise: Callable, fall: Callable, start: float = 1.0, second: float = 0.0) -> Callable:
    """Return the answer that adds up rise(changes) and fall(changes)."""

    def answer(slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        changes = np.diff(slopes)
        return (
            start * slopes[0] + np.append(0, np.cumsum(rise(changes))),
            second * slopes[0] + np.append(0, np.cumsum(fall(changes))),
        )

    return answer


def _up(changes: np.ndarray) -> np.ndarray:
    return np.maximum(changes, 0)


def _down(changes: np.ndarray) -> np.ndarray:
    return np.maximum(-changes, 0)


def _two_units_by_loop(slopes: np.ndarray) -> tuple[list, list]:
    first, second = [slopes[0]], [0.0]
    for before, after in pairwise(slopes):
        first.append(first[-1] + max(after - before, 0))
        second.append(second[-1] + max(before - after, 0))
    return first, second


def _two_units_by_difference(slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    travelled = np.append(0, np.cumsum(np.abs(np.diff(slopes))))
    return (slopes + slopes[0] + travelled) / 2, (slopes[0] - slopes + travelled) / 2


class TwoUnits(Exercise):
    """Given the slopes of a broken line, split it into the difference of two maxout units."""

    id = "structure.maxout-two-units"
    title = "A broken line, as the difference of two units"
    reference = two_units
    returns = ("first", "second")
    hints = (
        "One unit is convex: from piece to piece its slope can only grow. Where the slope of the "
        "broken line falls, which unit must turn, and which way?",
        "Look at the changes of slope. The first unit makes those that are positive. The second is "
        "subtracted, so it makes the others, with their sign turned round.",
        "`changes = np.diff(slopes)`. The first begins at slopes[0] and adds up "
        "`np.maximum(changes, 0)`; the second begins at 0 and adds up `np.maximum(-changes, 0)`.",
    )
    explanation = (
        "Both sets of slopes grow, so both units are convex, and a convex broken line is the "
        "maximum of its own lines. Their difference has each change of slope once. Two units are "
        "enough for any broken line, and so, as near as you like, for any continuous function."
    )
    not_smallest = (
        "The two are convex, and their difference is right. But they turn more than they need to: "
        "begin the second at 0, and give each change of slope to one of them alone."
    )
    wrong_answers = {
        lambda slopes: (slopes, 0 * slopes): "The first unit has the slopes of the broken line "
        "itself. A maximum takes the highest line, not the one whose turn it is: its slopes can "
        "only grow.",
        lambda slopes: (np.sort(slopes), 0 * slopes): "You sort the slopes into one unit. That is "
        "a convex function with the same slopes, in another order: not this one.",
        lambda slopes: (
            np.maximum(slopes, 0),
            np.maximum(-slopes, 0),
        ): "You split the slopes by their sign. The difference is right, but neither unit is "
        "convex. Split the changes of slope.",
        _split(_up, lambda changes: -_down(changes)): "The second unit turns downwards, so it is "
        "not convex. It is subtracted: its slopes grow where those of the broken line fall.",
        _split(_down, _up): "The units make each other's changes: the first must make those that "
        "are positive.",
        lambda slopes: two_units(slopes)[::-1]: "The two have changed places: the broken line is "
        "first minus second.",
        _split(_up, _down, start=0.0): "The first slope is missing: the first unit begins with "
        "slopes[0].",
        _split(_up, _down, second=1.0): "Both begin with slopes[0], and the difference loses it. "
        "The second begins with 0.",
        lambda slopes: (
            np.maximum.accumulate(slopes),
            np.maximum.accumulate(slopes) - slopes,
        ): "The first unit keeps the steepest slope so far. The difference is right, but the "
        "second is not convex. Split the changes of slope.",
        lambda slopes: (
            np.append(slopes[0], np.cumsum(_up(np.diff(slopes)))),
            np.append(0, np.cumsum(_down(np.diff(slopes)))),
        ): "The first unit has lost slopes[0] after its first piece: all its slopes start from it.",
        _split(np.abs, lambda changes: 0 * changes): "All changes have become increases, in one "
        "unit. Those that are negative belong to the second.",
        lambda slopes: (
            np.append(slopes[0], _up(np.diff(slopes))),
            np.append(0, _down(np.diff(slopes))),
        ): "These are the changes. The slopes are their running sums: `np.cumsum`.",
    }
    other_answers = (_two_units_by_loop, _two_units_by_difference)

    def cases(self) -> Iterable[tuple]:
        yield (np.array([1.0, -1.0]),)
        yield (np.array([-2.0, 1.0, -3.0, 0.5]),)
        rng = np.random.default_rng(0)
        for k in (3, 6, 9):
            yield (rng.normal(size=k),)

    def diagnose(self, trials: list[Trial]) -> str:
        """Find another pair of convex units, of which there are many."""
        if all(trial.right for trial in trials):
            return ""
        for trial in trials:
            if trial.returned.complaint or len(trial.returned.outputs) != 2:
                return ""
            first, second = trial.returned.outputs
            convex = min(np.diff(first).min(), np.diff(second).min()) >= -1e-9
            if not convex or not np.allclose(first - second, trial.arguments[0]):
                return ""
        return self.not_smallest
