"""Negative sampling, in one place for every model that needs it."""
