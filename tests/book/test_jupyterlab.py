"""Figures in a real JupyterLab, and in Notebook 7 where it is installed.

A key pressed on a figure's control is the control's, and no shortcut of the notebook takes it.
"""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec

import pytest
from mini import write_notebook
from playwright.sync_api import expect

# The class of each application, its module, and where it opens a notebook.
HOSTS = {
    "jupyterlab": ("LabApp", "jupyterlab.labapp", "lab/tree"),
    "notebook": ("JupyterNotebookApp", "notebook.app", "notebooks"),
}

# The server ends when its standard input does: with the test, whatever happens to that.
SERVER = """
import importlib, os, signal, sys, threading
def end():
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=end, daemon=True).start()
importlib.import_module(sys.argv.pop(1)).main()
"""

CELLS = (
    "from converge_lib.widgets import DescentLab, RateFinder\nRateFinder()",
    "DescentLab(predict=True)",
)

# The kinds of its cells, and which is the active one.
NOTEBOOK = """(({ content }) => [content.widgets.map(({ model }) => model.type),
  content.activeCellIndex])(jupyterapp.shell.currentWidget)"""
RUN = """jupyterapp.shell.currentWidget.sessionContext.ready
  .then(() => jupyterapp.commands.execute("notebook:run-all-cells"))"""

SUPPRESS = "data-lm-suppress-shortcuts"
START_TIME = 120
LIVE_TIME = 120_000


@contextmanager
def serving_notebooks(host, folder):
    """Start an application on a free port with settings of its own, and give its address."""
    name, module, path = HOSTS[host]
    for kind in ("config", "data", "runtime"):
        (folder / kind).mkdir()
    own = {
        f"JUPYTER_{kind.upper()}_DIR": str(folder / kind) for kind in ("config", "data", "runtime")
    }
    command = [
        *(sys.executable, "-c", SERVER, module, "--no-browser", "--allow-root"),
        *("--ServerApp.ip=127.0.0.1", "--ServerApp.port=0"),
        *(f"--ServerApp.root_dir={folder / 'notebooks'}", f"--{name}.expose_app_in_browser=True"),
        "--LabApp.news_url=None",
    ]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            command,
            env={**os.environ, **own, "IPYTHONDIR": str(folder / "ipython")},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        until = time.monotonic() + START_TIME
        # This file is the last that is written once the server listens.
        while not list((folder / "runtime").glob("jpserver-*-open.html")):
            alive = server.poll() is None and time.monotonic() < until
            assert alive, (folder / "log").read_text("utf-8", "replace")
            time.sleep(0.1)
        [told] = (folder / "runtime").glob("jpserver-*.json")
        info = json.loads(told.read_text("utf-8"))
        yield f"{info['url']}{path}/figures.ipynb?token={info['token']}"
    finally:
        server.stdin.close()
        try:
            server.wait(60)
        finally:
            server.kill()


@pytest.fixture(scope="module", params=[host for host in HOSTS if find_spec(host)])
def page(request, browser, tmp_path_factory):
    """Open a notebook with two figures in it, all of its cells run."""
    folder = tmp_path_factory.mktemp(request.param)
    write_notebook(folder / "notebooks" / "figures.ipynb", *CELLS)
    with serving_notebooks(request.param, folder) as address:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        problems = []
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(address)
        page.wait_for_function(
            "globalThis.jupyterapp?.shell.currentWidget?.content?.model?.cells?.length === 2",
            timeout=LIVE_TIME,
        )
        page.evaluate(RUN)
        wait_for_figures(page)
        yield page
        context.close()
    assert not problems


def wait_for_figures(page):
    expect(page.locator(".converge .readout:not(:empty)")).to_have_count(2, timeout=LIVE_TIME)


def press(page, keys):
    for key in keys.split():
        page.keyboard.press(key)


def test_arrows_move_the_slider_that_was_clicked_and_choose_no_other_cell(page):
    slider = page.locator(".converge input[type=range]").first
    slider.click()
    before, here = slider.get_attribute("aria-valuetext"), page.evaluate(NOTEBOOK)
    for keys in ("ArrowLeft", "ArrowDown", "ArrowDown"):
        press(page, keys)
        expect(slider).not_to_have_attribute("aria-valuetext", before)
        assert page.evaluate(NOTEBOOK) == here
        before = slider.get_attribute("aria-valuetext")


@pytest.mark.parametrize(
    "control",
    [".handle", "button", "button.toggle", "input[type=range]", "input[type=radio]", "select"],
)
def test_no_key_on_a_control_changes_the_notebook(page, control):
    one = page.locator(f".converge {control}:visible:not(:disabled)").first
    one.focus()
    here = page.evaluate(NOTEBOOK)
    for keys in ("x", "d d", "a", "b", "c v", "m", "y", "j", "k", "ArrowDown", "ArrowUp"):
        press(page, keys)
        assert page.evaluate(NOTEBOOK) == here, keys
    assert page.evaluate("document.activeElement.closest('.converge') !== null")


@pytest.mark.parametrize(("keys", "more"), [("x", -1), ("d d", -1), ("b", 1)])
def test_a_control_that_let_its_keys_go_would_be_seen(page, keys, more):
    slider = page.locator(".converge input[type=range]:visible").first
    slider.focus()
    slider.evaluate(f"(slider) => slider.removeAttribute('{SUPPRESS}')")
    before, _ = page.evaluate(NOTEBOOK)
    press(page, keys)
    after, _ = page.evaluate(NOTEBOOK)
    assert len(after) == len(before) + more
    page.evaluate("jupyterapp.commands.execute('notebook:undo-cell-action')")
    wait_for_figures(page)
