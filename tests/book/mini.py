"""Build small books with the real book's settings and extensions, to test these."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).parents[2]


def write_notebook(path: Path, *cells: str, **metadata: dict) -> None:
    """Write a notebook: what begins with ``#``, ``:`` or ``<`` is Markdown, any other cell is code.

    ``metadata`` is the code cells' own.
    """
    made = []
    for i, source in enumerate(cells):
        if source.startswith(("# ", ":", "<")):
            made.append(new_markdown_cell(source, id=f"cell-{i}"))
        else:
            made.append(new_code_cell(source, id=f"cell-{i}", metadata=metadata))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=made, metadata={"kernelspec": kernel}), path)


def make_book(folder: Path, *, config: dict[str, str] | None = None) -> None:
    """Lay the real settings around the notebooks in ``folder/book``; ``config`` replaces text."""
    settings = (ROOT / "_config.yml").read_text("utf-8")
    for old, new in (config or {}).items():
        assert old in settings
        settings = settings.replace(old, new)
    (folder / "_config.yml").write_text(settings, "utf-8")
    for name in ("_ext", "_static"):
        (folder / "book" / name).symlink_to(ROOT / "book" / name)
    (folder / "book" / "references.bib").touch()
    pages = sorted(path.stem for path in (folder / "book").glob("*.ipynb") if path.stem != "index")
    chapters = "".join(f"  - file: book/{page}\n" for page in pages)
    toc = "format: jb-book\nroot: book/index\n" + (f"chapters:\n{chapters}" if chapters else "")
    (folder / "_toc.yml").write_text(toc, "utf-8")


def build(
    folder: Path, *, python_path: Path | None = None, strict: bool = True
) -> subprocess.CompletedProcess:
    """Build the book in ``folder`` as `make test` does, or as a reader, and return the process."""
    process = start(folder, python_path=python_path, strict=strict)
    out, err = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def start(
    folder: Path, *, python_path: Path | None = None, strict: bool = True
) -> subprocess.Popen:
    """Begin to build."""
    paths = [str(python_path)] if python_path else []
    paths += [os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else []
    # It hears an interrupt although this process may have been started without ears for one.
    hears = {} if os.name == "nt" else {"preexec_fn": _hear_interrupts}
    return subprocess.Popen(
        [sys.executable, ROOT / "book" / "build.py", folder],
        **hears,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "CONVERGE_STRICT": "1" if strict else "",
        },
    )


def _hear_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ran(output: str) -> set[str]:
    """Return the pages that a build says it runs."""
    found = re.findall(r"^\d+ to run, \d+ at a time: (.*)$", output, re.MULTILINE)
    return {page.removeprefix("book/") for pages in found for page in pages.split(", ")}
