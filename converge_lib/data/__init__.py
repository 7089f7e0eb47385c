"""Data that ships with the library, or that it draws."""

from converge_lib.data.curves import curves
from converge_lib.data.mnist import mnist

__all__ = ["curves", "mnist"]
