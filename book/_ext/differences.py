"""What came out differently on this machine: said at its place, and counted at the page's top.

A claim that does not hold and a record whose repeated part differs say so on their own cards, and
in the metadata of the output (``converge_lib/difference.py``). A cell that stopped left its error,
and the page goes on: a number that was not computed is a dash. Each place is a :class:`Difference`,
which the build lists when it ends. All follows from the outputs of the notebook as it ran.
"""

from __future__ import annotations

import re
import textwrap
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from docutils import nodes
from myst_nb.core.variables import RetrievalError, format_plain_text
from myst_nb.ext.glue.roles import PasteTextRole
from myst_nb.ext.glue.utils import retrieve_glue_data
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from converge_lib.difference import METADATA

CELL_ERRORS = {"death": "KernelDied", "timeout": "CellTookTooLong", "start": "KernelDidNotStart"}
"""What the build names the errors that Python did not live to raise."""

WHY = "/book/back/machines"
"""The page on other machines."""


@dataclass(frozen=True)
class Difference:
    """One place of a page.

    Attributes:
        kind: "claim" or "record", which say so on their cards; "check", a failed assertion; "cell",
            any other error; "after", an error for want of a name that a stopped cell would have
            made; or a key of CELL_ERRORS, after which nothing ran.
        cell: the place of the code cell in the notebook, from 0.
        line: the first line of its code.
        says: a sentence with what happened.
        traceback: what Python printed, if it did.
    """

    kind: str
    cell: int
    line: str
    says: str
    traceback: str = ""

    @property
    def stops(self) -> bool:
        """Whether the cell stopped, so that what it would have made is missing."""
        return self.kind not in ("claim", "record")

    @property
    def lacking(self) -> bool:
        """Whether the page lacks something that a reader comes for."""
        return self.stops and self.kind != "check"


TITLES = {
    "check": "On this machine this cell stopped: a check failed",
    "cell": "On this machine this cell stopped",
    "after": "On this machine this cell stopped too",
    "death": "On this machine this page stopped here",
    "timeout": "On this machine this page stopped here",
    "start": "On this machine the code of this page did not run",
}


def find(notebook: NotebookNode) -> list[Difference]:
    """Return the differences of an executed notebook, in the order of its cells."""
    found: list[Difference] = []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or "raises-exception" in cell.metadata.get("tags", ()):
            continue
        line = next((line for line in cell.source.splitlines() if line.strip()), "")
        for output in cell.outputs:
            if output.output_type == "error":
                found.append(Difference(*_stop(output, found, index, line)))
            elif said := output.get("metadata", {}).get(METADATA):
                found.append(Difference(said["kind"], index, line, said["says"]))
    return found


def _stop(
    error: NotebookNode, before: list[Difference], index: int, line: str
) -> tuple[str, int, str, str, str]:
    traceback = "\n".join(error.traceback)
    message = error.evalue.strip().partition("\n")[0]
    says = textwrap.shorten(f"{error.ename}: {message}" if message else error.ename, 240)
    missing = re.match(r"name '(\w+)' is not defined", message)
    if error.ename in CELL_ERRORS.values():
        kind = next(kind for kind, name in CELL_ERRORS.items() if name == error.ename)
        says = {
            "death": "Python ended while it ran this cell, as it does when memory runs out",
            "timeout": f"this cell took longer than {message}",
            "start": f"Python did not start ({message})",
        }[kind]
    elif error.ename == "NameError" and missing and any(one.stops for one in before):
        kind, says = "after", f"it needs `{missing[1]}`, which a cell above did not get to make"
    elif error.ename == "AssertionError":
        kind = "check"
        # An assertion without a message says nothing but itself.
        asserted = re.search(r"^-+> *\d+ +(assert .*)$", traceback, re.MULTILINE)
        if not message and asserted:
            says = textwrap.shorten(asserted[1], 240)
    else:
        kind = "cell"
    return kind, index, line, says, traceback


def mark(notebook: NotebookNode, found: list[Difference]) -> NotebookNode:
    """Return an executed notebook with a directive at each difference, and one at the top.

    The directives come as cells of their own, since a cell's tags may hide all that it puts out.
    """
    if not found:
        return notebook
    notebook = deepcopy(notebook)
    texts = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    titled = next((cell for cell in texts if cell.source.startswith("# ")), None)
    marked = [] if titled else [(0, _directive("all"))]  # with the line at which each cell begins
    for index, cell in enumerate(notebook.cells):
        first = (index + 1) * 10_000  # as MyST-NB numbers them
        if cell is titled:
            title, _, rest = cell.source.partition("\n")
            marked += [(first, new_markdown_cell(title)), (first, _directive("all"))]
            marked += [(first + 1, new_markdown_cell(rest))]
            continue
        numbers = [number for number, one in enumerate(found) if one.cell == index]
        if any(found[number].stops for number in numbers):
            cell.outputs = [one for one in cell.outputs if one.output_type != "error"]
        marked += [(first, cell), *((first, _directive(number)) for number in numbers)]
    notebook.metadata["source_map"] = [line for line, _ in marked]
    notebook.cells = [cell for _, cell in marked]
    return notebook


def _directive(argument: object) -> NotebookNode:
    return new_markdown_cell(f":::{{difference}} {argument}\n:::")


def stops(env: BuildEnvironment) -> bool:
    """Return whether a cell of the page that is read stopped, so that numbers may be missing."""
    return any(one.stops for one in env.temp_data.get("converge_differences", ()))


def dash() -> nodes.Node:
    """Return what stands for a number that is missing."""
    return nodes.abbreviation("", "—", explanation="could not be computed on this machine")


class DifferenceDirective(SphinxDirective):
    """``{difference} NUMBER`` says one of the page's; ``{difference} all`` counts them."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the box."""
        found = self.env.temp_data["converge_differences"]
        if self.arguments[0] == "all":
            return [self._summary(found)]
        number = int(self.arguments[0])
        anchor = f"difference-{number + 1}"
        one = found[number]
        if not one.stops:  # its card has said it
            why = nodes.paragraph("", "", self._link("Why this differs between machines"))
            return [nodes.container("", why, ids=[anchor], classes=["converge-difference"])]
        box = nodes.admonition(ids=[anchor], classes=["warning", "converge-difference"])
        box += nodes.title("", TITLES[one.kind])
        if one.kind in ("check", "cell"):
            box += nodes.paragraph("", "", nodes.literal("", one.says))
        else:
            words = f"{one.says[0].upper()}{one.says[1:]}.".split("`")
            kinds = (nodes.Text, lambda code: nodes.literal("", code))
            box += nodes.paragraph("", "", *(kinds[i % 2](text) for i, text in enumerate(words)))
        after = (
            "Nothing below was computed: numbers and figures are missing. "
            if one.kind in CELL_ERRORS
            else "The numbers and figures below it may be missing or differ. "
        )
        box += nodes.paragraph("", after, self._link("Why, and what you can do"), nodes.Text("."))
        if one.traceback:
            box += _details("What Python said", one.traceback)
        return [box]

    def _summary(self, found: list[Difference]) -> nodes.Node:
        box = nodes.admonition(classes=["note", "converge-difference"])
        box += nodes.title("", "Not all of this page came out where it was computed")
        places = "one place" if len(found) == 1 else f"{len(found)} places"
        text = nodes.paragraph(
            "",
            f"At {places}, the machine that computed this page got something else than the book "
            "says, or nothing: ",
        )
        for number in range(1, len(found) + 1):
            text += nodes.reference("", str(number), internal=True, refuri=f"#difference-{number}")
            text += nodes.Text(", " if number < len(found) else ". ")
        text += [self._link("Why, and what you can do"), nodes.Text(".")]
        box += text
        return box

    def _link(self, text: str) -> nodes.Node:
        return addnodes.pending_xref(
            "",
            nodes.inline("", text),
            refdomain="std",
            reftype="doc",
            reftarget=WHY,
            refdoc=self.env.docname,
            refexplicit=True,
            refwarn=True,
        )


def _details(summary: str, text: str) -> nodes.Node:
    block = nodes.container(classes=["converge-traceback"])
    block += nodes.raw("", f"<details><summary>{summary}</summary>", format="html")
    block += nodes.literal_block(text, text, language="none")
    block += nodes.raw("", "</details>", format="html")
    return block


class TextOrDash(PasteTextRole):
    """``{glue:text}`` where a cell that stopped may not have glued it."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the text, or a dash."""
        if stops(self.document.settings.env):
            key, _, how = self.text.rpartition(":") if ":" in self.text else (self.text, "", "s")
            try:
                format_plain_text(retrieve_glue_data(self.document, key).data["text/plain"], how)
            except (RetrievalError, LookupError, ValueError, TypeError):
                return [dash()], []
        return super().run()


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directive, and the role in MyST-NB's place."""
    app.setup_extension("myst_nb")
    app.add_directive("difference", DifferenceDirective)
    app.add_role_to_domain("glue", "text", TextOrDash(), override=True)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
