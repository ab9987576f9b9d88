"""Raw rating files to a `Dataset`: readers, sources, import, cache."""
