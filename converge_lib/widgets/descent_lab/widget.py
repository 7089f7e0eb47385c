"""DescentLab, the book's signature figure. Its JavaScript is in widget.js beside this file."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import traitlets

from converge_lib._validation import choice, count, number, point
from converge_lib.descent.conjugate_gradient import nonlinear_cg
from converge_lib.descent.descend import descend
from converge_lib.descent.lbfgs import lbfgs
from converge_lib.descent.newton import newton
from converge_lib.descent.objective import Result
from converge_lib.descent.solvers import SOLVERS, Solver
from converge_lib.descent.surfaces import SURFACES, Surface, View
from converge_lib.descent.surfaces import surface as make_surface
from converge_lib.widgets.figure import STATIC, Figure, boolean, checked, some_text

TUNED = json.loads(Path(__file__).with_name("tuned.json").read_text("utf-8"))
"""For each surface and solver the hyperparameters with which the figure opens; see tune.mjs."""

METHODS = ("Newton", "NonlinearCG", "LBFGS", "HessianFree")
"""Second-order methods of this library, by the names that they have beside its solvers."""
NAMES = (*SOLVERS, *METHODS)

SHOWN = ("GradientDescent", "Momentum", "Adam")
SHOW = ("gradient", "ellipse", "eigenvectors", "newton")
PARAMETERS = {"quadratic": ("condition", "rotation")}
"""What may be set of a surface; n is 2 in a picture."""

STEPS = (10, 10_000)

Racer = str | Solver | Mapping[str, Any] | tuple[str, Solver]


class DescentLab(Figure):
    """Solvers race down a surface from one start, which the reader drags.

    Contours with every solver's path, f − f* against cost, a slider for each hyperparameter, the
    quadratic model at a point, and a prediction before the race. The solvers of this library run
    in the reader's browser, also in a page without a kernel. Any other object with ``init`` and
    ``step`` runs in Python and is shown beside them; it follows the reader's hand as long as a
    kernel lives.

    Four names are second-order methods: Newton, NonlinearCG, LBFGS and HessianFree, which are
    :func:`~converge_lib.descent.newton` and its like. What a step of theirs costs is counted as
    there, and the race is over when the cost, not the number of steps, has reached ``steps``.
    Inside the step of Hessian-free that is under way the map shows the iterates of conjugate
    gradient, joined, and the damping λ; a local model that follows HessianFree's head is the damped
    one, with H + λI, that they minimise.

    Args:
        surface: name of a surface, a key of SURFACES.
        parameters: of the surface: ``condition`` and ``rotation`` (radians) of the quadratic.
        start: (x, y) within the picture; the surface's own start if None.
        solvers: names (with tuned hyperparameters), solvers, dicts of a name and hyperparameters,
            or pairs (label, solver). The hyperparameters of the second-order methods are Newton's
            ``damping`` and ``line_search``, LBFGS's ``memory``, and HessianFree's ``damping`` and
            ``cg_steps``.
        steps: the budget of each in gradients, and so the most steps anyone takes, 10 to 10,000.
        target: a run stops when f − f* falls below it, 1e-12 to 1000.
        probe: where the local model is taken: (x, y), the name of a solver whose head it follows,
            or None for the start.
        show: parts of the local model to show: gradient, ellipse, eigenvectors, newton.
        predict: ask which solver wins before anything is shown.
        frame: the cost in gradients up to which the race is shown; None for all of it.
        key: names this figure in a link to its state, so that a page may hold several.
        label: what the figure shows, for readers who cannot see it.

    Raises:
        ValueError: naming the argument, the value and what is allowed.

    >>> lab = DescentLab("quadratic", parameters={"condition": 100}, solvers=["Momentum"])
    >>> lab.solvers
    [{'name': 'Momentum', 'lr': 0.1, 'momentum': 0.5}]
    >>> DescentLab(solvers=[{"name": "LBFGS", "memory": 3}]).results()["LBFGS"].reason
    'converged'
    >>> DescentLab(start=(9, 9))
    Traceback (most recent call last):
    ...
    ValueError: start must lie in the picture, [-2, 2] × [-1, 3], got (9, 9)
    """

    _esm = STATIC / "descent_lab.js"
    _css = STATIC / "descent_lab.css"

    surface = traitlets.Unicode("rosenbrock", help="Name of the surface, a key of SURFACES.").tag(
        sync=True
    )
    parameters = traitlets.Dict(
        help="Parameters of the surface: condition and rotation of the quadratic."
    ).tag(sync=True)
    start = traitlets.List(help="The start of the race, [x, y].").tag(sync=True)
    solvers = traitlets.List(
        help="The solvers shown that run in the browser: name and hyperparameters of each."
    ).tag(sync=True)
    steps = traitlets.Int(800, help="The budget of each in gradients.").tag(sync=True)
    target = traitlets.Float(1e-6, help="A run stops when f − f* falls below this.").tag(sync=True)
    frame = traitlets.Int(
        None, allow_none=True, help="The cost up to which the race is shown; None for all of it."
    ).tag(sync=True)
    probe = traitlets.Any(
        None, help="Where the local model is taken: [x, y], a solver's name, None for the start."
    ).tag(sync=True)
    show = traitlets.List(help="The parts of the local model that are shown.").tag(sync=True)
    custom_runs = traitlets.List(
        help="Paths computed in Python for the reader's own solvers; the figure reads them only."
    ).tag(sync=True)

    def __init__(
        self,
        surface: str = "rosenbrock",
        *,
        parameters: Mapping[str, float] | None = None,
        start: Sequence[float] | None = None,
        solvers: Iterable[Racer] | None = None,
        steps: int = 800,
        target: float = 1e-6,
        probe: Sequence[float] | str | None = None,
        show: Iterable[str] = (),
        predict: bool = False,
        frame: int | None = None,
        key: str = "descent-lab",
        label: str = "Solvers race down a surface from a start that you move",
    ) -> None:
        ground = _ground(surface, dict(parameters or {}))
        racers = _racers(SHOWN if solvers is None else solvers)
        settings = [(racer, _builtin(racer, surface)) for racer in racers]
        self._customs = _customs([racer for racer, setting in settings if setting is None])
        super().__init__(
            surface=surface,
            parameters=_settable(ground),
            start=_in_picture("start", ground.start if start is None else start, ground),
            solvers=_once([setting for _, setting in settings if setting is not None]),
            steps=_steps(steps),
            target=number("target", target, low=1e-12, high=1e3),
            frame=None if frame is None else count("frame", frame),
            probe=_probe(probe, ground),
            show=_show(show),
            predict=boolean("predict", predict),
            key=some_text("key", key),
            label=some_text("label", label),
        )
        self._run()
        self.observe(self._run, ["surface", "parameters", "start", "steps", "target"])

    @traitlets.validate("surface")
    def _valid_surface(self, proposal: Any) -> str:  # noqa: ANN401 - traitlets' own
        return checked(choice, "surface", proposal.value, list(SURFACES))

    @traitlets.validate("start")
    def _valid_start(self, proposal: Any) -> list[float]:  # noqa: ANN401
        return checked(point, "start", proposal.value, 2).tolist()

    @traitlets.validate("solvers")
    def _valid_solvers(self, proposal: Any) -> list[dict[str, Any]]:  # noqa: ANN401
        return checked(
            lambda value: _once([_known(racer, self.surface) for racer in value]), proposal.value
        )

    @traitlets.validate("steps")
    def _valid_steps(self, proposal: Any) -> int:  # noqa: ANN401
        return checked(_steps, proposal.value)

    @traitlets.validate("target")
    def _valid_target(self, proposal: Any) -> float:  # noqa: ANN401
        return checked(number, "target", proposal.value, low=1e-12, high=1e3)

    @traitlets.validate("show")
    def _valid_show(self, proposal: Any) -> list[str]:  # noqa: ANN401
        return checked(_show, proposal.value)

    def _run(self, _change: object = None) -> None:
        """Let the reader's own solvers run again: something they depend on has changed."""
        if not self._customs:
            return
        ground, start = self._resolved()
        about = {
            "surface": self.surface,
            "parameters": _settable(ground),
            "start": start,
            "steps": self.steps,
            "target": self.target,
        }
        runs = []
        for label, outcome in self._own_results().items():
            run = {"label": label, "path": [], "values": [], "reason": "", "error": ""}
            if isinstance(outcome, Result):
                run["path"] = [[_short(x), _short(y)] for x, y in outcome.path]
                run["values"] = [_short(value) for value in outcome.values]
                run["reason"] = outcome.reason
            else:
                run["error"] = f"{type(outcome).__name__}: {outcome}"
            runs.append({**run, "about": about})
        self.custom_runs = runs

    def _own_results(self) -> dict[str, Result | Exception]:
        """Run the reader's own solvers; what one raises is shown in the figure, not lost."""
        ground, start = self._resolved()
        results: dict[str, Result | Exception] = {}
        for label, solver in self._customs.items():
            try:
                results[label] = descend(
                    solver, ground, start, steps=self.steps, target=self.target
                )
            except Exception as error:
                results[label] = error
        return results

    def _resolved(self) -> tuple[Surface, list[float]]:
        """Return the surface and the start, as near to the one set as its picture allows."""
        allowed = PARAMETERS.get(self.surface, ())
        parameters = {key: self.parameters[key] for key in allowed if key in self.parameters}
        ground = _ground(self.surface, parameters)
        sides = zip(self.start, square_view(ground.view), strict=True)
        return ground, [min(max(value, low), high) for value, (low, high) in sides]

    def results(self) -> dict[str, Result]:
        """Run every solver in Python, from the settings of the moment; Results by label.

        A solver of the reader's that raises an exception is left out.

        >>> lab = DescentLab("quadratic", solvers=["GradientDescent"])
        >>> lab.results()["GradientDescent"].describe()
        'converged in 40 steps, f = 7.88e-07, cost 40'
        """
        ground, start = self._resolved()
        results = {}
        for setting in self.solvers:
            run = _minimise if setting["name"] in METHODS else _descend
            results[setting["name"]] = run(setting, ground, start, self.steps, self.target)
        own = self._own_results().items()
        return results | {label: one for label, one in own if isinstance(one, Result)}

    def describe(self) -> str:
        """Say in a few sentences what the figure shows: its alternative text."""
        ground, start = self._resolved()
        where = f"from ({start[0]:.2f}, {start[1]:.2f})"
        said = [f"{self.label}. Contours of the surface “{self.surface}”, {ground.difficulty}"]
        if self.predict:
            said.append(f"The paths {where} are hidden until you predict which gets there first")
            return ". ".join(said) + "."
        for label, result in self.results().items():
            left = result.first_outside(square_view(ground.view))
            out = "" if left is None else f" (left the view at step {left})"
            said.append(f"{label} {where} {result.describe()}{out}")
            where = ""
        return ". ".join(" ".join(sentence.split()) for sentence in said) + "."

    def picture(self) -> bytes:
        """Draw the figure's first state as a PNG, for pages and readers without JavaScript."""
        from converge_lib.widgets.descent_lab.picture import draw

        ground, start = self._resolved()
        return draw(ground, start, {} if self.predict else self.results(), self.target)


def square_view(view: View) -> View:
    """Return the smallest square around ``view`` with its centre: what the figure shows.

    >>> square_view(((-1.0, 4.0), (-1.0, 2.0)))
    ((-1.0, 4.0), (-2.0, 3.0))
    """
    half = max(high - low for low, high in view) / 2
    left, bottom = ((low + high) / 2 for low, high in view)
    return (left - half, left + half), (bottom - half, bottom + half)


def _ground(name: str, parameters: Mapping[str, float]) -> Surface:
    choice("surface", name, list(SURFACES))
    allowed = PARAMETERS.get(name, ())
    for key in parameters:
        if key not in allowed:
            raise ValueError(
                f"parameters of {name} must be among {list(allowed)}, got {key!r}"
                if allowed
                else f"parameters must be empty: {name} has none, got {key!r}"
            )
    if "condition" in parameters:
        number("condition", parameters["condition"], low=1, high=1e4)
    if "rotation" in parameters:
        number("rotation", parameters["rotation"], low=-math.pi / 2, high=math.pi / 2)
    return make_surface(name, **parameters)


def _settable(ground: Surface) -> dict[str, float]:
    return {name: ground.parameters[name] for name in PARAMETERS.get(ground.name, ())}


def _racers(solvers: Iterable[Racer]) -> list[Racer]:
    if isinstance(solvers, (str, Mapping)) or not isinstance(solvers, Iterable):
        raise ValueError(f"solvers must be a list of names or solvers, got {solvers!r}")
    return list(solvers)


def _solver(setting: Mapping[str, Any]) -> Solver:
    """Return the solver that an entry of the trait ``solvers`` describes."""
    make = SOLVERS[choice("name of a solver", setting.get("name"), list(NAMES))]
    try:
        return make(**{key: value for key, value in setting.items() if key != "name"})
    except TypeError as error:
        raise ValueError(f"hyperparameters of a solver: {error}") from error


def _descend(
    setting: Mapping[str, Any], ground: Surface, start: list[float], steps: int, target: float
) -> Result:
    return descend(_solver(setting), ground, start, steps=steps, target=target)


def _method(setting: Mapping[str, Any]) -> Callable[..., Result]:
    """Return the method that an entry of the trait ``solvers`` describes, of (f, x0, steps)."""
    # what needs torch is imported when it is asked for
    if setting["name"] == "HessianFree":
        from converge_lib.descent.hessian_free import hessian_free as method
    else:
        method = {"Newton": newton, "NonlinearCG": nonlinear_cg, "LBFGS": lbfgs}[setting["name"]]
    return partial(method, **{key: value for key, value in setting.items() if key != "name"})


def _minimise(
    setting: Mapping[str, Any], ground: Surface, start: list[float], budget: int, target: float
) -> Result:
    """Run a second-order method to the target, or for as long as the budget pays."""
    method = _method(setting)

    @cache
    def after(steps: int) -> Result:
        return method(ground, start, steps=steps)

    def arrived(steps: int) -> bool:
        return after(steps).first_below(target) is not None

    # a step may cost much, or stay where it is: how many it takes is found by bisection
    every = range(budget + 1)
    paid = bisect_right(every, budget, key=lambda steps: after(steps).counts.cost) - 1
    if not arrived(paid):
        return after(paid)
    steps = bisect_left(every, True, hi=paid, key=arrived)
    return dataclasses.replace(after(steps), reason="converged")


def _builtin(racer: Racer, surface: str) -> dict[str, Any] | None:
    """Return name and hyperparameters of one of the library's solvers, else None."""
    if isinstance(racer, str):
        return {"name": choice("solvers", racer, list(NAMES)), **TUNED[surface][racer]}
    if isinstance(racer, Mapping):
        if racer.get("name") in METHODS:
            return _second_order(racer, surface)
        racer = _solver(racer)
    if type(racer) not in SOLVERS.values():
        return None
    hyperparameters = dataclasses.asdict(racer)
    if "betas" in hyperparameters:
        hyperparameters["betas"] = list(hyperparameters["betas"])
    return {"name": type(racer).__name__, **hyperparameters}


def _second_order(given: Mapping[str, Any], surface: str) -> dict[str, Any]:
    """Return a sound entry of the trait ``solvers``; what ``given`` leaves out is tuned."""
    setting = {"name": given["name"], **TUNED[surface][given["name"]], **given}
    for key in setting.keys() - TUNED[surface][given["name"]].keys() - {"name"}:
        allowed = list(TUNED[surface][given["name"]])
        raise ValueError(f"hyperparameters of {given['name']} must be among {allowed}, got {key!r}")
    if not isinstance(setting.get("line_search", False), bool):
        raise ValueError(f"line_search must be True or False, got {setting['line_search']!r}")
    ground = make_surface(surface)
    _method(setting)(ground, ground.start, steps=0)  # it checks its own arguments
    return setting


def _known(racer: Racer, surface: str) -> dict[str, Any]:
    setting = _builtin(racer, surface)
    if setting is None:
        raise ValueError(
            "solvers must be the library's own once the figure exists; make a new figure "
            f"for another, got {racer!r}"
        )
    return setting


def _once(settings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = [setting["name"] for setting in settings]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"solvers must name each of the library's once, got {names.count(name)} of {name}: "
                f"give one a label, as in ('slow', {name}(…))"
            )
    return settings


def _customs(racers: list[Racer]) -> dict[str, Solver]:
    """Return those that only Python can run, by label; of two alike the second is numbered."""
    customs: dict[str, Solver] = {}
    for racer in racers:
        labelled = isinstance(racer, tuple) and len(racer) == 2 and isinstance(racer[0], str)
        label, solver = racer if labelled else (type(racer).__name__, racer)
        if isinstance(solver, type) or not isinstance(solver, Solver):
            raise ValueError(
                "solvers must hold names, objects with methods init and step, "
                f"or pairs (label, object), got {racer!r}"
            )
        label = unnumbered = some_text("label of a solver", label)
        for number_of_it in itertools.count(2):
            if label not in customs:
                break
            label = f"{unnumbered} {number_of_it}"
        customs[label] = solver
    return customs


def _in_picture(name: str, value: Sequence[float], ground: Surface) -> list[float]:
    x, y = point(name, value, 2).tolist()
    (left, right), (bottom, top) = square_view(ground.view)
    if not (left <= x <= right and bottom <= y <= top):
        raise ValueError(
            f"{name} must lie in the picture, [{left:g}, {right:g}] × [{bottom:g}, {top:g}], "
            f"got {value!r}"
        )
    return [x, y]


def _probe(value: Sequence[float] | str | None, ground: Surface) -> list[float] | str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return choice("probe", value, list(NAMES))
    return _in_picture("probe", value, ground)


def _show(value: Iterable[str]) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ValueError(f"show must be a list of names, got {value!r}")
    return [choice("show", part, list(SHOW)) for part in value]


def _steps(value: int) -> int:
    low, high = STEPS
    if count("steps", value, low=low) > high:
        raise ValueError(f"steps must be a whole number of at most {high}, got {value!r}")
    return int(value)


def _short(value: float) -> float:
    """Return what a drawing needs of a number, so that a page need not carry the rest."""
    return float(f"{value:.6g}")
