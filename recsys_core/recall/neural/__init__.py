"""Recall models that read a history with a network: windows, layers, fit and query."""
