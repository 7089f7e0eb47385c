r"""The notebooks' text reads in any notebook program; here it becomes MyST, and MyST becomes it.

Who opens a notebook in JupyterLab, VS Code, Colab or on GitHub sees MyST's roles and directives as
they are typed. A notebook therefore holds what these programs show as text, with a mark that they
do not show, and when the book is built each mark is read as the role or directive it stands for:

================================== ==========================================================
MyST                               in the notebook
================================== ==========================================================
``{glue:text}`steps:.0f```         ``<data value="steps:.0f">31</data>``
``{cite}`polyak1964some```         ``([Polyak, 1964](https://… "polyak1964some: Some …"))``
``{cite:t}`polyak1964some```       ``[Polyak (1964)](https://… "polyak1964some: Some …")``
``:::{quiz} double-kappa``         ``<!-- quiz double-kappa --> <b>Question.</b> Choose one.``
``:::{exercise} descent.step``     ``<!-- exercise descent.step --> <b>Exercise 1: A step</b>``
``:::``                            ``<!-- end --> …``
================================== ==========================================================

Options stand in the opening comment, a line each, and its ``-->`` on the line below them, where
MyST has a blank one. So the lines of a cell keep their numbers, and messages their places.

Authors write MyST: ``make plain`` (this file, run) puts what is written there into the form above,
with the numbers that the notebooks computed in the last build, the references' authors, years and
addresses from ``references.bib``, and the exercises' titles from the library. It also writes the
cell that installs the library where the notebook was opened without it. Run again, it changes only
what has changed.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nbformat
import yaml
from execution import executed
from myst_nb.core.variables import format_plain_text
from pybtex.database import BibliographyData, Entry, parse_file
from quiz import KINDS
from sphinx.application import Sphinx
from sphinx.errors import SphinxError

from converge_lib.exercises import exercises

ROOT = Path(__file__).parents[2]

# The marks that notebooks hold.
NUMBER = re.compile(r'<data value="(?P<name>[^"\n]+)">(?P<shown>[^\n]*?)</data>')
_LINK = r'\[[^][\n]*{year}\]\([^()\s]+ "(\w+): [^"\n]*"\)'
_BY_YEAR = _LINK.format(year=r", \d{4}")
CITED = re.compile(rf"\({_BY_YEAR}(?:; {_BY_YEAR})*\)")
CITED_BY_NAME = re.compile(_LINK.format(year=r" \(\d{4}\)"))
OPENING = re.compile(r"^<!-- (quiz|exercise) (\S+)((?:\n:[^\n]*)*)[ \n]-->[^\n]*$", re.MULTILINE)
CLOSING = re.compile(r"^<!-- end -->[^\n]*$", re.MULTILINE)
# A mark that none of these reads: the book would print it as an ordinary text or link.
LEFT_OVER = re.compile(
    r'</?data\b|^<!-- *(?:quiz|exercise|end)\b|\]\([^)\s]+ "\w+\d{4}\w*: ', re.MULTILINE
)

# The MyST that they stand for.
VALUE = re.compile(r"\{glue:text\}`([^`\n]+)`")
CITATION = re.compile(r"\{cite(?P<by_name>:t)?\}`(?P<keys>[^`\n]+)`")
FENCE = re.compile(
    r"^:::\{(?P<kind>quiz|exercise)\} (?P<id>\S+)\n"
    r"(?P<options>(?::\w+:[^\n]*\n)*)(?P<body>.*?)^:::$",
    re.MULTILINE | re.DOTALL,
)
# What a notebook program would show as it is typed.
RAW = re.compile(r"\{[a-z:]+\}`[^`\n]*`|^(?::::+|`{3,} ?\{)[^\n]*", re.MULTILINE)

INSTALL = "install"  # the id of the cell that installs the library


class PlainError(SphinxError):
    """Text that cannot be read as MyST, or MyST that has no plain form; says where."""

    category = "Plain text error"


# Reading.


def to_myst(text: str) -> str:
    """Return a notebook's text as MyST, with as many lines.

    >>> to_myst('It takes <data value="steps:.0f">31</data> steps.')
    'It takes {glue:text}`steps:.0f` steps.'
    >>> to_myst('pushes add up ([Polyak, 1964](https://doi.org/1 "polyak1964some: Some Methods")).')
    'pushes add up {cite}`polyak1964some`.'
    >>> to_myst('[Polyak (1964)](https://doi.org/1 "polyak1964some: Some Methods") has it.')
    '{cite:t}`polyak1964some` has it.'
    """
    return NUMBER.sub(r"{glue:text}`\g<name>`", _all_but_numbers(text))


def _all_but_numbers(text: str) -> str:
    def opening(found: re.Match) -> str:
        kind, id, options = found.groups()
        return f":::{{{kind}}} {id}{options}" + ("\n" if options else "")

    text = CITED.sub(lambda found: f"{{cite}}`{','.join(re.findall(_BY_YEAR, found[0]))}`", text)
    text = CITED_BY_NAME.sub(r"{cite:t}`\1`", text)
    return CLOSING.sub(":::", OPENING.sub(opening, text))


def read(app: Sphinx, page: str, source: list[str]) -> None:
    """Put MyST in the place of a notebook's text before the page is read."""
    path = app.env.doc2path(page)
    if not path.endswith(".ipynb"):
        return
    notebook = json.loads(source[0])
    for number, cell in enumerate(notebook["cells"], start=1):
        if cell["cell_type"] == "markdown":
            text = to_myst("".join(cell["source"]))
            if left := LEFT_OVER.search(text):
                line = text.count("\n", 0, left.start()) + 1
                raise PlainError(f"{path}, cell {number}, line {line}: no mark reads {left[0]!r}")
            cell["source"] = text
    source[0] = json.dumps(notebook)


def setup(app: Sphinx) -> dict[str, Any]:
    """Read each notebook through :func:`to_myst`."""
    app.connect("source-read", read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


# Writing.


@dataclass(frozen=True)
class Writer:
    """Writes the plain form of a page's text."""

    values: Mapping[str, str]
    """What the notebook glued, as it was printed; a number that is not there stays as it is."""
    references: BibliographyData
    exercises: Mapping[str, str]
    """The title of each exercise of the page, in the order of the page."""

    def __call__(self, text: str) -> str:
        """Return ``text``, MyST or plain, in its plain form.

        Raises:
            PlainError: it names an unknown reference or exercise, or a role or directive that has
                no plain form.
        """
        text = NUMBER.sub(self._number, VALUE.sub(r'<data value="\1"></data>', text))
        text = CITATION.sub(self._citation, _all_but_numbers(text))
        text = FENCE.sub(self._block, text)
        if raw := RAW.search(text):
            raise PlainError(f"{raw[0]!r} has no plain form")
        return text

    def _number(self, found: re.Match) -> str:
        name, shown = found["name"], found["shown"]
        key, _, form = name.partition(":")
        if key in self.values:
            shown = without_markup(format_plain_text(self.values[key], form or "s"))
        return f'<data value="{name}">{shown}</data>'

    def _citation(self, found: re.Match) -> str:
        keys = found["keys"].split(",")
        if unknown := [key for key in keys if key not in self.references.entries]:
            raise PlainError(f"{found[0]!r} names no reference: {', '.join(unknown)}")
        entries = [self.references.entries[key] for key in keys]
        if found["by_name"]:
            return ", ".join(link(entry, "{names} ({year})") for entry in entries)
        return f"({'; '.join(link(entry, '{names}, {year}') for entry in entries)})"

    def _block(self, found: re.Match) -> str:
        kind, id, options, body = found.group("kind", "id", "options", "body")
        says, closes = (self._quiz if kind == "quiz" else self._exercise)(id, options)
        end = "\n-->" if options else " -->"
        body = body.removeprefix("\n") if options else body
        opening = f"<!-- {kind} {id}\n{options}".rstrip("\n") + end
        return f"{opening} {says}\n{body}<!-- end --> <small>{closes}</small>"

    def _quiz(self, id: str, options: str) -> tuple[str, str]:
        """Return what stands above a question and below its answers."""
        chosen = dict(re.findall(r"^:(\w+): *(.*)$", escape(options, quote=False), re.MULTILINE))
        instruction = KINDS[chosen.get("kind", "single")][0]
        if "unit" in chosen:
            instruction += f" ({chosen['unit']})"
        if {"x", "y"} <= chosen.keys():
            across, up = (re.sub(", log$", ", logarithmic", chosen[axis]) for axis in "xy")
            instruction += f" on paper. Across: {across}. Up: {up}"
        return f"<b>Question.</b> {instruction}.", (
            "Decide first. What is right, and why, stands in the source of this text: "
            "double-click it."
        )

    def _exercise(self, id: str, options: str) -> tuple[str, str]:
        """Return what stands above an exercise and below it."""
        if id not in self.exercises:
            raise PlainError(f"there is no exercise {id!r}")
        number = list(self.exercises).index(id) + 1
        return f"<b>Exercise {number}: {escape(self.exercises[id], quote=False)}</b>", (
            f'Answer in the next cell; the one below it checks. <code>hint("{id}")</code> helps.'
        )


def link(entry: Entry, words: str) -> str:
    """Return a link to a reference, ``words`` with its authors' ``names`` and its ``year``."""
    authors = [" ".join(p.prelast_names + p.last_names) for p in entry.persons["author"]]
    names = f"{authors[0]} et al." if len(authors) > 2 else " and ".join(authors)
    title = re.sub(r'[{}"]', "", entry.fields["title"])
    label = words.format(names=names, year=entry.fields["year"])
    return f'[{label}]({address(entry)} "{entry.key}: {title}")'


def address(entry: Entry) -> str:
    """Return where a reference is to be found: a search for its title if ``entry`` does not say."""
    fields = entry.fields
    if "eprint" in fields:
        return f"https://arxiv.org/abs/{fields['eprint']}"
    if "doi" in fields:
        return f"https://doi.org/{quote(fields['doi'])}"
    if "url" in fields:
        return fields["url"]
    return f"https://scholar.google.com/scholar?q={quote(re.sub('[{}]', '', fields['title']))}"


def without_markup(text: str) -> str:
    r"""Return ``text`` so that Markdown shows it as it is.

    >>> without_markup("2 * 3")
    '2 \\* 3'
    """
    return re.sub(r"([\\`*_$<>\[\]|])", r"\\\1", " ".join(text.split()))


def install_cell(repository: Mapping[str, str]) -> dict[str, Any]:
    """Return the cell that installs the library where there is none, from the book's address.

    By its name alone it is not asked for: where the book has no address, anyone may own that name.
    """
    package = f"converge-lib[book] @ git+{repository['url']}@{repository['branch']}"
    missing = "converge_lib is not installed: the README of the book says how."
    do = f"raise ModuleNotFoundError({json.dumps(missing)})"
    if repository["url"]:
        do = f'get_ipython().run_line_magic("pip", \'install --quiet "{package}"\')'
    source = (
        "# Install the book's library where it is missing, on Colab for one.\n"
        "import importlib.util\n"
        "\n"
        'if not importlib.util.find_spec("converge_lib"):\n'
        f"    {do}"
    )
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": INSTALL,
        "metadata": {"jupyter": {"source_hidden": True}, "tags": ["remove-cell"]},
        "outputs": [],
        "source": source.splitlines(keepends=True),
    }


def glued(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Return what an executed notebook glued, as it was printed."""
    found = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if kept := output.get("metadata", {}).get("scrapbook"):
                found[kept["name"]] = output["data"].get(f"{kept['mime_prefix']}text/plain", "")
    return found


def last_run(path: Path) -> dict[str, str]:
    """Return what the notebook at ``path`` glued in the last build; nothing if it has changed."""
    notebook = executed(ROOT, path.relative_to(ROOT).with_suffix("").as_posix())
    return glued(notebook) if notebook else {}


def rewrite(source: str, values: Mapping[str, str], titles: Mapping[str, str]) -> str:
    """Return the JSON of a notebook with its text in the plain form and its first code cell.

    Raises:
        PlainError: as :class:`Writer`.
    """
    notebook = json.loads(source)
    cells = notebook["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    asked = [found["id"] for found in FENCE.finditer(to_myst(text)) if found["kind"] == "exercise"]
    of_page = {id: titles[id] for id in asked if id in titles}
    write = Writer(values, parse_file(str(ROOT / "book" / "references.bib")), of_page)
    for cell in cells:
        if cell["cell_type"] == "markdown":
            cell["source"] = write("".join(cell["source"])).splitlines(keepends=True)
    settings = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    cells[:] = [cell for cell in cells if cell["id"] != INSTALL]
    cells.insert(1, install_cell(settings["repository"]))  # below the title
    end = "\n" if source.endswith("\n") else ""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + end


def notebooks() -> list[Path]:
    """Return the book's notebooks, without the copies that JupyterLab keeps of them."""
    paths = sorted((ROOT / "book").rglob("*.ipynb"))
    return [path for path in paths if ".ipynb_checkpoints" not in path.parts]


def main() -> int:
    """Put all notebooks into the plain form; return 1 if the last build lacks a number."""
    titles = {id: exercise.title for id, exercise in exercises().items()}
    lacking = 0
    for path in notebooks():
        source = path.read_text("utf-8")
        try:
            plain = rewrite(source, last_run(path), titles)
        except PlainError as error:
            raise SystemExit(f"{path.relative_to(ROOT)}: {error}") from error
        empty = plain.count('\\"></data>')
        lacking += empty
        if plain != source:
            path.write_text(plain, "utf-8")
        note = f", {empty} numbers not computed yet" if empty else ""
        print(f"{path.relative_to(ROOT)}: {'rewritten' if plain != source else 'as it was'}{note}")
    if lacking:
        print("`make book` computes them; then run this again.")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
