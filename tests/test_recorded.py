"""Recorded runs: what performs them, what a page reads, and that the book's records are whole."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from converge_lib import recorded as module
from converge_lib.recorded import Record, RecordError, Run, load, perform, read, recorded, write

ROOT = Path(__file__).parents[1]
RECORDS = sorted((ROOT / "converge_lib" / "experiments" / "results").glob("*.json"))
RECORDS = [path for path in RECORDS if not path.name.endswith(".unfinished.json")]

EXPERIMENT = """
import math
from pathlib import Path


def plan(scale, runs):
    grid = [{"rate": rate, "seed": 0, "steps": 6} for rate in (0.1, 0.5, 3.0)]
    done = [run for run in runs if run.settings in grid]
    if len(done) < len(grid):
        return grid
    ended = [run for run in done if run.result["losses"][-1] is not None]
    best = min(ended, key=lambda run: run.result["losses"][-1])
    return grid + [{**best.settings, "seed": seed} for seed in (1, 2)]


def run(*, rate, seed, steps, device="cpu"):
    with Path(__file__).with_name("calls.txt").open("a") as calls:
        calls.write("x")
    if Path(__file__).with_name("stop").exists() and seed:
        raise KeyboardInterrupt
    x, losses, pairs = 1.0 + seed, [], []
    for t in range(steps):
        losses.append(x * x if t < 5 or rate < 1 else math.inf)
        pairs.append([x, 1.0])
        x -= rate * x
    return {"losses": losses, "last": x, "pairs": pairs, "count": steps}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    folder = tmp_path / "experiments"
    folder.mkdir()
    shutil.copy(ROOT / "converge_lib" / "experiments" / "__main__.py", folder)
    (folder / "bowl.py").write_text(EXPERIMENT)
    monkeypatch.setattr(module, "FOLDER", folder)
    return folder


def make(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "experiments", *arguments],
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def calls(folder):
    return len((folder / "calls.txt").read_text())


def test_a_plan_is_performed_and_read(folder):
    finished = make(folder, "bowl", "--jobs", "2")
    assert finished.returncode == 0, finished.stderr
    assert calls(folder) == 5
    record = recorded("bowl")
    assert [(run.settings["rate"], run.settings["seed"]) for run in record.runs] == [
        (0.1, 0), (0.5, 0), (3.0, 0), (0.5, 1), (0.5, 2),
    ]  # fmt: skip
    best = record.one(rate=0.5, seed=2)
    assert best.result["losses"] == [9, 2.25, 0.5625, 0.140625, 0.0351562, 0.00878906]
    assert best.result["count"] == 6
    assert best.seconds >= 0
    assert best.versions["device"] == "cpu"
    assert best.versions["torch"]
    assert record.one(rate=3.0).result["losses"][-1] is None  # it diverged
    assert record.where(seed=0) == list(record.runs[:3])


def test_a_stopped_repetition_goes_on(folder):
    (folder / "stop").touch()
    assert make(folder, "bowl").returncode != 0
    assert len(read(folder / "results" / "bowl.unfinished.json")) == 3
    assert not (folder / "results" / "bowl.json").exists()
    (folder / "stop").unlink()
    before = calls(folder)
    assert make(folder, "bowl").returncode == 0
    assert calls(folder) == before + 2
    assert not (folder / "results" / "bowl.unfinished.json").exists()
    assert make(folder, "bowl").returncode == 0  # all of it, once more
    assert calls(folder) == before + 2 + 5


def test_the_papers_scale_has_a_record_of_its_own(folder):
    assert make(folder, "bowl", "--scale", "paper").returncode == 0
    assert recorded("bowl", "paper").scale == "paper"
    with pytest.raises(ValueError, match=r"make experiments NAME=bowl$"):
        recorded("bowl")


def test_an_unknown_name_is_refused(folder):
    finished = make(folder, "bowl", "bowls")
    assert finished.returncode == 2
    assert "NAME must be one of bowl, got 'bowls'" in finished.stderr
    assert not (folder / "results").exists()


@pytest.fixture
def record(folder):
    runs = [perform("bowl", {"rate": 0.5, "seed": s, "steps": 6}, folder=folder) for s in (0, 1)]
    write(folder / "results" / "bowl.json", runs)
    return recorded("bowl")


def test_a_slice_that_agrees_is_shown_beside_the_record(record, capsys):
    again = record.repeat(record.one(seed=1), steps=3, tolerance=0)
    assert again.result["losses"] == [4, 1, 0.25]
    shown = capsys.readouterr().out
    assert "2 runs" in shown
    assert "rate = 0.5, seed = 1, steps = 6" in shown
    assert "with steps = 3" in shown
    assert "make experiments NAME=bowl" in shown


@pytest.mark.parametrize("change", [("x -= rate * x", "x -= rate * x * 1.01"), ("1.0 + seed", "2")])
def test_a_slice_that_disagrees_fails(record, folder, change):
    (folder / "bowl.py").write_text(EXPERIMENT.replace(*change))
    with pytest.raises(RecordError, match=r"losses of .* differs by"):
        record.repeat(record.one(seed=0), steps=3)


def test_one_value_in_the_middle_is_enough_to_fail(record):
    run = record.one(seed=0)
    run.result["losses"][1] *= 1.01
    with pytest.raises(RecordError, match="losses"):
        record.repeat(run, steps=3)
    record.repeat(run, steps=3, tolerance=0.1)
    run.result["losses"][1] = None  # then finite, or not
    with pytest.raises(RecordError, match="losses"):
        record.repeat(run, steps=3, tolerance=0.1)


def test_differences_are_relative_to_the_largest_value_of_the_part(record):
    run = record.one(seed=1)
    run.result["losses"][1] += 0.02  # of 4, 1, 0.25
    record.repeat(run, steps=3, tolerance=0.006)
    with pytest.raises(RecordError, match=r"differs by 0\.005, more than 0\.004"):
        record.repeat(run, steps=3, tolerance=0.004)


def test_runs_have_one_thread_and_the_caller_keeps_theirs(folder):
    (folder / "threads.py").write_text(
        "import torch\n\n\n"
        "def run(*, seed, device='cpu'):\n"
        "    if seed:\n"
        "        raise RuntimeError\n"
        "    return {'threads': torch.get_num_threads()}\n"
    )
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert perform("threads", {"seed": 0}).result == {"threads": 1}
        assert torch.get_num_threads() == 2
        with pytest.raises(RuntimeError):
            perform("threads", {"seed": 1})
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_nothing_in_common_is_no_agreement(record, folder):
    run = record.one(seed=0)
    (folder / "bowl.py").write_text(
        EXPERIMENT.replace('"losses": losses, ', "").replace('"pairs": pairs, ', "")
    )
    with pytest.raises(RecordError, match="no list in common"):
        record.repeat(run, steps=3)


def test_wrong_arguments_are_named(record):
    with pytest.raises(ValueError, match="settings of bowl must be among rate, seed, steps, got q"):
        record.where(q=1)
    with pytest.raises(ValueError, match="those of one run, got 2"):
        record.one(rate=0.5)
    with pytest.raises(ValueError, match="run has no setting step,"):
        record.repeat(record.one(seed=0), step=3)
    with pytest.raises(ValueError, match="scale must be one of 'page', 'paper', got 'big'"):
        recorded("bowl", "big")
    with pytest.raises(ValueError, match="name must be an experiment, one of bowl, got 'other'"):
        load("other", module.FOLDER)


def test_a_record_is_replaced_whole(tmp_path):
    path = tmp_path / "results" / "r.json"
    run = Run({"seed": 0}, {"losses": [1.0]}, 0.1, {})
    write(path, [run])
    with pytest.raises(ValueError, match="Out of range float"):
        write(path, [run, Run({"seed": 1}, {"losses": [float("nan")]}, 0.1, {})])
    assert read(path) == (run,)


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_the_books_records_are_whole(path):
    """Every run that the plan wants is there, and no other; the best rate is inside its grid."""
    name, _, scale = path.stem.partition(".")
    record = Record(name, scale or "page", read(path))
    wanted = record.experiment.plan(record.scale, list(record.runs))
    assert [run.settings for run in record.runs] == json.loads(json.dumps(wanted))
    for run in record.runs:
        assert "seed" in run.settings
        assert run.seconds > 0
        assert set(run.versions) == {"python", "numpy", "torch", "device"}


def test_the_papers_scale_is_there_or_refused():
    for name in ("deep_autoencoder", "maxout"):
        assert {run["scale"] for run in load(name).plan("paper", [])} == {"paper"}
    for name in (
        "batch_methods",
        "class_activation",
        "frozen_autoencoders",
        "fully_convolutional",
        "global_average_pooling",
        "network_in_network",
        "temporal_order",
    ):
        with pytest.raises(ValueError, match="scale must be one of 'page', got 'paper'"):
            load(name).plan("paper", [])
