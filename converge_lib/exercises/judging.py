"""Judge an answer by what it returns: compare, name the mistake, show the smallest case.

An answer is called on every case of its exercise, also after the first failure: a mistake is named
by its pattern over all cases. If one of the exercise's known wrong answers returns the same as the
learner's, that is the mistake, however it is written.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from converge_lib.exercises.running import Answer

if TYPE_CHECKING:
    from converge_lib.exercises.exercise import Exercise

LARGE = 10_000
"""Entries beyond which a returned array is described, not kept."""


class Wrong(Exception):
    """The answer is wrong: the mistake in a sentence or two, and a trial that shows it."""

    def __init__(self, message: str, trial: Trial | None = None) -> None:
        super().__init__(message)
        self.message, self.trial = message, trial


class Recorded:
    """A function that an exercise hands to the answer, and that remembers where it was asked.

    Attributes:
        calls: the number of calls.
        points: the arguments of the first hundred.
    """

    def __init__(self, function: Callable[[np.ndarray], np.ndarray], shown: str) -> None:
        self.calls = 0
        self.points: list[np.ndarray] = []
        self._function, self._shown = function, shown

    def __call__(self, x: Any) -> np.ndarray:  # noqa: ANN401 - the answer may pass a tensor
        """Return the function's value at ``x``."""
        x = np.array(x)
        self.calls += 1
        if self.calls <= 100:
            self.points.append(x)
        return self._function(x)

    def __repr__(self) -> str:
        return self._shown


@dataclass(frozen=True)
class Returned:
    """What a function returned, as arrays; ``complaint`` says why it cannot be right in kind."""

    outputs: tuple[np.ndarray, ...] = ()
    complaint: str = ""
    shown: str = ""
    remark: str = ""


@dataclass(frozen=True)
class Trial:
    """One call of an answer.

    Attributes:
        arguments: the arguments as they were before the call.
        passed: the copies that the answer got; a recording argument holds here what it saw.
        expected: the reference's outputs.
        returned: the answer's.
        errors: one for each output, relative to the largest entry expected; ``inf`` if the answer
            has no such output, or one of another shape.
        tolerance: the error up to which an output is right.
    """

    arguments: tuple
    passed: tuple
    expected: tuple[np.ndarray, ...]
    returned: Returned
    errors: tuple[float, ...]
    tolerance: float

    @property
    def right(self) -> bool:
        """Whether every output is right."""
        return not self.returned.complaint and max(self.errors) <= self.tolerance


def judge(exercise: Exercise, answer: Answer) -> list[str]:
    """Return remarks on a right answer; raise Wrong, with its mistake, or running.Stopped."""
    trials = [_try(exercise, answer, arguments) for arguments in exercise.cases()]
    failed = next((trial for trial in trials if not trial.right), None)
    message = (
        (failed and _imitated(exercise, trials))
        or exercise.diagnose(trials)
        or (failed and _described(exercise, trials))
        or _changed_arguments(exercise, trials)
    )
    if message:
        raise Wrong(message, failed)
    return list(dict.fromkeys(t.returned.remark for t in trials if t.returned.remark))


def relative_error(got: np.ndarray, expected: np.ndarray) -> float:
    """Return max |got − expected| / max |expected|; ``inf`` for other shapes and for NaN.

    >>> relative_error(np.array([3.0, 4.2]), np.array([3.0, 4.0])).round(3)
    np.float64(0.05)
    """
    if got.shape != expected.shape:
        return np.inf
    scale = np.abs(expected).max(initial=0)
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(got - expected).max(initial=0) / (scale if scale > 0 else 1)
    return np.inf if np.isnan(error) else error


def read(value: Any, names: tuple[str, ...], expected: tuple[np.ndarray, ...]) -> Returned:  # noqa: ANN401 - whatever the learner returned
    """Return ``value`` as one array for each name, or a sentence on why that cannot be done."""
    wanted = f"`return {', '.join(names)}`"
    shown = show(value)
    if value is None:
        return Returned((), f"It returns None. Does it end with {wanted}?", shown)
    if inspect.iscoroutine(value):
        value.close()
        return Returned((), "It is an `async` function; write a plain `def`.", shown)
    if inspect.isgenerator(value):
        return Returned((), "It is a generator: replace `yield` by `return`.", shown)
    parts = (value,)
    if len(names) > 1:
        stacked = (len(names), *expected[0].shape)  # of arrays, as good as a tuple of them
        several = isinstance(value, (tuple, list)) or getattr(value, "shape", None) == stacked
        parts = tuple(value) if several and len(value) <= LARGE else ()
        if len(parts) != len(names):
            count = f"{len(parts)} values" if parts else "one value"
            return Returned((), f"It returns {count}; {len(names)} are expected: {wanted}.", shown)
    outputs, complaints, remarks = [], [], []
    for part, name, right in zip(parts, names, expected, strict=True):
        array, complaint, remark = _array(part, name, right)
        outputs.append(array)
        complaints.append(complaint)
        remarks.append(remark)
    known = tuple(outputs) if all(array is not None for array in outputs) else ()
    return Returned(
        known, next(filter(None, complaints), ""), shown, " ".join(filter(None, remarks))
    )


def show(value: Any) -> str:  # noqa: ANN401 - as above
    """Return ``value`` as one would write it, shortened; large arrays by their shape.

    >>> show((np.array([[1.0, 0.0], [0.0, 4.0]]), 0.5))
    '([[1, 0], [0, 4]], 0.5)'
    """
    if isinstance(value, (tuple, list)) and len(value) <= 6:
        inner = ", ".join(map(show, value))
        if isinstance(value, list):
            return f"[{inner}]"
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, (bool, np.bool_)):
        return str(value)
    if isinstance(value, (int, float, np.integer, np.floating)):
        return f"{value:.6g}"
    if _is_tensor(value):
        return f"tensor({show(_from_tensor(value))})"
    if isinstance(value, np.ndarray):
        if value.size > 12:
            return f"an array of shape {value.shape}"
        return show(value.item()) if value.ndim == 0 else f"[{', '.join(map(show, value))}]"
    try:
        text = repr(value)
    except Exception:
        text = f"a {type(value).__name__}"
    return text if len(text) <= 80 else text[:79] + "…"


def _try(exercise: Exercise, answer: Answer, arguments: tuple) -> Trial:
    expected = _expected(exercise, arguments)
    passed = copy.deepcopy(arguments)
    returned = answer(*passed, read=lambda value: read(value, exercise.returns, expected))
    return Trial(
        arguments,
        passed,
        expected,
        returned,
        _errors(returned.outputs, expected),
        exercise.tolerance,
    )


def _expected(exercise: Exercise, arguments: tuple) -> tuple[np.ndarray, ...]:
    value = exercise.reference(*copy.deepcopy(arguments))
    parts = value if len(exercise.returns) > 1 else (value,)
    return tuple(np.asarray(part, dtype=np.float64) for part in parts)


def _errors(outputs: tuple[np.ndarray, ...], expected: tuple[np.ndarray, ...]) -> tuple[float, ...]:
    if not outputs:
        return (np.inf,) * len(expected)
    return tuple(map(relative_error, outputs, expected))


def _array(part: Any, name: str, right: np.ndarray) -> tuple[np.ndarray | None, str, str]:  # noqa: ANN401
    """Return ``part`` as a float64 array or None, a complaint or "", a remark or ""."""
    remark = ""
    try:
        array = np.asarray(_from_tensor(part) if _is_tensor(part) else part)
        if array.dtype.kind == "O" and array.size <= LARGE:
            array = array.astype(np.float64)
    except (TypeError, ValueError):
        array = np.asarray(None)
    if array.dtype.kind not in "biufc":
        kind = "an uneven list" if isinstance(part, (list, tuple)) else f"a {type(part).__name__}"
        return None, f"`{name}` is {kind}; {_kind(right.shape)} is expected.", ""
    if right.shape == () and array.size == 1:
        array = array.reshape(())
    if array.size > LARGE:
        return None, _shape_complaint(name, array.shape, right.shape), ""
    if array.dtype.kind == "c":
        if np.any(array.imag != 0):
            return None, f"`{name}` is complex; {_kind(right.shape)} of reals is expected.", ""
        array, remark = array.real, f"`{name}` is of a complex type; its imaginary part is 0."
    array = array.astype(np.float64)
    complaint = ""
    if array.shape != right.shape:
        complaint = _shape_complaint(name, array.shape, right.shape)
    elif not np.isfinite(array).all():
        what = "NaN (not a number)" if np.isnan(array).any() else "infinite"
        bad = np.argwhere(~np.isfinite(array))[0]
        complaint = f"`{name}{list(map(int, bad)) if bad.size else ''}` is {what}."
    return array, complaint, remark


def _shape_complaint(name: str, got: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    return f"`{name}` is {_kind(got)}; {_kind(wanted)} is expected."


def _kind(shape: tuple[int, ...]) -> str:
    return f"an array of shape {shape}" if shape else "one number"


def _is_tensor(value: Any) -> bool:  # noqa: ANN401
    return type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "detach")


def _from_tensor(tensor: Any) -> np.ndarray:  # noqa: ANN401
    tensor = tensor.detach().cpu().resolve_conj()
    return (tensor if tensor.is_complex() else tensor.double()).numpy()


def _imitated(exercise: Exercise, trials: list[Trial]) -> str:
    """Return the message of the known wrong answer that returns what this one does, or ""."""
    for k, (prefix, _) in _wrong_outputs(exercise, trials).items():
        for mistake, message in exercise.wrong_answers.items():
            if all(_same_output(exercise, mistake, trial, k) for trial in trials):
                return prefix + message
    return ""


def _same_output(exercise: Exercise, mistake: Callable, trial: Trial, k: int) -> bool:
    if not trial.returned.outputs:
        return False
    try:
        with np.errstate(all="ignore"):
            value = mistake(*copy.deepcopy(trial.arguments))
            imitation = read(value, exercise.returns, trial.expected).outputs
    except Exception:  # a mistake may not stand every case
        return False
    if not imitation:
        return False
    got, same = trial.returned.outputs[k], imitation[k]
    if got.shape != same.shape:
        return False
    finite = np.isfinite(got)
    return np.array_equal(finite, np.isfinite(same)) and (
        relative_error(got[finite], same[finite]) <= 10 * exercise.tolerance
    )


def _described(exercise: Exercise, trials: list[Trial]) -> str:
    """Return what can be said of a wrong answer that imitates no known mistake."""
    complaint = next((t.returned.complaint for t in trials if t.returned.complaint), "")
    if complaint:
        return complaint
    pairs = [(trial.returned.outputs, trial.expected) for trial in trials]
    if len(exercise.returns) > 1 and all(_close(g, e[::-1], exercise.tolerance) for g, e in pairs):
        return f"The values are right and their order is not: {', '.join(exercise.returns)}."
    for k, (prefix, failed) in _wrong_outputs(exercise, trials).items():
        name = exercise.returns[k]
        relation = _relation([(g[k], e[k]) for g, e in pairs if e[k].any()], exercise.tolerance)
        if relation:
            return f"{prefix}`{name}` {relation}"
        if failed < len(trials):
            right = len(trials) - failed
            return f"{prefix}`{name}` is right in {right} of {len(trials)} cases, and wrong here."
        return f"{prefix}`{name}` is not what is asked for."
    raise AssertionError("a failed trial has a complaint or a wrong output")


def _relation(pairs: list[tuple[np.ndarray, np.ndarray]], tolerance: float) -> str:
    """Say how what was got relates to what was expected, if it does so in every pair alike."""
    off = max(relative_error(g, e) for g, e in pairs)
    if off < 1e-3:
        return f"is nearly right: it is off by up to {off:.1g} of its size."
    if all(_close((g,), (-e,), tolerance) for g, e in pairs):
        return "has the right size and the opposite sign."
    factors = [float(np.vdot(e, g) / np.vdot(e, e)) for g, e in pairs]
    along = all(_close((g,), (c * e,), tolerance) for c, (g, e) in zip(factors, pairs, strict=True))
    if along and len(pairs) > 1:
        c = factors[0]
        if c == 0:
            return "is 0, whatever the arguments."
        if np.allclose(factors, c, rtol=1e-3, atol=0):
            return f"is {c:.4g} times the right value, in every case."
        if all(e.size > 1 for _, e in pairs):
            return "has the right direction and the wrong length."
    if all(g.ndim == 2 and _close((g.T,), (e,), tolerance) for g, e in pairs):
        return "is transposed."
    return ""


def _wrong_outputs(exercise: Exercise, trials: list[Trial]) -> dict[int, tuple[str, int]]:
    """Return for each wrong output how to speak of it, and the number of trials it fails in."""
    failures = {
        k: sum(not trial.errors[k] <= trial.tolerance for trial in trials)
        for k in range(len(exercise.returns))
    }
    right = [f"`{exercise.returns[k]}` is right. " for k, failed in failures.items() if not failed]
    return {k: ("".join(right), failed) for k, failed in failures.items() if failed}


def _changed_arguments(exercise: Exercise, trials: list[Trial]) -> str:
    for trial in trials:
        pairs = zip(exercise.arguments, trial.arguments, trial.passed, strict=True)
        for name, before, after in pairs:
            if isinstance(before, np.ndarray) and not np.array_equal(before, after):
                return (
                    f"It changes its argument `{name}` in place, so the caller's array is changed "
                    f"too. Make a new array: `a = a + b` does, `a += b` does not."
                )
    return ""


def _close(got: tuple[np.ndarray, ...], expected: tuple[np.ndarray, ...], tolerance: float) -> bool:
    return all(relative_error(g, e) <= 10 * tolerance for g, e in zip(got, expected, strict=True))
