"""Offline evaluation: per-user vectors first, means last."""
