r"""The ``{quiz}`` directive: a question that knows why each answer is right or wrong.

A question is written in a Markdown cell as a colon fence. Verdicts and feedback stand in HTML
comments, which no notebook program shows; `plain.py` puts the fence's two lines into comments too,
so that the source reads as a plain question there::

    :::{quiz} double-kappa
    Doubling $\kappa$ multiplies the steps of gradient descent by about

    - 1 <!-- wrong: The rate $(\kappa-1)/(\kappa+1)$ depends on $\kappa$. -->
    - 2 <!-- right: The logarithm of the rate is about $-2/\kappa$. -->

    :::

======== ============================================ ======================================
kind     the answer                                   options
======== ============================================ ======================================
single   one option is ``right`` (the default kind)
multiple any number of options is ``right``
numeric  ``right VALUE``, ``wrong VALUE``, ``wrong``  ``tolerance``, ``unit``
order    each item's comment begins with its place
curve    ``right CURVE``, ``wrong CURVE``, ``wrong``  ``x``, ``y``, ``tolerance``
======== ============================================ ======================================

A VALUE is a number or ``glue:KEY``, a CURVE is ``glue:KEY``: what this notebook glued with
``glue(KEY, float(value), display=False)`` or
``glue(KEY, {"x": x.tolist(), "y": y.tolist()}, display=False)``. (A glued ``IPython.display.JSON``
would be no valid notebook output.) A mistake of the author raises :class:`QuizError`, which stops
the build. A question that cannot be asked because of what was measured is left out with a warning.

The page holds the question, the options and one ``<details>`` of feedback an option, so it can be
read without JavaScript; ``_static/quiz.js`` makes the controls.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import re
from ast import literal_eval
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from myst_nb.core.variables import RetrievalError
from myst_nb.ext.glue.utils import retrieve_glue_data
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import SphinxError
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

# What the page asks the reader to do, and the options an author must and may set.
KINDS = {
    "single": ("Choose one", (), ()),
    "multiple": ("Choose all that hold", (), ()),
    "numeric": ("Give a number", ("tolerance",), ("unit",)),
    "order": ("Put in order", (), ()),
    "curve": ("Draw your prediction", ("x", "y", "tolerance"), ()),
}

MOST_POINTS = 400  # of a curve: more is not seen, and weighs on the page

COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
VERDICT = re.compile(r"\s*(right|wrong|[0-9]+)(?:\s+(\S+))?\s*:\s+(.*\S)", re.DOTALL)
ITEM = re.compile(r"(?:[-*+]|[0-9]+[.)])\s+")
AXIS = re.compile(r"(?P<label>.+),\s*(?P<low>\S+)\s+to\s+(?P<high>[^\s,]+)(?P<log>,\s*log)?")
TOLERANCE = re.compile(r"(?P<size>[0-9.eE+-]+)\s*(?P<unit>%|decades)?")


logger = logging.getLogger(__name__)


class QuizError(SphinxError):
    """A question that cannot be asked as it is written; says where and why."""

    category = "Quiz error"


class html_element(nodes.General, nodes.Element):
    """An element of HTML: its ``tag``, its ``html`` attributes, its children."""


class Quiz(SphinxDirective):
    """``:::{quiz} id``: see the module's docstring."""

    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = dict.fromkeys(
        ("kind", "tolerance", "unit", "x", "y"), directives.unchanged_required
    )
    measured = False  # whether it asks for a value of this run

    def run(self) -> list[nodes.Node]:
        """Return the question as one element, or a sentence where it has none to ask for."""
        self.name_of_quiz = self.arguments[0].strip() if self.arguments else ""
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.name_of_quiz):
            self.fail(
                "needs an id of lower-case words joined by hyphens, "
                "such as `:::{quiz} double-kappa`"
            )
        quizzes(self.env).setdefault(self.env.docname, []).append((self.name_of_quiz, self.place()))
        try:
            return [self.question()]
        except QuizError as error:
            found = self.env.temp_data.get("converge_differences")
            if not self.measured or found is None:
                raise
            if not any(one.stops for one in found):
                logger.warning("%s", error, type="quiz")
            missing = "This question asks for what could not be computed on this machine."
            return [element("div", element("p", nodes.Text(missing)), classes=["quiz"])]

    def question(self) -> html_element:
        """Return the question, or raise :class:`QuizError`."""
        kind = self.options.get("kind", "single")
        if kind not in KINDS:
            self.fail(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
        instruction, needed, allowed = KINDS[kind]
        for option in needed:
            if option not in self.options:
                self.fail(f"kind {kind} needs `:{option}:`")
        for option in self.options.keys() - {"kind", *needed, *allowed}:
            self.fail(f"kind {kind} has no option `:{option}:`")

        text = "\n".join(self.content)
        for mark in ("<!--", "-->"):
            if (at := COMMENT.sub(_blank, text).find(mark)) >= 0:
                self.fail(f"a comment is not closed, or closed twice: {mark}", line_of(text, at))

        question, extra, body = getattr(self, f"{kind}_body")(text)
        if not question.strip():
            self.fail("has no question before its answers")
        source = json.dumps([self.options, list(self.content)], sort_keys=True)
        fingerprint = hashlib.sha256(source.encode()).hexdigest()[:8]
        spec = {"id": self.name_of_quiz, "kind": kind, "version": fingerprint, **extra}
        question_id = f"quiz-{self.name_of_quiz}-question"
        quiz = html_element(
            "",
            element("p", nodes.Text(instruction), classes=["quiz-instruction"]),
            element("div", *self.parse(question, 0), classes=["quiz-question"], ids=[question_id]),
            *body,
            tag="div",
            html={"data-quiz": json.dumps(spec), "role": "group", "aria-labelledby": question_id},
            classes=["quiz"],
            ids=[f"quiz-{self.name_of_quiz}"],
        )
        self.set_source_info(quiz)
        return quiz

    # What each kind makes of the text: the question, what the script must know, the elements.

    def single_body(self, text: str) -> tuple[str, dict, list[nodes.Node]]:
        """Options of which exactly one is right."""
        return self.choice_body(text, most=1)

    def multiple_body(self, text: str) -> tuple[str, dict, list[nodes.Node]]:
        """Options of which at least one is right."""
        return self.choice_body(text, most=math.inf)

    def choice_body(self, text: str, most: float) -> tuple[str, dict, list[nodes.Node]]:
        """Options, each with its verdict."""
        question, options = self.options_of(text)
        rights = 0
        items = []
        for option, line, (word, value, feedback, where) in options:
            if word not in ("right", "wrong") or value:
                self.fail(
                    "an option's comment begins with `right:` or `wrong:`, "
                    f"got `{f'{word} {value}'.strip()}:`",
                    where,
                )
            rights += word == "right"
            said = self.feedback(word, "If you choose this", feedback, where)
            items.append(self.option(option, line, said))
        if not 1 <= rights <= most:
            wanted = "exactly one" if most == 1 else "at least one"
            self.fail(f"needs {wanted} option marked `right:`, got {rights}")
        return question, {}, [element("ul", *items, classes=["quiz-options"])]

    def order_body(self, text: str) -> tuple[str, dict, list[nodes.Node]]:
        """Items, each with its place: written in another order than the right one."""
        question, options = self.options_of(text)
        places = [word for _, _, (word, *_) in options]
        wanted = [str(place) for place in range(1, len(places) + 1)]
        if sorted(places) != sorted(wanted) or any(value for _, _, (_, value, *_) in options):
            self.fail(
                f"each item's comment begins with its place, so that all make 1 to {len(places)}; "
                f"got {', '.join(places)}"
            )
        if places == wanted:
            self.fail("is written in the right order, which gives the answer away: shuffle it")
        items = []
        for option, line, (place, _, feedback, where) in options:
            said = self.feedback(
                "right",
                "Where does this go?",
                feedback,
                where,
                verdict=f"Place {place}",
                **{"data-place": place},
            )
            items.append(self.option(option, line, said))
        return question, {}, [element("ol", *items, classes=["quiz-options"])]

    def numeric_body(self, text: str) -> tuple[str, dict, list[nodes.Node]]:
        """A right value, named wrong ones, and feedback for any other."""
        size, unit = self.tolerance("%")
        shown_unit = self.options.get("unit", "")
        intervals, said = [], []
        for word, value, feedback, where in self.verdicts(text):
            if not value:
                said.append(self.feedback(word, "If you got something else", feedback, where))
                continue
            number = self.number(value, where)
            if unit and number == 0:
                self.fail("a tolerance in % means nothing around 0: give it as a number", where)
            # A reader who types the end of the interval is inside it, whatever the rounding.
            width = (size / 100 * abs(number) if unit else size) + 1e-12 * abs(number)
            low, high = number - width, number + width
            for other_low, other_high, other in intervals:
                if low <= other_high and other_low <= high:
                    self.fail(
                        f"{value} = {number:g} and {other} cannot be told apart "
                        f"with a tolerance of {self.options['tolerance']}",
                        where,
                    )
            intervals.append((low, high, f"{value} = {number:g}"))
            quantity = f"{readable(number)} {shown_unit}".strip()
            said.append(
                self.feedback(
                    word,
                    "The answer" if word == "right" else f"If you got {quantity}",
                    feedback,
                    where,
                    verdict=f"Right: {quantity}" if word == "right" else "Wrong",
                    **{"data-low": repr(low), "data-high": repr(high)},
                )
            )
        return without_comments(text), {"unit": shown_unit}, said

    def curve_body(self, text: str) -> tuple[str, dict, list[nodes.Node]]:
        """A measured curve, named wrong ones, and feedback for any other."""
        x, y = self.axis("x"), self.axis("y")
        size, unit = self.tolerance("decades" if y["log"] else "%")
        if unit is None:
            self.fail(f"tolerance needs its unit: {'decades' if y['log'] else '%'}")
        said, right = [], None
        for word, value, feedback, where in self.verdicts(text):
            if not value:
                said.append(self.feedback(word, "If you drew something else", feedback, where))
                continue
            points = self.curve(value, where, x, y)
            if word == "right":
                right = points
                said.append(measured_table(points, x["label"], y["label"]))
            elif right is None:
                self.fail("`right` comes first", where)
            elif (apart := distance(points, right, x, y)) <= size:
                self.fail(
                    f"{value} lies {apart:.2g} {unit} from the measured curve, "
                    f"within the tolerance of {self.options['tolerance']}",
                    where,
                )
            said.append(
                self.feedback(
                    word,
                    "What was measured" if word == "right" else "A likely mistake",
                    feedback,
                    where,
                    verdict="As measured" if word == "right" else "Wrong",
                    **{"data-points": json.dumps(points.tolist(), separators=(",", ":"))},
                )
            )
        return without_comments(text), {"x": x, "y": y, "tolerance": size}, said

    # Reading what the author wrote.

    def options_of(self, text: str) -> tuple[str, list[tuple[str, int, tuple]]]:
        """Split ``text`` into the question and (option, line, verdict) of each list item."""
        lines = COMMENT.sub(_blank, text).split("\n")
        starts = [number for number, line in enumerate(lines) if ITEM.match(line)]
        if len(starts) < 2:
            self.fail(f"needs a list of at least two options, got {len(starts)}")
        source = text.split("\n")
        options: list[tuple[str, int, tuple]] = []
        seen: set[str] = set()
        for start, stop in zip(starts, [*starts[1:], len(lines)], strict=True):
            for number in range(start + 2, stop):
                outside = lines[number].strip() and lines[number][0] != " "
                if outside and not lines[number - 1].strip():
                    self.fail("has text after its options: put it before them", number)
            item = "\n".join(source[start:stop])
            marker = ITEM.match(item)
            option = inspect.cleandoc(without_comments(item[marker.end() :]))
            if not option:
                self.fail("an option is empty", start)
            same = " ".join(option.split())
            if same in seen:
                self.fail(f"the option {same!r} is repeated", start)
            seen.add(same)
            verdicts = self.comments(item, start)
            if len(verdicts) != 1:
                self.fail(
                    f"the option {same!r} needs one comment with its verdict and feedback, "
                    f"such as `<!-- wrong: why -->`, got {len(verdicts)}",
                    start,
                )
            options.append((option, start, verdicts[0]))
        return without_comments("\n".join(source[: starts[0]])), options

    def verdicts(self, text: str) -> list[tuple[str, str, str, int]]:
        """Return the verdicts of a question without options: a right one, one for any other."""
        verdicts = self.comments(text, 0)
        for word, value, _, where in verdicts:
            if word not in ("right", "wrong") or (word == "right" and not value):
                self.fail(
                    f"a verdict begins `right VALUE:`, `wrong VALUE:` or `wrong:`, got `{word}:`",
                    where,
                )
        rights = sum(word == "right" for word, *_ in verdicts)
        if rights != 1:
            self.fail(f"needs exactly one comment `<!-- right VALUE: why -->`, got {rights}")
        others = sum(not value for _, value, *_ in verdicts)
        if others != 1:
            self.fail(f"needs one comment `<!-- wrong: why -->` for any other answer, got {others}")
        return verdicts

    def comments(self, text: str, line: int) -> list[tuple[str, str, str, int]]:
        """Return (word, value, feedback, line) for each comment in ``text``."""
        found = []
        for comment in COMMENT.finditer(text):
            where = line + line_of(text, comment.start())
            verdict = VERDICT.fullmatch(comment[1].rstrip())
            if not verdict:
                self.fail(
                    "a comment reads `verdict: feedback`, such as `<!-- wrong: why -->`, "
                    f"got `<!--{' '.join(comment[1].split())[:60]}-->`",
                    where,
                )
            word, value, feedback = verdict.groups()
            found.append((word, value or "", inspect.cleandoc(feedback), where))
        return found

    def tolerance(self, unit: str) -> tuple[float, str | None]:
        """Return the size and the unit of ``:tolerance:``."""
        written = self.options["tolerance"]
        match = TOLERANCE.fullmatch(written.strip())
        size = as_number(match["size"]) if match else None
        if size is None or size < 0 or match["unit"] not in (unit, None):
            self.fail(f"tolerance must be a number of at least 0, or `NUMBER {unit}`: {written!r}")
        return size, match["unit"]

    def axis(self, name: str) -> dict[str, Any]:
        """Return the label, range and scale of ``:x:`` or ``:y:``."""
        written = self.options[name]
        match = AXIS.fullmatch(written.strip())
        if not match:
            self.fail(
                f"{name} must read `label, LOW to HIGH` or `label, LOW to HIGH, log`: {written!r}"
            )
        low, high = self.number(match["low"]), self.number(match["high"])
        log = match["log"] is not None
        if not low < high or (log and low <= 0):
            allowed = "0 < LOW < HIGH" if log else "LOW < HIGH"
            self.fail(f"{name} must have {allowed}, got {low:g} to {high:g}")
        return {"label": match["label"].strip(), "low": low, "high": high, "log": log}

    def number(self, written: str, line: int | None = None) -> float:
        """Return a number that is written out or glued by this notebook."""
        value = self.glued(written, line) if written.startswith("glue:") else written
        number = as_number(value)
        if number is None:
            self.fail(
                f"{written} must be a finite number, got {value[:60]}; "
                "glue a plain one: glue(key, float(value), display=False)",
                line,
            )
        return number

    def curve(self, written: str, line: int, x: dict, y: dict) -> np.ndarray:
        """Return the points of a glued curve, shape (n, 2), n from 2 to ``MOST_POINTS``."""
        idiom = 'glue(key, {"x": x.tolist(), "y": y.tolist()}, display=False)'
        if not written.startswith("glue:"):
            self.fail(f"a curve is glued by the notebook: `glue:KEY`, got {written}", line)
        value = self.glued(written, line)
        try:
            table = literal_eval(value)
            points = np.array([table["x"], table["y"]], dtype=float).T
        except (KeyError, SyntaxError, TypeError, ValueError):
            self.fail(
                f"{written} must be a curve of at most {MOST_POINTS} finite points, {idiom}, "
                f"got {value[:60]}",
                line,
            )
        if not (points.ndim == 2 and 2 <= len(points) <= MOST_POINTS and np.isfinite(points).all()):
            self.fail(
                f"{written} must have 2 to {MOST_POINTS} finite points, got shape {points.shape}: "
                "take every k-th, and drop what is not finite",
                line,
            )
        if not (np.diff(points[:, 0]) > 0).all():
            self.fail(f"{written} must have increasing x", line)
        for axis, values in ((x, points[:, 0]), (y, points[:, 1])):
            if values.min() < axis["low"] or values.max() > axis["high"]:
                self.fail(
                    f"{written} leaves the axis {axis['label']!r}, {axis['low']:g} to "
                    f"{axis['high']:g}: it runs from {values.min():g} to {values.max():g}",
                    line,
                )
        # Five digits are more than a screen shows.
        return np.array([[float(f"{number:.5g}") for number in point] for point in points])

    def glued(self, written: str, line: int | None) -> str:
        """Return what the notebook glued, as it was printed."""
        self.measured = True
        try:
            data = retrieve_glue_data(self.state.document, written.removeprefix("glue:")).data
        except RetrievalError:
            self.fail(f"{written} is unknown: this notebook glues no such key", line)
        return data.get("text/plain", "")

    # Writing nodes.

    def parse(self, text: str, line: int) -> list[nodes.Node]:
        """Parse Markdown that begins at ``line`` of the content."""
        holder = nodes.Element()
        block = StringList(text.split("\n"), self.state.document["source"])
        self.state.nested_parse(block, self.content_offset + line, holder)
        return holder.children

    def option(self, text: str, line: int, feedback: nodes.Node) -> html_element:
        """Return an option with its feedback behind it."""
        shown = element("div", *self.parse(text, line), classes=["quiz-text"])
        return element("li", shown, feedback, classes=["quiz-option"])

    def feedback(
        self,
        word: str,
        summary: str,
        text: str,
        line: int,
        verdict: str | None = None,
        **html: str,
    ) -> html_element:
        """Return feedback behind a disclosure."""
        return element(
            "details",
            element("summary", nodes.Text(summary)),
            element(
                "div",
                element("p", nodes.Text(verdict or word.capitalize()), classes=["quiz-verdict"]),
                *self.parse(text, line),
                classes=["quiz-why", f"quiz-{word}"],
            ),
            classes=["quiz-feedback"],
            **{"data-verdict": word, **html},
        )

    def place(self, line: int | None = None) -> str:
        """Say where the directive is, or ``line`` of its content."""
        path = Path(self.get_source_info()[0])
        number = self.lineno + (0 if line is None else self.content_offset + line + 1)
        if path.suffix == ".ipynb":  # MyST-NB numbers lines as 10000 × cell + line + 1
            return f"{path}, cell {number // 10000}, line {number % 10000 - 1}"
        return f"{path}:{number}"

    def fail(self, message: str, line: int | None = None) -> NoReturn:
        """Stop the build, saying where: at the directive, or at ``line`` of the content."""
        raise QuizError(f"{self.place(line)}: quiz {self.name_of_quiz!r}: {message}")


def element(
    tag: str,
    *children: nodes.Node,
    classes: list[str] | None = None,
    ids: list[str] | None = None,
    **html: str,
) -> html_element:
    """Return an element of HTML."""
    return html_element("", *children, tag=tag, html=html, classes=classes or [], ids=ids or [])


def without_comments(text: str) -> str:
    """Return ``text`` without its comments, with as many lines.

    >>> without_comments("a <!-- right: b -->")
    'a'
    """
    bare = COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text)
    return "\n".join(line.rstrip() for line in bare.split("\n"))


def _blank(comment: re.Match) -> str:
    return re.sub(r"[^\n]", " ", comment[0])


def line_of(text: str, at: int) -> int:
    """Return the line, from 0, of position ``at`` in ``text``."""
    return text.count("\n", 0, at)


def as_number(written: str) -> float | None:
    """Return a finite float, or None.

    >>> as_number("np.float64(2.5)"), as_number("1e-3"), as_number("nan"), as_number("True")
    (2.5, 0.001, None, None)
    """
    try:
        number = float(re.sub(r"^np\.\w+\((.*)\)$", r"\1", written.strip()))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def readable(number: float) -> str:
    """Return ``number`` with four digits.

    >>> readable(12345.678), readable(0.5), readable(1.5e-9)
    ('12,350', '0.5', '1.5e-09')
    """
    return f"{float(f'{number:.4g}'):,.10g}"


def distance(one: np.ndarray, other: np.ndarray, x: dict, y: dict) -> float:
    """Return the mean distance of two curves, shape (n, 2): in decades, or in % of the axis.

    Both are read at 101 places, evenly spaced along the x-axis where both are defined, as quiz.js
    does it.
    """

    def on(axis: dict, values: np.ndarray) -> np.ndarray:
        scale = np.log10 if axis["log"] else np.asarray
        return scale(values)

    a, b = ((on(x, curve[:, 0]), on(y, curve[:, 1])) for curve in (one, other))
    places = np.linspace(max(a[0][0], b[0][0]), min(a[0][-1], b[0][-1]), 101)
    apart = np.abs(np.interp(places, *a) - np.interp(places, *b)).mean()
    return float(apart if y["log"] else 100 * apart / (y["high"] - y["low"]))


def measured_table(points: np.ndarray, x_label: str, y_label: str) -> html_element:
    """Return nine of the measured points as a table: what the drawing says, in words."""

    def row(tag: str, cells: list[str], **html: str) -> html_element:
        return element("tr", *(element(tag, nodes.Text(cell), **html) for cell in cells))

    rows = points[np.unique(np.linspace(0, len(points) - 1, 9).round().astype(int))]
    table = element(
        "table",
        element("thead", row("th", [x_label, y_label], scope="col")),
        element("tbody", *(row("td", [readable(number) for number in pair]) for pair in rows)),
    )
    return element(
        "details",
        element("summary", nodes.Text("The measured numbers")),
        table,
        classes=["quiz-table"],
    )


def visit_html(writer: Any, node: html_element) -> None:  # noqa: ANN401 - Sphinx's translator
    """Open the element."""
    writer.body.append(writer.starttag(node, node["tag"], "", **node["html"]))


def depart_html(writer: Any, node: html_element) -> None:  # noqa: ANN401
    """Close the element."""
    writer.body.append(f"</{node['tag']}>\n")


def visit_other(writer: Any, node: html_element) -> None:  # noqa: ANN401
    """Print the question and the options, not the answers."""
    if node["tag"] == "details":
        raise nodes.SkipNode


def depart_other(writer: Any, node: html_element) -> None:  # noqa: ANN401
    """Print nothing."""


def quizzes(env: BuildEnvironment) -> dict[str, list[tuple[str, str]]]:
    """Return (id, place) of each quiz of each document, kept from one build to the next."""
    if not hasattr(env, "converge_quizzes"):
        env.converge_quizzes = {}
    return env.converge_quizzes


def forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Forget the quizzes of a document that is read again."""
    quizzes(env).pop(docname, None)


def merge(app: Sphinx, env: BuildEnvironment, docnames: set, other: BuildEnvironment) -> None:
    """Take over what a parallel reader found."""
    quizzes(env).update({name: found for name, found in quizzes(other).items() if name in docnames})


def refuse_repeated_ids(app: Sphinx, env: BuildEnvironment) -> None:
    """Stop the build if two quizzes of the book share an id."""
    places: dict[str, str] = {}
    for docname in sorted(quizzes(env)):
        for name, place in quizzes(env)[docname]:
            if name in places:
                raise QuizError(f"{place}: quiz {name!r}: this id is taken by {places[name]}")
            places[name] = place


def add_files(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: Any) -> None:  # noqa: ANN401
    """Add the script and the style to the pages that hold a quiz."""
    if pagename in quizzes(app.env):
        app.add_js_file("quiz.js", loading_method="defer")
        app.add_css_file("quiz.css")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive with Sphinx."""
    other = (visit_other, depart_other)
    app.add_node(
        html_element,
        html=(visit_html, depart_html),
        latex=other,
        text=other,
        man=other,
        texinfo=other,
    )
    app.add_directive("quiz", Quiz)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("env-updated", refuse_repeated_ids)
    app.connect("html-page-context", add_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "env_version": 1}
