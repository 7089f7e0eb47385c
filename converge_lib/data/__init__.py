"""Data that ships with the library, or that it draws."""

from converge_lib.data.curves import curves
from converge_lib.data.mnist import mnist
from converge_lib.data.patches import patches
from converge_lib.data.temporal_order import temporal_order

__all__ = ["curves", "mnist", "patches", "temporal_order"]
