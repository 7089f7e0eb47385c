"""Every exercise there is: found by itself, and held to what it says of its answers."""

import ast
import copy
import json
import re
from pathlib import Path

import pytest

import converge_lib.exercises as desk
from converge_lib.exercises import check, exercises

BOOK = Path(__file__).parents[2] / "book"
EXERCISES = exercises()
MISTAKE = next((id, mistake) for id, one in EXERCISES.items() for mistake in one.wrong_answers)


def answers(attribute):
    return [
        pytest.param(id, answer, id=f"{id}-{number}")
        for id, exercise in EXERCISES.items()
        for number, answer in enumerate(getattr(exercise, attribute))
    ]


def named(id, mistake):
    """Return the card of a wrong answer, or fail unless it is refused by its name."""
    card = check(id, mistake)
    assert card.status == "wrong", f"accepted or stopped:\n{card}"
    assert EXERCISES[id].wrong_answers[mistake] in card.body[0], f"misnamed:\n{card}"
    assert card.body[0].count("` is right. ") < len(EXERCISES[id].returns), f"twice:\n{card}"
    return card


@pytest.mark.parametrize("id", EXERCISES)
def test_the_reference_passes_without_a_remark(id):
    card = check(id, EXERCISES[id].reference)
    assert (card.status, card.body) == ("correct", ())


@pytest.mark.parametrize(("id", "answer"), answers("other_answers"))
def test_a_right_answer_written_differently_passes(id, answer):
    card = check(id, answer)
    assert card.status == "correct", card


@pytest.mark.parametrize(("id", "mistake"), answers("wrong_answers"))
def test_a_wrong_answer_is_named(id, mistake):
    named(id, mistake)


@pytest.mark.parametrize("id", EXERCISES)
def test_the_starter_is_not_attempted(id):
    exercise = EXERCISES[id]
    namespace = {}
    exec(exercise.starter, namespace)
    assert check(id, namespace[exercise.name]).status == "not attempted"


def test_a_checker_that_accepts_everything_would_be_found(monkeypatch):
    monkeypatch.setattr(desk, "judge", lambda exercise, answer: [])
    with pytest.raises(AssertionError, match="accepted"):
        named(*MISTAKE)


def test_a_checker_that_names_nothing_would_be_found(monkeypatch):
    def judge(exercise, answer):
        raise desk.Wrong("Something is wrong.")

    monkeypatch.setattr(desk, "judge", judge)
    with pytest.raises(AssertionError, match="misnamed"):
        named(*MISTAKE)


@pytest.mark.parametrize("id", EXERCISES)
def test_a_checker_that_refuses_everything_would_be_found(id, monkeypatch):
    monkeypatch.setattr(EXERCISES[id], "reference", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        check(id, lambda *arguments: None)


@pytest.mark.parametrize("id", EXERCISES)
def test_an_exercise_is_complete_and_where_its_id_says(id):
    exercise = EXERCISES[id]
    module = type(exercise).__module__.removeprefix("converge_lib.exercises.")
    assert id.startswith(module.replace("_", "-") + "-")
    assert len(exercise.hints) >= 2
    assert len(exercise.wrong_answers) >= 3 and exercise.other_answers
    assert all(len(message) >= 15 for message in exercise.wrong_answers.values())
    assert exercise.solution.startswith(f"def {exercise.name}(")
    assert len(set(exercise.hints)) == len(exercise.hints)
    assert exercise.explanation not in exercise.hints


@pytest.mark.parametrize("id", EXERCISES)
def test_cases_are_the_same_each_time_and_survive_the_reference(id):
    exercise = EXERCISES[id]
    first = [repr(arguments) for arguments in exercise.cases()]
    assert first == [repr(arguments) for arguments in exercise.cases()]
    for arguments in exercise.cases():
        before = repr(arguments)
        exercise.reference(*copy.copy(arguments))
        assert repr(arguments) == before


def notebook_cells():
    for path in sorted(BOOK.rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts or "_build" in path.parts:
            continue
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            yield path, cell["cell_type"], "".join(cell["source"])


def ids_in_notebooks(pattern, kind):
    return {
        id
        for _, cell_type, source in notebook_cells()
        if cell_type == kind
        for id in re.findall(pattern, source, flags=re.MULTILINE)
    }


def test_ids_in_notebooks_are_those_of_the_library():
    checked = ids_in_notebooks(r"""^\s*check\(\s*["']([^"']+)["']""", "code")
    asked = ids_in_notebooks(r"^<!-- exercise (\S+)", "markdown")
    assert checked == asked == set(EXERCISES)


@pytest.mark.parametrize("id", EXERCISES)
def test_the_notebook_has_the_starter(id):
    exercise = EXERCISES[id]
    found = []
    for path, kind, source in notebook_cells():
        if kind != "code" or f"def {exercise.name}(" not in source:
            continue
        if not path.with_suffix("").as_posix().endswith(exercise.chapter):
            continue
        for node in ast.parse(re.sub(r"^\s*[%!].*", "", source, flags=re.MULTILINE)).body:
            if isinstance(node, ast.FunctionDef) and node.name == exercise.name:
                found.append(node)
    assert len(found) == 1, f"{exercise.chapter} must define {exercise.name} once"
    body = found[0].body[ast.get_docstring(found[0]) is not None :]
    assert tuple(argument.arg for argument in found[0].args.args) == exercise.arguments
    assert ast.unparse(body) == "raise NotImplementedError"
