"""Data that ships with the library, or that it draws."""

from converge_lib.data.curves import curves

__all__ = ["curves"]
