"""Recorded runs: experiments too long for a page, stored with what they need to be repeated.

An experiment is a file ``converge_lib/experiments/NAME.py`` with three functions:

- ``run(*, device, **settings)`` does one run and returns lists of numbers, or single numbers, by
  name. Its settings are plain values, the seed among them, and equal settings give equal numbers;
- ``plan(scale, runs)`` returns the settings of every run that is wanted, given those already there.
  It is asked again when all are done, so that a rate can be tuned first and then tried on more
  seeds. ``scale`` is "page", or "paper" for the size in the paper;
- ``slices(record)`` returns which runs a page repeats, each with the settings that make it short.

``make experiments`` performs them and writes ``converge_lib/experiments/results/NAME.json``. A page
reads that file with :func:`recorded`, and repeats a slice of it live with :meth:`Record.repeat`:
its card says whether the code still does what the record says.

Another processor rounds otherwise, and a training amplifies that. So a slice is recorded with its
spread: what each value was moved by when the slice was repeated with other roundings (see
:mod:`converge_lib.rounding`). It is compared value by value, each as closely as its spread allows.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import math
import multiprocessing
import os
import platform
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from types import ModuleType
from typing import Any

from IPython.display import display

from converge_lib import difference
from converge_lib._validation import choice
from converge_lib.card import Card, Table

FOLDER = Path(__file__).with_name("experiments")
SCALES = ["page", "paper"]
DIGITS = 6
"""Significant digits that a record keeps of a run."""
ALL_DIGITS = 17
"""Those of a slice: every digit of a double."""
REPETITIONS = 16
"""Other roundings with which a slice is repeated when it is recorded."""
ALLOWED = 8.0
"""Spreads by which a value may differ."""
TELLING = 0.01
"""A value counts if less than this share of its list's largest is allowed."""


@dataclass(frozen=True)
class Run:
    """One run of an experiment.

    Attributes:
        settings: the arguments that it was run with, seed included.
        result: what it returned: lists of numbers, or single numbers, by name.
        seconds: how long it took.
        versions: of Python and the packages, the device, and the processor.
    """

    settings: dict[str, Any]
    result: dict[str, Any]
    seconds: float
    versions: dict[str, str]


@dataclass(frozen=True)
class Slice:
    """A part of a run that a page repeats, and how far rounding decides it.

    Attributes:
        of: the settings of the run.
        changed: the settings that make it short.
        result: as a run's, with all digits.
        spread: for each list of numbers in the result, how far its values moved with other
            roundings, see :func:`spread_of`.
        seconds: how long it took.
        versions: as a run's.
    """

    of: dict[str, Any]
    changed: dict[str, Any]
    result: dict[str, Any]
    spread: dict[str, list[float | None]]
    seconds: float
    versions: dict[str, str]


@dataclass(frozen=True)
class Record:
    """All runs of one experiment at one scale, and its slices; :func:`recorded` reads it."""

    name: str
    scale: str
    runs: tuple[Run, ...]
    slices: tuple[Slice, ...] = ()

    def where(self, **settings: object) -> list[Run]:
        """Return the runs that have these settings, in the order in which they were planned."""
        known = {name for run in self.runs for name in run.settings}
        if unknown := sorted(set(settings) - known):
            raise ValueError(
                f"settings of {self.name} must be among {', '.join(sorted(known))}, "
                f"got {', '.join(unknown)}"
            )
        missing = object()
        return [
            run
            for run in self.runs
            if all(run.settings.get(name, missing) == value for name, value in settings.items())
        ]

    def one(self, **settings: object) -> Run:
        """Return the only run that has these settings."""
        found = self.where(**settings)
        if len(found) != 1:
            raise ValueError(f"settings must be those of one run, got {len(found)} for {settings}")
        return found[0]

    @property
    def experiment(self) -> ModuleType:
        """The module ``converge_lib/experiments/NAME.py``, for its networks and data."""
        return load(self.name)

    def slice_of(self, run: Run) -> Slice:
        """Return the slice of ``run``."""
        found = [part for part in self.slices if part.of == run.settings]
        if not found:
            raise ValueError(
                f"run must be one of which a slice is recorded, "
                f"{' or '.join(str(part.of) for part in self.slices)}, got {run.settings}"
            )
        return found[0]

    def repeat(self, run: Run) -> Run:
        """Do the slice of ``run`` again, compare, and display both; return what it did.

        Where the two differ by more than rounding explains, the card says so, and its metadata too,
        see :mod:`converge_lib.difference`.

        Args:
            run: one of which a slice is recorded.
        """
        part = self.slice_of(run)
        again = perform_slice(self.name, {**part.of, **part.changed})
        compared = compare(part, again.result)
        metadata = {}
        if compared.says:
            metadata = difference.metadata("record", self.name, compared.says)
        display(self._card(run, part, again, compared), metadata=metadata)
        return again

    def _card(self, run: Run, part: Slice, again: Run, compared: Comparison) -> Card:
        total = sum(r.seconds for r in self.runs)
        plural = "s" if len(self.runs) > 1 else ""
        changed = ", ".join(f"{name} = {value}" for name, value in part.changed.items())
        which = ", ".join(f"{name} = {value}" for name, value in run.settings.items())
        rows = (
            (
                "Recorded",
                f"{len(self.runs)} run{plural}, {_duration(total)} of computing, "
                f"torch {run.versions['torch']} on {run.versions['device']}",
            ),
            ("This run", which),
            (
                "Repeated",
                f"just now on {again.versions['processor']}, with {changed}: "
                f"{_duration(again.seconds)}; recorded on {part.versions['processor']}",
            ),
            ("Outcome", compared.outcome),
            ("All of it", f"make experiments NAME={self.name}"),
        )
        status = "differs" if compared.says else "note"
        return Card(status, "A recorded experiment, repeated in part", (Table(rows),))


@dataclass(frozen=True)
class Comparison:
    """A slice as it came out now, against its record.

    Attributes:
        values: how many were recorded.
        counted: how many of them can be compared; in the others rounding decides too much.
        allowed: the largest difference that a counted value is allowed, relative to the largest
            value of its list.
        used: the largest difference of a counted value as a share of what it is allowed; more than
            1 where the two differ.
        says: where they differ most, in a sentence; empty if they agree.
    """

    values: int
    counted: int
    allowed: float
    used: float
    says: str

    @property
    def outcome(self) -> str:
        """What the card says of it."""
        if self.says:
            return f"✗ {self.says}"
        if self.counted == self.values:
            return (
                f"✓ the {self.values} values agree; another processor's rounding may change them "
                f"by {self.allowed:.0e} of the largest at most"
            )
        return (
            f"✓ {self.counted} of {self.values} values can be compared, and agree; beyond them "
            "rounding decides"
        )


def recorded(name: str, scale: str = "page") -> Record:
    """Return what ``converge_lib/experiments/NAME.py`` has recorded.

    Raises:
        ValueError: there is no such record; the message says how to make one.

    >>> recorded("deep-autoencoder")
    Traceback (most recent call last):
    ...
    ValueError: name must be that of a recorded experiment, got 'deep-autoencoder'; to record it: \
make experiments NAME=deep-autoencoder
    """
    path = results_path(FOLDER, name, choice("scale", scale, SCALES))
    if not path.is_file():
        further = "" if scale == "page" else f" SCALE={scale}"
        raise ValueError(
            f"name must be that of a recorded experiment, got {name!r}; to record it: "
            f"make experiments NAME={name}{further}"
        )
    return Record(name, scale, *read(path))


def results_path(folder: Path, name: str, scale: str) -> Path:
    """Return where the record of an experiment lies."""
    return folder / "results" / (f"{name}.json" if scale == "page" else f"{name}.{scale}.json")


def read(path: Path) -> tuple[tuple[Run, ...], tuple[Slice, ...]]:
    """Return the runs and the slices in a file of results."""
    content = json.loads(path.read_text("utf-8"))
    runs, slices = content["runs"], content["slices"]
    return tuple(Run(**run) for run in runs), tuple(Slice(**part) for part in slices)


def write(path: Path, runs: Iterable[Run], slices: Iterable[Slice] = ()) -> None:
    """Write them, a line for each; a file that is there is replaced at once or not at all."""
    lists = (
        f'"{name}": [\n'
        + ",\n".join(json.dumps(asdict(entry), allow_nan=False) for entry in entries)
        + "\n]"
        for name, entries in (("runs", runs), ("slices", slices))
    )
    path.parent.mkdir(exist_ok=True)
    beside = path.with_suffix(".part")
    beside.write_text("{" + ", ".join(lists) + "}\n", "utf-8")
    beside.replace(path)


def load(name: str, folder: Path | None = None) -> ModuleType:
    """Import the experiment ``name``, whatever the working directory."""
    folder = folder or FOLDER
    path = folder / f"{name}.py"
    if not path.is_file():
        there = sorted(p.stem for p in folder.glob("[!_]*.py"))
        raise ValueError(f"name must be an experiment, one of {', '.join(there)}, got {name!r}")
    specification = importlib.util.spec_from_file_location(f"converge_lib.experiments.{name}", path)
    module = importlib.util.module_from_spec(specification)
    sys.modules[module.__name__] = module  # the build looks here for the files that a page used
    specification.loader.exec_module(module)
    return module


def perform(
    name: str,
    settings: dict[str, Any],
    *,
    device: str = "cpu",
    digits: int = DIGITS,
    folder: Path | None = None,
) -> Run:
    """Do one run, on one thread, so that it gives the same numbers however many there are."""
    import torch

    experiment = load(name, folder)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    start = time.perf_counter()
    try:
        result = experiment.run(device=device, **settings)
    finally:
        torch.set_num_threads(threads)
    seconds = time.perf_counter() - start
    versions = {
        "python": platform.python_version(),
        "numpy": importlib.metadata.version("numpy"),
        "torch": importlib.metadata.version("torch"),
        "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else device,
        "processor": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
    }
    rounded = {name: _rounded(value, digits) for name, value in result.items()}
    return Run(settings, rounded, round(seconds, 1), versions)


def perform_slice(name: str, settings: dict[str, Any], folder: Path | None = None) -> Run:
    """Do one run from a start that is the same on every processor, and keep all digits."""
    from converge_lib.rounding import EqualDraws

    with EqualDraws():
        return perform(name, settings, digits=ALL_DIGITS, folder=folder)


def cut(name: str, of: Run, changed: dict[str, Any], folder: Path | None = None) -> Slice:
    """Do a slice of a run, once as it is and :data:`REPETITIONS` times with other roundings."""
    from converge_lib.rounding import AnotherProcessor

    settings = {**of.settings, **changed}
    run = perform_slice(name, settings, folder)
    others = []
    for seed in range(REPETITIONS):
        with AnotherProcessor(seed):
            others.append(perform_slice(name, settings, folder).result)
    spread = spread_of(run.result, others)
    return Slice(of.settings, changed, run.result, spread, run.seconds, run.versions)


def spread_of(
    result: dict[str, Any], others: Sequence[dict[str, Any]]
) -> dict[str, list[float | None]]:
    """Return, for each list of numbers in a result, how far the others are from it.

    That is the root of the mean squared difference, value by value, and never less than the
    smallest difference in the list: what comes in whole answers or steps moves by one at least.
    None where a value is there, or is finite, in some of them alone.

    >>> spread_of({"losses": [1.0, 0.5]}, [{"losses": [1.0, 0.75]}, {"losses": [1.0, 0.25]}])
    {'losses': [0.25, 0.25]}
    """
    spread = {}
    for name, value in result.items():
        if isinstance(value, list):
            lists = [_flat(other[name]) for other in others]
            rows = zip_longest(_flat(value), *lists, fillvalue=math.nan)
            gaps = [[_gap(before, after) for after in afters] for before, *afters in rows]
            unit = min((gap for row in gaps for gap in row if 0 < gap < math.inf), default=0.0)
            means = [math.sqrt(sum(gap * gap for gap in row) / len(row)) for row in gaps]
            spread[name] = [_rounded(max(mean, unit), 2) for mean in means]
    return spread


def compare(part: Slice, result: dict[str, Any]) -> Comparison:
    """Compare what a slice gives now with its record, value by value.

    A difference of :data:`ALLOWED` spreads is allowed: by Student's t, with the spread estimated
    from :data:`REPETITIONS` repetitions, rounding goes beyond it once in two million.

    >>> part = Slice({}, {}, {"losses": [1.0, 0.5]}, {"losses": [1e-9, 1e-3]}, 0.1, {})
    >>> compare(part, {"losses": [1.0, 0.507]}).says
    ''
    >>> compare(part, {"losses": [1.0, 0.509]}).used > 1
    True
    """
    values = counted = 0
    allowed = used = 0.0
    says = ""
    for name, spread in part.spread.items():
        before, after = _flat(part.result[name]), _flat(result.get(name, []))
        values += len(before)
        present = [i for i, moved in enumerate(spread[: len(before)]) if moved is not None]
        whole = len(present) == len(spread)  # else rounding decides how long the list is
        if len(after) <= max(present, default=-1) or (whole and len(before) != len(after)):
            used = math.inf
            says = f"{name} has {len(after)} values, and had {len(before)} when recorded"
            continue
        size = max((abs(x) for x in before if x is not None), default=0.0)
        for i, (was, now, moved) in enumerate(zip(before, after, spread, strict=False)):
            if moved is None or moved * ALLOWED > TELLING * size:
                continue
            counted += 1
            gap, limit = _gap(was, now), moved * ALLOWED
            allowed = max(allowed, limit / size if size else 0.0)
            share = gap / limit if limit else math.inf if gap else 0.0
            if share > used:
                used = share
                if share > 1:
                    says = (
                        f"value {i + 1} of {name} is {_shown(now)}, and was {_shown(was)} when "
                        f"recorded; rounding on another processor may change it by {limit:.1g}"
                    )
    if not counted and not says:
        says = f"rounding decides all of its {values} values, so that none can be compared"
    return Comparison(values, counted, allowed, used, says)


def end_with_parent() -> None:
    """Have this process end when the one that started it does, however that came about."""

    def wait() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _rounded(value: Any, digits: int) -> Any:  # noqa: ANN401 - a number, or lists of numbers
    if isinstance(value, (list, tuple)):
        return [_rounded(entry, digits) for entry in value]
    if isinstance(value, int):
        return value
    value = float(value)
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def _gap(before: float | None, after: float | None) -> float:
    """Return the difference; infinite if only one is finite, or is there at all."""
    if before is None or after is None:
        return 0.0 if before is after else math.inf
    return math.inf if math.isnan(before) or math.isnan(after) else abs(before - after)


def _shown(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.9g}"


def _flat(values: list) -> list:
    return [x for v in values for x in (_flat(v) if isinstance(v, list) else [v])]


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
