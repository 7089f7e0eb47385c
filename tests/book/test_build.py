"""The build ends with a book on any machine, and the last good book outlives every other build."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from types import SimpleNamespace

import build as driver  # book/build.py
import nbformat
import psutil
import pytest
from built import ROOT
from differences import CELL_ERRORS, Difference, find, mark
from mini import build, make_book, ran, start, write_notebook


def page(folder, name):
    return (folder / "_build" / "html" / "book" / f"{name}.html").read_text("utf-8")


def add_back_pages(folder):
    """Add the pages on other machines and on claims to a small book."""
    (folder / "book" / "back").mkdir()
    shutil.copy(ROOT / "book" / "back" / "machines.md", folder / "book" / "back")
    (folder / "book" / "back" / "claims.md").write_text("# Claims\n\n```{claims}\n```\n")
    toc = folder / "_toc.yml"
    back = "".join(f"  - file: book/back/{name}\n" for name in ("machines", "claims"))
    toc.write_text(toc.read_text("utf-8") + back, "utf-8")


# ── A machine on which things come out otherwise ─────────────────────────────────────────────────

FIGURE = """
import anywidget, base64

class Spot(anywidget.AnyWidget):
    _esm = "export default { render({ el }) { el.textContent = 'alive'; } }"

    def _repr_mimebundle_(self, **kwargs):
        forms, metadata = super()._repr_mimebundle_(**kwargs)
        picture = (
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
            "rkJggg=="
        )
        return {**forms, "text/plain": "A spot.", "image/png": picture}, metadata

print("before the end", flush=True)
Spot()
"""
CLAIM = {
    "converge.claim": {
        "id": "b.less",
        "source": "A (1999)",
        "says": "less is more",
        "measured": "ratio 1.5",
        "outcome": "reproduced",
        "holds": False,
    },
    "converge.difference": {
        "kind": "claim",
        "what": "b.less",
        "says": "On this machine the claim b.less does not hold: ratio 1.5.",
    },
}
BROKEN = {
    "first": "from myst_nb import glue\nglue('known', 2.5, display=False)",
    "stop": "rate = 1 / (2 - 2)  # in a hidden cell\nglue('rate', rate, display=False)",
    "after": "print(rate)",
    "claim": "from IPython.display import display\n"
    f"display({{'text/html': 'CARD', 'text/plain': 'CARD'}}, raw=True, metadata={CLAIM!r})",
    "check": "assert 1 > 2, 'one is the smaller'",
    "last": "print('the last cell')",
}
QUIZ = """:::{quiz} missing-rate
:kind: numeric
:tolerance: 5 %

Which rate, if not {glue:text}`rate:.1f`?

<!-- right glue:rate: Yes. -->
<!-- wrong: No. -->

:::
"""


@pytest.fixture(scope="module")
def differing(tmp_path_factory):
    """Build one book four times: as a reader, strictly, mended as a reader, mended strictly."""
    folder = tmp_path_factory.mktemp("differing")
    pages = folder / "book"
    write_notebook(pages / "index.ipynb", "# Start", "print('sound')")
    cells = ["# Broken\n\nThe rate is {glue:text}`rate:.2f`, not {glue:text}`known:.1f`."]
    write_notebook(pages / "broken.ipynb", *cells, *BROKEN.values(), QUIZ)
    notebook = nbformat.read(pages / "broken.ipynb", as_version=4)
    notebook.cells[2].metadata["tags"] = ["remove-cell"]
    nbformat.write(notebook, pages / "broken.ipynb")
    write_notebook(
        pages / "dying.ipynb",
        "# Dying\n\nIt is {glue:text}`never`.",
        FIGURE,
        "import os\nprint('dying', flush=True)\nos._exit(1)",
        "from myst_nb import glue\nglue('never', 1)",
    )
    make_book(folder)
    add_back_pages(folder)
    steps = {"reader": build(folder, strict=False)}
    made = {
        path.name: path.read_text("utf-8") for path in folder.glob("_build/html/book/**/*.html")
    }
    steps["strict"] = build(folder)

    broken = pages / "broken.ipynb"
    mended = broken.read_text("utf-8").replace("2 - 2", "2 - 1").replace("1 > 2", "2 > 1")
    broken.write_text(mended.replace("'holds': False", "'holds': True").replace(
        "converge.difference", "another"), "utf-8")  # fmt: skip
    dying = pages / "dying.ipynb"
    dying.write_text(dying.read_text("utf-8").replace("os._exit(1)", "os.getpid()"), "utf-8")
    index = pages / "index.ipynb"
    index.write_text(index.read_text("utf-8").replace("# Start", "# Start {nothing}`here`"))
    steps["mended"] = build(folder, strict=False)
    steps["mended, strict"] = build(folder)
    return SimpleNamespace(folder=folder, made=made, steps=steps)


def test_a_reader_gets_a_book_and_a_list(differing):
    finished = differing.steps["reader"]
    assert finished.returncode == 1  # a cell stopped, and not for an assertion
    assert ran(finished.stdout) == {"index", "broken", "dying"}
    said = finished.stdout.partition("On this machine, ")[2].splitlines()
    assert said == [
        "5 places of the book came out otherwise:",
        "  book/broken.ipynb, cell 3: rate = 1 / (2 - 2) # in a hidden cell",
        "      ZeroDivisionError: division by zero",
        "  book/broken.ipynb, cell 5: from IPython.display import display",
        "      On this machine the claim b.less does not hold: ratio 1.5.",
        "  book/broken.ipynb, cell 6: assert 1 > 2, 'one is the smaller'",
        "      AssertionError: one is the smaller",
        "  book/dying.ipynb, cell 3: import os",
        "      Python ended while it ran this cell, as it does when memory runs out",
        "  book/broken.ipynb: 1 cell more for want of what stopped above",
        "The pages say so at these places. Why: the page “On other machines”, at the back.",
        f"The book: {(differing.folder / '_build' / 'html' / 'index.html').as_uri()}",
    ]
    assert "WARNING" not in finished.stderr and "Traceback" not in finished.stdout
    assert "sound" in differing.made["index.html"]


def test_a_page_says_what_stopped_where_it_stopped(differing):
    html = differing.made["broken.html"]
    text = " ".join(re.sub(r"<[^>]+>", "", html).split())
    assert "Not all of this page came out where it was computed At 4 places" in text
    places = [text.index(words) for words in (
        "Not all of this page",
        "On this machine this cell stopped ZeroDivisionError: division by zero The numbers and",
        "On this machine this cell stopped too It needs rate, which a cell above did not",
        "CARD",
        "Why this differs between machines",
        "On this machine this cell stopped: a check failed AssertionError: one is the smaller",
        "the last cell",
    )]  # fmt: skip
    assert places == sorted(places)
    for number in range(1, 5):
        assert html.count(f'id="difference-{number}"') == 1
        assert html.count(f'href="#difference-{number}"') == 1
    assert html.count('href="back/machines.html"') >= 5
    assert html.count("<details><summary>What Python said</summary>") == 3
    assert "\x1b" not in html and "/tmp" not in html and str(differing.folder) not in html


def test_a_number_that_was_not_computed_is_a_dash(differing):
    html = differing.made["broken.html"]
    assert "glue:" not in html
    dash = '<abbr title="could not be computed on this machine">—</abbr>'
    assert f"The rate is {dash}, not <span" in html
    assert "This question asks for what could not be computed on this machine." in html


def test_a_page_whose_kernel_died_has_its_text_and_its_figures(differing):
    html = differing.made["dying.html"]
    text = " ".join(re.sub(r"<[^>]+>", "", html).split())
    assert text.count("before the end") == 2  # in the source, and as it was printed
    assert "On this machine this page stopped here Python ended while it ran this cell" in text
    assert "It is —." in text
    assert 'class="converge-figure"' in html and "data-converge-figures" in html


def test_the_claims_page_says_what_is_not_so_here(differing):
    text = " ".join(re.sub(r"<[^>]+>", "", differing.made["claims.html"]).split())
    assert "0 reproduced, 0 reproduced in part, 0 did not reproduce at our scale, 1 not" in text
    assert "a part of “Broken”, “Dying” stopped" in text
    assert "✗ does not hold on this machine (the page says: reproduced) on its page" in text


def test_a_referee_gets_the_same_list_and_a_failure_and_only_what_lacks_something_runs_again(
    differing,
):
    finished = differing.steps["strict"]
    assert finished.returncode == 1
    assert ran(finished.stdout) == {"broken", "dying"}
    assert "1 to run, 1 at a time: book/dying" in finished.stdout  # alone, for it may need room
    for line in (
        "book/broken.ipynb, cell 3: rate = 1 / (2 - 2) # in a hidden cell",
        "ZeroDivisionError: division by zero",
        "On this machine the claim b.less does not hold: ratio 1.5.",
        "CONVERGE_STRICT is set, so 5 differences and 0 warnings fail this build.",
    ):
        assert line in finished.stdout


def test_a_mended_notebook_runs_and_no_other(differing):
    finished = differing.steps["mended"]
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert ran(finished.stdout) == {"broken", "dying"}
    html = page(differing.folder, "broken")
    assert "On this machine this" not in html and "Not all of this page" not in html
    assert "difference-" not in html and "<abbr" not in html and "The rate is <span" in html


def test_warnings_fail_the_referee_alone_and_again_until_they_are_mended(differing):
    reader, strict = differing.steps["mended"], differing.steps["mended, strict"]
    for finished in (reader, strict):
        assert re.search(r"index\.ipynb.*WARNING: .*nothing", finished.stderr)
    assert strict.returncode == 1
    assert ran(strict.stdout) == set()
    assert "0 differences and 1 warning fail this build." in strict.stdout
    assert re.search(r"index\.ipynb.*WARNING: .*nothing", strict.stdout)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1440])
def test_the_boxes_are_to_be_read(differing, tmp_path, open_page, width, dark):
    broken = differing.folder / "_build" / "html" / "book" / "was-broken.html"
    broken.write_text(differing.made["broken.html"], "utf-8")
    view = open_page(broken.as_uri(), width=width, dark=dark)
    boxes = view.locator(".converge-difference.admonition")
    assert boxes.count() == 4
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert view.evaluate(overflow) <= 0
    box = boxes.nth(1)
    assert not box.locator("pre").is_visible()
    box.get_by_text("What Python said").click()
    assert "ZeroDivisionError" in box.locator("pre").inner_text()
    assert view.evaluate(overflow) <= 0
    view.get_by_role("link", name="2", exact=True).click()
    assert boxes.nth(2).is_visible()


# ── What a difference is ─────────────────────────────────────────────────────────────────────────


def stopped(name, value="", traceback=()):
    return nbformat.v4.new_output("error", ename=name, evalue=value, traceback=list(traceback))


def executed(*cells):
    """Return a notebook with a code cell for each (source, outputs), after a title."""
    made = [nbformat.v4.new_code_cell(source, outputs=outputs) for source, outputs in cells]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Title"), *made])


@pytest.mark.parametrize(
    ("outputs", "kind", "says", "lacking"),
    [
        ([stopped("ValueError", "one\ntwo")], "cell", "ValueError: one", True),
        ([stopped("KeyboardInterrupt")], "cell", "KeyboardInterrupt", True),
        ([stopped("NameError", "name 'x' is not defined")], "cell", "NameError: name 'x'", True),
        ([stopped("AssertionError", "too few")], "check", "AssertionError: too few", False),
        (
            [stopped("AssertionError", "", ["--", "      1 x = 1", "----> 2 assert x < 0", ""])],
            "check",
            "assert x < 0",
            False,
        ),
        ([stopped(CELL_ERRORS["timeout"], "600 s")], "timeout", "longer than 600 s", True),
        ([stopped(CELL_ERRORS["start"], "OSError: no")], "start", "OSError: no", True),
    ],
)
def test_what_a_stopped_cell_says(outputs, kind, says, lacking):
    [one] = find(executed(("\nx = 1\ny = 2", outputs)))
    assert (one.kind, one.cell, one.line, one.lacking) == (kind, 1, "x = 1", lacking)
    assert says in one.says and one.stops


def test_an_error_that_a_cell_is_there_to_show_is_none():
    notebook = executed(("1 / 0", [stopped("ZeroDivisionError")]))
    notebook.cells[1].metadata["tags"] = ["raises-exception"]
    assert find(notebook) == []
    assert mark(notebook, []) is notebook


def test_the_marks_leave_each_line_its_number():
    notebook = executed(("1 / 0", [stopped("ZeroDivisionError")]), ("2", []))
    notebook.cells[0].source = "# Title\n\nText."
    marked = mark(notebook, find(notebook))
    lines = marked.metadata["source_map"]
    assert list(zip(lines, [cell.source for cell in marked.cells], strict=True)) == [
        (10_000, "# Title"),
        (10_000, ":::{difference} all\n:::"),
        (10_001, "\nText."),
        (20_000, "1 / 0"),
        (20_000, ":::{difference} 0\n:::"),
        (30_000, "2"),
    ]
    assert marked.cells[3].outputs == [] and len(notebook.cells[1].outputs) == 1


@pytest.mark.parametrize(
    ("kinds", "warnings", "strict", "status"),
    [
        ([], [], False, 0),
        ([], [], True, 0),
        (["claim", "record", "check"], ["page.md:1: WARNING: odd\n"], False, 0),
        (["claim"], [], True, 1),
        (["record"], [], True, 1),
        (["check"], [], True, 1),
        ([], ["page.md:1: WARNING: odd\n"], True, 1),
        (["check", "cell"], [], False, 1),
        (["death"], [], False, 1),
    ],
)
def test_the_exit_status(kinds, warnings, strict, status, capsys):
    found = [("book/a/page", Difference(kind, 4, "x = 1", f"It {kind}s.")) for kind in kinds]
    assert driver._say(driver.Report(found, warnings), strict) == status
    said = capsys.readouterr().out
    for kind in kinds:
        assert f"book/a/page.ipynb, cell 5: x = 1\n      It {kind}s.\n" in said
    assert ("page.md:1: WARNING: odd" in said) == (strict and bool(warnings))
    assert bool(said) == bool(kinds or (strict and warnings))


@pytest.mark.parametrize(("target", "strict"), [("book", ""), ("test", "1")])
def test_make_is_strict_where_it_tests(tmp_path, target, strict):
    for name in ("python", "ruff"):
        (tmp_path / name).write_text('#!/bin/sh\necho "[$CONVERGE_STRICT] $@"\n')
        (tmp_path / name).chmod(0o755)
    there = [".venv/read", ".venv/test", "converge_lib/widgets/node_modules"]
    finished = subprocess.run(
        ["make", "--silent", target, f"BIN={tmp_path}", *(f"--old-file={file}" for file in there)],
        cwd=ROOT,
        env={key: value for key, value in os.environ.items() if key != "CONVERGE_STRICT"},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines()[0] == f"[{strict}] book/build.py"
    assert all(line.startswith(f"[{strict}] ") for line in finished.stdout.splitlines())


# ── A build that does not end as it should ───────────────────────────────────────────────────────

WAITS = """
import os, pathlib, time
here = pathlib.Path({folder!r})
(here / "pid").write_text(str(os.getpid()))
while not (here / "go").exists():
    time.sleep(0.02)
print("slow, {version}")
"""


def wait_for(what, seconds=120):
    """Wait until ``what()`` is true, as long as a busy machine may need."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return found


class Waiting:
    """A book with a quick notebook, and a slow one that waits for ``release``."""

    def __init__(self, folder):
        self.folder = folder
        write_notebook(folder / "book" / "index.ipynb", "# Start", "print('start')")
        make_book_of(folder, "one")
        make_book(folder)
        self.release()

    def release(self):
        (self.folder / "go").touch()

    def hold(self):
        (self.folder / "go").unlink()

    def edit(self, version):
        make_book_of(self.folder, version)

    def started(self):
        """Return the kernel's process once the slow notebook runs."""
        path = self.folder / "pid"
        pid = int(wait_for(lambda: path.exists() and path.read_text()))
        path.unlink()
        return psutil.Process(pid)

    def published(self):
        """Return the versions that the published pages are of; every page is whole."""
        found = []
        for name in ("quick", "slow"):
            html = page(self.folder, name)
            assert html.rstrip().endswith("</html>")
            found += re.findall(
                rf"{name}, (\w+)", re.sub(r"print\(.*", "", re.sub("<.*?>", "", html))
            )
        return found


def make_book_of(folder, version):
    write_notebook(folder / "book" / "quick.ipynb", "# Quick", f"print('quick, {version}')")
    slow = WAITS.format(folder=str(folder), version=version)
    write_notebook(folder / "book" / "slow.ipynb", "# Slow", slow)


def test_the_last_good_book_stays_and_the_next_build_goes_on(tmp_path):
    book = Waiting(tmp_path)
    first = build(tmp_path)
    assert first.returncode == 0, first.stdout + first.stderr
    assert book.published() == ["one", "one"]
    (tmp_path / "pid").unlink()

    # Stopped by hand, when one of two notebooks has run.
    book.hold()
    book.edit("two")
    process = start(tmp_path)
    kernel = book.started()
    quick = tmp_path / "_build" / "executed" / "book" / "quick.ipynb"
    wait_for(lambda: "quick, two" in quick.read_text("utf-8"))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130
    assert ran(out) == {"quick", "slow"}
    assert "Stopped. What has finished is kept: the next build goes on from there." in out
    assert f"where it was: {(tmp_path / '_build' / 'html' / 'index.html').as_uri()}" in out
    assert "Traceback" not in out + err
    assert not kernel.is_running()
    assert book.published() == ["one", "one"]

    # Killed.
    process = start(tmp_path)
    kernel = book.started()
    process.kill()
    out, _ = process.communicate()
    assert ran(out) == {"slow"}
    kernel.wait(60)
    assert book.published() == ["one", "one"]

    # Two at once.
    one = start(tmp_path)
    book.started()
    other = start(tmp_path)
    waits = other.stdout.readline()
    assert waits == "Another build of this book is running; this one goes on when it ends.\n"
    book.release()
    outputs = [process.communicate()[0] for process in (one, other)]
    assert [one.returncode, other.returncode] == [0, 0]
    assert [ran(output) for output in outputs] == [{"slow"}, set()]
    assert book.published() == ["two", "two"]

    # Killed while Sphinx wrote a page, while results were written, and between two renames.
    built = tmp_path / "_build"
    (built / "work" / "html" / "book" / "quick.html").write_text("<html>half a pa")
    (built / "work" / "unfinished").touch()
    quick.write_text(quick.read_text("utf-8")[:100])
    (built / "html").rename(built / "html-old")
    last = build(tmp_path)
    assert last.returncode == 0, last.stdout + last.stderr
    assert ran(last.stdout) == {"quick"}
    assert f"{quick} cannot be read, so book/quick runs again" in last.stdout
    assert book.published() == ["two", "two"]
    assert sorted(path.name for path in built.iterdir() if path.name != "build.lock") == [
        "executed",
        "html",
        "work",
    ]


@pytest.fixture
def small_disk(tmp_path):
    """Mount a disk of 24 MB where the book is built, or skip and say so."""
    folder = tmp_path / "_build"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a disk cannot be mounted here: a FULL DISK was NOT tested")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_leaves_the_last_good_book(tmp_path, small_disk):
    write_notebook(tmp_path / "book" / "index.ipynb", "# Start", "print('the first')")
    make_book(tmp_path)
    assert build(tmp_path).returncode == 0
    write_notebook(tmp_path / "book" / "index.ipynb", "# Start", "print('the second')")
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while file.write(bytes(4096)):
            pass
    finished = build(tmp_path)
    assert finished.returncode == 1
    assert "The book was not built. No space left on device" in finished.stdout
    assert "The last good book is where it was" in finished.stdout
    assert "Traceback" not in finished.stdout + finished.stderr
    assert "the first" in page(tmp_path, "index")
    filler.unlink()
    assert build(tmp_path).returncode == 0
    assert "the second" in page(tmp_path, "index")


FILLING = """
import sys
from pathlib import Path

sys.path.insert(0, {book!r})
import build as driver

real = driver.build

def build_and_fill(root, work):
    report = real(root, work)
    with Path({filler!r}).open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return report

driver.build = build_and_fill
sys.exit(driver.main(Path({root!r})))
"""


def test_a_disk_that_fills_while_the_book_is_published_leaves_the_last_one(tmp_path, small_disk):
    write_notebook(tmp_path / "book" / "index.ipynb", "# Start", "print('the first')")
    make_book(tmp_path)
    assert build(tmp_path).returncode == 0
    places = {"book": ROOT / "book", "filler": small_disk / "filler", "root": tmp_path}
    code = FILLING.format(**{name: str(place) for name, place in places.items()})
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert finished.returncode == 1
    out = finished.stdout
    assert re.search(r"The book was not built\. .*No space left on device", out)
    assert "Traceback" not in out and len(out.splitlines()) < 8
    assert "the first" in page(tmp_path, "index")
    assert not (small_disk / "html-new").exists()


def test_the_library_of_another_folder_is_refused(tmp_path, capsys):
    write_notebook(tmp_path / "book" / "index.ipynb", "# Start", "print('the first')")
    make_book(tmp_path)
    (tmp_path / "converge_lib").mkdir()  # as in a copy of the folder, its environment included
    assert driver.main(tmp_path) == 1
    out = capsys.readouterr().out
    assert f"has the library of another folder, {ROOT / 'converge_lib'}" in out
    assert not (tmp_path / "_build" / "html").exists()


def test_a_mistake_in_the_source_is_said_in_a_line_and_the_last_good_book_stays(tmp_path):
    write_notebook(tmp_path / "book" / "index.ipynb", "# Start", "print('the first')")
    make_book(tmp_path)
    assert build(tmp_path, strict=False).returncode == 0
    question = ":::{quiz} odd-one\n\nWhich?\n\n- One <!-- wrong: No. -->\n\n:::\n"
    write_notebook(tmp_path / "book" / "index.ipynb", "# Start", "print('the first')", question)
    finished = build(tmp_path, strict=False)
    assert finished.returncode == 1
    assert re.search(
        r"was not built\. Quiz error: .*index\.ipynb, cell 3.*odd-one", finished.stdout
    )
    assert "Traceback" not in finished.stdout + finished.stderr
    assert "the first" in page(tmp_path, "index")


# ── Publishing ───────────────────────────────────────────────────────────────────────────────────

EVENTS = ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.scandir", "os.utime")
EVENTS += ("os.chmod", "shutil.copytree", "shutil.rmtree", "shutil.copyfile", "ctypes.dlopen")


def books(folder):
    """Return the paths of a published book of version one and a built one of version two."""
    published, built = folder / "_build" / "html", folder / "_build" / "work" / "html"
    for path, version in ((published, "one"), (built, "two")):
        for name in ("index.html", "book/page.html"):
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_text(version)
    return built, published


def versions(book):
    return [path.read_text() for path in sorted(book.rglob("*.html"))]


def killed_at(number, call):
    """Fork, kill the child at step ``number`` of ``call``, and return whether it got there."""
    child = os.fork()
    if child == 0:
        steps = iter(range(10_000))

        def hook(event, _):
            if event in EVENTS and next(steps) == number:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        call()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork: NOT tested")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("swaps", [True, False])
def test_a_kill_at_any_moment_leaves_a_whole_book(tmp_path, monkeypatch, swaps):
    if not swaps:
        monkeypatch.setattr(driver, "_exchange", lambda one, other: False)
    number, seen = 0, set()
    while True:
        folder = tmp_path / str(number)
        built, published = books(folder)
        if not killed_at(number, partial(driver.publish, built, published)):
            break
        if swaps:
            assert published.exists()
        driver.restore(published)  # what the next build begins with
        found = versions(published)
        assert found in (["one", "one"], ["two", "two"])
        seen.add(found[0])
        driver.publish(built, published)
        assert versions(published) == ["two", "two"]
        number += 1
    assert seen == {"one", "two"}
    assert sorted(path.name for path in (folder / "_build").iterdir()) == ["html", "work"]


def test_the_first_book_is_published_too(tmp_path):
    built, published = books(tmp_path)
    shutil.rmtree(published)
    driver.restore(published)
    driver.publish(built, published)
    assert versions(published) == ["two", "two"]


def test_a_folder_that_somebody_has_open_is_waited_for(tmp_path, monkeypatch):
    (tmp_path / "one").mkdir()
    real, refusals = type(tmp_path).rename, iter([True, True, False])

    def rename(self, other):
        if next(refusals):
            raise PermissionError(13, "in use")
        return real(self, other)

    monkeypatch.setattr(type(tmp_path), "rename", rename)
    driver._rename(tmp_path / "one", tmp_path / "other")
    assert (tmp_path / "other").exists()


def test_json_of_results_is_a_notebook(differing):
    """Whoever wants to see what a run left opens it in JupyterLab."""
    for path in (differing.folder / "_build" / "executed").rglob("*.ipynb"):
        nbformat.validate(json.loads(path.read_text("utf-8")))
