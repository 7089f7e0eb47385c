import json

import nbformat
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from nbclient import NotebookClient

from converge_lib import difference
from converge_lib.claims import METADATA, Claim, claim

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
    assert difference.METADATA not in outputs[0].metadata
    assert "converge-card" in outputs[0].data["text/html"]
    assert GOOD["measured"] in outputs[0].data["text/plain"]


def test_a_claim_that_does_not_hold_says_so_and_the_page_goes_on():
    source = f"from converge_lib.claims import claim\nclaim(**{GOOD!r}, holds=1 > 2)\nprint('on')"
    shown, printed = execute(source)
    assert shown.metadata[METADATA]["holds"] is False
    assert dict(shown.metadata[difference.METADATA]) == {
        "kind": "claim",
        "what": GOOD["id"],
        "says": f"“{GOOD['says']}” does not hold on this machine (the page says: reproduced); "
        f"this run measured: {GOOD['measured']}",
    }
    assert "✗ does not hold on this machine" in shown.data["text/plain"]
    assert "converge-card-differs" in shown.data["text/html"]
    assert printed.text == "on\n"


def test_in_a_terminal_a_claim_prints_itself(capsys):
    assert claim(**GOOD, holds=np.bool_(True)) is None
    printed = capsys.readouterr().out
    assert all(GOOD[key] in printed for key in ("source", "says", "measured"))


def test_a_claim_that_did_not_reproduce_says_so(capsys):
    claim(**GOOD, holds=True, outcome="not at our scale")
    assert "Outcome   ✗ did not reproduce at our scale" in capsys.readouterr().out
    claim(**GOOD, holds=np.bool_(False), outcome="not at our scale")
    printed = capsys.readouterr().out
    assert printed.startswith("≠ Different on this machine: A claim")
    assert "does not hold on this machine (the page says: did not reproduce" in printed


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
