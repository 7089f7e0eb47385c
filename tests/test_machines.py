"""How other machines are played: what is measured of a notebook, and what too little room is."""

import ast
import os
import sys

import instrument
import machines
import nbformat
import numpy as np
import pytest
import torch
from machines import AS_IS, SETTINGS, Margin, execute, margins, words
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A book of one page, ``small``, with results of its own."""
    path = tmp_path / "small.ipynb"
    monkeypatch.setattr(machines, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(machines, "NOTEBOOKS", {"small": path})

    def write(*cells):
        made = [new_markdown_cell(c) if c.startswith("#") else new_code_cell(c) for c in cells if c]
        nbformat.write(new_notebook(cells=made), path)
        return path

    return write


def run_all(sources):
    """Run instrumented cells without a kernel, and return their log."""
    log, names = instrument.Log(), {"np": np, "torch": torch}
    names[instrument.LOG] = log
    for source in sources:
        log.begin(None)
        tree = ast.fix_missing_locations(instrument.Instrument().visit(ast.parse(source)))
        exec(compile(tree, "cell", "exec"), names)
    return log


# ── What is measured ─────────────────────────────────────────────────────────────────────────────


def test_a_notebook_is_measured_to_its_end(book):
    path = book(
        "# A page",
        "from myst_nb import glue\nfrom IPython.display import display\nx = 3",
        "assert 2 < x < 4\nassert x > 5, 'never'\nglue('after', x, display=False)",
        "raise RuntimeError('torn')",
        "from converge_lib.claims import claim\n"
        "claim('a.b', 'here', 'says', 'measured 3', abs(x - 3.5) < 0.25)",
        "display({'text/plain': 'x'}, raw=True, metadata={'converge.difference': "
        "{'kind': 'record', 'what': 'r', 'says': 'differs by 2'}})",
        "display({'text/plain': '› A recorded experiment, repeated in part'}, raw=True)",
    )
    machines.prepare(AS_IS)
    found = execute(path, machines._environment(AS_IS))
    assert {(event["cell"], event["says"]) for event in found["off"]} >= {
        (2, "assert x > 5"),
        (3, "RuntimeError: torn"),
        (5, "differs by 2"),
    }
    assert 4 in {event["cell"] for event in found["off"]}  # the claim, however it is told
    assert len(found["off"]) == 4
    assert [(one["cell"], one["text"], one["low"], one["high"]) for one in found["limits"]] == [
        (2, "2 < x", 2.0, 3.0),
        (2, "x < 4", 3.0, 4.0),
        (2, "x > 5", 5.0, 3.0),
        (4, "abs(x - 3.5) < 0.25", 0.5, 0.25),
    ]
    assert found["glued"] == {"after": "3"}
    assert [event["cell"] for event in found["repeated"]] == [6]


@pytest.mark.parametrize(
    "condition",
    [
        "1 < 2 < 3",
        "1 < 3 < 2 < undefined[0]",
        "(np.arange(3) < 3).all()",
        "all(a <= b for a, b in [(1, 2), (3, 3)])",
        "'a' in {'a': 1} and 'b' not in 'acd'",
        "None is None and [] is not None and 'a' != 'b'",
        "np.allclose([1, 2], [1, 2.0001], rtol=1e-3)",
        "not torch.allclose(torch.ones(2), torch.zeros(2), 0, 0.5)",
        "(lambda: 3)() >= 3",
    ],
)
def test_a_condition_keeps_its_value(condition):
    names = {"np": np, "torch": torch, "undefined": [4]}
    assert [f["text"] for f in run_all([f"undefined = [4]\nassert {condition}"]).failed] == (
        [] if eval(condition, names) else [ast.unparse(ast.parse(condition, mode="eval"))]
    )


def test_of_many_comparisons_the_tightest_is_kept():
    log = run_all(
        ["assert all(a < 1 for a in (0.2, 0.9, 0.5))", "y = 2 < 1\nassert np.arange(4).max() <= 3"]
    )
    assert [(one["low"], one["high"], one["cell"]) for one in log.limits.values()] == [
        (0.9, 1.0, 0),
        (3.0, 3.0, 1),
    ]


def test_of_allclose_the_share_of_what_it_allows_is_kept():
    log = run_all(["assert np.allclose([1.0, 2.0], [1.0, 2.1], atol=0.2, rtol=0)"])
    [limit] = log.limits.values()
    assert (limit["low"], limit["high"]) == (pytest.approx(0.5), 1.0)


# ── What is kept ─────────────────────────────────────────────────────────────────────────────────


def test_what_has_run_runs_again_when_it_has_changed(book, monkeypatch):
    runs = []
    monkeypatch.setattr(machines, "execute", lambda *_: runs.append(1) or {"off": []})
    book("x = 1")
    for _ in range(2):
        machines.prepare(AS_IS)
        assert machines.run(AS_IS, "small")["off"] == []
    assert len(runs) == 1
    machines.prepare("oldest")
    assert machines.kept("oldest", "small") is None
    machines.run("oldest", "small")
    assert len(runs) == 2
    book("x = 2")
    assert machines.kept(AS_IS, "small") is None


def test_the_exit_status_tells_what_is_off(book, monkeypatch, capsys):
    limit = {"cell": 0, "text": "x < 1", "low": 0.9, "high": 1.0}
    found = {"off": [], "limits": [limit], "glued": {}}
    monkeypatch.setattr(machines, "execute", lambda *_: found)
    book("assert x < 1")
    monkeypatch.setattr(sys, "argv", ["machines.py", AS_IS, "--notebook", "small"])
    assert machines.main() == 0
    monkeypatch.setattr(sys, "argv", ["machines.py", "oldest", "--notebook", "small"])
    found["limits"] = [{**limit, "low": 0.8}]
    assert machines.main() == 1
    assert "too little room: small, cell 0: x < 1" in capsys.readouterr().out
    monkeypatch.setattr(machines, "EXCEPTIONS", {("small", "x < 1"): "a share"})
    assert machines.main() == 0
    book("assert x < 2")
    found["off"] = [{"cell": 0, "says": "assert x < 2"}]
    assert machines.main() == 1
    assert "cell 0: assert x < 2" in capsys.readouterr().out


def test_a_setting_that_the_processor_cannot_play_is_named(book, monkeypatch, capsys):
    book("x = 1")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    monkeypatch.setattr(sys, "argv", ["machines.py", "openblas-skylakex", "--notebook", "small"])
    assert machines.main() == 0
    assert "not on this processor: it has no AVX512" in capsys.readouterr().out


def test_the_oldest_machine_has_none_of_what_numpy_dispatches():
    off = SETTINGS["oldest"].environment["NPY_DISABLE_CPU_FEATURES"]
    assert off.split() == np.show_config("dicts")["SIMD Extensions"].get("found", [])
    machines.prepare(AS_IS)
    path = machines._environment("oldest")["PYTHONPATH"].split(os.pathsep)
    assert str(machines.ROOT) in path


# ── What too little room is ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("sides", "tight"),
    [
        ({"a": (0.50, 0.55), "b": (0.50, 0.76)}, True),  # moves by more than it has
        ({"a": (0.50, 0.75), "b": (0.50, 0.76)}, False),  # hardly moves
        ({"a": (0.90, 0.95), "b": (0.90, 0.95)}, False),  # does not move
        ({"a": (5.0, 44.0), "b": (5.0, 68.0)}, False),  # moves, far from its limit
        ({"a": (4e-7, 1e-6), "b": (7e-7, 1e-6)}, True),
        ({"a": (-0.02, 0.0), "b": (-0.01, 0.0)}, True),
        ({"a": (-0.02, 0.0), "b": (-0.018, 0.0)}, False),
        ({"a": (-0.043, -0.041), "b": (-0.046, -0.041)}, True),
    ],
)
def test_an_assertion_that_moves_needs_room(sides, tight):
    assert Margin("page", 0, "x < y", sides).tight == tight


def test_margins_are_of_what_holds_in_every_setting():
    def result(low, high):
        return {"limits": [{"cell": 1, "text": "x < y", "low": low, "high": high}]}

    assert len(margins({("a", "p"): result(1, 2), ("b", "p"): result(1, 3)})) == 1
    assert margins({("a", "p"): result(1, 2), ("b", "q"): result(1, 3)}) == []  # other pages
    assert margins({("a", "p"): result(1, 2), ("b", "p"): result(3, 2)}) == []  # no limit: a filter
    assert margins({("a", "p"): result(1, np.inf), ("b", "p"): result(1, np.inf)}) == []


def test_words_that_change_are_told_as_the_page_says_them(book):
    book('# It takes <data value="n">3</data> steps, <data value="t:.1f">1.2</data> s.')
    results = {
        ("a", "small"): {"glued": {"n": "3", "t": "1.21"}},
        ("b", "small"): {"glued": {"n": "4", "t": "1.18"}},
    }
    [said] = words(results)
    assert said.startswith("small, n: a 3, b 4\n") and "It takes" in said
