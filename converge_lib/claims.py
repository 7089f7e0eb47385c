"""A paper's claim beside what this run measured, and whether that holds.

The data of a claim travel in the metadata of the notebook's output, under :data:`METADATA`, so
that a page of the book can collect the claims of all executed chapters. One that does not hold is
marked as a difference too, see :mod:`converge_lib.difference`.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from IPython.display import display

from converge_lib import difference
from converge_lib._validation import choice
from converge_lib.card import Card, Table

METADATA = "converge.claim"
"""The key of an output's metadata that holds a claim, see :class:`Claim`."""

OUTCOMES = {
    "reproduced": "✓ reproduced",
    "in part": "◐ reproduced in part",
    "not at our scale": "✗ did not reproduce at our scale",
}
"""What came of a claim, in the words of its card."""
FAILED = "✗ does not hold on this machine"
"""What came of a claim that this run does not bear out as the page says."""


@dataclass(frozen=True, repr=False)
class Claim:
    """One claim, as it is displayed and collected; :func:`claim` makes and checks it."""

    id: str
    source: str
    says: str
    measured: str
    outcome: str
    holds: bool

    def __repr__(self) -> str:
        return repr(self._card())

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict, dict]:  # noqa: ANN401 - Jupyter's protocol
        # The anchor is where the Claims page leads to.
        card = f'<div id="{anchor(self.id)}">{self._card()._repr_html_()}</div>'
        data = {"text/plain": repr(self), "text/html": card}
        # In the metadata: MyST-NB warns of every output type that it cannot render.
        metadata: dict[str, Any] = {METADATA: asdict(self)}
        if not self.holds:
            says = f"“{self.says}” {self.verdict[2:]}; this run measured: {self.measured}"
            metadata |= difference.metadata("claim", self.id, says)
        return data, metadata

    @property
    def verdict(self) -> str:
        """What came of the claim in this run, with a sign."""
        if self.holds:
            return OUTCOMES[self.outcome]
        return f"{FAILED} (the page says: {OUTCOMES[self.outcome][2:]})"

    def _card(self) -> Card:
        rows = (
            ("Claim", self.says),
            ("Source", self.source),
            ("This run", self.measured),
            ("Outcome", self.verdict),
        )
        status = "note" if self.holds else "differs"
        return Card(status, "A claim, and what this run measured", (Table(rows),))


def claim(
    id: str,
    source: str,
    says: str,
    measured: str,
    holds: bool,
    *,
    outcome: str = "reproduced",
) -> None:
    """Display a claim beside its measurement, and say so where it does not hold.

    Args:
        id: words joined by hyphens and dots, unique in the book.
        source: the paper, with the section, figure or table.
        says: the paper's statement, in our words.
        measured: what this run measured, with seeds and spread; it holds at least one number.
        holds: whether what the page says of the claim is what this run measured.
        outcome: what the page says of it, a key of OUTCOMES. A claim that did not reproduce stands
            here as well, and ``holds`` then checks that it still does not.

    Raises:
        ValueError: an argument is empty or of another kind.

    >>> claim(
    ...     "descent.momentum-root-kappa",
    ...     source="Polyak (1964), section 2",
    ...     says="With momentum, the number of steps grows with √κ, not with κ.",
    ...     measured="slope 0.51 on a log-log plot; 0.48 to 0.54 over 5 seeds",
    ...     holds=abs(0.51 - 0.5) < 0.05,
    ... )
    › A claim, and what this run measured
      Claim     With momentum, the number of steps grows with √κ, not with κ.
      Source    Polyak (1964), section 2
      This run  slope 0.51 on a log-log plot; 0.48 to 0.54 over 5 seeds
      Outcome   ✓ reproduced
    """
    texts = {"id": id, "source": source, "says": says, "measured": measured}
    for name, value in texts.items():
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"{name} must be a text that is not empty, got {value!r}")
    if not re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", id):
        raise ValueError(f"id must be lower-case words joined by hyphens and dots, got {id!r}")
    if not re.search(r"\d", measured):
        raise ValueError(f"measured must state at least one number, got {measured!r}")
    if not isinstance(holds, (bool, np.bool_)):
        raise ValueError(f"holds must be True or False, got {holds!r}")
    choice("outcome", outcome, list(OUTCOMES))
    display(Claim(outcome=outcome, holds=bool(holds), **texts))


def anchor(id: str) -> str:
    """Return the anchor of a claim's card on its page."""
    return f"claim-{id}"
