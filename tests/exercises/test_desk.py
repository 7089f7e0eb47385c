"""check, hint, solution and progress, as a learner meets them; and the record they keep."""

import os
import subprocess
import sys

import numpy as np
import pytest

from converge_lib.card import Code
from converge_lib.exercises import (
    Exercise,
    check,
    exercise,
    exercises,
    hint,
    progress,
    record,
    solution,
)

ID = "descent.curvature-newton-step"
EXERCISE = exercises()[ID]


def right(gradient, hessian):
    return -np.linalg.solve(hessian, gradient)


def wrong(gradient, hessian):
    return np.linalg.solve(hessian, gradient)


def not_attempted(gradient, hessian):
    raise NotImplementedError


def entry():
    return record.load()[0].get(ID, record.Entry())


@pytest.mark.parametrize("use", [lambda id: check(id, right), hint, solution])
@pytest.mark.parametrize(
    "id", ["descent.curvature-newton", "nothing like it", "", None, 3, [], "\x00", "x" * 10_000]
)
def test_an_unknown_id_gets_a_card_with_near_ones(use, id):
    card = use(id)
    assert card.status == "error"
    assert sum(f"`{known}`" in card.body[0] for known in exercises()) == 3
    assert len(card.body[0]) < 500
    if id == "descent.curvature-newton":
        assert card.body[0].index(ID) < 100


def test_a_wrong_answer_shows_call_returned_and_expected():
    text = repr(check(ID, wrong))
    assert "newton_step([2, 4], [[1, 0], [0, 2]])" in text
    assert "returned  `[2, 2]`" in text
    assert "[-2, -2]" in text


def test_a_difference_too_small_to_see_is_told():
    text = repr(check(ID, lambda gradient, hessian: right(gradient, hessian) * (1 + 1.2e-6)))
    assert "nearly right: it is off by up to 1e-06" in text
    assert "difference" in text and "relative; up to 1e-06 is right" in text


def test_a_wrong_answer_points_to_a_hint_until_all_are_seen():
    assert f'hint("{ID}")' in check(ID, wrong).body[-1]
    for _ in EXERCISE.hints:
        hint(ID)
    assert "hint(" not in str(check(ID, wrong).body[-1])


def test_hints_come_one_more_a_call():
    for number in range(1, len(EXERCISE.hints) + 1):
        card = hint(ID)
        assert card.title.startswith(f"Hint {number} of {len(EXERCISE.hints)}")
        assert [text[3:] for text in card.body] == list(EXERCISE.hints[:number])
    assert f'solution("{ID}")' in hint(ID).body[-1]


@pytest.mark.parametrize("tried", [wrong, right, lambda gradient, hessian: 1 / 0])
def test_the_solution_asks_for_one_try_first(tried):
    check(ID, not_attempted)
    assert "Try once first" in solution(ID).body[0]
    assert not entry().solution
    check(ID, tried)
    card = solution(ID)
    assert card.body == (Code(EXERCISE.solution), EXERCISE.explanation)
    assert entry().solution


def test_progress_counts_tries_and_remembers_what_was_solved():
    assert progress().title.startswith("0 of ")
    check(ID, not_attempted)
    assert entry() == record.Entry()
    for answer in (wrong, right, wrong):
        check(ID, answer)
    assert entry() == record.Entry(tries=3, solved=True)
    assert progress().title.startswith("1 of ")
    hint(ID)
    solution(ID)
    rows = dict(progress().body[0].rows)
    assert rows[ID] == "✓ solved, 3 tries, 1 of 3 hints, solution seen"
    assert set(rows) == set(exercises())


def test_the_record_lasts_beyond_the_process(own_record):
    code = f"from converge_lib.exercises import check; check({ID!r}, lambda g, h: g)"
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)
    assert entry().tries == 1
    assert [path.name for path in own_record.parent.iterdir()] == ["progress.json"]


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[]",
        b"null",
        b'{"exercises": []}',
        b'{"exercises": {"a": 3}}',
        b'{"exercises": {"a": {"tries": "many"}}}',
        b'{"exercises": {"a": {"unheard": 1}}}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_record_is_set_aside_and_told(own_record, damage):
    own_record.parent.mkdir(parents=True)
    own_record.write_bytes(damage)
    card = progress()
    assert "was damaged" in card.body[-1]
    assert own_record.with_name("progress.json.damaged").read_bytes() == damage
    assert check(ID, right).status == "correct"
    assert entry().solved


def test_a_record_that_cannot_be_written_lasts_for_the_session(own_record, monkeypatch):
    monkeypatch.setattr(record, "_unsaved", {})
    own_record.parent.parent.joinpath("record").write_text("a file where the folder should be")
    card = check(ID, right)
    assert card.status == "correct"
    assert "could not be saved" in card.body[-1]
    assert progress().title.startswith("1 of ")


def test_a_failed_write_leaves_the_old_record_whole(own_record, monkeypatch):
    monkeypatch.setattr(record, "_unsaved", {})
    check(ID, wrong)
    before = own_record.read_bytes()

    def fail(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "replace", fail)
    assert "the disk is full" in check(ID, right).body[-1]
    assert own_record.read_bytes() == before
    assert [path.name for path in own_record.parent.iterdir()] == ["progress.json"]
    assert entry().solved


@pytest.mark.parametrize(
    ("platform", "variables", "wanted"),
    [
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/converge/progress.json"),
        ("linux", {"HOME": "/home/me"}, "/home/me/.local/share/converge/progress.json"),
        (
            "darwin",
            {"HOME": "/home/me"},
            "/home/me/Library/Application Support/converge/progress.json",
        ),
        ("win32", {"APPDATA": "/roaming"}, "/roaming/converge/progress.json"),
    ],
)
def test_the_record_lies_where_the_platform_keeps_such_files(
    platform, variables, wanted, monkeypatch
):
    for name in ("CONVERGE_PROGRESS", "XDG_DATA_HOME", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert record.path().as_posix() == wanted


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"id": "no chapter"}, "must be of the form part.chapter-exercise"),
        ({"id": "descent.Curvature-x"}, "must be of the form"),
        ({"id": ID}, "id must be unique"),
        ({"hints": ()}, "Mine must have hints"),
        ({"explanation": ""}, "Mine must have explanation"),
    ],
)
def test_a_mistake_in_authoring_is_refused(attributes, message):
    described = {
        "id": "my.chapter-own",
        "title": "Own",
        "reference": lambda x: x,
        "returns": ("x",),
        "hints": ("Think.",),
        "explanation": "Because.",
    }
    with pytest.raises(ValueError, match=message):
        type("Mine", (Exercise,), described | attributes)


def test_of_two_chapters_that_an_id_may_name_the_longer_is_looked_in(monkeypatch):
    chapters = {
        "structure.network-": "no.such.module",
        "structure.network-in-network-": "converge_lib.exercises.structure.network_in_network",
        "structure.network-in-": "no.such.module",
    }
    monkeypatch.setattr(exercise, "_chapters", lambda: chapters)
    id = "structure.network-in-network-kernels"
    assert exercise.find(id).id == id


def test_torch_is_not_imported_for_an_answer_in_numpy():
    code = (
        "import sys; from converge_lib.exercises import check, exercises\n"
        "for id, e in exercises().items(): assert check(id, e.reference).status == 'correct'\n"
        "assert 'torch' not in sys.modules and 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)
