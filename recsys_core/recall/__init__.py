"""Candidate generation: one file a model, `base` holds what all of them promise."""
