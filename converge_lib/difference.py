"""What came out differently on this machine, in the metadata of a notebook's output.

A page that differs is built all the same, and says so where it does. Whoever builds the book finds
all such places by this key in the executed notebooks.
"""

from __future__ import annotations

from converge_lib._validation import choice

METADATA = "converge.difference"
"""The key of an output's metadata that holds a difference."""

KINDS = ["claim", "record"]


def metadata(kind: str, what: str, says: str) -> dict[str, dict[str, str]]:
    """Return the metadata that mark an output as a difference.

    Args:
        kind: "claim" for a claim that does not hold, "record" for a slice that differs.
        what: the claim's id, or the record's name.
        says: one sentence with the numbers.

    >>> metadata("claim", "descent.rate", "The slope is 0.9, not 0.5.")
    {'converge.difference': {'kind': 'claim', 'what': 'descent.rate', \
'says': 'The slope is 0.9, not 0.5.'}}
    """
    return {METADATA: {"kind": choice("kind", kind, KINDS), "what": what, "says": says}}
