"""Notebooks run once, and again when something they used has changed."""

import json

import pytest
from mini import build, make_book, write_notebook


@pytest.fixture
def small_book(tmp_path):
    """Two notebooks; one uses a module and a data file of the repository."""
    library = tmp_path / "library"
    library.mkdir()
    (library / "__init__.py").write_text("")
    (library / "used.py").write_text("from pathlib import Path\nvalue = 'first value'\n")
    (library / "unused.py").write_text("value = 0\n")
    (library / "data.txt").write_text("first data")
    write_notebook(tmp_path / "book" / "index.ipynb", "# Index", "print('index', 6 * 7)")
    write_notebook(
        tmp_path / "book" / "user.ipynb",
        "# User",
        "import library.used\nprint(library.used.value)\n"
        "print(open(library.__path__[0] + '/data.txt').read())",
    )
    make_book(tmp_path)
    return tmp_path


def run(folder):
    """Build, and return the names of the notebooks that ran."""
    finished = build(folder, python_path=folder)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return {line.split("::")[1] for line in finished.stdout.splitlines() if "s call" in line}


def page(folder, name):
    return (folder / "_build" / "html" / "book" / f"{name}.html").read_text("utf-8")


def test_a_notebook_runs_once_and_again_when_what_it_used_changes(small_book):
    assert run(small_book) == {"index.ipynb", "user.ipynb"}
    assert "index 42" in page(small_book, "index")
    assert "first value" in page(small_book, "user")
    assert run(small_book) == set()

    (small_book / "library" / "unused.py").write_text("value = 1\n")
    assert run(small_book) == set()

    (small_book / "library" / "used.py").write_text("value = 'second value'\n")
    assert run(small_book) == {"user.ipynb"}
    assert "second value" in page(small_book, "user")

    (small_book / "library" / "data.txt").write_text("second data")
    assert run(small_book) == {"user.ipynb"}
    assert "second data" in page(small_book, "user")

    source = small_book / "book" / "index.ipynb"
    source.write_text(source.read_text().replace("6 * 7", "6 * 8"))
    assert run(small_book) == {"index.ipynb"}
    assert "index 48" in page(small_book, "index")


def test_the_sources_stay_without_outputs(small_book):
    run(small_book)
    notebook = json.loads((small_book / "book" / "index.ipynb").read_text())
    assert [cell.get("outputs", []) for cell in notebook["cells"]] == [[], []]


def test_another_version_of_a_package_runs_everything_again(small_book):
    run(small_book)
    used = small_book / "_build" / ".jupyter_cache" / "used.json"
    records = json.loads(used.read_text())
    for record in records.values():
        record["version of numpy"] = "0.0.1"
    used.write_text(json.dumps(records))
    assert run(small_book) == {"index.ipynb", "user.ipynb"}


def test_a_notebook_that_fails_fails_the_build_and_shows_its_traceback(small_book):
    (small_book / "library" / "used.py").write_text("raise RuntimeError('the engine is off')\n")
    finished = build(small_book, python_path=small_book)
    assert finished.returncode != 0
    assert "the engine is off" in finished.stdout
