"""Jobs: executing a spec into a run folder."""
