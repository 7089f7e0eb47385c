"""What a reader sees in a real JupyterLab of the text of every chapter."""

import json
import os
import re
import subprocess
import sys
import time

import plain
import pytest
from test_plain import NOTEBOOKS, markdown_cells

START_TIME = 120
LIVE_TIME = 120_000

# JupyterLab's own renderer and sanitiser, on text that is not trusted. A preview of Markdown has
# one, and needs no kernel.
SHOW = """async (cells) => {
  const preview = await jupyterapp.commands.execute("markdownviewer:open", { path: "text.md" });
  await preview.content.ready;
  const { renderer } = preview.content;
  const shown = [];
  for (const text of cells) {
    const data = { "text/markdown": text };
    await renderer.renderModel({ data, metadata: {}, trusted: false });
    shown.push(renderer.node.textContent);
  }
  return shown;
}"""


@pytest.fixture(scope="module")
def lab(browser, tmp_path_factory):
    """Open a JupyterLab that has settings of its own."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "text.md").write_text("A text.", "utf-8")
    own = {f"JUPYTER_{kind}_DIR": str(folder / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *(
            "--ServerApp.ip=127.0.0.1",
            "--ServerApp.port=0",
            f"--ServerApp.root_dir={folder}",
        ),
        *("--LabApp.news_url=None", "--LabApp.expose_app_in_browser=True"),
    ]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, env={**os.environ, **own}, stdout=log, stderr=log)
    try:
        until = time.monotonic() + START_TIME
        # This file is the last that is written once the server listens.
        while not list(folder.glob("RUNTIME/jpserver-*-open.html")):
            alive = server.poll() is None and time.monotonic() < until
            assert alive, (folder / "log").read_text("utf-8", "replace")
            time.sleep(0.1)
        [told] = folder.glob("RUNTIME/jpserver-*.json")
        info = json.loads(told.read_text("utf-8"))
        page = browser.new_page()
        page.goto(f"{info['url']}lab?token={info['token']}")
        page.wait_for_function(
            "globalThis.jupyterapp?.restored.then(() => true)", timeout=LIVE_TIME
        )
        yield page
        page.close()
    finally:
        server.terminate()
        try:
            server.wait(60)
        finally:
            server.kill()


@pytest.mark.parametrize("path", NOTEBOOKS.values(), ids=NOTEBOOKS)
def test_jupyterlab_shows_text(lab, path):
    cells = list(markdown_cells(path))
    for source, shown in zip(cells, lab.evaluate(SHOW, cells), strict=True):
        assert not re.findall(r".{0,30}(?:\{glue|\{cite|:::|<!--|-->|@@\d|\]\(http).{0,30}", shown)
        seen = re.sub(r"<!--.*?-->", "", source, flags=re.DOTALL)
        for number in plain.NUMBER.finditer(seen):
            assert re.sub(r"\\(.)", r"\1", number["shown"]) in shown
        for label in re.findall(r"\[([^][]*\d{4}\)?)\]\(http", seen):
            assert label in shown
        for heading in re.findall(r"<b>(.*?)</b>", seen):
            assert heading in shown
