"""The book's widgets: figures that the reader takes in hand, in a notebook or in a static page."""

from converge_lib.widgets.curvature_spectrum.widget import CurvatureSpectrum
from converge_lib.widgets.descent_lab.widget import DescentLab
from converge_lib.widgets.rate_finder.widget import RateFinder

__all__ = ["CurvatureSpectrum", "DescentLab", "RateFinder"]
