"""Install the lower end of each range, and try it: the library's tests, and a chapter's page.

`make lowest` runs this; it takes as long as `make test`, and is no part of it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book"))

import install  # noqa: E402 - book/install.py
import lock  # noqa: E402 - book/lock.py

FOLDER = ROOT / "_build" / "lowest"
TOC = """\
format: jb-book
root: book/index
chapters:
  - file: book/descent/curvature
"""


def main() -> int:
    """Return 0 where all goes well, else the status of what failed."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    versions = FOLDER / "requirements.lock"
    versions.unlink(missing_ok=True)
    lock.resolve(versions, "--resolution", "lowest-direct")
    if failed := install.install("requirements-dev.txt", FOLDER / "venv", str(versions)):
        return failed
    root = FOLDER / "root"  # what is executed there is not taken for what the lock gives
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(ROOT / "book", root / "book")
    shutil.copy(ROOT / "_config.yml", root)
    (root / "_toc.yml").write_text(TOC, "utf-8")
    bin = FOLDER / "venv" / "bin"
    tests = ["tests", "converge_lib", "--ignore=tests/book", "--ignore=tests/widgets"]
    tests += ["--ignore=tests/installing"]  # which holds .venv to the other lock
    # What an old release does is new to none of us, but its newest dependencies warn of it.
    tests += ["--override-ini=filterwarnings="]
    for command in (
        [bin / "ruff", "check", "."],
        [bin / "ruff", "format", "--check", "."],
        [bin / "python", "-m", "pytest", "-n", "auto", *tests],
        [bin / "python", "book/build.py", root],
    ):
        strict = {**os.environ, "CONVERGE_STRICT": "1"}
        if failed := subprocess.run(command, cwd=ROOT, env=strict, check=False).returncode:
            return failed
    return 0


if __name__ == "__main__":
    sys.exit(main())
