"""Fitted models on disk: a header, arrays, weights; what is read may be foreign."""
