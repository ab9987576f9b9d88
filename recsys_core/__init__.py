"""Recommender models, features, protocols and offline evaluation; no user interface."""

__version__ = "0.1.0"
