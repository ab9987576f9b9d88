"""The run store: run folders on disk; standard library and YAML only, so that listing is fast."""
