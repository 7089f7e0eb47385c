"""The directive ``exercise``: a question, with the library's hints behind disclosures.

    :::{exercise} descent.curvature-best-rate
    The question, in MyST.
    :::

In a notebook the two fences are comments (`plain.py`). The title and the hints come from
`converge_lib.exercises`; the solution stays there. An id that does not exist, belongs to another
chapter or appears twice stops the build.
"""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

from converge_lib.exercises.exercise import exercises, find

LINES_A_CELL = 10_000
"""MyST-NB numbers the lines of the n-th cell of a notebook from 10,000 n + 2 on."""


class ExerciseError(SphinxError):
    """A mistake in an exercise's directive."""

    category = "Exercise error"


class exercise_block(nodes.General, nodes.Element):
    """A whole exercise; ``label`` is its accessible name."""


class exercise_hint(nodes.General, nodes.Element):
    """A hint that is closed at first; ``label`` is what opens it."""


class ExerciseDirective(SphinxDirective):
    """An exercise of the page's own chapter."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[dict] = {}

    def run(self) -> list[nodes.Node]:
        """Return the exercise's block."""
        id = self.arguments[0].strip()
        exercise = find(id)
        if exercise is None:
            known = exercises()
            near = difflib.get_close_matches(id, known, n=3, cutoff=0.4) or sorted(known)
            raise self._error(f"there is no exercise {id!r}; near it: {', '.join(near)}")
        if not f"/{self.env.docname}".endswith(f"/{exercise.chapter}"):
            raise self._error(f"{id} belongs to the chapter {exercise.chapter}")
        numbers = self.env.temp_data.setdefault("exercises", {})
        if id in numbers:
            raise self._error(f"{id} appears twice on this page")
        if not self.content:
            raise self._error(f"{id} has no question")
        numbers[id] = len(numbers) + 1
        self.env.note_dependency(sys.modules[type(exercise).__module__].__file__)

        anchor = f"exercise-{id}"
        title = f"Exercise {numbers[id]}: {exercise.title}"
        std = self.env.get_domain("std")
        std.note_hyperlink_target(anchor, self.env.docname, anchor, title)
        block = exercise_block(ids=[anchor], label=title)
        block += nodes.paragraph("", "", nodes.strong("", title), classes=["exercise-title"])
        self.state.nested_parse(self.content, self.content_offset, block)
        how = "To answer it, run this page as a notebook: `check` says what is right and what not."
        block += self._parsed(how, nodes.container(classes=["exercise-how"]))
        for number, text in enumerate(exercise.hints, start=1):
            label = f"Hint {number} of {len(exercise.hints)}"
            block += self._parsed(text, exercise_hint(label=label))
        return [block]

    def _parsed(self, text: str, parent: nodes.Element) -> nodes.Element:
        self.state.nested_parse(StringList([text], source=""), self.content_offset, parent)
        return parent

    def _error(self, message: str) -> ExerciseError:
        path, line = self.get_source_info()
        where = f"{path}:{line}"
        if Path(path).suffix == ".ipynb" and line >= LINES_A_CELL:
            cell, line = divmod(line - 1, LINES_A_CELL)
            where = f"{path}, cell {cell}, line {line}"
        return ExerciseError(f"{where}: {message}")


def _open_block(self: HTML5Translator, node: exercise_block) -> None:
    label = self.attval(node["label"])
    self.body.append(
        self.starttag(node, "div", CLASS="exercise", role="group", **{"aria-label": label})
    )


def _close_block(self: HTML5Translator, node: exercise_block) -> None:
    self.body.append("</div>\n")


def _open_hint(self: HTML5Translator, node: exercise_hint) -> None:
    self.body.append(f'<details class="exercise-hint"><summary>{node["label"]}</summary>\n')


def _close_hint(self: HTML5Translator, node: exercise_hint) -> None:
    self.body.append("</details>\n")


def _nothing(self: nodes.NodeVisitor, node: nodes.Element) -> None:
    """Other writers show the question and the hints one after the other."""


def setup(app: Sphinx) -> dict:
    """Add the directive, its nodes and its style."""
    others = dict.fromkeys(("latex", "text", "man", "texinfo"), (_nothing, _nothing))
    app.add_node(exercise_block, html=(_open_block, _close_block), **others)
    app.add_node(exercise_hint, html=(_open_hint, _close_hint), **others)
    app.add_directive("exercise", ExerciseDirective)
    app.add_css_file("exercise.css")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
