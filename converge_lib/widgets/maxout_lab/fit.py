r"""Lines that gradient descent bends into a target, and the best that lines can do; as fit.js.

====== ================================================ ===================
symbol meaning                                          in the code
====== ================================================ ===================
u      the points, from −1 to 1, shape (n,)             ``GRID``
v      the target there, from −1 to 1, shape (n,)       ``values``
s, c   slopes and intercepts of the lines, (units, k)   ``lines[0], lines[1]``
h      maxⱼ (s₁ⱼu + c₁ⱼ) − maxⱼ (s₂ⱼu + c₂ⱼ), (n,)        ``outputs(lines)``
====== ================================================ ===================

Both axes are brought to [−1, 1] before a training, so that a learning rate means the same for any
target. A unit's winner at a point is the line that is largest there; only winners are trained.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

POINTS = 121
GRID = -1 + 2 * np.arange(POINTS) / (POINTS - 1)
KNOTS = 9
TARGETS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "x²": np.square,
    "|x|": np.abs,
    "exp": np.exp,
    "zigzag": lambda x: np.abs(np.mod(1.5 * (x + 1), 2) - 1),
    "sine": lambda x: np.sin(np.pi * x),
    "bump": lambda x: np.exp(-8 * x * x),
    "step": lambda x: np.tanh(6 * x),
}
"""Functions on [−1, 1]."""

STARTS = ("random", "fan")
BENT = 2.0
"""The lines of a fan are tangents of this times u²."""

SKIPPED = 4
"""Of the random numbers: near seeds begin alike."""

TOO_FAR = 1e12
"""A mean square above this is a training that runs away."""

FINER = 1.04
"""A training is kept at each of its first steps, and later at steps a factor of this apart."""

HALVINGS = 48


@dataclass(frozen=True)
class Target:
    """A function brought to [−1, 1] in both directions.

    Attributes:
        low: left end of its interval.
        high: right end.
        centre: of its values.
        half: half the range of its values; 1 if it is constant.
        values: (y − centre)/half at the points, shape (n,).
    """

    low: float
    high: float
    centre: float
    half: float
    values: np.ndarray


@dataclass(frozen=True)
class Measured:
    """What a fit comes to, in the units of the normalised target.

    Attributes:
        wins: whether each line is largest somewhere, shape (units, k).
        largest: max |h − v|; ∞ for a training that ran away.
        square: the mean of (h − v)², which is what was minimised.
    """

    wins: np.ndarray
    largest: float
    square: float


@dataclass(frozen=True)
class Run:
    """A training.

    Attributes:
        steps: those at which the lines are kept, rising, the first 0.
        lines: slopes and intercepts then, shape (len(steps), 2, units, k).
        diverged: the step at which it ran away, or None.
    """

    steps: list[int]
    lines: np.ndarray
    diverged: int | None


def normalised(samples: np.ndarray, low: float = -1.0, high: float = 1.0) -> Target:
    """Return the target of samples at equidistant points of [low, high], shape (n,).

    >>> target = normalised(np.square(GRID))
    >>> target.centre, target.half
    (0.5, 0.5)
    """
    samples = np.asarray(samples, dtype=np.float64)
    least, most = float(samples.min()), float(samples.max())
    centre, half = least / 2 + most / 2, most / 2 - least / 2
    if half <= 1e-12 * max(abs(least), abs(most)):
        half = 1.0
    return Target(low, high, centre, half, (samples - centre) / half)


def drawn(knots: Sequence[float]) -> np.ndarray:
    """Return the samples, shape (n,), of straight lines between knots that are evenly apart."""
    return np.interp(GRID, np.linspace(-1, 1, len(knots)), knots)


def random_numbers(seed: int) -> Iterator[float]:
    """Yield numbers between 0 and 1: 48271ⁿ seed mod 2³¹ − 1, without the first few.

    Source: Park, Miller and Stockmeyer, Communications of the ACM 36(7), 1993.

    >>> numbers = random_numbers(1)
    >>> round(next(numbers), 6)
    0.967956
    """
    state = seed * 48271**SKIPPED % 2147483647
    while True:
        state = state * 48271 % 2147483647
        yield state / 2147483647


def start(kind: str, units: int, pieces: int, seed: int) -> np.ndarray:
    """Return the lines before the first step, shape (2, units, pieces).

    "random": slopes between −2 and 2, intercepts between −1 and 1. "fan": tangents of a parabola,
    one in each k-th of the interval, so that each line wins somewhere.
    """
    numbers = random_numbers(seed)
    lines = np.empty((2, units, pieces))
    for unit in range(units):
        for j in range(pieces):
            if kind == "random":
                lines[0, unit, j] = 4 * next(numbers) - 2
                lines[1, unit, j] = 2 * next(numbers) - 1
            else:
                touch = -1 + 2 * (j + next(numbers)) / pieces
                lines[0, unit, j] = 2 * BENT * touch
                lines[1, unit, j] = -BENT * touch * touch
    return lines


def kept(steps: int) -> list[int]:
    """Return the steps of a training at which its lines are kept.

    >>> kept(30)[-4:]
    [27, 28, 29, 30]
    """
    found = [0]
    while found[-1] < steps:
        found.append(min(steps, max(found[-1] + 1, math.floor(FINER * found[-1] + 0.5))))
    return found


def train(
    values: np.ndarray, *, kind: str, units: int, pieces: int, seed: int, rate: float, steps: int
) -> Run:
    """Train by gradient descent on the mean square at all points, ``steps`` times.

    Args:
        values: v, shape (n,).
        kind: of start, one of STARTS.
        units: 1, or 2 whose difference is trained.
        pieces: k, lines of each unit.
        seed: of the start.
        rate: the learning rate.
        steps: how many.
    """
    lines = start(kind, units, pieces, seed)
    wanted, lines_then = kept(steps), [lines.copy()]
    signs = (1, -1)[:units]
    for step in range(1, steps + 1):
        winners = _winners(lines)
        residuals = _outputs(lines, winners) - values
        square = float(residuals @ residuals) / len(values)
        if not square < TOO_FAR:
            return Run(wanted[: len(lines_then)], np.array(lines_then), step - 1)
        for unit, sign in enumerate(signs):
            factor = sign * 2 * rate / len(values)
            for part, weights in ((0, residuals * GRID), (1, residuals)):
                lines[part, unit] -= factor * np.bincount(winners[unit], weights, pieces)
        if step == wanted[len(lines_then)]:
            lines_then.append(lines.copy())
    return Run(wanted, np.array(lines_then), None)


def measured(values: np.ndarray, lines: np.ndarray) -> Measured:
    """Return what lines, shape (2, units, k), come to on a target."""
    winners = _winners(lines)
    residuals = _outputs(lines, winners) - values
    wins = np.zeros(lines.shape[1:], dtype=bool)
    for unit, of_unit in enumerate(winners):
        wins[unit, of_unit] = True
    return Measured(
        wins, float(np.abs(residuals).max()), float(residuals @ residuals) / len(values)
    )


def reached(values: np.ndarray, **settings: object) -> Measured:
    """Train, and return what the last lines come to; errors are ∞ if the training ran away."""
    run = train(values, **settings)
    last = measured(values, run.lines[-1])
    return last if run.diverged is None else Measured(last.wins, math.inf, math.inf)


def outputs(lines: np.ndarray) -> np.ndarray:
    """Return h at the points, shape (n,), of lines of shape (2, units, k)."""
    return _outputs(lines, _winners(lines))


def best(values: np.ndarray, pieces: int) -> float:
    """Return the least largest error of one maxout unit with so many lines, on any target.

    A line of slope s that stays at most e above the target everywhere is at most e below it at u
    for an interval of slopes. One line can serve a stretch if the intervals of its points have a
    slope in common, so that going as far as possible with each line needs the fewest. The least e
    for which k lines are enough is found by bisection. Between its points the target is straight.

    For x² on [a, b] it is (b − a)²/8k². Source: as converge_lib.structure.maxout.fit_convex, which
    it agrees with where the target is convex.

    >>> target = normalised(np.square(GRID))
    >>> round(target.half * best(target.values, 4), 9)      # 4/(8·16)
    0.03125
    """
    way = GRID - GRID[:, None]
    left, right = np.tril(way, -1) < 0, np.triu(way, 1) > 0
    np.fill_diagonal(way, np.nan)
    rise = values - values[:, None]
    hull = _lower_hull(values)
    slopes = np.diff(values[hull]) / np.diff(GRID[hull])
    intercepts = values[hull[:-1]] - slopes * GRID[hull[:-1]]

    def serve(error: float) -> bool:
        """Say whether so many lines, at most ``error`` above the target, get to its end."""
        steepness = (rise + 2 * error) / way
        least = np.where(left, steepness, -np.inf).max(axis=1)
        most = np.where(right, steepness, np.inf).min(axis=1)
        above = values + error
        begin, at, i, low, high = -1.0, values[0] - error, 1, least[0], most[0]
        for _ in range(pieces):
            lows = np.maximum(np.maximum.accumulate(least[i:]), low)
            highs = np.minimum(np.minimum.accumulate(most[i:]), high)
            missed = np.flatnonzero(lows > highs)
            if missed.size == 0:
                return True
            if missed[0] > 0:
                i += missed[0]
                begin, at = GRID[i - 1], values[i - 1] - error
                low, high = lows[missed[0] - 1], highs[missed[0] - 1]
            if begin >= GRID[i]:
                return False  # no line serves this very point
            # The line goes on to where it falls below. Between two edges of the hull the highest
            # line turns about a corner, and its crossing moves one way: the last is at an end.
            inside = (slopes > low) & (slopes < high)
            ends = [s for s in (low, high) if np.isfinite(s)]
            s = np.append(slopes[inside], ends)
            c = np.append(intercepts[inside], [(values - s * GRID).min() for s in ends]) + error
            fall = (values[i] - error - at) / (GRID[i] - begin)
            falling = s < fall
            crossings = (c[falling] - at + fall * begin) / (fall - s[falling])
            beyond = min(crossings.max(initial=begin), GRID[i])
            begin, at = beyond, at + fall * (beyond - begin)
            before, after = begin > GRID, begin < GRID
            low = ((above[before] - at) / (GRID[before] - begin)).max(initial=-np.inf)
            high = ((above[after] - at) / (GRID[after] - begin)).min(initial=np.inf)
        return False

    too_little, enough = 0.0, 1.0  # within 1 there is the line v = 0
    for _ in range(HALVINGS):
        error = (too_little + enough) / 2
        if serve(error):
            enough = error
        else:
            too_little = error
    return enough


def joined(values: np.ndarray, pieces: int) -> float:
    """Return the largest error of straight lines between k + 1 equidistant points of the target.

    Two maxout units with k lines each can be that, as in structure.maxout.fit_difference.
    """
    knots = np.linspace(-1, 1, pieces + 1)
    return float(np.abs(np.interp(GRID, knots, np.interp(knots, GRID, values)) - values).max())


def _winners(lines: np.ndarray) -> np.ndarray:
    """Return the index of each unit's largest line at the points, shape (units, n)."""
    return (lines[0][..., None] * GRID + lines[1][..., None]).argmax(axis=1)


def _outputs(lines: np.ndarray, winners: np.ndarray) -> np.ndarray:
    slopes, intercepts = (np.take_along_axis(part, winners, axis=1) for part in lines)
    first, *second = slopes * GRID + intercepts
    return first - second[0] if second else first


def _lower_hull(values: np.ndarray) -> list[int]:
    """Return the places of the corners of the target's convex hull, seen from below."""
    hull: list[int] = []
    for i, (u, v) in enumerate(zip(GRID, values, strict=True)):
        while len(hull) > 1:
            a, b = hull[-2:]
            if (values[b] - values[a]) * (u - GRID[a]) < (v - values[a]) * (GRID[b] - GRID[a]):
                break
            hull.pop()
        hull.append(i)
    return hull
