"""What an exercise is: a description, from which everything else follows."""

from __future__ import annotations

import inspect
import pkgutil
import re
import textwrap
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import ClassVar

from converge_lib.exercises.judging import Trial

_registry: dict[str, Exercise] = {}


class Exercise:
    """An exercise: subclass it with the attributes below, and it exists.

    It lives in ``converge_lib/exercises/<part>/<chapter>.py``, and its id begins with
    ``<part>.<chapter>-``. The notebook holds the question and the starter.

    Attributes:
        id: ``part.chapter-exercise``, lower-case words.
        title: a few words.
        reference: the right answer, readable: learners see its source. Its name and arguments are
            those of the starter.
        returns: a name for each value it returns.
        tolerance: the relative error up to which a value is right.
        hints: from vague to plain; text, with code between backticks.
        explanation: why the reference is right; shown beside it.
        wrong_answers: real mistakes, each with the message it must get. An answer that returns
            what one of them does gets its message.
        other_answers: right answers, written differently.
    """

    id: ClassVar[str]
    title: ClassVar[str]
    reference: ClassVar[Callable]
    returns: ClassVar[tuple[str, ...]]
    tolerance: ClassVar[float] = 1e-6
    hints: ClassVar[tuple[str, ...]]
    explanation: ClassVar[str]
    wrong_answers: ClassVar[dict[Callable, str]]
    other_answers: ClassVar[tuple[Callable, ...]] = ()

    def cases(self) -> Iterable[tuple]:
        """Yield tuples of arguments, the smallest first; the first that fails is shown."""
        raise NotImplementedError

    def diagnose(self, trials: list[Trial]) -> str:
        """Return what is wrong with an answer that did this, or "".

        For mistakes that no fixed function imitates, and for answers that are wrong although
        their values are right. A sentence makes the answer wrong.
        """
        return ""

    @property
    def name(self) -> str:
        """The name of the function that the learner writes."""
        return self.reference.__name__

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of its arguments."""
        return tuple(inspect.signature(self.reference).parameters)

    @property
    def starter(self) -> str:
        """What the notebook's starter cell defines."""
        return f"def {self.name}({', '.join(self.arguments)}):\n    raise NotImplementedError\n"

    @property
    def solution(self) -> str:
        """The reference's source."""
        return textwrap.dedent(inspect.getsource(self.reference)).rstrip()

    @property
    def chapter(self) -> str:
        """The chapter that it belongs to, as ``part/chapter``: the end of its page's path."""
        return "/".join(type(self).__module__.split(".")[-2:]).replace("_", "-")

    def __init_subclass__(cls) -> None:
        for name in ("id", "title", "reference", "returns", "hints", "explanation"):
            if not getattr(cls, name, None):
                raise ValueError(f"{cls.__name__} must have {name}")
        if not re.fullmatch(r"[a-z0-9]+\.[a-z0-9]+(-[a-z0-9]+)+", cls.id):
            raise ValueError(f"id must be of the form part.chapter-exercise, got {cls.id!r}")
        same = _registry.get(cls.id)
        if same and (type(same).__module__, type(same).__name__) != (cls.__module__, cls.__name__):
            raise ValueError(f"id must be unique, and {type(same).__name__} has {cls.id!r}")
        cls.reference = staticmethod(cls.reference)
        _registry[cls.id] = cls()


def find(id: str) -> Exercise | None:
    """Return the exercise of this id, or None where there is none.

    The chapter that the id names is imported and no other, so that a page stands on its own
    exercises alone. All are imported only where that chapter has no such exercise.
    """
    if not isinstance(id, str):
        return None
    chapters = _chapters()
    if begins := [begin for begin in chapters if id.startswith(begin)]:
        import_module(chapters[max(begins, key=len)])
    return _registry.get(id) or exercises().get(id)


def exercises() -> dict[str, Exercise]:
    """Return every exercise there is by its id, in the order of the modules that define them."""
    for module in _chapters().values():
        import_module(module)
    return dict(_registry)


def _chapters() -> dict[str, str]:
    """Return each chapter's module by what its ids begin with; the files' names tell."""
    folder = Path(__file__).parent
    chapters = {}
    for part in pkgutil.iter_modules([str(folder)]):
        if part.ispkg:
            for chapter in pkgutil.iter_modules([str(folder / part.name)]):
                begin = f"{part.name}.{chapter.name.replace('_', '-')}-"
                chapters[begin] = f"{__package__}.{part.name}.{chapter.name}"
    return chapters
