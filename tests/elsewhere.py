"""Run the notebooks where nothing but a kernel is installed, as a reader on Colab does.

``python tests/elsewhere.py [structure/maxout …]`` builds the wheel, makes an environment with
ipykernel alone, and executes the notebooks named, or all, each in an empty folder. The library
comes from the notebook's own first cell, which finds the wheel here instead of at the book's
address, and with it whatever the package says that it needs. Exits 1 if a notebook stops.

pip's and the libraries' variables are passed on (``PIP_CONSTRAINT``, ``OMP_NUM_THREADS``).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).parents[1]
TIMEOUT = 1800  # seconds a cell: the first one downloads


def build_wheel(folder: Path) -> Path:
    """Build the library's wheel from a copy, since a build leaves files behind."""
    source = folder / "source"
    ignore = shutil.ignore_patterns("node_modules", "__pycache__")
    shutil.copytree(ROOT / "converge_lib", source / "converge_lib", ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", source)
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", folder / "wheels", source)
    return folder / "wheels"


def make_kernel(folder: Path) -> Path:
    """Make an environment with ipykernel alone, as the kernel ``elsewhere``; return its Python."""
    venv.create(folder / "venv", with_pip=True)
    python = next((folder / "venv").glob("[bS]*/python*"))  # bin, or Scripts on Windows
    pip(python, "install", "ipykernel")
    kernel = folder / "jupyter" / "kernels" / "elsewhere" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    command = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    specification = {"argv": command, "display_name": "Elsewhere", "language": "python"}
    kernel.write_text(json.dumps(specification), "utf-8")
    os.environ["JUPYTER_PATH"] = str(folder / "jupyter")
    return python


def pip(python: Path | str, *arguments: Path | str) -> None:
    """Run pip for ``python``; it says errors alone."""
    subprocess.run([python, "-m", "pip", "-qq", *arguments], check=True)


def execute(path: Path, folder: Path) -> str | None:
    """Execute a notebook in ``folder``; return what stopped it, or None."""
    notebook = nbformat.read(path, as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    first.source = re.sub(r" @ git\+[^\"]*", "", first.source)
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, timeout=TIMEOUT, kernel_name="elsewhere", resources=resources)
    try:
        client.execute()
    except CellExecutionError as stopped:
        return str(stopped)
    return None


def main(names: list[str]) -> int:
    """Run the notebooks and say how each went."""
    paths = [ROOT / "book" / f"{name}.ipynb" for name in names] or sorted(
        path for path in (ROOT / "book").rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts
    )
    os.environ.pop("PYTHONPATH", None)  # no library but the one that the notebook installs
    stopped = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        python = make_kernel(folder)
        links = [os.environ.get("PIP_FIND_LINKS", ""), str(build_wheel(folder))]
        os.environ["PIP_FIND_LINKS"] = " ".join(links).strip()
        for path in paths:
            pip(python, "uninstall", "--yes", "converge-lib")
            empty = Path(tempfile.mkdtemp(dir=folder))
            start = time.monotonic()
            error = execute(path, empty)
            stopped += error is not None
            print(
                f"{path.stem}: {error or 'all cells'} ({time.monotonic() - start:.0f} s)",
                flush=True,
            )
    return 1 if stopped else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
