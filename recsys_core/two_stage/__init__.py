"""Recall channels, merge, a ranking model over the candidates, re-ranking: one recommender."""
