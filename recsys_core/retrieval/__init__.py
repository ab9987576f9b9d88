"""Exact top-K of scores, and nearest vectors."""
