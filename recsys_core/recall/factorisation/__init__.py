"""Models with one learned vector per user and one per item: objective, fit and query."""
