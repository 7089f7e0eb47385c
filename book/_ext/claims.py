"""The directive ``claims``: every claim that the book's notebooks made when they were executed.

    ```{claims}
    ```

A claim travels in the metadata of a cell's output (`converge_lib/claims.py`). Notebooks are
executed before any page is read (`execution.py`), so that all of them are in the cache by then.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import nbformat
from docutils import nodes
from jupyter_cache import get_cache
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import SphinxError
from sphinx.util.docutils import SphinxDirective

from converge_lib.claims import METADATA, OUTCOMES, anchor

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
        numbers = ", ".join(
            f"{sum(claim['outcome'] == outcome for claim in together)} {words.split(' ', 1)[1]}"
            for outcome, words in OUTCOMES.items()
        )
        count = f"{len(together)} claims in {len(claims)} chapters: {numbers}."
        return [
            nodes.paragraph("", count, classes=["claims-count"]),
            *(self._section(page, of_page) for page, of_page in claims.items()),
        ]

    def _section(self, page: str, claims: list[dict[str, Any]]) -> nodes.section:
        section = nodes.section(ids=[nodes.make_id(f"claims-{page}")])
        section += nodes.title("", title_of(self.env, page))
        for claim in claims:
            block = nodes.container(classes=["claim", f"claim-{nodes.make_id(claim['outcome'])}"])
            block += nodes.paragraph("", claim["says"], classes=["claim-says"])
            rows = (
                ("Paper", [nodes.Text(claim["source"])]),
                ("Measured", [nodes.Text(claim["measured"])]),
                (
                    "Outcome",
                    [nodes.Text(f"{OUTCOMES[claim['outcome']]} "), self._link(page, claim)],
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
    cache = get_cache(env.mystnb_config.execution_cache_path)
    found, owners = {}, {}
    for page in env.app.config.external_site_map:  # in the order of the table of contents
        source = Path(env.doc2path(page))
        if page not in env.found_docs or source.suffix != ".ipynb":
            continue
        record = cache.match_cache_notebook(nbformat.read(source, as_version=4))
        executed = cache.get_cache_bundle(record.pk).nb
        claims = [
            dict(output.metadata[METADATA])
            for cell in executed.cells
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
