"""Reports: run folders to tables for people and machines."""
