"""Install the book: make the environment `.venv` and put the versions of the lock into it.

    python3 book/install.py                        to read, run and build
    python3 book/install.py requirements-dev.txt   to test as well
    python3 book/install.py --into FOLDER          into another environment than .venv

Every way to the book comes through here: `make`, readers without make, Binder, the workflow.

On Linux the PyTorch of the ordinary registry brings CUDA with it, 2.9 GB instead of 0.2, and the
book computes on the processor. So PyTorch alone is asked for first, from its own index of builds
for the processor. Where that does not answer, the ordinary one is as good, and larger.

The file is one that any Python 3 reads, so that an old one can be told so.
"""

import argparse
import os
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FIRST, LAST = (3, 11), (3, 14)
CPU_BUILDS = "https://download.pytorch.org/whl/cpu"


def install(requirements: str, into: Path, lock: str) -> int:
    """Install what a file of requirements names, and return pip's exit status.

    Args:
        requirements: the file; a relative path is one from the book's root.
        into: the folder of the environment, made where there is none that works.
        lock: the file of versions, in the same way. It constrains and does not command, so that
            reading and testing share it.

    Raises:
        SystemExit: there is no environment, and none can be made with this Python.
    """
    if (sys.platform, platform.machine()) == ("darwin", "x86_64"):
        sys.exit("Converge needs PyTorch, which is made for Macs with Apple silicon alone.")
    python = python_of(into)
    if not works(python):
        make_environment(into)
    print(f"Installing {requirements} into {into}: the first time takes minutes.", flush=True)
    # Twice quiet: pip warns of much that is of no consequence here, and errors still show.
    pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "-c", lock]
    if sys.platform == "linux":
        quick = ["--index-url", CPU_BUILDS, "--no-deps", "--retries", "1", "--timeout", "15"]
        asked = subprocess.run([*pip, *quick, "torch"], cwd=str(ROOT), stderr=subprocess.PIPE)
        if asked.returncode:
            why = ((asked.stderr or b"").decode("utf-8", "replace").strip().splitlines() or ["?"])[
                -1
            ]
            if "[Errno" in why and "onnection" not in why:  # of this machine, a full disk for one
                print(why)
                return asked.returncode
            print("PyTorch's builds for the processor are out of reach, so it takes the ordinary")
            print(f"one, which is larger. ({why})")
    return subprocess.run([*pip, "-r", requirements], cwd=str(ROOT)).returncode


def python_of(environment: Path) -> Path:
    """Return where the Python of an environment lies."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def works(python: Path) -> bool:
    """Tell whether an environment's Python starts, has pip and is one that the book runs on."""
    code = f"import sys, pip; sys.exit(not {FIRST} <= sys.version_info[:2] <= {LAST})"
    try:
        return not subprocess.run([str(python), "-c", code], stderr=subprocess.PIPE).returncode
    except OSError:  # there is none, or it is a link to one that has been removed
        return False


def make_environment(into: Path) -> None:
    """Make an environment in place of none, or of one that does not work."""
    found = sys.version_info[:2]
    if not FIRST <= found <= LAST:
        again = "make book PYTHON=python3.12" if "MAKELEVEL" in os.environ else None
        again = again or ("py -3.12" if os.name == "nt" else "python3.12") + " book/install.py"
        sys.exit(
            "Converge needs Python {}.{} to {}.{}, and {} is {}.{}.{}: {}".format(
                *FIRST, *LAST, Path(sys.executable).stem, *sys.version_info[:3], again
            )
        )
    if into.is_dir() and os.listdir(str(into)) and not (into / "pyvenv.cfg").exists():
        sys.exit(f"{into} is no environment of Python's: name another folder, or remove it.")
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(into)])
    if made.returncode:
        sys.exit(made.returncode)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("requirements", nargs="?", default="requirements.txt")
    parser.add_argument("--into", type=Path, default=ROOT / ".venv", metavar="FOLDER")
    parser.add_argument("--lock", default="requirements.lock", metavar="FILE")
    given = parser.parse_args()
    try:
        sys.exit(install(given.requirements, Path(os.path.abspath(given.into)), given.lock))
    except KeyboardInterrupt:
        sys.exit("\nStopped. The next time goes on from there.")
