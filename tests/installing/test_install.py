"""Installing: which Python, into what, from where; and what is left when it fails."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "book"))

import install  # noqa: E402 - book/install.py

SENTENCE = "Converge needs Python 3.11 to 3.14, and python3 is {}: {}\n"


def run_as(release, *arguments, **environment):
    """Run install.py with a Python that believes it is another release."""
    code = (
        f"import runpy, sys; sys.version_info = {release}; sys.executable = '/usr/bin/python3'; "
        f"sys.argv = {['install.py', *arguments]}; "
        f"runpy.run_path({str(ROOT / 'book' / 'install.py')!r}, run_name='__main__')"
    )
    clean = {name: value for name, value in os.environ.items() if name != "MAKELEVEL"}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,  # or it would install
        env={**clean, **environment},
    )


@pytest.mark.parametrize("release", [(3, 10, 12), (3, 6, 15), (3, 15, 0)])
@pytest.mark.parametrize(
    ("environment", "again"),
    [
        ({"MAKELEVEL": "1"}, "make book PYTHON=python3.12"),
        ({}, ("py -3.12" if os.name == "nt" else "python3.12") + " book/install.py"),
    ],
)
def test_another_python_is_refused_in_a_sentence(tmp_path, release, environment, again):
    into = tmp_path / "environment"
    run = run_as(release, "--into", str(into), **environment)
    assert run.returncode == 1
    assert run.stderr == SENTENCE.format(".".join(map(str, release)), again)
    assert not into.exists()


def test_an_old_python_can_read_the_sentence():
    ast.parse((ROOT / "book" / "install.py").read_text("utf-8"), feature_version=(3, 6))


def write_python(into, says):
    """Write an environment whose Python is a script: ``says`` is what it exits with."""
    if os.name == "nt":
        pytest.skip("no script can stand for Python there")
    python = install.python_of(into)
    python.parent.mkdir(parents=True)
    (into / "pyvenv.cfg").touch()
    python.write_text(f"#!/bin/sh\nexit {says}\n")
    python.chmod(0o755)
    return python


def test_an_environment_that_works_is_kept(tmp_path):
    assert install.works(write_python(tmp_path, says=0))


def test_an_environment_is_made_where_there_is_none(tmp_path):
    python = install.python_of(tmp_path / ".venv")
    assert not install.works(python)
    install.make_environment(tmp_path / ".venv")
    assert install.works(python)


@pytest.mark.parametrize("kind", ["old", "dangling"])
def test_an_environment_that_does_not_work_is_made_anew(tmp_path, kind):
    into = tmp_path / ".venv"
    python = write_python(into, says=1)
    (into / "read").touch()  # it had been finished
    if kind == "dangling":
        python.unlink()
        python.symlink_to(tmp_path / "removed")
    assert not install.works(python)
    install.make_environment(into)
    assert install.works(python)
    assert not (into / "read").exists()


def test_another_folder_is_left_as_it_is(tmp_path):
    (tmp_path / "letter.txt").touch()
    with pytest.raises(SystemExit, match="is no environment"):
        install.make_environment(tmp_path)
    assert (tmp_path / "letter.txt").exists()


@pytest.fixture
def commands(monkeypatch):
    """Record the commands that an installation runs; each ends with the next status of a list."""

    def record(system, statuses, says=b""):
        ran, ends = [], iter(statuses)

        def run(command, **options):
            ran.append(command)
            return subprocess.CompletedProcess(command, next(ends), stderr=says)

        monkeypatch.setattr(install.subprocess, "run", run)
        monkeypatch.setattr(install.sys, "platform", system)
        monkeypatch.setattr(install, "works", lambda python: True)
        return ran

    return record


@pytest.mark.parametrize("reachable", [True, False])
def test_on_linux_torch_comes_from_the_builds_for_the_processor_if_it_can(commands, reachable):
    ran = commands("linux", [0 if reachable else 1, 0])
    assert install.install("requirements.txt", ROOT / ".venv", "requirements.lock") == 0
    torch, rest = ran
    assert torch[-1] == "torch"
    assert torch[torch.index("--index-url") + 1] == install.CPU_BUILDS
    assert int(torch[torch.index("--retries") + 1]) * int(torch[torch.index("--timeout") + 1]) < 20
    assert "--index-url" not in rest
    assert rest[-2:] == ["-r", "requirements.txt"]
    for command in ran:
        assert command[command.index("-c") + 1] == "requirements.lock"


REACHED = (
    b"ERROR: Could not find a version that satisfies the requirement torch (from versions: none)"
)
FULL = b"WARNING: x\nERROR: Could not install packages due to an OSError: [Errno 28] No space left"
CUT = b"ERROR: ... HTTPSConnectionPool: Connection broken: [Errno 104] Connection reset by peer"


@pytest.mark.parametrize(
    ("says", "goes_on"), [(REACHED, True), (CUT, True), (FULL, False), (b"", True)]
)
def test_why_those_builds_were_not_taken_is_said_and_a_full_disk_ends_it(
    commands, capsys, says, goes_on
):
    ran = commands("linux", [1, 0], says)
    status = install.install("requirements.txt", ROOT / ".venv", "requirements.lock")
    assert (status == 0, len(ran)) == ((True, 2) if goes_on else (False, 1))
    assert (says.decode().splitlines() or ["?"])[-1] in capsys.readouterr().out


def test_a_mac_that_pytorch_is_not_made_for_is_refused(commands, monkeypatch):
    ran = commands("darwin", [])
    monkeypatch.setattr(install.platform, "machine", lambda: "x86_64")
    with pytest.raises(SystemExit, match="Apple silicon"):
        install.install("requirements.txt", ROOT / ".venv", "requirements.lock")
    assert ran == []


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_elsewhere_the_ordinary_build_is_for_the_processor(commands, monkeypatch, system):
    ran = commands(system, [0])
    monkeypatch.setattr(install.platform, "machine", lambda: "arm64")
    install.install("requirements.txt", ROOT / ".venv", "requirements.lock")
    [command] = ran
    assert "--index-url" not in command


def test_the_index_of_those_builds_stands_in_one_place():
    host = install.CPU_BUILDS.split("/")[2].encode()
    shown = [path for path in ROOT.iterdir() if path.name not in (".git", ".venv", "_build")]
    files = [file for path in shown for file in (path, *path.rglob("*")) if file.is_file()]
    ours = [file for file in files if "node_modules" not in file.parts and file.suffix != ".pyc"]
    holding = [file.name for file in ours if host in file.read_bytes()]
    assert holding == ["install.py"]


def test_pips_failure_is_the_installations(commands):
    commands("linux", [0, 2])
    assert install.install("requirements.txt", ROOT / ".venv", "requirements.lock") == 2


@pytest.fixture
def clone(tmp_path):
    """Write what `make .venv/read` looks at, with an installation that only notes that it ran."""
    for name in ("Makefile", "requirements.txt", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "book").mkdir()
    script = "import pathlib, sys\npathlib.Path('ran').open('a').write('once ')\n"
    script += "sys.exit(pathlib.Path('fails').exists())\n"
    (tmp_path / "book" / "install.py").write_text(script)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    return tmp_path


def make(clone, *targets):
    return subprocess.run(
        ["make", f"PYTHON={sys.executable}", *targets],
        cwd=clone,
        capture_output=True,
        text=True,
        check=False,
    )


def times(clone):
    return (clone / "ran").read_text().split() if (clone / "ran").exists() else []


@pytest.mark.skipif(os.name == "nt", reason="make is not what readers on Windows have")
def test_make_installs_once_again_after_a_failure_and_again_without_its_python(clone):
    (clone / "fails").touch()
    assert make(clone, ".venv/read").returncode
    assert not (clone / ".venv" / "read").exists()
    (clone / "fails").unlink()
    assert make(clone, ".venv/read").returncode == 0
    assert make(clone, ".venv/read").returncode == 0
    assert len(times(clone)) == 2
    (clone / ".venv" / "bin" / "python").unlink()
    (clone / ".venv" / "bin" / "python").symlink_to("removed")
    assert make(clone, ".venv/read").returncode == 0
    assert len(times(clone)) == 3
