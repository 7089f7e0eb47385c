"""Run the notebooks where nothing but a kernel is installed, as a reader on Colab does.

``python tests/elsewhere.py [structure/maxout …]`` builds the wheel, makes an environment with
ipykernel alone, and executes the notebooks named, or all, each in an empty folder. The library
comes from the notebook's own first cell, which finds the wheel here instead of at the book's
address, and with it whatever the package says that it needs. Exits 1 if a notebook stops.

The versions are those of the lock, unless ``PIP_CONSTRAINT`` names others; the libraries' variables
are passed on (``OMP_NUM_THREADS``, ``ATEN_CPU_CAPABILITY``).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "book" / "_ext")]

import plain  # noqa: E402 - book/_ext/plain.py

TIMEOUT = 1800  # seconds a cell: the first one downloads


def build_wheel(folder: Path) -> Path:
    """Build the library's wheel from a copy, since a build leaves files behind."""
    source = folder / "source"
    ignore = shutil.ignore_patterns("node_modules", "__pycache__")
    shutil.copytree(ROOT / "converge_lib", source / "converge_lib", ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", source)
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", folder / "wheels", source)
    return folder / "wheels"


def make_kernel(folder: Path) -> None:
    """Make an environment with ipykernel alone, and call it the kernel ``elsewhere``."""
    venv.create(folder / "venv", with_pip=True)
    python = next((folder / "venv").glob("[bS]*/python*"))  # bin, or Scripts on Windows
    pip(python, "install", "ipykernel")
    kernel = folder / "jupyter" / "kernels" / "elsewhere" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    command = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    specification = {"argv": command, "display_name": "Elsewhere", "language": "python"}
    kernel.write_text(json.dumps(specification), "utf-8")
    os.environ["JUPYTER_PATH"] = str(folder / "jupyter")


def pip(python: Path | str, *arguments: Path | str) -> None:
    """Run pip for ``python``; it says errors alone."""
    subprocess.run([python, "-m", "pip", "-qq", *arguments], check=True)


def stage(path: Path, folder: Path) -> Path:
    """Copy a notebook into an empty folder of its own; its library comes from the wheel."""
    notebook = nbformat.read(path, as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert first.id == plain.INSTALL, f"{path} must begin with the cell that installs the library"
    source = "".join(plain.install_cell({"url": "https://an.address", "branch": "main"})["source"])
    first.source = re.sub(r" @ git\+[^\"]*", "", source)
    copy = folder / "notebooks" / path.stem / path.name
    copy.parent.mkdir(parents=True)
    nbformat.write(notebook, copy)
    return copy


def execute(copies: list[Path], folder: Path) -> bool:
    """Run notebooks to their ends, side by side; tell whether all got there."""
    settings = folder / "pytest.ini"
    settings.write_text("[pytest]\n", "utf-8")  # not those of the book's own tests
    command = [sys.executable, "-m", "pytest", "-c", str(settings), "-p", "no:cacheprovider"]
    command += ["--nbmake", "--nbmake-kernel=elsewhere", f"--nbmake-timeout={TIMEOUT}"]
    command += ["-q", "--durations=0", "-n", str(min(os.cpu_count() or 1, len(copies)))]
    return subprocess.run([*command, *map(str, copies)], check=False).returncode == 0


def main(names: list[str]) -> int:
    """Run the notebooks, the first alone: its first cell installs what all of them need."""
    paths = [ROOT / "book" / f"{name}.ipynb" for name in names] or sorted(
        path for path in (ROOT / "book").rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts
    )
    os.environ.setdefault("PIP_CONSTRAINT", str(ROOT / "requirements.lock"))
    os.environ.pop("PYTHONPATH", None)  # no library but the one that the notebook installs
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_kernel(folder)
        links = [os.environ.get("PIP_FIND_LINKS", ""), str(build_wheel(folder))]
        os.environ["PIP_FIND_LINKS"] = " ".join(links).strip()
        copies = [stage(path, folder) for path in paths]
        batches = [copies[:1], copies[1:]]
        return int(not all([execute(batch, folder) for batch in batches if batch]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
