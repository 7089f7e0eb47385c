"""The directive ``claims``: every claim that the book's notebooks made when they were executed.

    ```{claims}
    ```

A claim travels in the metadata of a cell's output (`converge_lib/claims.py`). Notebooks are
executed before any page is read (`execution.py`), so that all results are there by then.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import nbformat
from differences import find
from docutils import nodes
from execution import executed
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import SphinxError
from sphinx.util.docutils import SphinxDirective

from converge_lib.claims import METADATA, OUTCOMES, Claim, anchor

Claims = dict[str, list[dict[str, Any]]]


class ClaimsError(SphinxError):
    """Two claims with one name."""

    category = "Claims error"


class ClaimsDirective(SphinxDirective):
    """All claims of the book, by chapter."""

    option_spec: ClassVar[dict] = {}

    def run(self) -> list[nodes.Node]:
        """Return a summary, and a section for each chapter."""
        claims = collect(self.env)
        together = [claim for page in claims.values() for claim in page]
        holding = [claim["outcome"] for claim in together if claim["holds"]]
        numbers = [f"{holding.count(outcome)} {words[2:]}" for outcome, words in OUTCOMES.items()]
        if len(holding) < len(together):
            numbers.append(f"{len(together) - len(holding)} not holding on this machine")
        count = f"{len(together)} claims in {len(claims)} chapters: {', '.join(numbers)}."
        return [
            nodes.paragraph("", count, classes=["claims-count"]),
            *self._missing(),
            *(self._section(page, of_page) for page, of_page in claims.items()),
        ]

    def _missing(self) -> list[nodes.Node]:
        """Say which chapters stopped, so that some of their claims may not be listed."""
        stopped = [
            page
            for page, notebook in executed_pages(self.env)
            if any(one.stops for one in find(notebook))
        ]
        if not stopped:
            return []
        titles = ", ".join(f"“{title_of(self.env, page)}”" for page in stopped)
        return [
            nodes.paragraph(
                "",
                f"On the machine that computed this page, a part of {titles} stopped: claims made "
                "there may be missing below.",
                classes=["claims-missing"],
            )
        ]

    def _section(self, page: str, claims: list[dict[str, Any]]) -> nodes.section:
        section = nodes.section(ids=[nodes.make_id(f"claims-{page}")])
        section += nodes.title("", title_of(self.env, page))
        for claim in claims:
            kind = nodes.make_id(claim["outcome"] if claim["holds"] else "fails")
            block = nodes.container(classes=["claim", f"claim-{kind}"])
            block += nodes.paragraph("", claim["says"], classes=["claim-says"])
            rows = (
                ("Paper", [nodes.Text(claim["source"])]),
                ("Measured", [nodes.Text(claim["measured"])]),
                (
                    "Outcome",
                    [nodes.Text(f"{Claim(**claim).verdict} "), self._link(page, claim)],
                ),
            )
            fields = nodes.field_list()
            for name, content in rows:
                body = nodes.field_body("", nodes.paragraph("", "", *content))
                fields += nodes.field("", nodes.field_name("", name), body)
            block += fields
            section += block
        return section

    def _link(self, page: str, claim: dict[str, Any]) -> nodes.reference:
        address = self.env.app.builder.get_relative_uri(self.env.docname, page)
        text = "on its page"
        return nodes.reference(
            "", text, internal=True, refuri=f"{address}#{anchor(claim['id'])}",
            reftitle=claim["id"],
        )  # fmt: skip


def collect(env: BuildEnvironment) -> Claims:
    """Return the claims of each page that makes any, in the order of the book."""
    found, owners = {}, {}
    for page, notebook in executed_pages(env):
        claims = [
            dict(output.metadata[METADATA])
            for cell in notebook.cells
            for output in cell.get("outputs", ())
            if METADATA in output.get("metadata", {})
        ]
        for claim in claims:
            other = owners.setdefault(claim["id"], page)
            if other != page or sum(c["id"] == claim["id"] for c in claims) > 1:
                raise ClaimsError(f"two claims are called {claim['id']}: in {other} and {page}")
        if claims:
            found[page] = claims
    return found


def executed_pages(env: BuildEnvironment) -> list[tuple[str, nbformat.NotebookNode]]:
    """Return each notebook's page and the notebook as it ran, in the order of the book."""
    return [
        (page, notebook)
        for page in env.app.config.external_site_map
        if page in env.found_docs and (notebook := executed(Path(env.srcdir), page))
    ]


def title_of(env: BuildEnvironment, page: str) -> str:
    """Return a notebook's heading, whether Sphinx has read it yet or not."""
    notebook = nbformat.read(env.doc2path(page), as_version=4)
    lines = (line for cell in notebook.cells for line in cell.source.splitlines())
    return next(line[2:].strip() for line in lines if line.startswith("# "))


def read_again(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Have Sphinx read the pages with the directive in every build: it is cheap."""
    sources = {page: Path(env.doc2path(page)) for page in env.found_docs}
    return [page for page, path in sources.items() if "{claims}\n" in path.read_text("utf-8")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directive and its style."""
    app.add_directive("claims", ClaimsDirective)
    app.add_css_file("claims.css")
    app.connect("env-get-outdated", read_again)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
