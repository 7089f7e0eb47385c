"""Exercises of the part on structure."""
