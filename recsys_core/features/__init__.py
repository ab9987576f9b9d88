"""Declarative features: a schema in YAML, encoded as arrays that models of every stage embed."""
