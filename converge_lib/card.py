"""A small card: what a check, a hint or a claim says, in a notebook and in a terminal.

In a notebook a card follows the page's own colours, light and dark; in a terminal it is plain text.
Its meaning never rests on colour: each status has a sign and a word.
"""

from __future__ import annotations

import html
import re
import textwrap
from dataclasses import dataclass

from converge_lib._validation import choice

STATUSES = {
    "correct": ("✓", "Correct"),
    "wrong": ("✗", "Not correct yet"),
    "not attempted": ("○", "Not attempted yet"),
    "error": ("!", "Stopped"),
    "differs": ("≠", "Different on this machine"),
    "note": ("›", ""),
}
"""The sign and the word of each status."""

WIDTH = 88
"""Columns of a card in a terminal."""

# Twice the class, so that JupyterLab's own rules for tables and code give way.
_STYLE = """
.converge-card { --tone: #56606b; box-sizing: border-box; max-width: 46rem; margin: .25rem 0;
  padding: .6rem .9rem .7rem; border: 1px solid #8888; border-left: .3rem solid var(--tone);
  border-radius: .25rem; line-height: 1.5; font-size: .95rem;
  font-family: var(--jp-content-font-family, var(--pst-font-family-base, sans-serif));
  color: var(--jp-content-font-color1, var(--pst-color-text-base, #1f2328));
  background: var(--jp-layout-color1, var(--pst-color-background, #fff)); }
.converge-card-correct { --tone: #00664f }
.converge-card-wrong, .converge-card-error, .converge-card-differs { --tone: #a33c00 }
.converge-card p { margin: .4rem 0 0 }
.converge-card .converge-card-title { margin: 0; font-weight: 600 }
.converge-card .converge-card-status { color: var(--tone) }
.converge-card.converge-card code, .converge-card.converge-card pre { padding: 0; border: 0;
  background: none; color: inherit;
  font-family: var(--jp-code-font-family, var(--pst-font-family-monospace, monospace));
  font-size: .92em; overflow-wrap: anywhere; white-space: pre-wrap }
.converge-card.converge-card pre { margin: .4rem 0 0; padding: .1rem 0 .1rem .7rem;
  border-left: 2px solid #8888 }
.converge-card.converge-card table { width: auto; margin: .5rem 0 0; border: 0;
  border-collapse: collapse; background: none; color: inherit; font-size: inherit }
.converge-card.converge-card tr,
.converge-card.converge-card tr:hover { background: none !important }
.converge-card.converge-card th, .converge-card.converge-card td { border: 0; color: inherit;
  padding: .15rem .8rem .15rem 0;
  text-align: left; vertical-align: top; white-space: normal; background: none }
.converge-card.converge-card th { font-weight: 600 }
body[data-jp-theme-light="false"] .converge-card, html[data-theme="dark"] .converge-card,
body.vscode-dark .converge-card { --tone: #aab4bf;
  color: var(--jp-content-font-color1, var(--pst-color-text-base, #e6edf3));
  background: var(--jp-layout-color1, var(--pst-color-background, #14181e)) }
body[data-jp-theme-light="false"] .converge-card-correct,
html[data-theme="dark"] .converge-card-correct,
body.vscode-dark .converge-card-correct { --tone: #5fd3b0 }
body[data-jp-theme-light="false"] .converge-card-wrong,
body[data-jp-theme-light="false"] .converge-card-error,
html[data-theme="dark"] .converge-card-wrong, html[data-theme="dark"] .converge-card-error,
html[data-theme="dark"] .converge-card-differs, body.vscode-dark .converge-card-wrong,
body.vscode-dark .converge-card-error,
body.vscode-dark .converge-card-differs { --tone: #ffa778 }
html[data-theme="dark"] .bd-content div.cell_output .text_html:has(div.converge-card) {
  background: none; padding: 0 }
"""


@dataclass(frozen=True)
class Code:
    """Lines of code or of output, shown as they are."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows of text; the first cell of a row is its heading."""

    rows: tuple[tuple[str, ...], ...]
    header: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class Card:
    """A status, a title, and paragraphs, code and tables below it.

    Text between backticks is set as code; everything else is shown literally.

    >>> Card("wrong", "The best rate", ("Your `rate` is too large.", Table((("got", "2"),))))
    ✗ Not correct yet: The best rate
      Your `rate` is too large.
      got  2
    """

    status: str
    title: str
    body: tuple[str | Code | Table, ...] = ()

    def __post_init__(self) -> None:
        choice("status", self.status, list(STATUSES))

    def __repr__(self) -> str:
        sign, word = STATUSES[self.status]
        heading = f"{sign} {word}: {self.title}" if word else f"{sign} {self.title}"
        return "\n".join([heading, *(_as_text(part) for part in self.body)])

    def _repr_html_(self) -> str:
        sign, word = STATUSES[self.status]
        colon = ": " if word else ""
        return (
            f'<div class="converge-card converge-card-{self.status.replace(" ", "-")}">'
            f"<style>{_STYLE}</style>"
            f'<p class="converge-card-title"><span class="converge-card-status">'
            f'<span aria-hidden="true">{sign}</span> {word}</span>{colon}{_inline(self.title)}</p>'
            + "".join(_as_html(part) for part in self.body)
            + "</div>"
        )


def _as_text(part: str | Code | Table) -> str:
    if isinstance(part, Code):
        return textwrap.indent(part.text, "    ")
    if isinstance(part, Table):
        rows = [part.header, *part.rows] if part.header else list(part.rows)
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return textwrap.fill(part, WIDTH, initial_indent="  ", subsequent_indent="  ")


def _as_html(part: str | Code | Table) -> str:
    if isinstance(part, Code):
        return f"<pre>{html.escape(part.text)}</pre>"
    if isinstance(part, Table):
        header = "".join(f'<th scope="col">{_inline(cell)}</th>' for cell in part.header)
        rows = "".join(
            f'<tr><th scope="row">{_inline(first)}</th>'
            + "".join(f"<td>{_inline(cell)}</td>" for cell in rest)
            + "</tr>"
            for first, *rest in part.rows
        )
        return f"<table>{f'<tr>{header}</tr>' if header else ''}{rows}</table>"
    return f"<p>{_inline(part)}</p>"


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
