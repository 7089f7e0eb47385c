"""CurvatureSpectrum: what conditioning costs. Its JavaScript is in widget.js beside this file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets

from converge_lib._validation import choice, count, number, point
from converge_lib.widgets.curvature_spectrum.spectrum import (
    DISTRIBUTIONS,
    METHODS,
    Measured,
    eigenvalues,
    measure,
    predicted,
)
from converge_lib.widgets.figure import STATIC, Figure, boolean, checked, some_text

CONDITION = (10.0, 1e5)
SIZE = (4, 50)
CLUSTERS = (2, 8)
USUAL = {"clusters": [0.5], "outlier": [0.25]}
"""Positions, unless others are set."""

NAMES = {
    "GradientDescent": "gradient descent",
    "Momentum": "momentum",
    "ConjugateGradient": "conjugate gradient",
}


class CurvatureSpectrum(Figure):
    """The reader shapes the eigenvalues of a quadratic, and sees how fast three methods are on it.

    Gradient descent and momentum, each with the settings that are best for its condition number,
    and conjugate gradient: f − f* against cost, and the steps to 10⁻⁶ against κ, measured beside
    the most that theory allows. All of it runs in the reader's browser.

    Args:
        distribution: "log-uniform", "linear", "clusters" or "outlier".
        condition: κ, 10 to 100,000; the eigenvalues go from 1 to κ.
        n: number of eigenvalues, 4 to 50.
        positions: of what the reader can move, as shares of log κ between 0 and 1: the inner
            clusters (up to 6), or where the bulk ends before the outlier; None for the usual ones.
        predict: ask how many steps conjugate gradient takes before anything measured is shown.
        key: names this figure in a link to its state, so that a page may hold several.
        label: what the figure shows, for readers who cannot see it.

    Raises:
        ValueError: naming the argument, the value and what is allowed.

    >>> figure = CurvatureSpectrum("clusters", condition=1000, positions=[0.5])
    >>> {name: run.steps for name, run in figure.results().items()}
    {'GradientDescent': 3356, 'Momentum': 195, 'ConjugateGradient': 3}
    """

    _esm = STATIC / "curvature_spectrum.js"
    _css = STATIC / "curvature_spectrum.css"

    distribution = traitlets.Unicode(
        "log-uniform", help="How the eigenvalues lie between 1 and κ, one of DISTRIBUTIONS."
    ).tag(sync=True)
    condition = traitlets.Float(100.0, help="The condition number κ.").tag(sync=True)
    n = traitlets.Int(40, help="The number of eigenvalues.").tag(sync=True)
    positions = traitlets.List(
        help="Shares of log κ: the inner clusters, or the end of the bulk before the outlier."
    ).tag(sync=True)

    def __init__(
        self,
        distribution: str = "log-uniform",
        *,
        condition: float = 100.0,
        n: int = 40,
        positions: Sequence[float] | None = None,
        predict: bool = False,
        key: str = "curvature-spectrum",
        label: str = "Condition number and rate of convergence, theory beside measured",
    ) -> None:
        choice("distribution", distribution, list(DISTRIBUTIONS))
        if positions is None:
            positions = USUAL.get(distribution, [])
        super().__init__(
            distribution=distribution,
            condition=number("condition", condition, low=CONDITION[0], high=CONDITION[1]),
            n=_size(n),
            positions=_positions(positions, distribution, n),
            predict=boolean("predict", predict),
            key=some_text("key", key),
            label=some_text("label", label),
        )

    @traitlets.validate("distribution")
    def _valid_distribution(self, proposal: Any) -> str:  # noqa: ANN401 - traitlets' own
        return checked(choice, "distribution", proposal.value, list(DISTRIBUTIONS))

    @traitlets.validate("condition")
    def _valid_condition(self, proposal: Any) -> float:  # noqa: ANN401
        low, high = CONDITION
        return checked(number, "condition", proposal.value, low=low, high=high)

    @traitlets.validate("n")
    def _valid_n(self, proposal: Any) -> int:  # noqa: ANN401
        return checked(_size, proposal.value)

    @traitlets.validate("positions")
    def _valid_positions(self, proposal: Any) -> list[float]:  # noqa: ANN401
        return checked(_shares, proposal.value)

    def eigenvalues(self) -> np.ndarray:
        """Return the eigenvalues of the moment, rising, shape (n,)."""
        positions = list(self.positions)  # which may be those of another distribution
        if self.distribution == "clusters":
            positions = positions[: min(self.n, CLUSTERS[1]) - 2]
        elif len(positions) != 1:
            positions = USUAL["outlier"]
        return eigenvalues(self.distribution, self.condition, self.n, positions)

    def results(self) -> dict[str, Measured]:
        """Run every method in Python, from the settings of the moment; runs by method."""
        values = self.eigenvalues()
        return {method: measure(method, values) for method in METHODS}

    def describe(self) -> str:
        """Say in a few sentences what the figure shows: its alternative text."""
        said = (
            f"{self.label}. {self.n} eigenvalues from 1 to {self.condition:g} "
            f"({self.distribution}), {len(set(self.eigenvalues()))} of them different."
        )
        if self.predict:
            return f"{said} What was measured is hidden until you predict it."
        clauses = [
            f"{NAMES[method]} {run.steps:,} (at most {predicted(method, self.condition):,})"
            for method, run in self.results().items()
        ]
        return f"{said} Steps to a millionth of the start, and in theory: {', '.join(clauses)}."

    def picture(self) -> bytes:
        """Draw the figure's first state as a PNG, for pages and readers without JavaScript."""
        from converge_lib.widgets.curvature_spectrum.picture import draw

        return draw(self.eigenvalues(), {} if self.predict else self.results())


def _size(n: int) -> int:
    low, high = SIZE
    if count("n", n, low=low) > high:
        raise ValueError(f"n must be a whole number of at most {high}, got {n!r}")
    return int(n)


def _shares(value: Sequence[float]) -> list[float]:
    """Return positions as a list, each between 0 and 1, of which there may be none."""
    shares = [] if isinstance(value, (list, tuple)) and not value else point("positions", value)
    for share in shares:
        number("each of positions", share, low=0, high=1)
    return [float(share) for share in shares]


def _positions(value: Sequence[float], distribution: str, n: int) -> list[float]:
    shares = _shares(value)
    most = {"clusters": min(n, CLUSTERS[1]) - 2, "outlier": 1}.get(distribution, 0)
    least = 1 if distribution == "outlier" else 0
    if not least <= len(shares) <= most:
        allowed = f"{most} numbers" if least == most else f"at most {most} numbers"
        raise ValueError(f"positions must hold {allowed} for {distribution}, got {value!r}")
    return shares
