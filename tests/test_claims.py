import json

import nbformat
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from converge_lib.claims import METADATA, Claim, ClaimError, claim

GOOD = {
    "id": "descent.rate",
    "source": "Polyak (1964), §2",
    "says": "√κ, not κ",
    "measured": "slope 0.51; 0.48 to 0.54 over 5 seeds",
}


def execute(source):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    return notebook.cells[0].outputs


def test_claims_travel_in_the_outputs_of_an_executed_notebook():
    source = "from converge_lib.claims import claim\n" + "\n".join(
        f"claim(**{GOOD | {'id': id}!r}, holds=True)" for id in ("one.a", "one.b")
    )
    outputs = execute(source)
    assert [output.metadata[METADATA]["id"] for output in outputs] == ["one.a", "one.b"]
    assert dict(outputs[0].metadata[METADATA]) == GOOD | {
        "id": "one.a",
        "holds": True,
        "outcome": "reproduced",
    }
    assert "converge-card" in outputs[0].data["text/html"]
    assert GOOD["measured"] in outputs[0].data["text/plain"]


def test_a_claim_that_does_not_hold_stops_the_notebook():
    with pytest.raises(CellExecutionError, match=r"descent\.rate does not hold"):
        execute(f"from converge_lib.claims import claim\nclaim(**{GOOD!r}, holds=1 > 2)")


def test_the_error_says_what_was_claimed_and_what_was_measured(capsys):
    with pytest.raises(ClaimError) as caught:
        claim(**GOOD, holds=np.bool_(False))
    assert all(text in str(caught.value) for text in GOOD.values())
    assert capsys.readouterr().out == ""


def test_in_a_terminal_a_claim_prints_itself(capsys):
    assert claim(**GOOD, holds=np.bool_(True)) is None
    printed = capsys.readouterr().out
    assert all(GOOD[key] in printed for key in ("source", "says", "measured"))


def test_a_claim_that_did_not_reproduce_says_so(capsys):
    claim(**GOOD, holds=True, outcome="not at our scale")
    assert "did not reproduce at our scale" in capsys.readouterr().out
    with pytest.raises(ClaimError, match="the page says: not at our scale"):
        claim(**GOOD, holds=False, outcome="not at our scale")


def test_the_data_are_json_and_the_card_is_escaped():
    evil = GOOD | {"says": "<script>1</script>"}
    data, metadata = DisplayFormatter().format(Claim(**evil, outcome="in part", holds=True))
    assert json.loads(json.dumps(metadata[METADATA]))["says"] == evil["says"]
    assert "<script" not in data["text/html"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"id": "No Spaces"}, "id must be lower-case words"),
        ({"id": ""}, "id must be a text"),
        ({"source": " "}, "source must be a text that is not empty"),
        ({"says": None}, "says must be a text"),
        ({"measured": 3}, "measured must be a text"),
        ({"measured": "faster"}, "measured must state at least one number"),
        ({"outcome": "yes"}, "outcome must be one of 'reproduced', 'in part', 'not at our scale'"),
        ({"holds": 1}, "holds must be True or False, got 1"),
        ({"holds": np.array([True, False])}, "holds must be True or False"),
    ],
)
def test_arguments_are_checked(wrong, message):
    with pytest.raises(ValueError, match=message):
        claim(**(GOOD | {"holds": True} | wrong))
