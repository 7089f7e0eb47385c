"""Pretraining: networks that learn features from inputs alone.

Every module here needs torch, so each name is imported from its own module.
"""
