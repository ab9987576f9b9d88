"""Exports, read by the scripts that ship with them, which know nothing of recsys_core."""
