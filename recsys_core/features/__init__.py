"""Declarative features: a schema in YAML, encoded as arrays a ranking model can embed."""
