"""Ranking (click prediction): one file per model; the ranker fits and serves all of them."""
