"""Candidate generation: one file per model, `base` holds what all of them promise."""
