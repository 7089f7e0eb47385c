"""Exercises of the book: check an answer, ask for a hint, see the solution, look at your progress.

>>> from converge_lib.exercises import check
>>> def best_rate(hessian):
...     raise NotImplementedError
>>> check("descent.curvature-best-rate", best_rate)
○ Not attempted yet: The best learning rate
  Replace `raise NotImplementedError` by your answer.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable

from converge_lib.card import Card, Code, Table
from converge_lib.exercises import record
from converge_lib.exercises.exercise import Exercise, exercises, find
from converge_lib.exercises.judging import Trial, Wrong, judge, show
from converge_lib.exercises.running import Answer, Stopped

__all__ = ["Exercise", "check", "exercises", "hint", "progress", "solution"]


def check(id: str, answer: Callable) -> Card:
    """Judge ``answer`` by what it does, and say so on a card; nothing it does raises.

    Args:
        id: the exercise, ``part.chapter-exercise``.
        answer: your function itself, not what it returns.

    Returns:
        A card whose ``status`` is "correct", "wrong", "not attempted" or "error".
    """
    exercise = find(id)
    if exercise is None:
        return _unknown(id)
    status, body = _outcome(exercise, answer)
    entries, _ = record.load()
    entry = entries.get(id, record.Entry())
    trouble = ""
    if status != "not attempted":
        entry.tries += 1
        entry.solved = entry.solved or status == "correct"
        trouble = record.save(id, entry)
    if status in ("wrong", "error") and entry.hints < len(exercise.hints):
        body.append(f'A hint: `hint("{id}")`')
    return _card(status, exercise.title, *body, trouble)


def hint(id: str) -> Card:
    """Return the hints of an exercise, one more at each call, from vague to plain."""
    exercise = find(id)
    if exercise is None:
        return _unknown(id)
    entries, _ = record.load()
    entry = entries.get(id, record.Entry())
    count = len(exercise.hints)
    body = []
    if entry.hints >= count:
        body.append(f'These are all the hints there are. Next: `solution("{id}")`')
    entry.hints = min(entry.hints + 1, count)
    trouble = record.save(id, entry)
    hints = [f"{i}. {text}" for i, text in enumerate(exercise.hints[: entry.hints], start=1)]
    return _card("note", f"Hint {entry.hints} of {count}: {exercise.title}", *hints, *body, trouble)


def solution(id: str) -> Card:
    """Return the reference's source with its explanation, once you have checked one try."""
    exercise = find(id)
    if exercise is None:
        return _unknown(id)
    entries, trouble = record.load()
    entry = entries.get(id, record.Entry())
    if not entry.tries:
        ask = f'Try once first: `check("{id}", {exercise.name})`, right or wrong.'
        return _card("note", f"Solution: {exercise.title}", ask, trouble)
    entry.solution = True
    trouble = record.save(id, entry)
    title = f"Solution: {exercise.title}"
    return _card("note", title, Code(exercise.solution), exercise.explanation, trouble)


def progress() -> Card:
    """Return a table of the exercises: what is solved, and after how many tries and hints."""
    entries, trouble = record.load()
    rows = []
    for id, exercise in exercises().items():
        entry = entries.get(id, record.Entry())
        parts = [
            "✓ solved" if entry.solved else "○ not solved yet" if entry.tries else "– not tried"
        ]
        if entry.tries:
            parts.append("1 try" if entry.tries == 1 else f"{entry.tries} tries")
        if entry.hints:
            parts.append(f"{entry.hints} of {len(exercise.hints)} hints")
        if entry.solution:
            parts.append("solution seen")
        rows.append((id, ", ".join(parts)))
    solved = sum(row[1].startswith("✓") for row in rows)
    table = Table(tuple(rows))
    where = f"Kept in {record.path()}, and nowhere else."
    return _card("note", f"{solved} of {len(rows)} exercises solved", table, where, trouble)


def _outcome(exercise: Exercise, function: object) -> tuple[str, list]:
    if problem := _not_callable_so(exercise, function):
        return "error", [problem]
    answer = Answer(function)
    try:
        remarks = judge(exercise, answer)
    except Stopped as stop:
        body = [stop.message, *([Code(stop.line)] if stop.line else [])]
        return stop.outcome, body + _besides(answer)
    except Wrong as wrong:
        table = [_counterexample(exercise, wrong.trial)] if wrong.trial else []
        return "wrong", [wrong.message, *table, *_besides(answer)]
    return "correct", [*remarks, *_besides(answer)]


def _not_callable_so(exercise: Exercise, function: object) -> str:
    wanted = f"{exercise.name}({', '.join(exercise.arguments)})"
    if not callable(function):
        return (
            f'`check` needs the function itself: `check("{exercise.id}", {exercise.name})`, '
            f"without calling it. It got {show(function)}."
        )
    try:
        inspect.signature(function).bind(*exercise.arguments)
    except TypeError as error:
        return f"It cannot be called as `{wanted}`: {error}."
    except ValueError:  # a built-in that does not tell its signature
        return ""
    return ""


def _counterexample(exercise: Exercise, trial: Trial) -> Table:
    expected = trial.expected if len(trial.expected) > 1 else trial.expected[0]
    call = f"{exercise.name}({', '.join(map(show, trial.arguments))})"
    rows = [
        ("call", f"`{call}`"),
        ("returned", f"`{trial.returned.shown}`"),
        ("expected", f"`{show(expected)}`"),
    ]
    if trial.returned.shown == show(expected):
        error = f"{max(trial.errors):.1g} relative; up to {trial.tolerance:g} is right"
        rows.append(("difference", error))
    return Table(tuple(rows))


def _besides(answer: Answer) -> list[str | Code]:
    printed = ["It prints:", Code(answer.printed.rstrip())] if answer.printed.strip() else []
    return [*answer.remarks, *printed]


def _unknown(id: object) -> Card:
    known = list(exercises())
    near = difflib.get_close_matches(str(id), known, n=3, cutoff=0.4) or known[:3]
    message = f"There is no exercise {show(id)}. Near it: {', '.join(f'`{i}`' for i in near)}."
    return Card("error", "Unknown exercise", (message,))


def _card(status: str, title: str, *body: str | Code | Table) -> Card:
    return Card(status, title, tuple(part for part in body if part != ""))
