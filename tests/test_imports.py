"""Who may import whom: nothing imports upwards, and surfaces and solvers need NumPy alone."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from converge_lib import widgets
from converge_lib.exercises import exercises

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "converge_lib"
SHELVES = {"descent", "signal", "noise", "structure", "pretraining"}
BELOW = {"_validation", "_extras"}
GROUND = {"data", "training", "plotting", "card", "claims", "recorded", "difference", "rounding"}
GROUND |= BELOW
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


def printed_by(code, **environment):
    """What code prints in a fresh interpreter, by lines of words."""
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    return [line.split() for line in run.stdout.splitlines()]


def loaded_by(statement):
    """The modules in memory after a statement in a fresh interpreter."""
    (names,) = printed_by(f"import sys; {statement}; print(*sorted(sys.modules))")
    return {name.split(".")[0] for name in names}


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


# ── A page stands on what it shows, and on nothing else ──────────────────────────────────────────


def test_a_figure_is_imported_with_no_other():
    lines = printed_by("""
import sys
from converge_lib import widgets
for name in widgets.__all__:
    figure = getattr(widgets, name)
    loaded = [m for m in sys.modules if m.startswith("converge_lib.widgets.") and m.count(".") > 2]
    print(figure.__module__, *{module.rpartition(".")[0] for module in loaded})
""")
    seen = set()
    for own, *folders in lines:
        seen.add(own.rpartition(".")[0])
        assert set(folders) == seen
    assert len(lines) == len(seen) == len(widgets.__all__) > 1


def test_the_names_of_the_figures_are_told_to_editors_and_to_readers():
    tree = ast.parse(Path(widgets.__file__).read_text(encoding="utf-8"))
    (told,) = (node.body for node in tree.body if isinstance(node, ast.If))
    assert [node.names[0].name for node in told] == widgets.__all__
    for node in told:
        assert getattr(widgets, node.names[0].name).__module__ == node.module
    assert set(widgets.__all__) <= set(dir(widgets))
    folders = [path.parent.name for path in sorted(LIBRARY.glob("widgets/*/widget.py"))]
    assert [node.module.split(".")[2] for node in told] == folders


def test_a_figure_that_there_is_not_is_refused_as_in_any_module():
    with pytest.raises(AttributeError, match="has no attribute 'Descent'"):
        _ = widgets.Descent
    with pytest.raises(ImportError, match="cannot import name 'rate'"):
        from converge_lib.widgets import rate  # noqa: F401


CHAPTERS = {}
for exercise in exercises().values():
    CHAPTERS.setdefault(type(exercise).__module__, []).append(exercise.id)


@pytest.mark.parametrize("module", CHAPTERS)
def test_an_exercise_is_imported_with_no_other_chapter_s(module, tmp_path):
    code = f"""
import sys
from converge_lib.exercises import check, hint, solution
for id in {CHAPTERS[module]}:
    for card in (check(id, None), hint(id), solution(id)):
        assert card.title != "Unknown exercise"
print(*sys.modules)
"""
    (loaded,) = printed_by(code, CONVERGE_PROGRESS=str(tmp_path / "progress.json"))
    assert set(loaded) & set(CHAPTERS) == {module}


def test_an_unknown_exercise_is_looked_for_in_every_chapter():
    code = "import sys; from converge_lib.exercises import check; check('descent.no', None)"
    (loaded,) = printed_by(f"{code}; print(*sys.modules)")
    assert set(CHAPTERS) <= set(loaded)
