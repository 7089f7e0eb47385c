"""The ``exercise`` directive, in a Sphinx project of one page."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from converge_lib.exercises import exercises

ROOT = Path(__file__).parents[2]
ID = "descent.curvature-best-rate"
EXERCISE = exercises()[ID]
CONF = f"""
import sys
sys.path.insert(0, {str(ROOT / "book" / "_ext")!r})
extensions = ["myst_nb", "exercise"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
nb_execution_mode = "off"
html_theme = "sphinx_book_theme"
html_context = {{"default_mode": "auto"}}
html_static_path = [{str(ROOT / "book" / "_static")!r}]
root_doc = "descent/curvature"
"""
QUESTION = "Write `best_rate(hessian)`."


def directive(id=ID, question=QUESTION):
    return f":::{{exercise}} {id}\n{question}\n:::\n"


def project(folder, *cells, page="descent/curvature.ipynb"):
    """Write a project of one page, a notebook with these Markdown cells."""
    path = folder / page
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".ipynb":
        cells = [{"cell_type": "markdown", "metadata": {}, "source": cell} for cell in cells]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        notebook = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 4}
        path.write_text(json.dumps(notebook))
    else:
        path.write_text("\n\n".join(cells))
    (folder / "conf.py").write_text(CONF)
    return folder


def build(folder, builder="html"):
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", builder, "-j", "2"]
    return subprocess.run(
        [*command, str(folder), str(folder / "_build")], capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = project(
        tmp_path_factory.mktemp("book"),
        f"# Page\n\nSee [](#exercise-{ID}).",
        directive(),
        directive("descent.curvature-newton-step", "And `newton_step`."),
    )
    done = build(folder)
    assert done.returncode == 0, done.stderr
    return folder / "_build" / "descent" / "curvature.html"


class Text(HTMLParser):
    """All text of a page, and each element's attributes."""

    def __init__(self, page):
        super().__init__()
        self.text, self.elements = "", []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_data(self, data):
        self.text += data

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))


def test_the_page_shows_title_number_question_and_anchor(page):
    html, read = page.read_text(encoding="utf-8"), Text(page)
    assert f"Exercise 1: {EXERCISE.title}" in read.text
    assert "Exercise 2: Newton's step" in read.text.replace("’", "'")
    assert "best_rate(hessian)" in read.text
    anchors = [a["id"] for _, a in read.elements if a.get("class") == "exercise"]
    assert anchors == [f"exercise-{ID}", "exercise-descent.curvature-newton-step"]
    assert f'href="#exercise-{ID}"' in html


def test_every_hint_is_behind_a_closed_disclosure(page):
    html, read = page.read_text(encoding="utf-8"), Text(page)
    hints = [a for tag, a in read.elements if tag == "details" and a["class"] == "exercise-hint"]
    assert len(hints) == len(EXERCISE.hints) + len(
        exercises()["descent.curvature-newton-step"].hints
    )
    assert all("open" not in hint for hint in hints)
    for number, hint in enumerate(EXERCISE.hints, start=1):
        summary = f"<summary>Hint {number} of {len(EXERCISE.hints)}</summary>"
        inside = html.split(summary, 1)[1].split("</details>", 1)[0]
        words = re.sub(r"<[^>]+>", "", inside).split()
        assert hint.replace("`", "").split()[:4] == words[:4]


def test_the_solution_is_nowhere_in_the_built_book(page):
    secrets = [
        secret
        for id in (ID, "descent.curvature-newton-step")
        for secret in (
            exercises()[id].explanation[:40],
            exercises()[id].solution.splitlines()[-1].strip(),
            *(message[:40] for message in exercises()[id].wrong_answers.values()),
        )
    ]
    for path in page.parents[1].rglob("*"):
        if path.is_file() and path.suffix in {".html", ".js", ".json", ".txt", ".ipynb"}:
            text = path.read_text(encoding="utf-8")
            assert not [secret for secret in secrets if secret in text], path


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (directive("descent.curvature-best-rat"), f"near it: {ID}"),
        (directive() + "\n" + directive(), "appears twice"),
        (directive(question=""), "has no question"),
    ],
)
def test_a_mistake_stops_the_build_with_file_and_line(tmp_path, source, message):
    line = source.rstrip().count("\n") - 1 if "twice" in message else 3
    text = source if "twice" in message else f"A line.\n\n{source}"
    done = build(project(tmp_path, "# Page", text))
    assert done.returncode != 0
    assert message in done.stderr
    assert f"curvature.ipynb, cell 2, line {line}:" in done.stderr
    page = project(tmp_path / "text", "# Page", text, page="descent/curvature.md")
    done = build(page)
    assert done.returncode != 0
    assert f"curvature.md:{line + 2}: " in done.stderr and message in done.stderr


def test_an_exercise_of_another_chapter_stops_the_build(tmp_path):
    folder = project(tmp_path, f"# Page\n\n{directive()}", page="signal/curvature.md")
    (folder / "conf.py").write_text(CONF.replace("descent/curvature", "signal/curvature"))
    done = build(folder)
    assert done.returncode != 0
    assert "belongs to the chapter descent/curvature" in done.stderr


@pytest.mark.parametrize("builder", ["text", "latex"])
def test_other_writers_do_not_fall_over(tmp_path, builder):
    done = build(project(tmp_path, "# Page", directive(question="Is $\\kappa > 1$?")), builder)
    assert done.returncode == 0, done.stderr
    [written] = [*tmp_path.glob("_build/**/*.tex"), *tmp_path.glob("_build/**/*.txt")]
    assert "\\kappa" in written.read_text(encoding="utf-8")


def test_a_disclosure_opens_by_keyboard(page, open_page):
    tab = open_page(page.as_uri())
    hint = tab.locator("details.exercise-hint").first
    hint.locator("summary").focus()
    tab.keyboard.press("Enter")
    assert hint.evaluate("element => element.open")
    tab.keyboard.press("Enter")
    assert not hint.evaluate("element => element.open")
