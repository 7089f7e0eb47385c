"""Recorded runs: what performs them, what a page reads, and that the book's records are whole."""

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from converge_lib import recorded as module
from converge_lib.difference import METADATA
from converge_lib.recorded import (
    ALLOWED,
    REPETITIONS,
    Record,
    Run,
    Slice,
    compare,
    cut,
    load,
    perform,
    read,
    recorded,
    spread_of,
    write,
)

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


def slices(record):
    return [(record.one(rate=0.5, seed=seed), {"steps": 3}) for seed in (0, 1)]


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
    assert calls(folder) == 5 + 2 * (1 + REPETITIONS)
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
    assert torch.backends.cpu.get_cpu_capability() in best.versions["processor"]
    assert record.one(rate=3.0).result["losses"][-1] is None  # it diverged
    assert record.where(seed=0) == list(record.runs[:3])
    assert [part.of for part in record.slices] == [record.runs[1].settings, record.runs[3].settings]
    part = record.slice_of(record.one(rate=0.5, seed=1))
    assert part.changed == {"steps": 3}
    assert part.result["losses"] == [4.0, 1.0, 0.25]
    assert part.spread == {"losses": [0.0] * 3, "pairs": [0.0] * 6}
    lines = (folder / "results" / "bowl.json").read_text().splitlines()
    assert len(lines) == 1 + 5 + 1 + 2 + 1  # one for each run and slice


def test_slices_are_made_again_and_the_runs_are_kept(folder):
    assert make(folder, "bowl").returncode == 0
    runs, slices = read(folder / "results" / "bowl.json")
    runs[0].result["last"] = 7.0
    write(folder / "results" / "bowl.json", runs)
    before = calls(folder)
    finished = make(folder, "bowl", "--slices")
    assert finished.returncode == 0, finished.stderr
    assert calls(folder) == before + 2 * (1 + REPETITIONS)
    runs_too, slices_too = read(folder / "results" / "bowl.json")
    assert runs_too == runs
    assert [part.result for part in slices_too] == [part.result for part in slices]


def test_a_stopped_repetition_goes_on(folder):
    (folder / "stop").touch()
    assert make(folder, "bowl").returncode != 0
    runs, slices = read(folder / "results" / "bowl.unfinished.json")
    assert (len(runs), slices) == (3, ())
    assert not (folder / "results" / "bowl.json").exists()
    (folder / "stop").unlink()
    before, sliced = calls(folder), 2 * (1 + REPETITIONS)
    assert make(folder, "bowl").returncode == 0
    assert calls(folder) == before + 2 + sliced
    assert not (folder / "results" / "bowl.unfinished.json").exists()
    assert make(folder, "bowl").returncode == 0  # all of it, once more
    assert calls(folder) == before + 2 + sliced + 5 + sliced


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
    slices = [cut("bowl", run, {"steps": 3}, folder) for run in runs]
    write(folder / "results" / "bowl.json", runs, slices)
    return recorded("bowl")


@pytest.fixture
def shown(monkeypatch):
    """What was displayed: cards as text, and their metadata."""
    found = []
    monkeypatch.setattr(
        module, "display", lambda card, metadata: found.append((repr(card), metadata))
    )
    return found


def test_a_slice_that_agrees_is_shown_beside_the_record(record, shown):
    again = record.repeat(record.one(seed=1))
    assert again.result["losses"] == [4, 1, 0.25]
    [(card, metadata)] = shown
    assert "2 runs" in card
    assert "rate = 0.5, seed = 1, steps = 6" in card
    assert "with steps = 3" in card
    assert "✓ the 9 values agree" in card
    assert "make experiments NAME=bowl" in card
    assert METADATA not in metadata


@pytest.mark.parametrize(
    "change", [("x -= rate * x", "x -= rate * x * (1 + 1e-12)"), ("1.0 + seed", "2")]
)
def test_a_slice_that_differs_says_so(record, folder, shown, change):
    (folder / "bowl.py").write_text(EXPERIMENT.replace(*change))
    record.repeat(record.one(seed=0))
    [(card, metadata)] = shown
    assert card.startswith("≠ Different on this machine: A recorded experiment")
    [difference] = metadata.values()
    assert metadata == {METADATA: {"kind": "record", "what": "bowl", "says": difference["says"]}}
    assert "when recorded" in difference["says"]
    assert difference["says"] in card


LOSSES = [2.0, 1.0, 0.5]


def slice_of(values=LOSSES, spread=(1e-6, 1e-6, 1e-4)):
    return Slice({"seed": 0}, {}, {"losses": list(values)}, {"losses": list(spread)}, 0.1, {})


def test_each_value_is_held_as_closely_as_its_spread_allows():
    for place, moved in enumerate([1e-6, 1e-6, 1e-4]):
        for sign in (-1, 1):
            for share, agrees in ((0.99, True), (1.01, False)):
                values = list(LOSSES)
                values[place] += sign * share * ALLOWED * moved
                found = compare(slice_of(), {"losses": values})
                assert (found.says == "") == agrees
                assert found.used == pytest.approx(share)
                assert (found.values, found.counted) == (3, 3)
                if not agrees:
                    assert found.says.startswith(f"value {place + 1} of losses is ")
    assert found.allowed == pytest.approx(ALLOWED * 1e-4 / 2)


def test_what_no_rounding_moves_is_held_exactly():
    part = slice_of(spread=[0.0, 0.0, 0.0])
    assert compare(part, {"losses": LOSSES}).used == 0
    assert compare(part, {"losses": [2.0, 1.0, math.nextafter(0.5, 1)]}).says


def test_values_that_rounding_decides_do_not_count():
    part = slice_of(spread=[1e-6, 1.0, None])
    found = compare(part, {"losses": [2.0, -5.0, None]})
    assert (found.values, found.counted, found.says) == (3, 1, "")
    assert "✓ 1 of 3 values can be compared" in found.outcome
    assert compare(part, {"losses": [2.0, 7.0]}).says == ""  # nor need they all be there
    assert compare(part, {"losses": [2.1, -5.0, None]}).says
    assert "none can be compared" in compare(slice_of(spread=[1.0] * 3), {"losses": LOSSES}).says


@pytest.mark.parametrize(
    ("result", "says"),
    [
        ({"losses": [2.0, 1.0]}, "losses has 2 values, and had 3 when recorded"),
        ({"losses": [2.0, 1.0, 0.5, 0.2]}, "losses has 4 values"),
        ({"errors": LOSSES}, "losses has 0 values"),
        ({"losses": [2.0, None, 0.5]}, "value 2 of losses is not finite, and was 1 when recorded"),
    ],
)
def test_values_that_are_missing_or_too_many_differ(result, says):
    found = compare(slice_of(), result)
    assert found.says.startswith(says)
    assert found.used == math.inf


@pytest.mark.parametrize("result", [{}, {"losses": []}, {"losses": [2.0]}])
def test_what_arithmetic_decides_must_be_there_where_the_end_of_a_list_is_left_to_rounding(result):
    found = compare(slice_of(spread=[1e-6, 1e-6, None]), result)
    assert "values, and had 3 when recorded" in found.says and found.used == math.inf
    assert compare(slice_of(spread=[1e-6, 1e-6, None]), {"losses": [2.0, 1.0]}).says == ""


def test_both_may_diverge():
    part = slice_of([2.0, None, None], [1e-6, 0.0, 0.0])
    assert compare(part, {"losses": [2.0, None, None]}).says == ""
    assert "is 9, and was not finite" in compare(part, {"losses": [2.0, 9.0, None]}).says


def test_the_spread_is_that_of_the_repetitions():
    others = [{"losses": [1.0, 0.5 + 3e-3]}, {"losses": [1.0, 0.5 - 1e-3]}]
    assert spread_of({"losses": [1.0, 0.5], "last": 0.5}, others) == {
        "losses": [1e-3, pytest.approx(5**0.5 * 1e-3, rel=0.02)]
    }


def test_what_comes_in_whole_steps_may_move_by_one_wherever_it_moves_at_all():
    others = [{"errors": [0.5, 0.2505]}, *[{"errors": [0.5, 0.25]}] * 15]
    part = Slice({}, {}, {"errors": [0.5, 0.25]}, {}, 0.1, {})
    spread = spread_of(part.result, others)["errors"]
    assert spread == pytest.approx([0.0005, 0.0005])


def test_repetitions_may_end_at_different_places():
    spread = spread_of({"losses": [1.0, 0.5, 0.2]}, [{"losses": [1.0, 0.5]}])
    assert spread == {"losses": [0.0, 0.0, None]}
    spread = spread_of({"losses": [1.0]}, [{"losses": [1.0, 0.5]}, {"losses": [1.0, None]}])
    assert spread == {"losses": [0.0, None]}
    spread = spread_of({"losses": [1.0, None, 3.0]}, [{"losses": [1.0, None, None]}])
    assert spread == {"losses": [0.0, 0.0, None]}


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


def test_wrong_arguments_are_named(record):
    with pytest.raises(ValueError, match="settings of bowl must be among rate, seed, steps, got q"):
        record.where(q=1)
    with pytest.raises(ValueError, match="those of one run, got 2"):
        record.one(rate=0.5)
    with pytest.raises(ValueError, match=r"one of which a slice is recorded, .*, got .'rate': 9"):
        record.repeat(Run({"rate": 9}, {}, 0.1, {}))
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
    assert read(path) == ((run,), ())


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_the_books_records_are_whole(path):
    """Every run that the plan wants is there, and no other; the best rate is inside its grid."""
    name, _, scale = path.stem.partition(".")
    record = Record(name, scale or "page", *read(path))
    wanted = record.experiment.plan(record.scale, list(record.runs))
    assert [run.settings for run in record.runs] == json.loads(json.dumps(wanted))
    for run in record.runs:
        assert "seed" in run.settings
        assert run.seconds > 0
        assert {"python", "numpy", "torch", "device"} <= set(run.versions)


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_the_books_slices_are_those_that_are_wanted_and_tell(path):
    name, _, scale = path.stem.partition(".")
    record = Record(name, scale or "page", *read(path))
    wanted = [(run.settings, changed) for run, changed in record.experiment.slices(record)]
    assert [(part.of, part.changed) for part in record.slices] == wanted
    for part in record.slices:
        found = compare(part, part.result)
        assert found.counted == found.values > 0
        assert found.used == 0
        assert part.versions["processor"]


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_the_books_slices_begin_as_the_runs_do(path):
    """Six digits of a run are kept, in single precision, whose roundings grow as it goes on."""
    name, _, scale = path.stem.partition(".")
    record = Record(name, scale or "page", *read(path))
    for part in record.slices:
        run = next(run for run in record.runs if run.settings == part.of)
        assert set(part.result) & set(run.result) & set(part.spread)
        for name in set(part.spread) & set(run.result):
            before, after = run.result[name][: len(part.result[name])], part.result[name]
            if len(run.result[name]) == len(after):
                continue  # the state at the end: of another end
            assert after[0] == pytest.approx(before[0], rel=1e-5)
            if "cg_steps" in part.changed:
                continue  # its steps end earlier than the run's: they have the start in common
            # A cost counts whole steps of CG, and single precision may take one more of thirty.
            assert after == pytest.approx(before, rel=0.05 if name == "costs" else 0.01)


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
