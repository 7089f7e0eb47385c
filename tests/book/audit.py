"""Measure the built book against its budgets, in headless Chromium: `make audit` prints the table.

- **Transfer** is what the browser received (headers included) from a server that compresses text
  with gzip, each page with an empty cache. Of a further page it counts what belongs to that page
  alone: not ``_static`` (styles, scripts, fonts, the widgets' modules), which the browser keeps
  from page to page, and not its figures: the pictures (``_images``), and what the page holds for
  the figures that move (``data-converge-figures``).
- **Blocking** is the sum over the main thread's tasks, until 1.5 s after the load event, of what
  each takes beyond 50 ms, from the browser's trace; median of 3 loads.
- **A drag** moves a figure's first handle by the mouse, 120 moves; in the dearest state of a figure
  that has one (``DEAREST``), its last. For each move all script that runs until the second frame
  after it is timed, by the browser's own metrics (``ScriptDuration``).
- Both times are processor time of the page's thread, in which waiting does not count. They are no
  test: a slow machine, or a busy one whose processors share a core, takes several times as long.
- **Execution** is what the cells of a chapter took when the build last ran them.
"""

from __future__ import annotations

import base64
import gzip
import http.server
import json
import math
import re
import statistics
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from built import ARGUMENTS, BOOK, chromium

FIRST = "book/index.html"
TEXT = {".html", ".css", ".js", ".svg", ".json", ".txt"}
KB = 1000
MARK = "converge audit"
MOVES = 120
DRAG = 8.0
"""Milliseconds of script that a move may take."""
DEAREST = {
    "book/structure/global-average-pooling.html": ("heads", {"size": 56, "mapped": True}),
    "book/structure/maxout.html": (
        "maxout-lab",
        {"target": "drawn", "units": 2, "pieces": 12, "steps": 5000},
    ),
}
"""Of a page's figure that a drag costs more in another state than the first: its key, the state."""
LONG_CHAPTERS = ("descent/hessian-free", "pretraining/")


@dataclass(frozen=True)
class Measure:
    """One line of the table: what was measured, and what it may be at most."""

    what: str
    budget: float
    measured: float
    unit: str = ""
    timed: bool = False

    @property
    def kept(self) -> bool:
        """Whether the budget is kept."""
        return self.measured <= self.budget


@contextmanager
def serving_compressed(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback, text compressed as by any web host, and give its address."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            path = Path(self.translate_path(self.path))
            if path.is_dir():
                path /= "index.html"
            if not path.is_file():
                self.send_error(404)
                return
            body = path.read_bytes()
            self.send_response(200)
            if path.suffix in TEXT:
                body = gzip.compress(body)
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Type", self.guess_type(str(path)))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def translate_path(self, path: str) -> str:
            return str(folder / urlsplit(path).path.lstrip("/"))

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def pages_of(book: Path) -> list[str]:
    """Return the book's own pages, the first one first."""
    pages = [path.relative_to(book).as_posix() for path in (book / "book").rglob("*.html")]
    return sorted(pages, key=lambda page: (page != FIRST, page))


# ── Loading ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Load:
    """What a load of a page cost: bytes by path, blocking in milliseconds, and what went wrong."""

    received: dict[str, int]
    blocking: float
    elsewhere: tuple[str, ...]
    errors: tuple[str, ...]

    def bytes(self, *, own: bool = False) -> int:
        """Return the bytes received: all, or those of this page alone without its figures."""
        shared = ("/_static/", "/_images/")
        return sum(n for path, n in self.received.items() if not own or not path.startswith(shared))


def figures_bytes(page: bytes) -> int:
    """Return by how much the state of its figures makes a compressed page larger."""
    without = re.sub(rb"<script[^>]*data-converge-figures.*?</script>", b"", page, flags=re.DOTALL)
    return len(gzip.compress(page)) - len(gzip.compress(without))


def load(browser, url: str) -> Load:
    """Load a page with an empty cache."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    session = context.new_cdp_session(page)
    own, urls, received, elsewhere, errors = urlsplit(url).netloc, {}, {}, [], []

    def requested(event: dict) -> None:
        parts = urlsplit(event["request"]["url"])
        urls[event["requestId"]] = parts
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != own:
            elsewhere.append(event["request"]["url"])

    def finished(event: dict) -> None:
        parts = urls[event["requestId"]]
        if parts.netloc == own:
            received[parts.path] = received.get(parts.path, 0) + int(event["encodedDataLength"])

    session.on("Network.requestWillBeSent", requested)
    session.on("Network.loadingFinished", finished)
    session.send("Network.enable")
    page.on(
        "console",
        lambda message: (
            message.type == "error" and errors.append(f"{message.location['url']}: {message.text}")
        ),
    )
    page.on("pageerror", lambda error: errors.append(str(error)))
    browser.start_tracing(page=page, categories=["toplevel", "blink.user_timing"])
    page.goto(url)
    page.wait_for_timeout(1500)
    page.evaluate("(mark) => performance.mark(mark)", MARK)
    trace = json.loads(browser.stop_tracing())["traceEvents"]
    context.close()
    return Load(received, _blocking(trace), tuple(elsewhere), tuple(errors))


def _blocking(trace: list[dict]) -> float:
    """Return the milliseconds beyond 50 of each task of the thread that runs the page's script.

    The browser draws windows of its own in such threads, too: the page's is the one that it marked.
    """
    main = {(event["pid"], event["tid"]) for event in trace if event["name"] == MARK}
    tasks = [
        event["tdur"] / 1000
        for event in trace
        if event["name"] == "ThreadControllerImpl::RunTask"
        and (event["pid"], event["tid"]) in main
        and "tdur" in event
    ]
    if not tasks:
        raise RuntimeError("the browser's trace holds no tasks: what it calls them has changed")
    return sum(max(0, task - 50) for task in tasks)


def measure_loading(browser, book: Path, times: int = 3) -> list[Measure]:
    """Load every page; the first decides the first budget, the dearest of the others the second."""
    with serving_compressed(book) as address:
        loads = {
            page: [load(browser, f"{address}/{page}") for _ in range(times)]
            for page in pages_of(book)
        }
    every = [one for of_page in loads.values() for one in of_page]
    blocking = {
        page: statistics.median(one.blocking for one in of_page) for page, of_page in loads.items()
    }
    further = {
        page: of[0].bytes(own=True) - figures_bytes((book / page).read_bytes())
        for page, of in loads.items()
        if page != FIRST
    }
    dearest, slowest = max(further, key=further.get), max(blocking, key=blocking.get)
    return [
        Measure("first page with a figure, transfer", 300, loads[FIRST][0].bytes() / KB, "KB"),
        Measure(f"a further page, transfer ({dearest})", 60, further[dearest] / KB, "KB"),
        Measure(f"blocking at load ({slowest})", 100, blocking[slowest], "ms", timed=True),
        _count("requests to other hosts", {url for one in every for url in one.elsewhere}),
        _count("console errors", {error for one in every for error in one.errors}),
    ]


def _count(what: str, found: set[str]) -> Measure:
    """Return how many there are, and name one."""
    return Measure(f"{what} ({min(found)[:60]})" if found else what, 0, len(found))


# ── Dragging ─────────────────────────────────────────────────────────────────────────────────────

# What a move asks for is run in the first frame after it, and has ended before the second.
TWO_FRAMES = """new Promise((done) => {
  requestAnimationFrame(() => requestAnimationFrame(done));
})"""


def drag(page, handle) -> list[float]:
    """Drag a handle about, and return the milliseconds of script that each move took."""
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def script() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(one["value"] for one in metrics if one["name"] == "ScriptDuration")

    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(TWO_FRAMES)
    took = []
    for i in range(MOVES):
        angle = 2 * math.pi * i / MOVES
        before = script()
        page.mouse.move(x + 60 * math.sin(angle), y + 40 * math.sin(2 * angle))
        page.evaluate(TWO_FRAMES)
        took.append(1000 * (script() - before))
    page.mouse.up()
    return took


def dearest_link(book: Path, name: str) -> str:
    """Return a page's address with a link to its figure's dearest state."""
    key, state = DEAREST[name]
    if f'"key":"{key}"' not in (book / name).read_text("utf-8"):
        raise RuntimeError(f"{name} has no figure with the key {key!r}: DEAREST is out of date")
    payload = base64.urlsafe_b64encode(json.dumps(state).encode()).decode().rstrip("=")
    return f"{(book / name).as_uri()}#{key}.{payload}"


def slowest_moves(page, figure, which: int) -> float:
    """Drag a handle of a figure, and return the 95th percentile of milliseconds a move took."""
    figure.scroll_into_view_if_needed()
    figure.locator(".handle:visible").first.wait_for()
    page.wait_for_timeout(300)
    handle = figure.locator(".handle:visible").nth(which)
    # Where the machine is slow to ask, more frames lie between two moves, and what a figure
    # computes in its idle time counts too. That only adds: the best of three is nearest.
    tries = (statistics.quantiles(drag(page, handle), n=20)[-1] for _ in range(3))
    best = next(tries)
    for again in tries if best > DRAG else ():
        best = min(best, again)
    return best


def measure_drags(browser, book: Path) -> list[Measure]:
    """Drag a handle of every figure that has one, in its first state and in its dearest."""
    slowest = {}
    for name in pages_of(book):
        context = browser.new_context(viewport={"width": 1440, "height": 1000})
        page = context.new_page()
        page.goto((book / name).as_uri())
        for i, figure in enumerate(page.locator(".converge-figure").all()):
            slowest[f"{name}, figure {i + 1}"] = slowest_moves(page, figure, 0)
        context.close()
    for name in DEAREST.keys() & set(pages_of(book)):
        context = browser.new_context(viewport={"width": 1440, "height": 1000})
        page = context.new_page()
        page.goto(dearest_link(book, name))
        figure = page.locator(".converge-figure").first
        figure.scroll_into_view_if_needed()
        cancel = figure.get_by_role("button", name="Cancel", exact=True)
        page.wait_for_timeout(300)
        if cancel.is_visible():  # a prediction is asked, and some of the picture is hidden
            cancel.click()
        slowest[f"{name}, dearest state"] = slowest_moves(page, figure, -1)
        context.close()
    where = max(slowest, key=slowest.get)
    return [Measure(f"a drag, 95th percentile ({where})", DRAG, slowest[where], "ms", timed=True)]


# ── Executing ────────────────────────────────────────────────────────────────────────────────────


def measure_execution(results: Path) -> list[Measure]:
    """Return what each chapter's last run took, as the build noted it."""
    measures = []
    for path in sorted(results.glob("book/**/*.ipynb")):
        chapter = path.relative_to(results / "book").with_suffix("").as_posix()
        seconds = json.loads(path.read_text("utf-8"))["metadata"]["converge"]["seconds"]
        budget = 180 if chapter.startswith(LONG_CHAPTERS) else 60
        measures.append(Measure(f"execution of {chapter}", budget, seconds, "s", timed=True))
    return measures


def measure_all(browser, book: Path) -> list[Measure]:
    """Measure everything that has a budget."""
    return [
        *measure_loading(browser, book),
        *measure_drags(browser, book),
        *measure_execution(book.parent / "executed"),
    ]


def table(measures: list[Measure]) -> str:
    """Return the measures as a table of text.

    >>> print(table([Measure("transfer", 300, 212.4, "KB"), Measure("requests", 0, 1)]))
    what      budget  measured  kept
    transfer  300 KB  212.4 KB  yes
    requests       0         1  NO
    """
    rows = [("what", "budget", "measured", "kept")]
    rows += [
        (
            one.what,
            f"{one.budget:g} {one.unit}".strip(),
            f"{one.measured:.1f} {one.unit}" if one.unit else f"{one.measured:g}",
            "yes" if one.kept else "NO",
        )
        for one in measures
    ]
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        f"{what:<{wide[0]}}  {budget:>{wide[1]}}  {measured:>{wide[2]}}  {kept}"
        for what, budget, measured, kept in rows
    )


def main() -> int:
    """Print the table; 1 where a budget is not kept."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=ARGUMENTS)
        measures = measure_all(browser, BOOK)
        browser.close()
    print(table(measures))
    return 0 if all(one.kept for one in measures) else 1


if __name__ == "__main__":
    sys.exit(main())
