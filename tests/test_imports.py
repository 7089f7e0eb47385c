"""Who may import whom: nothing imports upwards, and surfaces and solvers need NumPy alone."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "converge_lib"
SHELVES = {"descent", "signal", "noise", "structure", "pretraining"}
BELOW = {"_validation", "_extras"}
GROUND = {"data", "training", "plotting", "claims", "recorded", "card"} | BELOW
TOP = {"widgets", "exercises", "experiments"}


def part(module):
    """The part of the library that a dotted name is of: converge_lib.descent.newton → descent."""
    names = module.split(".")
    return names[1] if names[0] == "converge_lib" and len(names) > 1 else None


def may_import(importer, imported):
    if importer == imported or imported in BELOW:
        return True
    if importer in GROUND:
        # Plots are of surfaces and results, so plotting also knows descent.
        return imported in GROUND or (importer, imported) == ("plotting", "descent")
    if importer in SHELVES:
        return imported in GROUND | {"descent"}
    return importer in TOP and imported in GROUND | SHELVES


def imports_of(source, package):
    """Every dotted name that a module imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")
            base = above[: len(above) - node.level + 1] if node.level else []
            prefix = [*base, node.module] if node.module else base
            # The name may be a module itself: from converge_lib import plotting
            yield from (".".join([*prefix, alias.name]) for alias in node.names)


def violations(path, source):
    parts = path.relative_to(ROOT).with_suffix("").parts
    importer = parts[1] if len(parts) > 2 or parts[-1] != "__init__" else None
    package = ".".join(parts[:-1])
    return [
        name
        for name in imports_of(source, package)
        if part(name) and (not may_import(importer, part(name)))
    ]


MODULES = sorted(p for p in LIBRARY.rglob("*.py") if "node_modules" not in p.parts)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_module_imports_upwards(path):
    assert violations(path, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("where", "source"),
    [
        ("descent/newton.py", "from converge_lib.widgets import DescentLab"),
        ("descent/newton.py", "def f():\n    import converge_lib.exercises.exercise"),
        ("descent/newton.py", "from converge_lib import signal"),
        ("descent/newton.py", "from ..exercises import check"),
        ("signal/backprop.py", "from converge_lib.noise import dropout"),
        ("claims.py", "from converge_lib.descent import descend"),
        ("widgets/lab/widget.py", "from converge_lib.exercises import check"),
        ("__init__.py", "from converge_lib.descent import descend"),
    ],
)
def test_an_upward_import_would_be_seen(where, source):
    assert violations(LIBRARY / where, source)


@pytest.mark.parametrize(
    ("where", "source"),
    [
        ("signal/backprop.py", "from converge_lib.descent import descend\nimport torch"),
        ("plotting.py", "from converge_lib.descent import Result"),
        ("widgets/lab/widget.py", "from converge_lib.descent import surface"),
        ("descent/newton.py", "from converge_lib.descent.objective import Trace"),
    ],
)
def test_a_downward_import_is_allowed(where, source):
    assert not violations(LIBRARY / where, source)


def loaded_by(statement):
    """The modules in memory after a statement in a fresh interpreter."""
    code = f"import sys; {statement}; print(*sorted(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return {name.split(".")[0] for name in run.stdout.split()}


HEAVY = {"torch", "matplotlib", "scipy", "IPython", "anywidget", "ipywidgets"}


@pytest.mark.parametrize(
    "module",
    ["converge_lib", "converge_lib.descent.surfaces", "converge_lib.descent.solvers"],
)
def test_surfaces_and_solvers_need_numpy_alone(module):
    assert not loaded_by(f"import {module}") & HEAVY


@pytest.mark.parametrize(
    "module", ["descent", "plotting", "claims", "exercises", "widgets", "descent.newton"]
)
def test_torch_is_loaded_only_by_what_uses_it(module):
    assert "torch" not in loaded_by(f"import converge_lib.{module}")


def test_a_loaded_module_would_be_seen():
    assert "matplotlib" in loaded_by("import converge_lib.plotting")
