"""The files of requirements, the extras, the ranges and the lock agree with one another."""

import re
import tomllib
from importlib.metadata import distributions
from itertools import product
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = {
    "Linux": {"sys_platform": "linux", "os_name": "posix", "platform_system": "Linux"},
    "macOS": {"sys_platform": "darwin", "os_name": "posix", "platform_system": "Darwin"},
    "Windows": {"sys_platform": "win32", "os_name": "nt", "platform_system": "Windows"},
}


def requirements_in(name):
    """The requirements that a file lists itself, without those of another file or a folder."""
    lines = (ROOT / name).read_text("utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


def direct():
    """Every range that the project sets, in whichever file it stands."""
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    of_project = [Requirement(line) for lines in lists for line in lines]
    of_files = requirements_in("requirements.txt") + requirements_in("requirements-dev.txt")
    return [range for range in of_project + of_files if range.name != PROJECT["name"]]


DIRECT = direct()
LOCK = requirements_in("requirements.lock")


def locked(name, environment):
    """The lines of the lock that hold for a package in an environment."""
    lines = [line for line in LOCK if canonicalize_name(line.name) == canonicalize_name(name)]
    return [line for line in lines if not line.marker or line.marker.evaluate(environment)]


def environment(python, system):
    known = {"python_version": python, "python_full_version": f"{python}.9"}
    return {**default_environment(), **known, **SYSTEMS[system]}


def test_each_range_stands_in_one_place():
    names = [canonicalize_name(range.name) for range in DIRECT]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("range", DIRECT, ids=str)
def test_a_range_has_a_lower_end_and_the_lock_is_within_it(range):
    assert [part.operator for part in range.specifier if part.operator in (">=", "==")] == [">="]
    for python, system in product(PYTHONS, SYSTEMS):
        [line] = locked(range.name, environment(python, system))
        assert re.fullmatch(r"==[\w.]+", str(line.specifier))
        [pin] = line.specifier
        assert range.specifier.contains(pin.version), f"Python {python}, {system}"


def test_the_lock_has_one_version_of_a_package_for_each_python_and_system():
    for python, system, line in product(PYTHONS, SYSTEMS, LOCK):
        assert len(locked(line.name, environment(python, system))) <= 1, (line, python, system)


def test_the_lock_names_no_host_no_hash_and_nothing_for_a_graphics_card():
    text = (ROOT / "requirements.lock").read_text("utf-8")
    assert not re.search(r"https?:|--hash|--index|nvidia|cuda|triton|^-e", text, re.MULTILINE)


def test_what_is_installed_is_what_the_lock_names():
    installed = {canonicalize_name(found.name): found.version for found in distributions()}
    lines = [line for line in LOCK if not line.marker or line.marker.evaluate()]
    other = {
        str(line): installed.get(canonicalize_name(line.name))
        for line in lines
        if not line.specifier.contains(installed.get(canonicalize_name(line.name), "0"))
    }
    assert other == {}


def test_the_book_is_read_without_what_its_tests_need():
    """Else a reader would wait for a browser's driver."""
    names = {range.name for range in requirements_in("requirements.txt")}
    assert names.isdisjoint(range.name for range in requirements_in("requirements-dev.txt"))
    assert "-r requirements.txt" in (ROOT / "requirements-dev.txt").read_text("utf-8")
    assert "-e .[book]" in (ROOT / "requirements.txt").read_text("utf-8")
