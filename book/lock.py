"""Write requirements.lock: the versions that are installed, for every Python and every system.

    python book/lock.py            keep the versions that still fit, add what is missing
    python book/lock.py --newest   the newest of everything that the ranges allow

There are no hashes in it. pip can hold neither an editable package nor constraints to them, and
PyTorch's builds for the processor have others than those of the ordinary registry.
"""

import re
import subprocess
import sys
from pathlib import Path

from install import FIRST
from uv import find_uv_bin

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
HEAD = """\
# The versions that are installed, for every Python and every system that the book supports.
# `make lock` writes them, from the ranges in requirements-dev.txt and pyproject.toml.
"""
# What the ordinary build of PyTorch needs to run on a graphics card; it names the versions itself.
CUDA = re.compile(r"(cuda|nvidia|triton)\b.*")


def resolve(into: Path, *options: str) -> None:
    """Write one version of each package that the requirements need, directly or not.

    Args:
        into: the file; versions in it are kept where they fit.
        options: more of uv's options.
    """
    command = [find_uv_bin(), "pip", "compile", "--quiet", "--no-header", "--no-annotate"]
    command += ["--python-version", "{}.{}".format(*FIRST), "--no-emit-package", "converge-lib"]
    command += ["requirements-dev.txt", "--output-file", str(into), *options]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    lines = into.read_text("utf-8").splitlines()
    kept = [line for line in lines if not CUDA.fullmatch(line)]
    into.write_text(HEAD + "\n".join(kept) + "\n", "utf-8")


if __name__ == "__main__":
    resolve(LOCK, "--universal", *(["--upgrade"] if "--newest" in sys.argv[1:] else []))
