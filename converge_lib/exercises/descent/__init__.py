"""Exercises of the part on descent."""
