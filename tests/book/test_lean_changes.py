"""What lean.py changes belongs to other packages: it says so when it does not find it."""

import re
import subprocess
import sys
import types
from importlib.metadata import version

import lean
import pytest
from built import ROOT  # puts book/_ext on the path
from mini import build, make_book, write_notebook

from tests import node

# What the packages write today, as far as it is changed.
PAGE = """<!doctype html><html><head>
document.documentElement.dataset.mode = localStorage.getItem("mode") || "";
document.documentElement.dataset.theme = localStorage.getItem("theme") || "";
<script defer src="../_static/scripts/fontawesome.js?digest=55c26e"></script>
<script src="../_static/searchtools.js"></script>
</head><body>
<button class="btn search-button-field pst-js-only" title="Search" aria-label="Search">
<i class="fa-solid fa-bars"></i></button>
<div id="jb-print-docs-body" class="onlyprint"><h1>Again</h1></div>
<div id="searchbox"></div>
<div class="math"><span class="katex-display"><span class="katex">x</span></span></div>
<div role="list" class="citation-list">
<div class="citation" id="id3" role="doc-biblioentry">A book.</div></div>
<details class="admonition hide above-input">
<summary aria-label="Toggle hidden content"><p>Show</p></summary></details>
</body></html>"""
PLAIN = """<html>getItem("mode") || "" getItem("theme") || ""
<link rel="stylesheet" href="../_static/katex/katex.min.css" /></html>"""
STATIC = {
    "styles/theme.css": 'a{}.fa-bars:before{content:"x"}@font-face{font-family:"Font Awesome 6"}'
    "/*# sourceMappingURL=theme.css.map */",
    "scripts/theme.js": "1;//# sourceMappingURL=theme.js.map",
    "scripts/theme.js.map": "{}",
    "scripts/fontawesome.js": 'a={bars:[448,512,[],"f0c9","M0 96C0"]}',
    "scripts/fontawesome.js.LICENSE.txt": "",
    "documentation_options.js": "SHOW_SEARCH_SUMMARY: true",
    "fonts/fa-solid-900.ttf": "",
    "fonts/fa-solid-900.woff2": "",
    "webpack-macros.html": "",
}


@pytest.fixture
def out(tmp_path):
    """Write a book as the packages do today."""
    files = {f"_static/{name}": text for name, text in STATIC.items()}
    for name, text in {"page.html": PAGE, "plain.html": PLAIN, **files}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


@pytest.fixture
def warned(monkeypatch):
    """Collect the extension's warnings."""
    heard = []

    def warning(text, *words, type):
        heard.append(text % words)

    monkeypatch.setattr(lean, "logger", types.SimpleNamespace(warning=warning))
    return heard


def tidy(out, written=("page", "plain")):
    builder = types.SimpleNamespace(
        format="html", get_outfilename=lambda name: str(out / f"{name}.html")
    )
    lean.tidy(types.SimpleNamespace(builder=builder, outdir=str(out)), set(written))


def test_what_is_expected_is_there(out, warned):
    tidy(out)
    assert warned == []
    page = (out / "page.html").read_text("utf-8")
    assert "fontawesome" not in page
    assert "aria-label" not in page
    assert "role=" not in page
    assert "katex.min.css" not in (out / "plain.html").read_text("utf-8")


def test_a_book_that_was_tidied_before_is_not_expected_to_need_it(out, warned):
    tidy(out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    tidy(out, written=())
    assert warned == []
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


CHANGES = [*lean.PAGES, *lean.STYLE_SHEETS, *lean.SCRIPTS]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.purpose)
def test_a_change_that_finds_nothing_says_what_and_whose(out, warned, change):

    found = 0
    for path in out.rglob("*"):
        if path.suffix in (".html", ".css", ".js"):
            text, count = re.subn(change.expected, change.better, path.read_text("utf-8"))
            found += count
            path.write_text(text, "utf-8")
    assert found
    tidy(out)
    [warning] = warned
    assert change.purpose in warning
    assert repr(change.expected) in warning
    assert f"{change.package} {version(change.package)}" in warning


@pytest.mark.parametrize("pattern", lean.UNUSED)
def test_a_kind_of_file_that_is_gone_is_missed(out, warned, pattern):
    for path in (out / "_static").rglob(pattern):
        path.unlink()
    tidy(out)
    [warning] = warned
    assert repr(pattern) in warning


def test_an_icon_without_a_drawing_is_missed(out, warned):
    (out / "_static" / "scripts" / "fontawesome.js").write_text("a={}", "utf-8")
    tidy(out)
    [warning] = warned
    assert "bars" in warning


def test_without_the_icons_script_the_page_keeps_what_it_has(out, warned):
    (out / "_static" / "scripts" / "fontawesome.js").unlink()
    tidy(out)
    assert any(lean.ICON_SCRIPT in warning for warning in warned)
    assert "fontawesome.js" in (out / "page.html").read_text("utf-8")


PRIVATE = ("NODEJS_BINARY", "STARTUP_TIMEOUT", "RENDER_TIMEOUT", "KATEX_DEFAULT_OPTIONS")


@pytest.mark.parametrize("name", [*PRIVATE, *lean.SPEAKING])
def test_a_private_name_of_katex_that_is_gone_is_missed(monkeypatch, warned, name):
    katex = lean.sphinxcontrib.katex
    for owner, names in ((katex, PRIVATE), (katex.KaTeXServer, lean.SPEAKING)):
        for other in names:
            monkeypatch.setattr(owner, other, getattr(owner, other))  # back as it was, afterwards
    monkeypatch.delattr(katex.KaTeXServer if name in lean.SPEAKING else katex, name)
    lean.prepare_katex()
    [warning] = warned
    assert repr(name) in warning
    assert "sphinxcontrib-katex" in warning


SPEAKS = """
import socket, sys
sys.path.insert(0, sys.argv[1])
import lean
lean.prepare_katex()
katex = lean.sphinxcontrib.katex
assert 'class="katex"' in katex.render_latex("x^2")
server = katex.KaTeXServer.get()
assert server.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
assert str(lean.AT_ONCE) in server.process.args
"""


def test_a_formula_waits_for_no_acknowledgement():
    # in a process of its own: the extension leaves sockets open that were refused at first
    command = [sys.executable, "-c", SPEAKS, str(ROOT / "book" / "_ext")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("listens", ["", "() => {}", "{}, () => {}", "{ allowHalfOpen: true }"])
def test_a_server_of_nodes_answers_at_once(listens):
    says = f"const server = require('net').createServer({listens});"
    says += "console.log(server.noDelay, server.listenerCount('connection'), server.allowHalfOpen)"
    ran = node.run("node", "--require", str(lean.AT_ONCE), "-e", says)
    heard = int("=>" in listens)
    assert ran.stdout.split() == ["true", str(heard), str("Half" in listens).lower()], ran.stderr


TOMORROW = """
def setup(app):
    app.connect("build-finished", rewrite, priority=1)

def rewrite(app, exception):
    for path in app.outdir.rglob("*.html"):
        html = path.read_text("utf-8")
        path.write_text(html.replace('getItem("mode") || ""', 'getItem("mode") ?? ""'), "utf-8")
"""


def test_a_referees_build_fails_with_the_theme_of_tomorrow(tmp_path):
    write_notebook(tmp_path / "book" / "index.ipynb", "# Index", "print(1)")
    (tmp_path / "tomorrow.py").write_text(TOMORROW, "utf-8")
    ours = {"execution: book/_ext": "execution: book/_ext\n    tomorrow: ."}
    make_book(tmp_path, config={**ours, "      - lean\n": "      - lean\n      - tomorrow\n"})
    finished = build(tmp_path)
    assert finished.returncode == 1
    assert "the mode is known before scripts run" in finished.stderr
    assert (tmp_path / "_build" / "html" / "book" / "index.html").exists()


IDLE = """
import sys

def setup(app):
    app.connect("build-finished", tell)

def tell(app, exception):
    assert "jsonschema" in sys.modules
    assert "rfc3987_syntax.syntax_helpers" not in sys.modules
"""


def test_no_build_makes_parsers_of_addresses(tmp_path):
    write_notebook(tmp_path / "book" / "index.ipynb", "# Index", "print(1)")
    (tmp_path / "idle.py").write_text(IDLE, "utf-8")
    ours = {"execution: book/_ext": "execution: book/_ext\n    idle: ."}
    make_book(tmp_path, config={**ours, "      - lean\n": "      - lean\n      - idle\n"})
    finished = build(tmp_path)
    assert finished.returncode == 0, finished.stdout + finished.stderr
