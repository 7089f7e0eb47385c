"""What figures share in Python: two traits, a picture, and checks of arguments."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import anywidget
import matplotlib.style
import traitlets
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Drawing
from PIL import Image

from converge_lib.plotting import INK

STATIC = Path(__file__).parent / "static"
COLOURS = 48  # a drawing needs no more, and the page carries a third of the bytes
DPI = 110

Checked = TypeVar("Checked")


class Figure(anywidget.AnyWidget):
    """A widget that has a picture and words for readers without JavaScript."""

    predict = traitlets.Bool(
        False, help="Whether the reader is asked before anything is shown."
    ).tag(sync=True)
    key = traitlets.Unicode("", help="Names the figure in links to its state.").tag(sync=True)
    label = traitlets.Unicode("", help="What the figure shows, in a few words.").tag(sync=True)

    @traitlets.validate("key", "label")
    def _valid_text(self, proposal: Any) -> str:  # noqa: ANN401 - traitlets' own
        return checked(some_text, proposal.trait.name, proposal.value)

    def describe(self) -> str:
        """Say in a few sentences what the figure shows: its alternative text."""
        raise NotImplementedError

    def picture(self) -> bytes:
        """Draw the figure's first state as a PNG, for pages and readers without JavaScript."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict] | None:  # noqa: ANN401
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        image = base64.b64encode(self.picture()).decode("ascii")
        return {**data, "text/plain": self.describe(), "image/png": image}, metadata


def png(
    draw: Callable[[Drawing], None], size: tuple[float, float], colours: int = COLOURS
) -> bytes:
    """Return a small PNG of what ``draw`` draws, whatever style the notebook has set."""
    style = {
        "font.size": 9.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "text.color": INK,
        "figure.constrained_layout.use": True,
    }
    with matplotlib.style.context(["default", style]):
        drawing = Drawing(figsize=size, facecolor="white")
        FigureCanvasAgg(drawing)
        draw(drawing)
        file = io.BytesIO()
        drawing.savefig(file, format="png", dpi=DPI)
    pixels = Image.open(file).convert("RGB")
    smaller = io.BytesIO()
    pixels.quantize(colours, dither=Image.Dither.NONE).save(smaller, format="png", optimize=True)
    return smaller.getvalue()


def checked(check: Callable[..., Checked], *arguments: Any, **limits: Any) -> Checked:  # noqa: ANN401
    """Return ``check(*arguments, **limits)``; its ValueError becomes what an assignment raises."""
    try:
        return check(*arguments, **limits)
    except ValueError as error:
        raise traitlets.TraitError(str(error)) from error


def some_text(name: str, value: str) -> str:
    """Return ``value`` if it is text that is not blank, else raise ValueError."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} must be some text, got {value!r}")
    return value


def boolean(name: str, value: bool) -> bool:
    """Return ``value`` if it is True or False, else raise ValueError."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, got {value!r}")
    return value
