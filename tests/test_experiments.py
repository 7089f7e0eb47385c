"""Repeating a recorded experiment: it goes on where it was stopped; a record is always whole."""

import sys
from concurrent.futures import Future

import pytest

from converge_lib import recorded
from converge_lib.experiments import __main__ as experiments
from converge_lib.recorded import Run

EXPERIMENT = """
from converge_lib._validation import choice

def plan(scale, runs):
    choice("scale", scale, ["page"])
    return [{"seed": seed} for seed in range(3)]

def slices(record):
    return [(record.runs[0], {"steps": 1})]

def run(seed, device, steps=9):
    return {"losses": [float(seed), float(steps)]}
"""


class AtOnce:
    """A pool that does each thing as it is submitted, in this process."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def submit(self, function, *arguments, **named):
        future = Future()
        try:
            future.set_result(function(*arguments, **named))
        except BaseException as error:
            future.set_exception(error)
        return future

    def shutdown(self, **_):
        pass


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give a folder with one small experiment, ``small``."""
    (tmp_path / "small.py").write_text(EXPERIMENT)
    monkeypatch.setattr(experiments, "HERE", tmp_path)
    monkeypatch.setattr(experiments, "_pool", lambda jobs: AtOnce())
    monkeypatch.setattr(experiments, "as_completed", iter)  # in their order
    monkeypatch.setattr(recorded, "FOLDER", tmp_path)
    yield tmp_path
    sys.modules.pop("converge_lib.experiments.small", None)


def call(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["experiments", *arguments])
    experiments.main()


@pytest.mark.parametrize("when", ["runs", "slices"])
def test_a_stopped_repetition_leaves_the_record_and_goes_on(folder, monkeypatch, when):
    old = Run({"seed": 7}, {"losses": [1.0]}, 0.1, {})
    recorded.write(folder / "results" / "small.json", [old])
    before = (folder / "results" / "small.json").read_bytes()
    done = []
    real = recorded.perform

    def stopping(name, settings, **rest):
        done.append(settings)
        if len(done) == 3:
            raise KeyboardInterrupt
        return real(name, settings, **rest)

    def stopped(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if when == "runs":
            patch.setattr(recorded, "perform", stopping)
        else:
            patch.setattr(recorded, "cut", stopped)
        with pytest.raises(KeyboardInterrupt):
            call(monkeypatch, "small")
    assert (folder / "results" / "small.json").read_bytes() == before
    unfinished = recorded.read(folder / "results" / "small.unfinished.json")[0]
    assert len(unfinished) == (2 if when == "runs" else 3)

    done.clear()
    monkeypatch.setattr(
        recorded,
        "perform",
        lambda name, settings, **rest: (done.append(settings), real(name, settings, **rest))[1],
    )
    monkeypatch.setattr(recorded, "cut", lambda *_: recorded.Slice({}, {}, {}, {}, 0.1, {}))
    call(monkeypatch, "small")
    assert len(done) == 3 - len(unfinished)
    runs, slices = recorded.read(folder / "results" / "small.json")
    assert (len(runs), len(slices)) == (3, 1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nothing"], "NAME must be one of small, got 'nothing'"),
        (["--scale", "paper"], "paper is not one of small: scale must be"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_runs(
    folder, monkeypatch, capsys, arguments, says
):
    with pytest.raises(SystemExit):
        call(monkeypatch, *arguments)
    assert says in capsys.readouterr().err
    assert not (folder / "results").exists()
