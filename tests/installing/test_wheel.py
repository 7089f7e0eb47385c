"""The wheel holds what the notebooks need, and nothing that belongs to the book or its tests."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_COPIED = (".git", ".venv", "_build", "node_modules", "__pycache__", "*.egg-info", ".hypothesis")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel from a copy, since setuptools leaves a folder beside what it builds from."""
    source = tmp_path_factory.mktemp("source") / "converge"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*NOT_COPIED))
    out = source.parent / "wheel"
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-build-isolation", "--wheel-dir", str(out), str(source)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    [path] = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_it_is_small_enough_to_wait_for(wheel):
    assert wheel.stat().st_size < 20e6


@pytest.mark.parametrize(
    "pattern",
    [
        "*.py",
        "experiments/results/*.json",
        "widgets/static/*",
        "data/mnist/*.gz",
        "data/imagenet_classes.txt",
        "widgets/descent_lab/tuned.json",
    ],
)
def test_it_holds_all_that_the_notebooks_use(names, pattern):
    library = ROOT / "converge_lib"
    wanted = {path.relative_to(ROOT).as_posix() for path in library.rglob(pattern)}
    wanted = {name for name in wanted if "node_modules" not in name and ".unfinished." not in name}
    assert wanted
    assert wanted <= names


def test_it_holds_neither_tests_nor_the_book(names):
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"converge_lib"}
    assert not [name for name in names if name.endswith((".mjs", ".ipynb", "package.json"))]
