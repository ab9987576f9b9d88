"""Conformance: what every model, metric, statistic, protocol and reader must do."""
