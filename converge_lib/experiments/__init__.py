"""Runs too long for a page: one module an experiment, its record in ``results/NAME.json``."""
