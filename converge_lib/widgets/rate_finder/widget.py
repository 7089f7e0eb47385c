"""RateFinder: loss against learning rate. Its JavaScript is in widget.js beside this file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import traitlets

from converge_lib._validation import choice, count, number
from converge_lib.descent.solvers import SOLVERS
from converge_lib.descent.surfaces import SURFACES, Surface
from converge_lib.descent.surfaces import surface as make_surface
from converge_lib.widgets.figure import STATIC, Figure, boolean, checked, some_text
from converge_lib.widgets.rate_finder.sweep import RATES, Curve, run, sweep

SHOWN = ("GradientDescent", "Momentum", "Adam")
MEASURES = ("loss", "cost")
STEPS = (10, 2000)
MOMENTUM = (0.0, 0.99)
PARAMETERS = {"quadratic": {"condition": (1.0, 1e4), "rotation": (-math.pi / 2, math.pi / 2)}}
COARSE = 8
"""Rates a decade in the still picture; the figure itself tries three times as many."""


class RateFinder(Figure):
    """What is left of f after some steps, against the learning rate, for each solver.

    The curve of a solver falls to its best rate and ends at its cliff, where it begins to diverge;
    on the quadratic the cliff of theory is marked. The reader moves a cursor along the rates and
    sees each solver's descent at that rate. All of it runs in the reader's browser.

    Args:
        surface: name of a surface, a key of SURFACES.
        parameters: of the surface: ``condition`` and ``rotation`` (radians) of the quadratic.
        solvers: names of the solvers shown; each has its usual hyperparameters but for the rate.
        steps: of each run, 10 to 2,000.
        momentum: of the solvers that have one, 0 to 0.99.
        rate: where the cursor is, 1e-5 to 100.
        measure: "loss", f − f* at the end (the largest of the last tenth of the steps), or "cost",
            the steps until f − f* is below the target.
        target: for "cost", 1e-12 to 1000.
        predict: ask for the first solver's best rate before anything is shown.
        key: names this figure in a link to its state, so that a page may hold several.
        label: what the figure shows, for readers who cannot see it.

    Raises:
        ValueError: naming the argument, the value and what is allowed.

    >>> figure = RateFinder("quadratic", solvers=["GradientDescent"], parameters={"condition": 50})
    >>> curve = figure.curves()["GradientDescent"]
    >>> round(curve.cliff.rate, 3)                      # 2/50
    0.04
    """

    _esm = STATIC / "rate_finder.js"
    _css = STATIC / "rate_finder.css"

    surface = traitlets.Unicode("quadratic", help="Name of the surface, a key of SURFACES.").tag(
        sync=True
    )
    parameters = traitlets.Dict(
        help="Parameters of the surface: condition and rotation of the quadratic."
    ).tag(sync=True)
    solvers = traitlets.List(help="Names of the solvers shown, keys of SOLVERS.").tag(sync=True)
    steps = traitlets.Int(100, help="The steps of each run.").tag(sync=True)
    momentum = traitlets.Float(0.9, help="Momentum of the solvers that have one.").tag(sync=True)
    rate = traitlets.Float(0.01, help="The learning rate at which the cursor is.").tag(sync=True)
    measure = traitlets.Unicode("loss", help="What is shown of a run: its loss or its cost.").tag(
        sync=True
    )
    target = traitlets.Float(1e-6, help="The cost is the steps until f − f* is below this.").tag(
        sync=True
    )

    def __init__(
        self,
        surface: str = "quadratic",
        *,
        parameters: Mapping[str, float] | None = None,
        solvers: Iterable[str] = SHOWN,
        steps: int = 100,
        momentum: float = 0.9,
        rate: float = 0.01,
        measure: str = "loss",
        target: float = 1e-6,
        predict: bool = False,
        key: str = "rate-finder",
        label: str = "Loss against learning rate, with each solver's cliff",
    ) -> None:
        choice("surface", surface, list(SURFACES))
        super().__init__(
            surface=surface,
            parameters=_parameters(surface, dict(parameters or {})),
            solvers=_solvers(solvers),
            steps=_steps(steps),
            momentum=number("momentum", momentum, low=MOMENTUM[0], high=MOMENTUM[1]),
            rate=number("rate", rate, low=RATES[0], high=RATES[1]),
            measure=choice("measure", measure, list(MEASURES)),
            target=number("target", target, low=1e-12, high=1e3),
            predict=boolean("predict", predict),
            key=some_text("key", key),
            label=some_text("label", label),
        )

    @traitlets.validate("surface")
    def _valid_surface(self, proposal: Any) -> str:  # noqa: ANN401 - traitlets' own
        return checked(choice, "surface", proposal.value, list(SURFACES))

    @traitlets.validate("solvers")
    def _valid_solvers(self, proposal: Any) -> list[str]:  # noqa: ANN401
        return checked(_solvers, proposal.value)

    @traitlets.validate("steps")
    def _valid_steps(self, proposal: Any) -> int:  # noqa: ANN401
        return checked(_steps, proposal.value)

    @traitlets.validate("momentum")
    def _valid_momentum(self, proposal: Any) -> float:  # noqa: ANN401
        return checked(number, "momentum", proposal.value, low=MOMENTUM[0], high=MOMENTUM[1])

    @traitlets.validate("rate")
    def _valid_rate(self, proposal: Any) -> float:  # noqa: ANN401
        return checked(number, "rate", proposal.value, low=RATES[0], high=RATES[1])

    @traitlets.validate("measure")
    def _valid_measure(self, proposal: Any) -> str:  # noqa: ANN401
        return checked(choice, "measure", proposal.value, list(MEASURES))

    @traitlets.validate("target")
    def _valid_target(self, proposal: Any) -> float:  # noqa: ANN401
        return checked(number, "target", proposal.value, low=1e-12, high=1e3)

    def ground(self) -> Surface:
        """Return the surface of the moment."""
        allowed = PARAMETERS.get(self.surface, {})
        parameters = {key: self.parameters[key] for key in allowed if key in self.parameters}
        return make_surface(self.surface, **_parameters(self.surface, parameters))

    def curves(self, per_decade: int = COARSE) -> dict[str, Curve]:
        """Run every solver shown at every rate, in Python; curves by solver."""
        ground = self.ground()
        options = {"steps": self.steps, "momentum": self.momentum, "target": self.target}
        return {
            name: sweep(name, ground, per_decade=count("per_decade", per_decade, low=1), **options)
            for name in self.solvers
        }

    def describe(self) -> str:
        """Say in a few sentences what the figure shows: its alternative text."""
        ground = self.ground()
        what = (
            f"f − f* after {self.steps} steps"
            if self.measure == "loss"
            else f"Steps until f − f* is below {self.target:g}"
        )
        said = f"{self.label}. {what}, on the surface “{self.surface}”, {ground.difficulty}"
        if self.predict:
            return f"{said}. The curves are hidden until you predict the best rate."
        clauses = []
        for name, curve in self.curves().items():
            i = curve.best(self.measure)
            at = "gets there at no rate" if i is None else f"is best near η = {curve.rates[i]:.2g}"
            verb = "diverges" if curve.cliff and curve.cliff.diverges else "ends above its start"
            end = f"and {verb} from {curve.cliff.rate:.3g}" if curve.cliff else "and has no cliff"
            clauses.append(f"{name} {at} {end}")
        return f"{said}. {'; '.join(clauses) or 'No solver is shown'}."

    def picture(self) -> bytes:
        """Draw the figure's first state as a PNG, for pages and readers without JavaScript."""
        from converge_lib.widgets.rate_finder.picture import draw

        ground = self.ground()
        options = {"steps": self.steps, "momentum": self.momentum, "target": self.target}
        shown = () if self.predict else self.solvers
        runs = {name: run(name, self.rate, ground, **options) for name in shown}
        return draw(
            {} if self.predict else self.curves(),
            runs,
            ground,
            rate=self.rate,
            measure=self.measure,
            steps=self.steps,
            momentum=self.momentum,
        )


def _parameters(surface: str, parameters: Mapping[str, float]) -> dict[str, float]:
    allowed = PARAMETERS.get(surface, {})
    for key in parameters:
        if key not in allowed:
            raise ValueError(
                f"parameters of {surface} must be among {list(allowed)}, got {key!r}"
                if allowed
                else f"parameters must be empty: {surface} has none, got {key!r}"
            )
    ground = make_surface(surface)
    return {
        key: number(key, parameters.get(key, ground.parameters[key]), low=low, high=high)
        for key, (low, high) in allowed.items()
    }


def _solvers(names: Iterable[str]) -> list[str]:
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise ValueError(f"solvers must be a list of names, got {names!r}")
    names = [choice("solvers", name, list(SOLVERS)) for name in names]
    if len(set(names)) < len(names):
        raise ValueError(f"solvers must name each once, got {names}")
    return names


def _steps(value: int) -> int:
    low, high = STEPS
    if count("steps", value, low=low) > high:
        raise ValueError(f"steps must be a whole number of at most {high}, got {value!r}")
    return int(value)
