"""Recorded runs: experiments too long for a page, stored with what they need to be repeated.

An experiment is a file ``converge_lib/experiments/NAME.py`` with two functions:

- ``run(*, device, **settings)`` does one run and returns lists of numbers, or single numbers, by
  name. Its settings are plain values, the seed among them, and equal settings give equal numbers;
- ``plan(scale, runs)`` returns the settings of every run that is wanted, given those already there.
  It is asked again when all are done, so that a rate can be tuned first and then tried on more
  seeds. ``scale`` is "page", or "paper" for the size in the paper.

``make experiments`` performs them and writes ``converge_lib/experiments/results/NAME.json``. A page
reads that file with :func:`recorded`, and repeats a short slice of it live with
:meth:`Record.repeat`: the build fails when the code no longer does what the record says.
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
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from IPython.display import display

from converge_lib._validation import choice, number
from converge_lib.card import Card, Table

FOLDER = Path(__file__).with_name("experiments")
SCALES = ["page", "paper"]
DIGITS = 6
"""Significant digits that a record keeps."""


class RecordError(AssertionError):
    """A run repeated on a page is not what the record says."""


@dataclass(frozen=True)
class Run:
    """One run of an experiment.

    Attributes:
        settings: the arguments that it was run with, seed included.
        result: what it returned: lists of numbers, or single numbers, by name.
        seconds: how long it took.
        versions: of Python and the packages, and the device.
    """

    settings: dict[str, Any]
    result: dict[str, Any]
    seconds: float
    versions: dict[str, str]


@dataclass(frozen=True)
class Record:
    """All runs of one experiment at one scale; :func:`recorded` reads it."""

    name: str
    scale: str
    runs: tuple[Run, ...]

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

    def repeat(self, run: Run, *, tolerance: float = 1e-3, **shorter: object) -> Run:
        """Do a part of ``run`` again, compare, and display both; return the part.

        Args:
            run: one of this record's.
            tolerance: the largest difference allowed between a list of numbers and the beginning
                of the recorded one, relative to the largest number in that part.
            shorter: settings to change, so that it takes seconds.

        Raises:
            RecordError: they disagree, and the page must not be built.
        """
        tolerance = number("tolerance", tolerance, low=0)
        if unknown := sorted(set(shorter) - set(run.settings)):
            raise ValueError(f"run has no setting {', '.join(unknown)}, only {run.settings}")
        again = perform(self.name, {**run.settings, **shorter})
        compared = [
            (name, before, again.result[name])
            for name, before in run.result.items()
            if isinstance(before, list) and isinstance(again.result.get(name), list)
        ]
        values = sum(min(len(before), len(after)) for _, before, after in compared)
        if values == 0:
            raise RecordError(f"{self.name}: the repeated part has no list in common with {run}")
        largest = 0.0
        for name, before, after in compared:
            difference = _difference(before, after)
            largest = max(largest, difference)
            if difference > tolerance:
                raise RecordError(
                    f"{self.name}: {name} of {run.settings} was {before[: len(after)]} "
                    f"when recorded, is {after} now, and differs by {difference:.2g}, more than "
                    f"{tolerance:g}"
                )
        display(self._card(run, shorter, again, values, largest))
        return again

    def _card(
        self, run: Run, shorter: dict[str, object], again: Run, values: int, largest: float
    ) -> Card:
        total = sum(r.seconds for r in self.runs)
        plural = "s" if len(self.runs) > 1 else ""
        changed = ", ".join(f"{name} = {value}" for name, value in shorter.items())
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
                f"just now, with {changed or 'nothing changed'}: {_duration(again.seconds)}; "
                f"{values} values agree, the largest relative difference is {largest:.0e}",
            ),
            ("All of it", f"make experiments NAME={self.name}"),
        )
        return Card("note", "A recorded experiment, repeated in part", (Table(rows),))


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
    return Record(name, scale, read(path))


def results_path(folder: Path, name: str, scale: str) -> Path:
    """Return where the record of an experiment lies."""
    return folder / "results" / (f"{name}.json" if scale == "page" else f"{name}.{scale}.json")


def read(path: Path) -> tuple[Run, ...]:
    """Return the runs in a file of results."""
    return tuple(Run(**run) for run in json.loads(path.read_text("utf-8")))


def write(path: Path, runs: Iterable[Run]) -> None:
    """Write the runs, a line for each; a file that is there is replaced at once or not at all."""
    lines = ",\n".join(json.dumps(asdict(run), allow_nan=False) for run in runs)
    path.parent.mkdir(exist_ok=True)
    beside = path.with_suffix(".part")
    beside.write_text(f"[\n{lines}\n]\n", "utf-8")
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
    name: str, settings: dict[str, Any], device: str = "cpu", folder: Path | None = None
) -> Run:
    """Do one run, on one thread, so that it gives the same numbers wherever it is done."""
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
    }
    rounded = {name: _rounded(value) for name, value in result.items()}
    return Run(settings, rounded, round(seconds, 1), versions)


def end_with_parent() -> None:
    """Have this process end when the one that started it does, however that came about."""

    def wait() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _rounded(value: Any) -> Any:  # noqa: ANN401 - a number, or lists of numbers
    if isinstance(value, (list, tuple)):
        return [_rounded(entry) for entry in value]
    if isinstance(value, int):
        return value
    value = float(value)
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


def _difference(before: list, after: list) -> float:
    """Return the largest difference over the part that both have, relative to its largest."""
    pairs = list(zip(_flat(before), _flat(after), strict=False))
    if any((b is None) != (a is None) for b, a in pairs):
        return math.inf
    pairs = [(b, a) for b, a in pairs if b is not None]
    size = max((abs(b) for b, _ in pairs), default=0.0)
    gap = max((abs(b - a) for b, a in pairs), default=0.0)
    return gap / size if size else gap


def _flat(values: list) -> list:
    return [x for v in values for x in (_flat(v) if isinstance(v, list) else [v])]


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
