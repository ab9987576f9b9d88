"""Protocols: which rows a model may learn from, which it is judged on, and what that leaks."""
