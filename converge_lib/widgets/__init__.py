"""The book's widgets: figures that the reader takes in hand, in a notebook or in a static page.

A figure is imported when it is asked for, and no other with it, so that a page stands on the
figures that it shows and on them alone.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for editors and type checkers, which never call __getattr__
    from converge_lib.widgets.activation_map.widget import ActivationMap
    from converge_lib.widgets.curvature_spectrum.widget import CurvatureSpectrum
    from converge_lib.widgets.descent_lab.widget import DescentLab
    from converge_lib.widgets.gap_versus_dense.widget import GapVersusDense
    from converge_lib.widgets.maxout_lab.widget import MaxoutLab
    from converge_lib.widgets.pixel_lens.widget import PixelLens
    from converge_lib.widgets.rate_finder.widget import RateFinder
    from converge_lib.widgets.sliding_window.widget import SlidingWindow

__all__ = [
    "ActivationMap",
    "CurvatureSpectrum",
    "DescentLab",
    "GapVersusDense",
    "MaxoutLab",
    "PixelLens",
    "RateFinder",
    "SlidingWindow",
]


def __getattr__(name: str) -> type:
    """Return the figure of this name: ``RateFinder`` from ``rate_finder/widget.py``."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    folder = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return getattr(import_module(f"{__name__}.{folder}.widget"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
