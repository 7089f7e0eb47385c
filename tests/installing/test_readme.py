"""The README's commands are the workflow's, and both exist; so do the Pythons that they name."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "book"))

from install import FIRST, LAST  # noqa: E402 - book/install.py

README = (ROOT / "README.md").read_text("utf-8")
WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text("utf-8"))
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))
}
SUPPORTED = {f"{FIRST[0]}.{minor}" for minor in range(FIRST[1], LAST[1] + 1)}


def blocks(language, text=README):
    """The commands of a text's blocks in a language, without the comments beside them."""
    found = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    lines = [line for block in found for line in block.splitlines()]
    return [line.split(" #")[0].strip() for line in lines]


WITH_MAKE = [line for line in blocks("sh") if line.startswith("make ")]
WITHOUT_MAKE = [line for line in blocks("sh") if not line.startswith("make ")]
ON_WINDOWS = blocks("bat")


def commands(step):
    """The commands of a step of a workflow, without what ends it at the first that fails."""
    lines = step.get("run", "").splitlines()
    return [line.removesuffix(" || exit /b").strip() for line in lines]


STEPS = [
    (name, step)
    for name, workflow in WORKFLOWS.items()
    for job in workflow["jobs"].values()
    for step in job["steps"]
    if "run" in step
]


def test_the_readme_has_two_commands_with_make_and_three_without():
    assert WITH_MAKE == ["make book", "make test"]
    installs, builds, opens = ON_WINDOWS
    assert [line.replace("/", "\\").replace("\\bin\\", "\\Scripts\\") for line in WITHOUT_MAKE] == [
        installs.replace("python ", "python3 "),
        builds,
        opens,
    ]


def test_the_first_page_names_commands_of_the_readme():
    cells = json.loads((ROOT / "book" / "index.ipynb").read_text("utf-8"))["cells"]
    page = "\n".join("".join(cell["source"]) for cell in cells)
    assert blocks("sh", page) == ["make lab"]
    assert blocks("bat", page) == [ON_WINDOWS[0], ON_WINDOWS[2]]
    assert "`make lab`" in README


def test_the_workflow_runs_the_commands_of_the_readme():
    [windows] = [s for _, s in STEPS if s.get("if") == "runner.os == 'Windows'"]
    [others] = [s for _, s in STEPS if s.get("if") == "runner.os != 'Windows'"]
    assert commands(windows)[:2] == ON_WINDOWS[:2]
    assert commands(others)[:2] == WITHOUT_MAKE[:2]
    ends = windows["run"].splitlines()[:-1]  # cmd goes on after a command that fails
    assert windows["shell"] == "cmd"
    assert all(line.endswith(" || exit /b") for line in ends)
    # What follows is the same on both.
    same = [line.replace("\\", "/").replace("/Scripts/", "/bin/") for line in commands(windows)]
    assert [line.replace("python3 ", "python ") for line in commands(others)] == same


def test_continuous_integration_is_one_script_of_the_commands_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert [line for line in script if line.startswith("make ")][:2] == WITH_MAKE
    for name in ("book", "weekly"):
        assert ["bash .ci/run"] in [commands(step) for workflow, step in STEPS if workflow == name]


RUN = sorted({line for _, step in STEPS for line in commands(step)} | set(WITH_MAKE))


@pytest.mark.parametrize("line", RUN)
def test_a_command_names_what_exists(line):
    words = line.replace("\\", "/").replace("/Scripts/", "/bin/").split()
    if words[0] == "make":
        targets = [word for word in words[1:] if "=" not in word]
        dry = ["make", "--dry-run", *targets]
        assert not subprocess.run(dry, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode
        return
    files = [word for word in words[1:] if "/" in word or word.endswith((".txt", "tests"))]
    for file in files:
        assert (ROOT / file.removeprefix("--ignore=")).exists(), file


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_says_when_and_how_long(name):
    workflow = WORKFLOWS[name]
    assert workflow[True]  # YAML reads the word `on` as a truth value
    for job in workflow["jobs"].values():
        assert "timeout-minutes" in job or "run" not in str(job["steps"])
        for step in job["steps"]:
            assert ("run" in step) != ("uses" in step)


def test_the_weekly_workflow_runs_weekly_and_tries_both_ends():
    weekly = WORKFLOWS["weekly"]
    assert re.fullmatch(r"\d+ \d+ \* \* \d", weekly[True]["schedule"][0]["cron"])
    ran = [line for name, step in STEPS if name == "weekly" for line in commands(step)]
    assert ran == ["make lock NEWEST=1", "bash .ci/run", "make lowest"]


def test_the_pythons_that_are_tried_are_those_that_are_promised():
    jobs = WORKFLOWS["book"]["jobs"]
    tried = {entry["python"] for entry in jobs["elsewhere"]["strategy"]["matrix"]["include"]}
    [alone] = [s["with"]["python-version"] for s in jobs["build"]["steps"] if "setup" in str(s)]
    assert tried | {alone} == SUPPORTED
    systems = {entry["system"] for entry in jobs["elsewhere"]["strategy"]["matrix"]["include"]}
    assert systems == {"ubuntu-latest", "macos-latest", "windows-latest"}
    assert f"Python {min(SUPPORTED)} to {max(SUPPORTED)}" in README
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == f">={min(SUPPORTED)}"


def test_the_extras_that_the_readme_names_are_those_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = set(re.findall(r'"\.\[(\w+)\]"', README)) | set(re.findall(r"extra `(\w+)`", README))
    assert named == set(project["optional-dependencies"])
