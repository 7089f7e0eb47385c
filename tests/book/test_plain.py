"""The notebooks' text reads in any notebook program, and the book reads it as MyST."""

import doctest
import html
import json
import re

import plain
import pytest
from built import ROOT
from markdown_it import MarkdownIt
from plain import PlainError, Writer, rewrite, to_myst
from pybtex.database import parse_string

from converge_lib.exercises import exercises

TITLES = {id: exercise.title for id, exercise in exercises().items()}
NOTEBOOKS = {str(path.relative_to(ROOT / "book")): path for path in plain.notebooks()}

REFERENCES = parse_string(
    """
    @article{polyak1964some, author = {Polyak, B. T.}, title = {Some {Methods}}, year = {1964},
      doi = {10.1016/0041-5553(64)90137-5}}
    @misc{kingma2015adam, author = {Kingma, D. P. and Ba, Jimmy}, title = {Adam: A Method},
      year = {2015}, eprint = {1412.6980}}
    @misc{wang2004general, author = {Wang, S. and Li, T. and van der Berg, U.},
      title = {A "General" Form}, year = {2004}}
    """,
    "bibtex",
)
POLYAK = 'https://doi.org/10.1016/0041-5553%2864%2990137-5 "polyak1964some: Some Methods"'
WRITER = Writer(
    values={"steps": "31.4", "words": "'a * b'"},
    references=REFERENCES,
    exercises={"part.first": "The first", "part.second": "Newton's step"},
)
DECIDE = "<small>Decide first. What is right, and why, stands in the source of this text: "
DECIDE += "double-click it.</small>"

FORMS = {
    "number": (
        "It takes {glue:text}`steps:.0f` steps.",
        'It takes <data value="steps:.0f">31</data> steps.',
    ),
    "words": ("{glue:text}`words`", r'<data value="words">a \* b</data>'),
    "two numbers": (
        "{glue:text}`steps`×{glue:text}`steps:.2f`",
        '<data value="steps">31.4</data>×<data value="steps:.2f">31.40</data>',
    ),
    "citation": (
        "pushes add up {cite}`polyak1964some`.",
        f"pushes add up ([Polyak, 1964]({POLYAK})).",
    ),
    "citation by name": ("{cite:t}`polyak1964some` is", f"[Polyak (1964)]({POLYAK}) is"),
    "two citations": (
        "so {cite}`kingma2015adam,wang2004general`",
        "so ([Kingma and Ba, 2015](https://arxiv.org/abs/1412.6980 "
        '"kingma2015adam: Adam: A Method"); '
        "[Wang et al., 2004](https://scholar.google.com/scholar?q=A%20%22General%22%20Form "
        '"wang2004general: A General Form"))',
    ),
    "quiz": (
        ":::{quiz} who-wins\n\nWho?\n\n- I <!-- right: Yes, at {glue:text}`steps`. -->\n\n:::",
        "<!-- quiz who-wins --> <b>Question.</b> Choose one.\n\nWho?\n\n"
        '- I <!-- right: Yes, at <data value="steps">31.4</data>. -->\n\n'
        f"<!-- end --> {DECIDE}",
    ),
    "quiz with options": (
        ":::{quiz} how-many\n:kind: numeric\n:tolerance: 5 %\n:unit: steps\n\nHow many?\n\n:::\n"
        "Then.",
        "<!-- quiz how-many\n:kind: numeric\n:tolerance: 5 %\n:unit: steps\n"
        "--> <b>Question.</b> Give a number (steps).\nHow many?\n\n"
        f"<!-- end --> {DECIDE}\nThen.",
    ),
    "curve": (
        ":::{quiz} draw-it\n:kind: curve\n:x: κ, 1 to 9, log\n:y: loss, 0 to 1\n:tolerance: 1 %\n\n"
        "Draw.\n\n:::",
        "<!-- quiz draw-it\n:kind: curve\n:x: κ, 1 to 9, log\n:y: loss, 0 to 1\n:tolerance: 1 %\n"
        "--> <b>Question.</b> Draw your prediction on paper. Across: κ, 1 to 9, logarithmic. "
        f"Up: loss, 0 to 1.\nDraw.\n\n<!-- end --> {DECIDE}",
    ),
    "exercise": (
        ":::{exercise} part.second\nWrite it.\n:::\n",
        "<!-- exercise part.second --> <b>Exercise 2: Newton's step</b>\nWrite it.\n"
        "<!-- end --> <small>Answer in the next cell; the one below it checks. "
        '<code>hint("part.second")</code> helps.</small>\n',
    ),
}


@pytest.mark.parametrize(("myst", "text"), FORMS.values(), ids=FORMS)
def test_each_form_is_written_and_read(myst, text):
    assert WRITER(myst) == text
    assert WRITER(text) == text
    assert to_myst(text) == myst
    assert text.count("\n") == myst.count("\n")


def test_numbers_are_brought_up_to_date_or_left():
    old = 'It takes <data value="steps">7</data>, not <data value="missing">8</data>.'
    new = 'It takes <data value="steps">31.4</data>, not <data value="missing">8</data>.'
    assert WRITER(old) == new


@pytest.mark.parametrize(
    "text",
    ["{cite}`nobody`", ":::{exercise} part.third\nWhat?\n:::", "{ref}`there`", ":::{note}\nN\n:::"],
)
def test_what_has_no_plain_form_is_refused(text):
    with pytest.raises(PlainError):
        WRITER(text)


@pytest.mark.parametrize(
    "mark",
    ['<data value="steps">31', "<!-- quiz who-wins", '[Polyak](https://x.y "polyak1964some: S")'],
)
def test_a_mark_that_is_not_understood_stops_the_build_at_its_place(mark):
    class App:
        class env:
            doc2path = staticmethod("{}.ipynb".format)

    cells = [{"cell_type": "markdown", "source": ["# Title\n", "\n", f"{mark}\n"]}]
    with pytest.raises(PlainError, match=r"page\.ipynb, cell 1, line 3: no mark reads"):
        plain.read(App, "page", [json.dumps({"cells": cells})])


def test_the_first_code_cell_knows_the_address():
    address = {"url": "https://github.com/someone/somewhere", "branch": "main"}
    source = "".join(plain.install_cell(address)["source"])
    assert '"converge-lib[book] @ git+https://github.com/someone/somewhere@main"' in source
    compile(source, "cell", "exec")


def test_without_an_address_nothing_is_asked_for_by_name():
    source = "".join(plain.install_cell({"url": "", "branch": "main"})["source"])
    assert "pip" not in source
    source = source.replace('"converge_lib"', '"no_such_library"')
    with pytest.raises(ModuleNotFoundError, match="the README of the book says how"):
        exec(source, {})


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(plain).failed == 0


@pytest.mark.parametrize("path", NOTEBOOKS.values(), ids=NOTEBOOKS)
def test_nothing_is_left_to_write(path):
    """Roles, references' addresses, exercises' titles, the first cell: run `make plain`."""
    source = path.read_text("utf-8")
    assert rewrite(source, {}, TITLES) == source
    assert not re.findall(r'<data value=\\"([^"\\]+)\\"></data>', source)


def markdown_cells(path):
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            yield "".join(cell["source"])


@pytest.mark.parametrize("path", NOTEBOOKS.values(), ids=NOTEBOOKS)
def test_commonmark_shows_text(path):
    """What GitHub and VS Code make of the cells shows no mark; JupyterLab has a test of its own."""
    renderer = MarkdownIt("commonmark").enable("table")
    shown = " ".join(renderer.render(cell) for cell in markdown_cells(path))
    shown = re.sub(r"<!--.*?-->", "", shown, flags=re.DOTALL)
    shown = html.unescape(re.sub(r"</?[a-z][^>]*>", "", shown))
    assert not re.findall(
        r".{0,30}(?:\{glue|\{cite|:::|<data|</data|<!--|-->|\]\(http).{0,30}", shown
    )


@pytest.mark.parametrize("path", NOTEBOOKS.values(), ids=NOTEBOOKS)
def test_the_stored_numbers_are_those_of_the_page(path):
    """Each names a value of the page, and most are what the page computed here.

    Not all: rounding differs between processors, and long training runs amplify it, so that up to a
    fifth of a page's numbers are others on another machine. Where more than two fifths differ,
    nobody has run `make plain`.
    """
    values = plain.last_run(path)
    text = "\n".join(markdown_cells(path))
    stored = [(found["name"], found["shown"]) for found in plain.NUMBER.finditer(text)]
    if not stored:
        return
    assert values, f"{path} has not run as it is: run `make book` first"
    assert {name.partition(":")[0] for name, _ in stored} <= values.keys()
    write = Writer(values, REFERENCES, {})
    here = [write(f'<data value="{name}"></data>') for name, _ in stored]
    same = sum(f">{shown}<" in now for (_, shown), now in zip(stored, here, strict=True))
    assert same >= 0.6 * len(stored)
