"""Checks of arguments, worded alike everywhere: the argument, the value got, what is allowed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def number(
    name: str,
    value: Any,  # noqa: ANN401 - whatever the caller passed; telling is this function's purpose
    *,
    low: float = -math.inf,
    high: float = math.inf,
    low_open: bool = False,
    high_open: bool = False,
) -> float:
    """Return ``value`` as a float if it is a finite number in the interval, else raise ValueError.

    >>> number("momentum", 0.9, low=0, high=1, high_open=True)
    0.9
    >>> number("lr", -1, low=0)
    Traceback (most recent call last):
    ...
    ValueError: lr must be a finite number in [0, ∞), got -1
    """
    allowed = (
        f"{'(' if low_open or low == -math.inf else '['}{_bound(low)}, "
        f"{_bound(high)}{')' if high_open or high == math.inf else ']'}"
    )
    try:
        as_float = float(value)
    except (TypeError, ValueError, OverflowError):
        as_float = math.nan
    below = as_float <= low if low_open else as_float < low
    above = as_float >= high if high_open else as_float > high
    if isinstance(value, (bool, str)) or not math.isfinite(as_float) or below or above:
        raise ValueError(f"{name} must be a finite number in {allowed}, got {value!r}")
    return as_float


def count(name: str, value: Any, *, low: int = 0) -> int:  # noqa: ANN401 - as above
    """Return ``value`` if it is a whole number of at least ``low``, else raise ValueError."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < low:
        raise ValueError(f"{name} must be a whole number of at least {low}, got {value!r}")
    return int(value)


def choice(name: str, value: Any, allowed: list[str]) -> str:  # noqa: ANN401 - as above
    """Return ``value`` if it is one of ``allowed``, else raise ValueError."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")
    return value


def point(name: str, value: Any, dimension: int | None = None) -> np.ndarray:  # noqa: ANN401
    """Return ``value`` as a finite float64 vector, shape (n,), else raise ValueError."""
    wanted = f"a finite vector of shape ({'n' if dimension is None else dimension},)"
    try:
        array = np.asarray(value, dtype=np.float64).copy()
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be {wanted}, got {value!r}") from error
    if array.ndim != 1 or array.size == 0 or (dimension is not None and array.size != dimension):
        raise ValueError(f"{name} must be {wanted}, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be {wanted}, got {array}")
    return array


def _bound(value: float) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:g}"
