"""What a notebook may assert: what holds on another machine as well.

Two kinds never do, and are found in the source. A clock depends on the machine and on what else it
does: count products, passes or multiplications, and print the clock. And rounding may be exact: an
error is asserted to be small, never to be there. Whether the rest has room is measured, by
``make machines``.
"""

import ast
import json
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "book").glob("**/*.ipynb"))
CLOCKS = {"perf_counter", "process_time", "monotonic", "thread_time"}
MUTATES = {"append", "extend", "insert", "add", "update", "setdefault"}
TINY = 1e-3
"""An upper limit below this is one for rounding."""


def cells_of(path):
    """The code cells of a notebook by number, parsed."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return {
        i: ast.parse("".join(cell["source"]))
        for i, cell in enumerate(cells)
        if cell["cell_type"] == "code"
    }


def conditions(tree):
    """What a cell asserts, and what its claims say must hold."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            yield node.test
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "claim":
            named = {keyword.arg: keyword.value for keyword in node.keywords}
            yield named["holds"] if "holds" in named else node.args[4]


# ── Rounding ─────────────────────────────────────────────────────────────────────────────────────


def number(node):
    """The number that is written there, or None."""
    try:
        found = ast.literal_eval(node)
    except ValueError:
        return None
    return found if isinstance(found, int | float) else None


def smaller_pairs(condition):
    """The two sides of each strict comparison, the smaller first."""
    for node in ast.walk(condition):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for left, kind, right in zip(sides, node.ops, sides[1:], strict=False):
                if isinstance(kind, ast.Lt | ast.NotEq):
                    yield left, right
                if isinstance(kind, ast.Gt | ast.NotEq):
                    yield right, left


def rounding_asserted(condition):
    """Whatever is to be above 0 and below a tiny limit at once."""
    pairs = list(smaller_pairs(condition))
    tiny = {ast.unparse(low) for low, high in pairs if 0 < (number(high) or 0) < TINY}
    above = [ast.unparse(high) for low, high in pairs if number(low) == 0]
    return [text for text in above if text in tiny]


# ── Clocks ───────────────────────────────────────────────────────────────────────────────────────


def names_in(*nodes):
    every = [each for node in nodes for each in ast.walk(node)]
    names = {each.id for each in every if isinstance(each, ast.Name)}
    return names | {each.attr for each in every if isinstance(each, ast.Attribute)} & CLOCKS


def changed(target):
    """The names that an assignment to this target changes: of a[i] it is a."""
    while isinstance(target, ast.Subscript | ast.Attribute | ast.Starred):
        target = target.value
    if isinstance(target, ast.Tuple | ast.List):
        return set().union(*map(changed, target.elts))
    return {target.id} if isinstance(target, ast.Name) else set()


class Clocks(ast.NodeVisitor):
    """Follows the readings of a clock from name to name, and finds the conditions on them."""

    def __init__(self):
        self.read = set(CLOCKS)
        self.found = []

    def goes(self, sources, *targets):
        names = set().union(*map(changed, targets))
        self.read = self.read | names if sources & self.read else self.read
        if not sources & self.read and all(isinstance(t, ast.Name | ast.Tuple) for t in targets):
            self.read -= names

    def visit_Assign(self, node):
        self.generic_visit(node)
        self.goes(names_in(node.value), *node.targets)

    def visit_AugAssign(self, node):
        self.goes(names_in(node.value, node.target), node.target)

    def visit_For(self, node):
        self.goes(names_in(node.iter), node.target)
        self.generic_visit(node)

    def visit_FunctionDef(self, node):
        self.goes(names_in(*node.body), ast.Name(node.name))

    def visit_Call(self, node):
        self.generic_visit(node)
        given = names_in(*node.args, *(keyword.value for keyword in node.keywords))
        if getattr(node.func, "attr", "") in MUTATES and given & self.read:
            self.read |= changed(node.func.value)


def clocks_asserted(cells):
    """Names in conditions that a clock's reading has come into, and where."""
    clocks, found = Clocks(), []
    for i, tree in cells.items():
        for statement in tree.body:
            clocks.visit(statement)
            names = set().union(*map(names_in, conditions(statement))) & clocks.read
            found += [f"cell {i}: {', '.join(sorted(names))}"] if names else []
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_clock_is_asserted(path):
    assert clocks_asserted(cells_of(path)) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_rounding_may_be_exact(path):
    found = {i: [*map(rounding_asserted, conditions(tree))] for i, tree in cells_of(path).items()}
    assert {i: texts for i, texts in found.items() if any(texts)} == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("assert 0 < off < 1e-12", True),
        ("assert off < 1e-12 and off > 0", True),
        ("assert abs(a - b) != 0 and abs(a - b) <= 1 and abs(a - b) < 1e-9", True),
        ("claim('id', 'source', 'says', 'measured', 1e-9 > off > 0)", True),
        (
            "claim('id', 'source', 'says', 'measured', holds=0.0 < off < 1e-4, outcome='in part')",
            True,
        ),
        ("assert 0 <= off < 1e-12", False),
        ("assert 0 < share < 1", False),
        ("assert 0 < near and off < 1e-12", False),
        ("print(0 < off < 1e-12)", False),
    ],
)
def test_what_is_found_of_rounding(source, found):
    assert any(map(rounding_asserted, conditions(ast.parse(source)))) == found


CLOCK = "from time import perf_counter\nstart = perf_counter()\nwork()\n"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("assert perf_counter() - start < 1", True),
        ("spent = perf_counter() - start\nassert spent < 1", True),
        ("spent = []\nspent.append(perf_counter() - start)\nassert max(spent) < 1", True),
        ("ratio = {}\nratio['a'] = start / 2\nassert ratio['b'] < 1", True),
        ("def timed():\n    return start\n\nassert timed() < 1", True),
        ("for one in [start]:\n    kept = one\nassert all(k < 1 for k in [kept])", True),
        ("claim('id', 'source', 'says', f'{start}', holds=start < 1)", True),
        ("claim('id', 'source', 'says', f'{start}', holds=products < 1)", False),
        ("start = 3\nassert start < 4", False),
        ("spent = perf_counter() - start\nprint(spent)\nassert products < 1", False),
        ("import time\nspent = time.process_time()\nassert spent < 1", True),
    ],
)
def test_what_is_found_of_clocks(source, found):
    assert bool(clocks_asserted({0: ast.parse(CLOCK), 1: ast.parse(source)})) == found
