"""The examples of the page on contributing do what the page says."""

import importlib.util
import json
import re
import shutil

import numpy as np
import pytest
from built import ROOT
from mini import build, make_book, write_notebook
from playwright.sync_api import expect

from converge_lib.exercises import check, exercise

PAGE = (ROOT / "book" / "back" / "contributing.md").read_text("utf-8")


def blocks(language: str, containing: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return [block for block in found if containing in block]


@pytest.fixture
def exercise_of_the_page(tmp_path, monkeypatch):
    """The page's exercise, registered for the time of a test."""
    monkeypatch.setenv("CONVERGE_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setattr(exercise, "_registry", dict(exercise._registry))
    (source,) = blocks("python", "class ConditionNumber")
    path = tmp_path / "curvature_of_the_page.py"
    path.write_text(source, "utf-8")
    specification = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return exercise._registry[module.ConditionNumber.id]


def test_the_exercise_accepts_the_right_and_names_the_wrong(exercise_of_the_page):
    of_page = exercise_of_the_page
    for answer in (of_page.reference, *of_page.other_answers):
        assert check(of_page.id, answer).status == "correct"
    for answer, message in of_page.wrong_answers.items():
        card = check(of_page.id, answer)
        assert card.status == "wrong"
        assert message.split(".")[0] in " ".join(repr(card).split())


def test_the_starter_and_the_check_are_those_of_the_exercise(exercise_of_the_page):
    (starter,) = blocks("python", "raise NotImplementedError")
    assert starter == exercise_of_the_page.starter
    (call,) = blocks("python", 'check("')
    assert f'"{exercise_of_the_page.id}", {exercise_of_the_page.name}' in call


def test_the_plain_text_is_what_make_plain_writes():
    import plain
    from pybtex.database import parse_file

    references = parse_file(str(ROOT / "book" / "references.bib"))
    (written,) = blocks("markdown", "{cite:t}")
    (shown,) = blocks("markdown", "<data")
    assert plain.Writer({"steps": "951"}, references, {})(written) == shown
    assert plain.to_myst(shown) == written


@pytest.mark.parametrize("form", ["as written", "plain"])
def test_the_quizzes_build(tmp_path, form):
    import plain

    quizzes = [block.strip() for block in blocks("markdown", ":::{quiz}")]
    assert len(quizzes) == 4
    kappas = [10.0, 100.0, 1000.0]
    glue = (
        "from myst_nb import glue\n"
        "glue('fold', 50.0, display=False)\n"
        "glue('kappa', 100.0, display=False)\n"
        f"glue('by_kappa', {json.dumps({'x': kappas, 'y': kappas})}, display=False)"
    )
    names = re.findall(r":::\{quiz\} ([\w-]+)", "\n".join(quizzes))
    if form == "plain":
        quizzes = [plain.Writer({}, None, {})(quiz) for quiz in quizzes]
    write_notebook(tmp_path / "book" / "index.ipynb", "# Quizzes", glue, *quizzes)
    make_book(tmp_path)
    finished = build(tmp_path)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    page = (tmp_path / "_build" / "html" / "book" / "index.html").read_text("utf-8")
    for name in names:
        assert f'id="quiz-{name}"' in page


def test_the_figure_moves(tmp_path, open_page):
    from node import WIDGETS, install_modules, run

    install_modules()
    (module,) = blocks("javascript", "function render")
    shutil.copytree(WIDGETS / "core", tmp_path / "core")
    (tmp_path / "node_modules").symlink_to(WIDGETS / "node_modules")
    (tmp_path / "slope").mkdir()
    (tmp_path / "slope" / "widget.js").write_text(module, "utf-8")
    entry = str(tmp_path / "slope" / "widget.js")
    options = ("--bundle", "--format=iife", "--global-name=Slope")
    bundled = run("npm", "exec", "--", "esbuild", entry, *options)
    assert bundled.returncode == 0, bundled.stderr
    (tmp_path / "page.html").write_text(
        f"<!doctype html><title>Slope</title><main></main><script>{bundled.stdout}\n"
        "const traits = {slope: 0.5}; const heard = [];\n"
        "Slope.default.render({el: document.querySelector('main'), model: {\n"
        "  get: (name) => traits[name], set: (name, value) => { traits[name] = value; },\n"
        "  on: (name, f) => heard.push(f), off() {}, save_changes() {}}});</script>",
        "utf-8",
    )
    page = open_page((tmp_path / "page.html").as_uri())
    expect(page.get_by_text("0.50 up")).to_be_visible()
    slider = page.get_by_role("slider", name="Slope")
    slider.focus()
    slider.press("End")
    expect(page.get_by_text("2.00 up")).to_be_visible()
    page.wait_for_function("traits.slope === 2")


def test_the_figure_has_a_picture_and_words(tmp_path, monkeypatch):
    from converge_lib.widgets import figure

    monkeypatch.setattr(figure, "STATIC", tmp_path)
    for name in ("slope.js", "slope.css"):
        (tmp_path / name).touch()
    (source,) = blocks("python", "class Slope")
    names = {}
    exec(source, names)
    data, _ = names["Slope"](slope=0.5)._repr_mimebundle_()
    assert data["text/plain"] == "A line: one to the right, 0.50 up."
    assert data["image/png"]


def test_the_claim_is_one(capsys):
    (source,) = blocks("python", "claim(")
    exec(source, {"slopes": np.array([0.9])})
    assert "does not hold on this machine" in capsys.readouterr().out
    exec(source, {"slopes": np.array([0.5, 0.52])})
    assert "✓ reproduced" in capsys.readouterr().out


def test_the_recorded_run_repeats(capsys):
    (slices,), (source,) = blocks("python", "def slices("), blocks("python", "recorded(")
    names = {}
    exec(slices + source, names)
    [(run, changed)] = names["slices"](names["record"])
    part = names["record"].slice_of(run)
    assert part.changed == changed
    assert "agree" in capsys.readouterr().out
