"""Tests of raw files, import, cache and fetch."""
