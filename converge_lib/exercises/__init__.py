"""Exercises of the book: references, checks, hints and the mistakes they recognise."""
