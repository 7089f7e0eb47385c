"""The committed bundles are what their sources build, and small; JavaScript's own tests pass."""

import gzip
import json
import re

import pytest

from tests import node

NAMES = sorted(path.parent.name for path in node.WIDGETS.glob("*/widget.js"))


@pytest.fixture(scope="module", autouse=True)
def modules():
    node.install_modules()


def test_there_are_widgets():
    assert "descent_lab" in NAMES


def test_bundles_are_what_the_sources_build():
    checked = node.run("node", "build.mjs", "--check")
    assert checked.returncode == 0, checked.stderr


def test_types_hold():
    checked = node.run("node", "node_modules/typescript/bin/tsc")
    assert checked.returncode == 0, checked.stdout


def test_javascript_units():
    tests = sorted(
        str(path) for path in (node.WIDGETS.parents[1] / "tests/widgets").glob("*.test.mjs")
    )
    ran = node.run("node", "--test", "--test-reporter=tap", *tests)
    assert ran.returncode == 0, ran.stdout
    assert int(re.search(r"# pass (\d+)", ran.stdout)[1]) >= len(tests) > 0


@pytest.mark.parametrize("name", NAMES)
def test_bundles_are_small_and_need_nothing_else(name):
    script = (node.WIDGETS / "static" / f"{name}.js").read_text("utf-8")
    style = (node.WIDGETS / "static" / f"{name}.css").read_text("utf-8")
    assert len(script) <= 66_000
    assert len(gzip.compress(script.encode())) <= 26_000
    assert len(style) <= 16_000
    addresses = set(re.findall(r"https?://[^\s\"'`)]+", script + style))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # a name, never fetched
    assert not re.search(r"@import|url\(", style)
    assert not re.search(r"document\.querySelector|getElementById", script)


def test_the_lock_names_no_registry():
    lock = json.loads((node.WIDGETS / "package-lock.json").read_text("utf-8"))
    assert not [name for name, entry in lock["packages"].items() if "resolved" in entry]
