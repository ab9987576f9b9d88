"""A finished run as files for other programs: arrays, graphs and indices, described in JSON."""
