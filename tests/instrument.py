"""In a notebook's kernel, for machines.py: what each assertion compares, and how far it holds.

An `assert` no longer stops its cell, so that everything behind it is measured as well. Each
comparison and each `allclose` in an `assert` or in the arguments of a `claim` leaves its two sides.
"""

from __future__ import annotations

import ast
import json
import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

LOG = "_compared"
"""The log's name among the notebook's own."""
COMPARE = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
BY_NAME = {kind.__name__: function for kind, function in COMPARE.items()}
UPWARDS = {"Lt": True, "LtE": True, "Gt": False, "GtE": False}
"""The comparisons that have room: whether their right side is the limit from above."""


class Instrument(ast.NodeTransformer):
    """Rewrite assertions, and the comparisons in them and in claims, as calls of the log."""

    inside = 0

    def visit_Assert(self, node: ast.Assert) -> ast.Expr:
        text = ast.Constant(ast.unparse(node.test))
        self.inside += 1
        test = self.visit(node.test)
        self.inside -= 1
        return ast.copy_location(ast.Expr(_call("asserted", node, [text, test])), node)

    def visit_Call(self, node: ast.Call) -> ast.Call:
        text = ast.Constant(ast.unparse(node))
        claimed = isinstance(node.func, ast.Name) and node.func.id == "claim"
        self.inside += claimed
        self.generic_visit(node)
        self.inside -= claimed
        if self.inside and isinstance(node.func, ast.Attribute) and node.func.attr == "allclose":
            return _call("close", node, [text, node.func, *node.args], node.keywords)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        pairs = zip([node.left, *node.comparators], node.ops, node.comparators, strict=False)
        texts = [ast.unparse(ast.Compare(left, [kind], [right])) for left, kind, right in pairs]
        self.generic_visit(node)
        if not self.inside:
            return node
        kinds = [ast.Constant(type(kind).__name__) for kind in node.ops]
        lists = map(ast.Constant, texts), kinds, [node.left, *node.comparators]
        return _call("compared", node, [ast.List(list(each), ast.Load()) for each in lists])

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.JoinedStr:
        return node  # words, not conditions


def _call(
    method: str, node: ast.AST, arguments: list[ast.expr], keywords: list[ast.keyword] | None = None
) -> ast.Call:
    log = ast.Attribute(ast.Name(LOG, ast.Load()), method, ast.Load())
    call = ast.Call(log, arguments, keywords or [])
    return ast.fix_missing_locations(ast.copy_location(call, node))


class Log:
    """The comparisons of a notebook, by cell and text: of many at one place the tightest."""

    def __init__(self) -> None:
        self.cell = -1
        self.failed: list[dict] = []
        self.limits: dict[tuple, dict] = {}

    def begin(self, info: object) -> None:
        """Count the cells."""
        self.cell += 1

    def asserted(self, text: str, holds: object) -> None:
        """Note an assertion that fails, and go on."""
        if not holds:
            self.failed.append({"cell": self.cell, "text": text})

    def compared(self, texts: list[str], kinds: list[str], sides: list) -> object:
        """Return what a chain of comparisons does, and keep the two sides of each."""
        result: object = True
        for text, kind, left, right in zip(texts, kinds, sides, sides[1:], strict=False):
            result = BY_NAME[kind](left, right)
            if kind in UPWARDS:
                self._keep(text, *((left, right) if UPWARDS[kind] else (right, left)))
            if len(kinds) > 1 and not result:
                break
        return result

    def close(
        self, text: str, allclose: Callable, a: object, b: object, rtol: float = 1e-5, atol=1e-8
    ) -> bool:
        """Return what `allclose` does; keep the difference as a share of what it allows."""
        first, second = _numbers(a), _numbers(b)
        self._keep(text, np.abs(first - second) / (atol + rtol * np.abs(second)), 1.0)
        return allclose(a, b, rtol=rtol, atol=atol)

    def _keep(self, text: str, low: object, high: object) -> None:
        try:
            low, high = np.broadcast_arrays(_numbers(low), _numbers(high))
        except (TypeError, ValueError):
            return  # names, or tuples: nothing that has room
        if low.size == 0:
            return
        room = np.nan_to_num(high - low, nan=-np.inf).ravel()
        at = int(room.argmin())
        key = self.cell, text
        if key not in self.limits or room[at] < self.limits[key]["room"]:
            self.limits[key] = {
                "cell": self.cell,
                "text": text,
                "low": float(low.ravel()[at]),
                "high": float(high.ravel()[at]),
                "room": float(room[at]),
            }

    def write(self, path: str) -> None:
        """Write what was kept, as JSON."""
        kept = {"failed": self.failed, "limits": list(self.limits.values())}
        Path(path).write_text(json.dumps(kept), "utf-8")


def install(shell: Any) -> Log:
    """Instrument every cell that is run from now on; return the log."""
    log = Log()
    shell.events.register("pre_run_cell", log.begin)
    shell.user_ns[LOG] = log
    shell.ast_transformers.append(Instrument())
    return log


def _numbers(values: Any) -> np.ndarray:
    return np.asarray(values.detach() if hasattr(values, "detach") else values, float)
