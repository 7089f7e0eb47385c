"""The ``{quiz}`` directive: what it makes of a question, and what it refuses, and where."""

import doctest
import io
import json
import re
import subprocess
import sys
import warnings
from pathlib import Path

import nbformat
import numpy as np
import pytest
import quiz
from markdown_it import MarkdownIt
from quiz_project import QUESTIONS
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

EXTENSIONS = Path(quiz.__file__).parent
SETTINGS = {
    "extensions": ["myst_nb", "quiz"],
    "myst_enable_extensions": ["colon_fence", "dollarmath"],
    "nb_execution_mode": "off",
    "html_theme": "basic",
    "html_static_path": [str(EXTENSIONS.parent / "_static")],
    "exclude_patterns": ["_build"],
}


def build(folder, builder="html"):
    """Build in this process, and return the pages' text; a refused question raises QuizError."""
    complaints = io.StringIO()
    out = folder / "_build" / builder
    with docutils_namespace(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Sphinx's own deprecations
        app = Sphinx(
            folder,
            None,
            out,
            folder / "_build" / "doctrees",
            builder,
            confoverrides=SETTINGS,
            status=None,
            warning=complaints,
        )
        app.build()
    assert not re.search("ERROR|WARNING: (?!document isn't)", complaints.getvalue())
    suffix = {"html": "html", "text": "txt"}[builder]
    return {path.stem: path.read_text("utf-8") for path in out.glob(f"*.{suffix}")}


def page(tmp_path, question, builder="html"):
    (tmp_path / "index.md").write_text(f"# Title\n\n{question}")
    return build(tmp_path, builder)["index"]


def glued(**values):
    """Return a code cell that has glued these values: keys with _ for -, values as printed."""
    outputs = [
        nbformat.v4.new_output(
            "display_data",
            data={"application/papermill.record/text/plain": text},
            metadata={
                "scrapbook": {
                    "name": key.replace("_", "-"),
                    "mime_prefix": "application/papermill.record/",
                }
            },
        )
        for key, text in values.items()
    ]
    return nbformat.v4.new_code_cell("glue(...)", outputs=outputs, execution_count=1)


def notebook_page(tmp_path, question, **values):
    cells = [nbformat.v4.new_markdown_cell("# Title"), glued(**values)]
    cells.append(nbformat.v4.new_markdown_cell(question))
    made = nbformat.v4.new_notebook(
        cells=cells, metadata={"language_info": {"name": "python", "pygments_lexer": "ipython3"}}
    )
    (tmp_path / "index.md").unlink(missing_ok=True)
    nbformat.write(made, tmp_path / "index.ipynb")
    return build(tmp_path)["index"]


def attribute(html, name):
    """Return the values of an attribute, in order."""
    unescape = {"&quot;": '"', "&amp;": "&"}
    found = re.findall(rf'{name}="([^"]*)"', html)
    return [re.sub("&quot;|&amp;", lambda match: unescape[match[0]], text) for text in found]


# What is wrong with a question, on which line of it (from 1), and what the author reads.
CHOICE = (
    ":::{quiz} some-id\n\nQuestion?\n\n- one <!-- right: Yes. -->\n- two <!-- wrong: No. -->\n:::\n"
)
NUMERIC = (
    ":::{quiz} some-id\n:kind: numeric\n:tolerance: 10 %\n\nQuestion?\n\n"
    "<!-- right 10: Yes. -->\n<!-- wrong 20: Twice. -->\n<!-- wrong: No. -->\n:::\n"
)
ORDER = (
    ":::{quiz} some-id\n:kind: order\n\nQuestion?\n\n"
    "- b <!-- 2: Second. -->\n- a <!-- 1: First. -->\n:::\n"
)
CURVE = (
    ":::{quiz} some-id\n:kind: curve\n:x: steps, 0 to 10\n:y: loss, 0.01 to 100, log\n"
    ":tolerance: 0.2 decades\n\nQuestion?\n\n"
    "<!-- right glue:curve: Yes. -->\n<!-- wrong glue:other: No. -->\n<!-- wrong: No. -->\n:::\n"
)
REFUSED = {
    "no id": (CHOICE, " some-id", "", 1, "needs an id"),
    "bad id": (CHOICE, "some-id", "Some id", 1, "needs an id"),
    "unknown kind": (CHOICE, "some-id", "some-id\n:kind: essay", 1, "kind must be one of single"),
    "option of another kind": (CHOICE, "some-id", "some-id\n:unit: m", 1, "no option `:unit:`"),
    "no question": (CHOICE, "Question?", "", 1, "has no question"),
    "no option": (CHOICE, "- two <!-- wrong: No. -->", "", 1, "at least two options, got 1"),
    "none right": (CHOICE, "right: Yes", "wrong: Yes", 1, "exactly one option marked `right:`"),
    "two right": (CHOICE, "wrong: No", "right: No", 1, "exactly one option marked `right:`, got 2"),
    "none right of many": (
        CHOICE.replace("some-id", "some-id\n:kind: multiple"),
        "right: Yes",
        "wrong: Yes",
        1,
        "at least one option marked",
    ),
    "repeated option": (CHOICE, "- two", "-  one ", 6, "the option 'one' is repeated"),
    "empty option": (CHOICE, "- two <", "-  <", 6, "an option is empty"),
    "no verdict": (CHOICE, " <!-- wrong: No. -->", "", 6, "needs one comment with its verdict"),
    "two verdicts": (CHOICE, "No. -->", "No. --> <!-- wrong: No. -->", 6, "needs one comment"),
    "no feedback": (CHOICE, "wrong: No.", "wrong:", 6, "a comment reads `verdict: feedback`"),
    "misspelt verdict": (CHOICE, "wrong: No.", "wrnog: No.", 6, "got `<!--wrnog: No.-->`"),
    "verdict of another kind": (CHOICE, "wrong: No.", "2: No.", 6, "got `2:`"),
    "verdict with a value": (CHOICE, "wrong: No.", "wrong 2: No.", 6, "got `wrong 2:`"),
    "comment not closed": (CHOICE, "No. -->", "No.", 6, "not closed"),
    "arrow in a comment": (CHOICE, "No.", "a --> b", 6, "closed twice"),
    "text after the options": (CHOICE, "No. -->", "No. -->\n\nAnd?", 8, "text after its options"),
    "no tolerance": (NUMERIC, ":tolerance: 10 %\n", "", 1, "needs `:tolerance:`"),
    "bad tolerance": (NUMERIC, "10 %", "ten", 1, "tolerance must be a number"),
    "negative tolerance": (NUMERIC, "10 %", "-1", 1, "tolerance must be a number"),
    "infinite tolerance": (NUMERIC, "10 %", "1e999", 1, "tolerance must be a number"),
    "tolerance of a curve": (NUMERIC, "10 %", "1 decades", 1, "tolerance must be a number"),
    "no right number": (NUMERIC, "right 10", "wrong 10", 1, "exactly one comment `<!-- right"),
    "right without number": (NUMERIC, "right 10", "right", 7, "begins `right VALUE:`"),
    "two right numbers": (NUMERIC, "wrong 20", "right 20", 1, "got 2"),
    "no fallback": (NUMERIC, "<!-- wrong: No. -->\n", "", 1, "for any other answer, got 0"),
    "not a number": (NUMERIC, "right 10", "right ten", 7, "must be a finite number, got ten"),
    "not finite": (NUMERIC, "right 10", "right nan", 7, "must be a finite number, got nan"),
    "unknown key": (NUMERIC, "right 10", "right glue:ten", 7, "glue:ten is unknown"),
    "percent of zero": (NUMERIC, "right 10", "right 0", 7, "means nothing around 0"),
    "overlap": (NUMERIC, "wrong 20", "wrong 12", 8, "12 = 12 and 10 = 10 cannot be told apart"),
    "places with a gap": (ORDER, "2: Second", "3: Third", 1, "make 1 to 2; got 3, 1"),
    "place twice": (ORDER, "2: Second", "1: First", 1, "make 1 to 2; got 1, 1"),
    "place in words": (ORDER, "2: Second", "right: First", 1, "begins with its place"),
    "already in order": (
        ORDER,
        "- b <!-- 2: Second. -->\n- a <!-- 1: First. -->",
        "- a <!-- 1: First. -->\n- b <!-- 2: Second. -->",
        1,
        "gives the answer away",
    ),
    "no axis": (CURVE, ":x: steps, 0 to 10\n", "", 1, "needs `:x:`"),
    "unreadable axis": (CURVE, "steps, 0 to 10", "steps 0..10", 1, "x must read `label, LOW to"),
    "reversed axis": (CURVE, "0 to 10\n", "10 to 0\n", 1, "must have LOW < HIGH, got 10 to 0"),
    "log of nothing": (CURVE, "0.01 to", "0 to", 1, "must have 0 < LOW < HIGH, got 0 to 100"),
    "range in words": (CURVE, "0 to 10\n", "zero to 10\n", 1, "zero must be a finite number"),
    "tolerance without unit": (CURVE, "0.2 decades", "0.2", 1, "needs its unit: decades"),
    "tolerance in %": (CURVE, "0.2 decades", "10 %", 1, "or `NUMBER decades`"),
    "typed curve": (CURVE, "glue:curve", "3", 9, "a curve is glued by the notebook"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_mistake_of_the_author_stops_the_build_and_says_where(case, tmp_path):
    question, old, new, line, message = REFUSED[case]
    assert old in question
    with pytest.raises(quiz.QuizError) as refused:
        page(tmp_path, question.replace(old, new, 1))
    assert message in str(refused.value)
    assert f"index.md:{line + 2}: quiz" in str(refused.value)


def test_the_questions_that_the_mistakes_are_made_in_are_well_written(tmp_path):
    for question in (CHOICE, NUMERIC, ORDER):
        assert 'data-quiz="' in page(tmp_path, question)
    assert 'data-quiz="' in notebook_page(tmp_path, CURVE, curve=LINE, other=HIGHER)


LINE = str({"x": [0, 5, 10], "y": [1, 1, 1]})
HIGHER = str({"x": [0, 5, 10], "y": [10, 10, 10]})
BAD_CURVES = {
    "a number": ("3.0", "must be a curve"),
    "a list": ("[1, 2, 3]", "must be a curve"),
    "NumPy arrays": (str({"x": np.arange(2)}).replace("[0 1]", "array([0, 1])"), "must be a curve"),
    "truncated by IPython": ("{'x': [0, 1, ...], 'y': [1, 1, ...]}", "must be a curve"),
    "no y": ("{'x': [0, 1]}", "must be a curve"),
    "uneven": ("{'x': [0, 1], 'y': [1]}", "must be a curve"),
    "one point": ("{'x': [0], 'y': [1]}", "must have 2 to 400"),
    "nested": ("{'x': [[0, 1]], 'y': [[1, 1]]}", "must have 2 to 400"),
    "too many points": (str({"x": list(range(500)), "y": [1] * 500}), "must have 2 to 400"),
    "overflow": ("{'x': [0, 1], 'y': [1, 1e999]}", "must have 2 to 400"),
    "backwards": ("{'x': [1, 0], 'y': [1, 1]}", "must have increasing x"),
    "below the axis": ("{'x': [0, 1], 'y': [1, 0]}", "leaves the axis 'loss', 0.01 to 100"),
    "beyond the axis": ("{'x': [0, 11], 'y': [1, 1]}", "leaves the axis 'steps', 0 to 10"),
}


@pytest.mark.parametrize("case", BAD_CURVES)
def test_what_is_no_curve_is_refused(case, tmp_path):
    value, message = BAD_CURVES[case]
    with pytest.raises(quiz.QuizError) as refused:
        notebook_page(tmp_path, CURVE, curve=value, other=HIGHER)
    assert message in str(refused.value)
    assert "index.ipynb, cell 3, line 9: quiz 'some-id'" in str(refused.value)


def test_a_wrong_curve_within_the_tolerance_is_refused(tmp_path):
    near = str({"x": [0, 10], "y": [1.3, 1.3]})
    with pytest.raises(quiz.QuizError, match=r"line 10: .*glue:other lies 0\.11 decades from the"):
        notebook_page(tmp_path, CURVE, curve=LINE, other=near)


@pytest.mark.parametrize("value", ["10", "10.0", "'10'", "np.float64(10.0)", "np.int64(10)"])
def test_a_glued_number_is_read_as_the_notebook_printed_it(value, tmp_path):
    question = NUMERIC.replace("right 10", "right glue:ten")
    if value == "'10'":  # a string is text for the page, not a measurement
        with pytest.raises(quiz.QuizError, match=r"finite number.*float\(value\)"):
            notebook_page(tmp_path, question, ten=value)
        return
    html = notebook_page(tmp_path, question, ten=value)
    assert float(attribute(html, "data-low")[0]) == pytest.approx(9)
    assert float(attribute(html, "data-high")[0]) == pytest.approx(11)
    assert "Right: 10<" in html


def test_the_ends_of_the_interval_are_inside_it(tmp_path):
    html = page(tmp_path, NUMERIC.replace("right 10", "right 3.2").replace("10 %", "0.1"))
    assert float(attribute(html, "data-low")[0]) <= 3.1
    assert float(attribute(html, "data-high")[0]) >= 3.3


def test_distance_of_curves_against_its_closed_form():
    x = {"low": 0, "high": 10, "log": False}
    y = {"low": 1e-4, "high": 1, "log": True}
    one = np.array([[0, 1e-2], [10, 1e-2]])
    for ratio in (0.1, 2.0, 30.0):
        other = one * [1, ratio]
        assert quiz.distance(one, other, x, y) == pytest.approx(abs(np.log10(ratio)))
    percent = quiz.distance(one, one + np.array([0, 0.25]), x, {"low": 0, "high": 2, "log": False})
    assert percent == pytest.approx(12.5)
    # A ramp against its start: half its height on average.
    ramp = np.array([[0, 1e-2], [10, 1]])
    assert quiz.distance(ramp, one, x, y) == pytest.approx(1.0)


def test_comments_become_feedback_and_nothing_else(tmp_path):
    html = page(
        tmp_path,
        ":::{quiz} some-id\n\nIs $a$ **one**?\n\n- $b$ <!-- right: Since\n  $c$:\n\n"
        "  - first\n  - second\n  -->\n- two\n  lines <!-- wrong: No. -->\n:::\n",
    )
    text = re.sub("<[^>]*>", "", html)
    assert "<!-- right" not in html
    assert html.count('<span class="math') == 3
    assert "<strong>one</strong>" in html
    assert "<li><p>second</p></li>" in html
    assert "two\nlines" in text
    assert attribute(html, "data-verdict") == ["right", "wrong"]
    assert json.loads(attribute(html, "data-quiz")[0])["kind"] == "single"


def test_an_answer_is_forgotten_when_the_question_changes(tmp_path):
    versions = set()
    for question in (CHOICE, CHOICE, CHOICE.replace("two", "three")):
        versions.add(json.loads(attribute(page(tmp_path, question), "data-quiz")[0])["version"])
    assert len(versions) == 2


def test_other_writers_print_the_question_and_no_answer(tmp_path):
    text = page(tmp_path, CHOICE.replace("Yes.", "Unseen."), builder="text")
    assert "Question?" in text and "one" in text and "two" in text
    assert "Unseen" not in text


@pytest.mark.parametrize("kind", QUESTIONS)
def test_the_source_reads_as_plain_markdown_and_keeps_the_answer(kind):
    shown = re.sub("<!--.*?-->", "", MarkdownIt().render(QUESTIONS[kind]), flags=re.DOTALL)
    assert not re.search("right|wrong|&lt;!--", re.sub("Put one.*in order", "", shown))
    items = {"single": 4, "multiple": 4, "order": 3}.get(kind, 0)
    assert shown.count("<li>") == items


def test_only_pages_with_a_question_carry_the_script(tmp_path):
    (tmp_path / "plain.md").write_text("---\norphan: true\n---\n\n# Plain\n")
    (tmp_path / "index.md").write_text(f"# Title\n\n{CHOICE}")
    pages = build(tmp_path)
    assert "quiz.js" in pages["index"] and "quiz.css" in pages["index"]
    assert "quiz.js" not in pages["plain"] and "quiz.css" not in pages["plain"]


def test_a_question_can_move_to_another_page_but_not_stand_on_both(tmp_path):
    with_question, without = f"# Title\n\n{CHOICE}", "# Title\n"
    pages = [tmp_path / "index.md", tmp_path / "other.md"]
    for first, second in ((with_question, without), (without, with_question)):
        pages[0].write_text(first)
        pages[1].write_text(f"---\norphan: true\n---\n\n{second}")
        build(tmp_path)
    pages[0].write_text(with_question)
    for _ in range(2):  # the refusal is repeated until a page changes
        with pytest.raises(quiz.QuizError, match=r"other\.md:7: .*taken by .*index\.md:3"):
            build(tmp_path)


def test_an_id_used_twice_on_a_page_is_refused(tmp_path):
    with pytest.raises(quiz.QuizError, match=r"index\.md:11: .*taken by .*index\.md:3"):
        page(tmp_path, CHOICE + "\n" + CHOICE)


def test_pages_read_in_parallel_are_checked_as_well(tmp_path):
    (tmp_path / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(EXTENSIONS)!r})\nglobals().update({SETTINGS!r})\n"
    )
    (tmp_path / "index.md").write_text("# Title\n")
    for number in range(9):
        question = CHOICE.replace("some-id", f"id-{number % 8}")
        (tmp_path / f"page{number}.md").write_text(
            f"---\norphan: true\n---\n\n# Page\n\n{question}"
        )
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-j", "3", tmp_path, tmp_path / "_build"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode != 0
    assert re.search(r"page8\.md:7: quiz 'id-0': .*page0\.md:7", finished.stderr)
    (tmp_path / "page8.md").write_text("---\norphan: true\n---\n\n# Page\n")
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


def test_examples_in_the_docstrings():
    assert doctest.testmod(quiz).failed == 0
