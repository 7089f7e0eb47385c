"""The book's widgets: figures that the reader takes in hand, in a notebook or in a static page."""

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
