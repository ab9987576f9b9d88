"""Ranking (click prediction): one file a model; layers and the ranker stand beside them once."""
