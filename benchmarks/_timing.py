"""Timing and tables for the benchmarks of this folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence


def interleaved(functions: dict[str, Callable[[], object]], rounds: int = 15) -> dict[str, float]:
    """Return each function's shortest time in seconds; they take turns, so that load hits all."""
    shortest = dict.fromkeys(functions, float("inf"))
    for i in range(rounds + 1):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            if i:  # the first round warms up
                shortest[name] = min(shortest[name], time.perf_counter() - start)
    return shortest


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a Markdown table."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    cells.insert(1, ["-" * width for width in widths])
    for row in cells:
        print("| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |")
    print()
