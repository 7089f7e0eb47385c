"""Install the lower end of each range, and try it: the library's tests, and a chapter's page.

`make lowest` runs this; it takes as long as `make test`, and is no part of it.
"""

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
    versions, toc = FOLDER / "requirements.lock", FOLDER / "_toc.yml"
    versions.unlink(missing_ok=True)
    lock.resolve(versions, "--resolution", "lowest-direct")
    toc.write_text(TOC, "utf-8")
    if failed := install.install("requirements-dev.txt", FOLDER / "venv", str(versions)):
        return failed
    bin = FOLDER / "venv" / "bin"
    tests = ["tests", "converge_lib", "--ignore=tests/book", "--ignore=tests/widgets"]
    tests += ["--ignore=tests/installing"]  # which holds .venv to the other lock
    # What an old release does is new to none of us, but its newest dependencies warn of it.
    tests += ["--override-ini=filterwarnings="]
    shutil.rmtree(FOLDER / "book", ignore_errors=True)
    for command in (
        [bin / "python", "-m", "pytest", "-n", "auto", *tests],
        [bin / "jupyter-book", "build", "--toc", toc, "--path-output", FOLDER / "book", "."],
    ):
        if failed := subprocess.run(command, cwd=ROOT, check=False).returncode:
            return failed
    return 0


if __name__ == "__main__":
    sys.exit(main())
