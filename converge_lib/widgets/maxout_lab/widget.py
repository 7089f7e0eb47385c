"""MaxoutLab: lines that gradient descent bends into a target. Its JavaScript is in widget.js."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import traitlets

from converge_lib._validation import choice, count, number, point
from converge_lib.widgets.figure import STATIC, Figure, boolean, checked, some_text
from converge_lib.widgets.maxout_lab.fit import (
    GRID,
    KNOTS,
    POINTS,
    STARTS,
    TARGETS,
    Measured,
    Run,
    Target,
    best,
    drawn,
    joined,
    measured,
    normalised,
    reached,
    train,
)

PIECES = (1, 12)
RATE = (0.01, 2.0)
STEPS = (10, 5000)
SEEDS = (1, 1_000_000)
FIRST_KNOTS = [0.6, -0.2, -0.7, -0.3, 0.4, 0.8, 0.5, -0.1, -0.4]


class MaxoutLab(Figure):
    """Gradient descent bends the lines of one maxout unit, or of two, into a target function.

    The reader picks a target or draws one, chooses how many lines, and plays the training: each
    line is thin, and thick where it is the largest. The errors for 1 to 24 lines stand beside the
    least that is possible. All of it runs in the reader's browser.

    Args:
        target: a name in TARGETS (on [−1, 1]), "drawn", or your own function on ``interval``: it
            takes a NumPy array and is sampled at 121 points.
        interval: (low, high), of your own function only.
        knots: nine heights from −1 to 1 of what is drawn.
        pieces: k, lines of each unit, 1 to 12.
        units: 1, or 2 whose difference is the fit.
        start: "random" lines, or a "fan" of tangents of a parabola, each of which wins somewhere.
        seed: of the start, 1 to 1,000,000.
        rate: learning rate, 0.01 to 2; both axes are brought to [−1, 1] before the training.
        steps: of gradient descent on the mean square at the 121 points, 10 to 5,000.
        predict: ask what twice as many lines reach before the errors of other numbers are shown.
        key: names this figure in a link to its state, so that a page may hold several.
        label: what the figure shows, for readers who cannot see it.

    Raises:
        ValueError: naming the argument, the value and what is allowed.

    >>> figure = MaxoutLab("x²", pieces=4)
    >>> round(figure.least(), 9)                    # (b − a)²/8k² = 4/(8·16)
    0.03125
    >>> fit = figure.results()
    >>> int(fit.wins.sum()), fit.largest * figure.ground().half > figure.least()
    (4, True)
    """

    _esm = STATIC / "maxout_lab.js"
    _css = STATIC / "maxout_lab.css"

    target = traitlets.Unicode(
        "x²", help="The target: a name in TARGETS, 'drawn', or 'own' for the samples."
    ).tag(sync=True)
    knots = traitlets.List(help="Nine heights from −1 to 1 of what the reader draws.").tag(
        sync=True
    )
    samples = traitlets.List(
        help="Values of the reader's own function at 121 equidistant points; empty for none."
    ).tag(sync=True)
    interval = traitlets.List(help="The ends of the interval of the samples.").tag(sync=True)
    name = traitlets.Unicode("", help="What the reader's own function is called.").tag(sync=True)
    units = traitlets.Int(1, help="1, or 2 units whose difference is the fit.").tag(sync=True)
    pieces = traitlets.Int(4, help="The lines of each unit.").tag(sync=True)
    start = traitlets.Unicode("random", help="How the lines begin, one of STARTS.").tag(sync=True)
    seed = traitlets.Int(1, help="The seed of the start.").tag(sync=True)
    rate = traitlets.Float(0.5, help="The learning rate.").tag(sync=True)
    steps = traitlets.Int(2000, help="The steps of gradient descent.").tag(sync=True)
    step = traitlets.Int(
        None, allow_none=True, help="The step that is shown; None for the last."
    ).tag(sync=True)
    probe = traitlets.Float(
        0.0, help="Where the reader looks, from −1 to 1 along the interval."
    ).tag(sync=True)

    def __init__(
        self,
        target: str | Callable[[np.ndarray], np.ndarray] = "x²",
        *,
        interval: Sequence[float] = (-1.0, 1.0),
        knots: Sequence[float] = FIRST_KNOTS,
        pieces: int = 4,
        units: int = 1,
        start: str = "random",
        seed: int = 1,
        rate: float = 0.5,
        steps: int = 2000,
        predict: bool = False,
        key: str = "maxout-lab",
        label: str = "Lines of a maxout unit, bent into a target by gradient descent",
    ) -> None:
        samples, name = [], ""
        ends = _interval(interval)
        if callable(target):
            samples = _sampled(target, *ends)
            name = getattr(target, "__name__", "")
            name = "Your function" if name in ("", "<lambda>") else name
            target = "own"
        else:
            choice("target", target, [*TARGETS, "drawn"])
            if ends != [-1.0, 1.0]:
                raise ValueError(
                    f"interval must be left out unless target is your own function, got {interval}"
                )
        super().__init__(
            target=target,
            samples=samples,
            interval=ends,
            name=name,
            knots=_knots(knots),
            pieces=_whole("pieces", pieces, PIECES),
            units=_whole("units", units, (1, 2)),
            start=choice("start", start, list(STARTS)),
            seed=_whole("seed", seed, SEEDS),
            rate=number("rate", rate, low=RATE[0], high=RATE[1]),
            steps=_whole("steps", steps, STEPS),
            predict=boolean("predict", predict),
            key=some_text("key", key),
            label=some_text("label", label),
        )

    @traitlets.validate("target")
    def _valid_target(self, proposal: Any) -> str:  # noqa: ANN401 - traitlets' own
        own = ["own"] if self.samples else []
        return checked(choice, "target", proposal.value, [*TARGETS, "drawn", *own])

    @traitlets.validate("knots")
    def _valid_knots(self, proposal: Any) -> list[float]:  # noqa: ANN401
        return checked(_knots, proposal.value)

    @traitlets.validate("start")
    def _valid_start(self, proposal: Any) -> str:  # noqa: ANN401
        return checked(choice, "start", proposal.value, list(STARTS))

    @traitlets.validate("units", "pieces", "seed", "steps")
    def _valid_count(self, proposal: Any) -> int:  # noqa: ANN401
        name = proposal.trait.name
        limits = {"units": (1, 2), "pieces": PIECES, "seed": SEEDS, "steps": STEPS}[name]
        return checked(_whole, name, proposal.value, limits)

    @traitlets.validate("step")
    def _valid_step(self, proposal: Any) -> int | None:  # noqa: ANN401
        if proposal.value is None:
            return None
        return checked(_whole, "step", proposal.value, (0, STEPS[1]))

    @traitlets.validate("rate")
    def _valid_rate(self, proposal: Any) -> float:  # noqa: ANN401
        return checked(number, "rate", proposal.value, low=RATE[0], high=RATE[1])

    @traitlets.validate("probe")
    def _valid_probe(self, proposal: Any) -> float:  # noqa: ANN401
        return checked(number, "probe", proposal.value, low=-1, high=1)

    def ground(self) -> Target:
        """Return the target of the moment, brought to [−1, 1] in both directions."""
        if self.target == "own":
            return normalised(np.array(self.samples), *self.interval)
        if self.target == "drawn":
            return normalised(drawn(self.knots))
        return normalised(TARGETS[self.target](GRID))

    def settings(self, pieces: int | None = None) -> dict[str, Any]:
        """Return the arguments of a training, with other pieces than the figure's if wanted."""
        return {
            "kind": self.start,
            "units": self.units,
            "pieces": self.pieces if pieces is None else _whole("pieces", pieces, (1, POINTS)),
            "seed": self.seed,
            "rate": self.rate,
            "steps": self.steps,
        }

    def run(self) -> Run:
        """Train in Python, from the settings of the moment."""
        return train(self.ground().values, **self.settings())

    def results(self, pieces: int | None = None) -> Measured:
        """Train in Python; return who wins, and the errors of the normalised target."""
        return reached(self.ground().values, **self.settings(pieces))

    def least(self, pieces: int | None = None) -> float:
        """Return the error that descent is compared with, in the units of the target.

        For one unit it is the least possible. For two it is that of k + 1 points joined, which is
        possible, and need not be the least.
        """
        ground = self.ground()
        k = self.settings(pieces)["pieces"]
        return ground.half * (best if self.units == 1 else joined)(ground.values, k)

    def describe(self) -> str:
        """Say in a few sentences what the figure shows: its alternative text."""
        ground, run = self.ground(), self.run()
        name = {"own": self.name, "drawn": "a function drawn by hand"}.get(self.target, self.target)
        units = (
            f"one unit of {self.pieces} lines"
            if self.units == 1
            else f"two units of {self.pieces} lines, one subtracted from the other"
        )
        said = f"{self.label}. {name} on [{ground.low:g}, {ground.high:g}], {units}"
        if run.diverged is not None:
            return f"{said}: gradient descent overflows after {run.diverged} steps."
        fit = measured(ground.values, run.lines[-1])
        compared = "the best possible" if self.units == 1 else "that of k + 1 points joined"
        return (
            f"{said}: after {self.steps:,} steps of gradient descent {fit.wins.sum()} of "
            f"{fit.wins.size} win somewhere, and the largest error is "
            f"{ground.half * fit.largest:.3g} ({compared}: {self.least():.3g})."
            + (" What more lines do is hidden until you predict it." if self.predict else "")
        )

    def picture(self) -> bytes:
        """Draw the figure's first state as a PNG, for pages and readers without JavaScript."""
        from converge_lib.widgets.maxout_lab.picture import draw

        shown = (self.pieces,) if self.predict else (1, 2, 3, 4, 6, 8, 12)
        half = self.ground().half
        return draw(
            self.ground(),
            self.run().lines[-1],
            descent={k: half * self.results(k).largest for k in shown},
            compared={k: self.least(k) for k in shown},
        )


def _whole(name: str, value: int, limits: tuple[int, int]) -> int:
    low, high = limits
    if count(name, value, low=low) > high:
        raise ValueError(f"{name} must be a whole number of at most {high}, got {value!r}")
    return int(value)


def _knots(value: Sequence[float]) -> list[float]:
    return [number("each of knots", knot, low=-1, high=1) for knot in point("knots", value, KNOTS)]


def _interval(value: Sequence[float]) -> list[float]:
    low, high = (float(end) for end in point("interval", value, 2))
    if not low < high or not np.isfinite(high - low):
        raise ValueError(f"interval must be (low, high) with low < high, got {value}")
    return [low, high]


def _sampled(function: Callable[[np.ndarray], np.ndarray], low: float, high: float) -> list[float]:
    x = low + (high - low) * (GRID + 1) / 2
    with np.errstate(all="ignore"):  # what is not finite is reported in words
        try:
            y = np.asarray(function(x), dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"target must take a NumPy array, got {error}") from error
    if y.shape != x.shape:
        raise ValueError(f"target must return the shape that it gets, got {y.shape} for {x.shape}")
    if not np.isfinite(y).all():
        where = x[~np.isfinite(y)][0]
        raise ValueError(f"target must be finite on [{low:g}, {high:g}], got none at x = {where:g}")
    return y.tolist()
