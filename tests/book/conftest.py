"""A browser for the tests of the built book: no page may reach another host or log an error.

``SLOW_FRAMES=250 python -m pytest tests/book`` holds back each frame by so many milliseconds, and
``SLOW_HAND=150`` each thing that a test does in a page, as a busy machine may: a test that passes
only when something comes soon enough then fails.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from built import ARGUMENTS, BOOK, chromium, serving
from figure_pages import CLIPBOARD, FIGURES, Chart
from mini import build, make_book, write_notebook

HOLD_FRAMES_BACK = """{
  const { requestAnimationFrame: soon, cancelAnimationFrame: cancel } = globalThis;
  const stops = new Map();
  let last = 0;
  globalThis.requestAnimationFrame = (call) => {
    const id = ++last;
    const timer = setTimeout(() => {
      const frame = soon((now) => (stops.delete(id), call(now)));
      stops.set(id, () => cancel(frame));
    }, MILLISECONDS);
    stops.set(id, () => clearTimeout(timer));
    return id;
  };
  globalThis.cancelAnimationFrame = (id) => (stops.get(id)?.(), stops.delete(id));
}"""


@pytest.fixture(scope="session")
def browser():
    """Start the Chromium that is installed; skip, and say so, where there is none."""
    executable = chromium.find()
    if executable is None:
        pytest.skip("no Chromium is installed: the built book was NOT tested in a browser")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)  # a busy machine may need what a quiet one never does
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable,
            args=ARGUMENTS,
            slow_mo=int(os.environ.get("SLOW_HAND", 0)),
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def book() -> Path:
    """Return the folder of the built book."""
    if not (BOOK / "index.html").exists():
        pytest.fail(f"there is no built book in {BOOK}: run `make book` first")
    return BOOK


@pytest.fixture(scope="session")
def http_book(book: Path) -> Iterator[str]:
    """Give the address at which the built book is served."""
    with serving(book) as address:
        yield address


@pytest.fixture(params=["http", "file"])
def address(request: pytest.FixtureRequest, book: Path) -> str:
    """Give the book's address, once over http and once from the disk."""
    return request.getfixturevalue("http_book") if request.param == "http" else book.as_uri()


@pytest.fixture
def open_page(browser):
    """Open pages that refuse every other host, and fail the test on any error they log.

    ``open_page(url, width=1440, dark=False, javascript=True)`` returns Playwright's page;
    ``page.problems`` lists what went wrong so far, for a test that expects something to.
    """
    pages = []

    def open_page(url: str, *, width=1440, height=900, dark=False, javascript=True, **context):
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            java_script_enabled=javascript,
            **context,
        )
        if slow := os.environ.get("SLOW_FRAMES"):
            context.add_init_script(HOLD_FRAMES_BACK.replace("MILLISECONDS", str(int(slow))))
        page = context.new_page()
        page.problems = []
        own = urlsplit(url).netloc

        def refuse_others(route):
            parts = urlsplit(route.request.url)
            if parts.scheme in ("file", "data", "blob") or parts.netloc == own:
                route.continue_()
            else:
                page.problems.append(f"request to another host: {route.request.url}")
                route.abort()

        context.route("**/*", refuse_others)
        page.on(
            "console",
            lambda m: (
                m.type in ("error", "warning") and page.problems.append(f"{m.type}: {m.text}")
            ),
        )
        page.on("pageerror", lambda error: page.problems.append(f"uncaught: {error}"))
        page.on(
            "response",
            lambda r: r.status >= 400 and page.problems.append(f"{r.status}: {r.url}"),
        )

        def failed(request) -> None:
            # Without JavaScript each script fails; a reload aborts what is still on its way.
            expected = (request.resource_type == "script" and not javascript) or (
                request.failure == "net::ERR_ABORTED"
            )
            if not expected:
                page.problems.append(f"failed: {request.url} {request.failure}")

        page.on("requestfailed", failed)
        page.goto(url)
        pages.append(page)
        return page

    yield open_page
    problems = [problem for page in pages for problem in page.problems]
    for page in pages:
        page.context.close()
    assert not problems


@pytest.fixture(scope="session")
def figures(tmp_path_factory) -> Path:
    """Build a book with a page for each figure, and return its folder."""
    folder = tmp_path_factory.mktemp("figures")
    pages = folder / "book"
    write_notebook(pages / "index.ipynb", "# Figures", "print('none here')")
    for name, figure in FIGURES.items():
        source = f"from converge_lib.widgets import *\n{figure.source}"
        write_notebook(pages / f"{name}.ipynb", f"# The page {name}", source)
    make_book(folder)
    finished = build(folder)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return folder / "_build" / "html"


@pytest.fixture
def visit(figures, open_page):
    """Open a figure from the disk: ``visit("rates")``."""

    def visit(name, hash="", **options):
        url = (figures / "book" / f"{name}.html").as_uri() + hash
        return Chart(open_page(url, **{"permissions": CLIPBOARD, **options}))

    return visit
