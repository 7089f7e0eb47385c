r"""Build the book: `make book` runs this, or without make `.venv\Scripts\python book\build.py`.

The book is built beside the published one and takes its place when it is whole. So `_build/html` is
always the last good book, however a build ends: stopped, failed, killed, on a full disk. What had
finished is kept, and the next build goes on from there.

A reader's build always ends with a book. Where this machine differs from the one the book was
written on, the page says so at its place, and a list ends the build. The exit status is 1 only
where a page lacks something: a cell stopped, and not for an assertion. With CONVERGE_STRICT=1, as
`make test` sets it, each difference and each warning fails the build. There is a book all the same.
"""

from __future__ import annotations

import ctypes
import importlib.util
import io
import os
import shutil
import sys
import textwrap
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

try:
    from filelock import FileLock, Timeout
except ModuleNotFoundError:
    sys.exit("The book is not installed in this Python. The README says how: book/install.py")

if TYPE_CHECKING:
    from differences import Difference

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_ext"))


@dataclass
class Report:
    """What the end of a build has to say."""

    differences: list[tuple[str, Difference]] = field(default_factory=list)  # by page
    warnings: list[str] = field(default_factory=list)


class Refused(Exception):
    """There is no sense in going on; the message says why."""


def main(root: Path) -> int:
    """Build the book whose `_config.yml` lies in ``root``; return the exit status."""
    strict = os.environ.get("CONVERGE_STRICT") == "1"
    folder = root / "_build"
    published = folder / "html"
    address = (published / "index.html").as_uri()
    try:
        _uses_its_own_library(root)
        folder.mkdir(exist_ok=True)
        with _alone(folder / "build.lock"):
            restore(published)
            report = build(root, folder / "work")
            publish(folder / "work" / "html", published)
    except KeyboardInterrupt:
        print("\nStopped. What has finished is kept: the next build goes on from there.")
        status = 130
    except Exception as error:
        print(f"\nThe book was not built. {_in_words(error)}")
        status = 1
    else:
        status = _say(report, strict)
        print(f"The book: {address}")
        return status
    if (published / "index.html").exists():
        print(f"The last good book is where it was: {address}")
    return status


def _uses_its_own_library(root: Path) -> None:
    """Refuse an environment that came along when the folder was copied, or was made for another."""
    found = importlib.util.find_spec("converge_lib")
    own = root / "converge_lib"
    if not (found and found.origin and own.is_dir()):
        return
    used = Path(found.origin).resolve().parent
    if used != own.resolve():
        raise Refused(
            f"This Python, {sys.prefix}, has the library of another folder, {used}. "
            "Remove that environment, and install the book here."
        )


def build(root: Path, work: Path) -> Report:
    """Build into ``work / "html"``, and read the pages that have changed only."""
    # When jsonschema is imported, it takes seconds to make parsers of international addresses with
    # this package. Without it, it makes none, and no notebook has an address to check.
    sys.modules.setdefault("rfc3987_syntax", None)
    from differences import find
    from execution import executed
    from jupyter_book.config import get_final_config
    from sphinx.application import Sphinx
    from sphinx.util.console import nocolor
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    html, doctrees, unfinished = work / "html", work / "doctrees", work / "unfinished"
    if unfinished.exists():  # Sphinx cannot tell which of its pages are whole
        shutil.rmtree(html, ignore_errors=True)
    work.mkdir(exist_ok=True)
    unfinished.touch()

    nocolor()
    toc = {"external_toc_path": str(root / "_toc.yml"), "latex_individualpages": False}
    settings, _ = get_final_config(user_yaml=root / "_config.yml", cli_config=toc, sourcedir=root)
    warnings = Warnings()
    try:
        with patch_docutils(None), docutils_namespace():
            app = Sphinx(
                root, None, html, doctrees, "html", settings, status=None, warning=warnings
            )
            app.build()
    finally:
        print("".join(warnings.lines), end="", file=sys.stderr, flush=True)
    unfinished.unlink()

    pages = [page for page in app.config.external_site_map if page in app.env.found_docs]
    _read_again(warnings.lines, {page: app.env.doc2path(page) for page in pages}, doctrees)
    notebooks = {page: notebook for page in pages if (notebook := executed(root, page))}
    differences = [(page, one) for page in notebooks for one in find(notebooks[page])]
    return Report(differences, warnings.lines)


class Warnings(io.StringIO):
    """What Sphinx warns of, kept for the end: the lines say nothing while notebooks run."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def write(self, text: str) -> int:
        """Keep a warning, or the rest of one."""
        self.lines.append(text)
        return len(text)


def _read_again(warnings: list[str], sources: dict[str, str], doctrees: Path) -> None:
    """Have the next build warn of the same, by reading those pages again."""
    for warning in warnings:
        named = [page for page, source in sources.items() if warning.startswith(source)]
        for page in named or sources:
            (doctrees / f"{page}.doctree").unlink(missing_ok=True)


# ── One at a time, and all at once ───────────────────────────────────────────────────────────────


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock of this book; say so if another build must end first."""
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print("Another build of this book is running; this one goes on when it ends.", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def publish(built: Path, published: Path) -> None:
    """Put a copy of what was built in the published book's place, all of it or nothing."""
    fresh, old = _beside(published)
    _remove(fresh)
    try:
        shutil.copytree(built, fresh)
    except BaseException:
        _remove(fresh)
        raise
    if not published.exists():
        _rename(fresh, published)
    elif _exchange(fresh, published):
        _remove(fresh)
    else:  # a moment without a book, which `restore` mends if it should not end
        _rename(published, old)
        _rename(fresh, published)
        _remove(old)


def restore(published: Path) -> None:
    """Put the last good book back where a build was killed between two renames."""
    _, old = _beside(published)
    if old.exists() and not published.exists():
        _rename(old, published)
    _remove(old)


def _beside(published: Path) -> tuple[Path, Path]:
    return published.with_name("html-new"), published.with_name("html-old")


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change places in one step; return whether the system could."""
    paths = os.fsencode(one), os.fsencode(other)
    swap = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS
    if sys.platform == "linux":
        name, arguments = "renameat2", (-100, paths[0], -100, paths[1], swap)  # AT_FDCWD
    elif sys.platform == "darwin":
        name, arguments = "renamex_np", (*paths, swap)
    else:
        return False
    function = getattr(ctypes.CDLL(None), name, None)
    return function is not None and function(*arguments) == 0


def _rename(one: Path, other: Path) -> None:
    """Rename a folder; on Windows wait until nobody has a file of it open."""
    for _ in range(50):
        try:
            one.rename(other)
        except PermissionError:
            time.sleep(0.1)
        else:
            return
    one.rename(other)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # what cannot go now goes the next time


# ── What it says at the end ──────────────────────────────────────────────────────────────────────


def _say(report: Report, strict: bool) -> int:
    """Print the list, and return the exit status."""
    found = report.differences
    if found:
        print(f"\nOn this machine, {_count(len(found), 'place')} of the book came out otherwise:")
    for page, one in found:
        if one.kind != "after":
            print(f"  {page}.ipynb, cell {one.cell + 1}: {textwrap.shorten(one.line, 70)}")
            print(f"      {one.says}")
    for page, number in Counter(page for page, one in found if one.kind == "after").items():
        print(f"  {page}.ipynb: {_count(number, 'cell')} more for want of what stopped above")
    if found:
        print("The pages say so at these places. Why: the page “On other machines”, at the back.")
    if strict and (found or report.warnings):
        print(
            "CONVERGE_STRICT is set, so "
            f"{_count(len(found), 'difference')} and {_count(len(report.warnings), 'warning')} "
            "fail this build."
        )
        for warning in report.warnings:
            print(f"  {warning.strip()}")
        return 1
    return 1 if any(one.lacking for _, one in found) else 0


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _in_words(error: Exception) -> str:
    """Return what went wrong: a sentence where it is known, else Python's traceback."""
    from sphinx.errors import SphinxError

    error = getattr(error, "orig_exc", None) or error  # what an extension ran into
    if isinstance(error, SphinxError):
        return f"{error.category}: {error}"
    if isinstance(error, shutil.Error):  # of a tree: the files that could not be copied, and why
        return str(error.args[0][0][-1])
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return "".join(traceback.format_exception(error))


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")  # a terminal may not have every sign of a notebook
    sys.exit(main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else HERE.parent))
