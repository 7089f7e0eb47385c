"""The book's widgets: figures that the reader takes in hand, in a notebook or in a static page."""

from converge_lib.widgets.descent_lab.widget import DescentLab

__all__ = ["DescentLab"]
